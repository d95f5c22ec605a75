//! What can go wrong with any noun.

use thiserror::Error;

use super::access::Scope;
use super::version::Version;

/// Why something was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// It is not there, or not within reach: nobody is told which.
    #[error("there is no such {0}")]
    NotFound(Noun),
    /// There is one of that name already.
    #[error("there is a {noun} named `{name}` already")]
    NameTaken {
        /// What.
        noun: Noun,
        /// Its name.
        name: String,
    },
    /// What is there does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// More builds of a project wait than may.
    #[error("{limit} builds of this project are waiting already: wait until some of them are done, or cancel some")]
    QueueFull {
        /// How many may.
        limit: i64,
    },
    /// It was taken back, and whoever asks is no person.
    #[error("{0}")]
    Pinned(String),
    /// Somebody else changed it in between.
    #[error("it was changed in between: it is at version {current} now; read it again, and decide again")]
    Stale {
        /// Its version.
        current: Version,
    },
    /// What was given cannot be meant.
    #[error("{}", .0.iter().map(|fault| format!("{}: {}", fault.pointer, fault.message)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Fault>),
    /// Known, and not allowed to.
    #[error("this takes the scope `{0}`, which the credential does not have")]
    MissingScope(Scope),
    /// The database or the store of artifacts failed; what it said is for the log.
    #[error("the control plane cannot reach its {dependency} right now")]
    Unavailable {
        /// Which of them.
        dependency: Dependency,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database is there, and does not do what it was asked, or has what cannot be read: it is about that, and not about
    /// anything else. What it said is for the log.
    #[error("the control plane's database cannot do this right now")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database was to make a change so, and did not say whether it has. What it said is for the log.
    #[error(
        "the control plane's database did not say whether this was done: look at what is there before you ask for it \
         again"
    )]
    Unsettled(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be what was stored: a bug, or somebody else's hand.
    #[error("what is stored about this {0} cannot be read")]
    Damaged(Noun),
}

/// One thing that is wrong with what was given.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the body, or the name of a parameter or field.
    pub pointer: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What the control plane cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependency {
    /// SQLite or PostgreSQL.
    Database,
    /// Where the bytes of artifacts are.
    ArtifactStore,
    /// What secrets are made of.
    Randomness,
}

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Noun {
    /// A team.
    Team,
    /// A project.
    Project,
    /// A spec.
    Spec,
    /// A spec's revision.
    Revision,
    /// A revision's file.
    File,
    /// A build.
    Build,
    /// An artifact.
    Artifact,
    /// A data plane.
    DataPlane,
    /// A data plane's API key.
    ApiKey,
    /// An access token.
    Token,
    /// A deployment.
    Deployment,
    /// A signing key.
    SigningKey,
    /// A version of a trust root.
    TrustRoot,
    /// The master key.
    MasterKey,
    /// A backup of everything.
    Backup,
    /// An audit event.
    Event,
}

impl Error {
    /// One fault.
    pub fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault { pointer: pointer.into(), message: message.into() }])
    }

    /// A secret cannot be made or sealed.
    pub fn secrets(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { dependency: Dependency::Randomness, source: source.into() }
    }

    /// The database failed.
    pub fn database(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { dependency: Dependency::Database, source: source.into() }
    }

    /// The store of artifacts failed.
    pub fn artifact_store(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { dependency: Dependency::ArtifactStore, source: source.into() }
    }
}

impl Noun {
    /// Its name in paths, codes and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Project => "project",
            Self::Spec => "spec",
            Self::Revision => "revision",
            Self::File => "file",
            Self::Build => "build",
            Self::Artifact => "artifact",
            Self::DataPlane => "data plane",
            Self::ApiKey => "API key",
            Self::Token => "token",
            Self::Deployment => "deployment",
            Self::SigningKey => "signing key",
            Self::TrustRoot => "trust root",
            Self::MasterKey => "master key",
            Self::Backup => "backup",
            Self::Event => "audit event",
        }
    }
}

impl std::fmt::Display for Noun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Database => "database",
            Self::ArtifactStore => "artifact store",
            Self::Randomness => "source of random numbers",
        })
    }
}
