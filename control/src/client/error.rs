//! What can go wrong between the command line and a server.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error as ThisError;

use super::problem::Problem;
use super::{context, pack, token};
use crate::{file, output};

/// Why a server did not do what it was asked. No message holds a token.
#[derive(Debug, ThisError)]
pub enum Error {
    /// It said no, or that it cannot.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// It is not reached, or the connection broke.
    #[error("{server}: {}; is it running, and is this its URL (--server, PORTCULLIS_CONTROL_URL)?", chain(source))]
    Unreachable {
        /// Which server.
        server: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// Somebody answers who is no control plane, or a proxy before it.
    #[error("{server} answers {status} in a way that a control plane does not{}", hint(location.as_deref()))]
    Foreign {
        /// Which server.
        server: String,
        /// What it answers.
        status: u16,
        /// Where it says to go.
        location: Option<String>,
    },
    /// An answer that lacks something.
    #[error("the server's answer has no `{what}`: is this program older or newer than the server?")]
    Unexpected {
        /// What is missing.
        what: &'static str,
    },
    /// An answer that is no JSON.
    #[error("the server's answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// More than is read.
    #[error("the server's answer is larger than the limit of {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// A URL that is none.
    #[error("`{url}` is not the URL of a server: give it as in https://portcullis.example.com")]
    Url {
        /// What was given.
        url: String,
    },
    /// A file of certificates that holds none.
    #[error("{}: no certificate in PEM: {source}", path.display())]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: reqwest::Error,
    },
    /// The machine cannot make connections at all.
    #[error("cannot prepare for connections: {}", chain(.0))]
    Setup(#[source] reqwest::Error),
    /// The machine cannot wait for connections.
    #[error("cannot prepare for connections: {0}")]
    Runtime(#[source] std::io::Error),
    /// Nobody said whose token.
    #[error(
        "there is no token for {server}: log in with `portcullis-control login`, or give PORTCULLIS_CONTROL_TOKEN or \
         --token-file"
    )]
    NoToken {
        /// For which server.
        server: String,
    },
    /// A token that cannot be had.
    #[error(transparent)]
    Token(#[from] token::Error),
    /// The file of contexts.
    #[error(transparent)]
    Context(#[from] context::Error),
    /// A file.
    #[error(transparent)]
    File(#[from] file::Error),
    /// Settings that are no JSON.
    #[error("{}: not JSON: {source}", path.display())]
    Settings {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// Nobody said which project.
    #[error("which project? Give --project NAME, or PORTCULLIS_CONTROL_PROJECT, or log in with --project")]
    NoProject,
    /// Nothing has this name.
    #[error("there is no {noun} `{}` within reach of this token", output::printable(name))]
    NoSuch {
        /// What was looked for.
        noun: &'static str,
        /// By which name.
        name: String,
    },
    /// Several have this name.
    #[error("{count} {noun}s are named `{}`: give the id of one", output::printable(name))]
    Ambiguous {
        /// What was looked for.
        noun: &'static str,
        /// By which name.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// Nothing says what a spec is called.
    #[error("the document has no title that could be made into a name: give --name")]
    NoName,
    /// A time that there is none for.
    #[error("--expires-in: this is too far away")]
    Time,
    /// Documents that cannot be uploaded.
    #[error(transparent)]
    Pack(#[from] pack::Error),
    /// Bytes that are not what they are called.
    #[error("what arrived is not artifact {digest}: its SHA-256 is {found}; nothing was written")]
    NotTheArtifact {
        /// What was asked for.
        digest: String,
        /// What came.
        found: String,
    },
    /// A build that takes longer than anybody waits.
    #[error("build {build} is still {state} after {}: it goes on; wait for it with `portcullis-control build --id {build} --wait`", humantime::format_duration(*waited))]
    TimedOut {
        /// Which build.
        build: String,
        /// How far it is.
        state: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Documents that do not compile; the diagnostics were shown.
    #[error("build {build} failed: the documents do not compile")]
    DoesNotCompile {
        /// Which build.
        build: String,
    },
    /// A build that failed for another reason.
    #[error("build {build} failed: {}", output::printable(reason))]
    BuildFailed {
        /// Which build.
        build: String,
        /// Why.
        reason: String,
    },
    /// A build that somebody cancelled.
    #[error("build {build} was cancelled")]
    BuildCancelled {
        /// Which build.
        build: String,
    },
    /// A build of which nothing can be deployed.
    #[error("build {build} has made no artifact: it is {state}")]
    NoArtifact {
        /// Which build.
        build: String,
        /// How far it is.
        state: String,
    },
    /// A project of which nothing can be deployed.
    #[error("the project has no artifact: build one, or push one")]
    NothingBuilt,
    /// A deployment that takes longer than anybody waits.
    #[error("deployment {deployment} is still {state} after {}: it goes on; wait for it with `portcullis-control deployment get {deployment} --wait`", humantime::format_duration(*waited))]
    StillDeploying {
        /// Which deployment.
        deployment: String,
        /// How far it is.
        state: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A deployment that came to nothing.
    #[error("deployment {number} is {}: {}", state.replace('_', " "), output::printable(reason))]
    DeploymentFailed {
        /// The deployment's number.
        number: String,
        /// How it ended.
        state: String,
        /// Why.
        reason: String,
    },
    /// Something that is gone for good, and nobody said that they mean it.
    #[error("{what}: nothing was done; say --yes if you mean it")]
    NotConfirmed {
        /// What would have been done.
        what: String,
    },
}

impl Error {
    /// Whether asking again later may be well: the server is away, or asks for patience, itself or by a proxy before it.
    pub fn is_passing(&self) -> bool {
        let status = match self {
            Self::Unreachable { .. } => return true,
            Self::Refused(problem) => problem.status,
            Self::Foreign { status, .. } => *status,
            _ => return false,
        };
        matches!(status, 429 | 502 | 503 | 504)
    }
}

/// What went wrong, down to the cause: reqwest's own message stops at the top.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
}

fn hint(location: Option<&str>) -> String {
    location.map_or_else(String::new, |to| format!(", and points at {}: give that URL", output::printable(to)))
}
