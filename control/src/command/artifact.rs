//! `artifact`: artifacts on a server, each called by its SHA-256.

use std::path::PathBuf;

use artifact_format::container;
use artifact_format::model::Artifact;
use artifact_format::trust::{Trust, Unsigned};
use bytes::Bytes;

use super::asking::{AskingArgs, Columns, LimitArgs};
use super::diff::Report;
use super::{Context, Error, Outcome};
use crate::artifact::ArtifactFile;
use crate::client::{self, Body, ProjectArgs, Session};
use crate::diff;
use crate::documents::is_stdin;
use crate::file::{self, Access};

/// The arguments of `artifact`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List a project's artifacts.
    List {
        #[command(flatten)]
        limit: LimitArgs,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Show an artifact.
    Get {
        /// Its digest, or how it begins.
        digest: String,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Download an artifact. It is written only if it is the one that was asked for.
    Pull(PullArgs),
    /// Upload an artifact that was signed here: the server verifies it with the project's keys.
    Push {
        /// The artifact; `-` reads it from stdin.
        file: PathBuf,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Show what changed from one artifact to another, for clients and for security.
    Diff {
        /// The older one's digest, or how it begins.
        old: String,
        /// The newer one's.
        new: String,
        /// Exit with 2 where there is a difference, with 0 where there is none.
        #[arg(long)]
        detailed_exitcode: bool,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        asking: AskingArgs,
    },
}

#[derive(Debug, clap::Args)]
struct PullArgs {
    /// Its digest, or how it begins.
    #[arg(required_unless_present = "deployed")]
    digest: Option<String>,
    /// The one that is deployed.
    #[arg(long, conflicts_with = "digest")]
    deployed: bool,
    /// Where to write it; `-` for stdout.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    connection: client::ConnectionArgs,
}

const COLUMNS: Columns = &[
    ("DIGEST", "/digest"),
    ("OPERATIONS", "/summary/operations"),
    ("COMMIT", "/summary/provenance/commit"),
    ("BYTES", "/size"),
    ("CREATED", "/created_at"),
];

const ROWS: Columns = &[
    ("digest", "/digest"),
    ("project", "/summary/project"),
    ("operations", "/summary/operations"),
    ("signed by", "/signed_by"),
    ("commit", "/summary/provenance/commit"),
    ("source", "/summary/provenance/source"),
    ("compiler", "/summary/compiler"),
    ("needs gateway", "/summary/minimum_gateway"),
    ("build", "/build"),
    ("bytes", "/size"),
    ("created", "/created_at"),
];

/// Runs `artifact`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.verb {
        Verb::List { limit, project, asking } => {
            let session = asking.open(context)?;
            let url = session.client.at(["projects", session.project(project)?.must("/id")?, "artifacts"]);
            asking.show_all(&session.client.list(&url, limit.number())?, COLUMNS, context.console)?;
        }
        Verb::Get { digest, project, asking } => {
            let session = asking.open(context)?;
            let digest = session.artifact_digest(project, digest)?;
            let artifact = session.client.get(session.client.at(["artifacts", &digest]))?;
            asking.show(&artifact, ROWS, context.console)?;
        }
        Verb::Pull(args) => pull(args, context)?,
        Verb::Push { file, project, asking } => {
            let bytes = Bytes::copy_from_slice(ArtifactFile::read(file)?.bytes());
            let session = asking.open(context)?;
            let url = session.client.at(["projects", session.project(project)?.must("/id")?, "artifacts"]);
            let progress = context.console.progress("uploading");
            let artifact = session.client.post(url, Body::Bytes("application/octet-stream", &bytes))?;
            drop(progress);
            asking.show(&artifact, ROWS, context.console)?;
        }
        Verb::Diff { old, new, detailed_exitcode, project, asking } => {
            let session = asking.open(context)?;
            let (old, new) = (session.artifact_digest(project, old)?, session.artifact_digest(project, new)?);
            let (old, new) = (load(&session, &old)?, load(&session, &new)?);
            let comparison = diff::compare(&old, &new)?;
            context.console.show(&Report::new(&comparison), asking.output())?;
            if *detailed_exitcode && !comparison.is_empty() {
                return Ok(Outcome::Different);
            }
        }
    }
    Ok(Outcome::Done)
}

fn pull(args: &PullArgs, context: &Context) -> Result<(), Error> {
    let session = Session::open(&args.connection, &context.config)?;
    let digest = match &args.digest {
        Some(digest) => session.artifact_digest(&args.project, digest)?,
        None => session.deployed(&args.project)?.must("/artifact")?.to_owned(),
    };
    let progress = context.console.progress("downloading");
    let bytes = download(&session, &digest)?;
    drop(progress);
    if is_stdin(&args.output) {
        context.console.data(&bytes)?;
    } else {
        file::replace(&args.output, &bytes, Access::Shared)?;
        context.console.note(format_args!("wrote artifact {digest} into {}", args.output.display()));
    }
    Ok(())
}

/// The artifact's bytes, of which every one is held against its name.
fn download(session: &Session, digest: &str) -> Result<Vec<u8>, client::Error> {
    let bytes = session.client.download(session.client.at(["artifacts", digest, "download"]))?;
    let found = container::digest(&bytes).to_string();
    if found == digest { Ok(bytes) } else { Err(client::Error::NotTheArtifact { digest: digest.to_owned(), found }) }
}

/// An artifact of the server, to be shown: the server judged its signatures when it came.
fn load(session: &Session, digest: &str) -> Result<Artifact, Error> {
    let file = ArtifactFile::new(digest.into(), download(session, digest)?);
    let verified = file.open(&Trust::any_of([]).with_unsigned(Unsigned::Allow))?;
    Ok(file.decode(&verified)?)
}
