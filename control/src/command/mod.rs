//! One file per command: its arguments, and what it does with them.

pub mod apikey;
pub mod artifact;
mod asking;
pub mod audit;
pub mod backup;
pub mod build;
pub mod build_worker;
pub mod check;
pub mod compile;
pub mod completion;
pub mod context;
pub mod data_plane;
pub mod database;
pub mod deploy;
pub mod deployment;
pub mod dev;
pub mod diagnostics;
pub mod diff;
pub mod init;
pub mod inspect;
pub mod keygen;
pub mod login;
pub mod man;
pub mod master_key;
pub mod openapi;
mod operator;
mod places;
pub mod project;
pub mod restore;
pub mod schema;
pub mod serve;
pub mod sign;
pub mod signing_key;
pub mod spec;
pub mod token;
pub mod verify;

use thiserror::Error;

use crate::config::{self, Config};
use crate::output::{self, Console};
use crate::{client, compilation, documents, file, key};

/// What every command is given.
#[derive(Debug, Clone)]
pub struct Context {
    /// What the environment says.
    pub config: Config,
    /// Where to write.
    pub console: Console,
}

/// How a command ended that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Two things were compared and differ, and the user asked to be told by the exit code.
    Different,
}

/// Why a command could not do what it was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// The environment.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A file.
    #[error(transparent)]
    File(#[from] file::Error),
    /// A key.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// An artifact.
    #[error(transparent)]
    Artifact(#[from] crate::artifact::Error),
    /// Documents that cannot be read.
    #[error(transparent)]
    Documents(#[from] documents::Error),
    /// An artifact that cannot be made.
    #[error(transparent)]
    Compilation(#[from] compilation::Error),
    /// Documents with errors, which were shown.
    #[error(
        "does not compile: {}, {}; nothing was written",
        output::counted(*errors, "error"), output::counted(*warnings, "warning")
    )]
    DoesNotCompile {
        /// How many errors.
        errors: usize,
        /// How many warnings.
        warnings: usize,
    },
    /// Documents with warnings, which were shown, where the user wants none.
    #[error("{}, which `--deny warnings` does not put up with; nothing was written", output::counted(*warnings, "warning"))]
    Denied {
        /// How many.
        warnings: usize,
    },
    /// The build process.
    #[error(transparent)]
    Build(#[from] crate::build::child::Error),
    /// Artifacts that cannot be compared.
    #[error(transparent)]
    Diff(#[from] crate::diff::Error),
    /// The development loop.
    #[error(transparent)]
    Dev(#[from] crate::dev::Error),
    /// The new project.
    #[error(transparent)]
    Init(#[from] crate::init::Error),
    /// The server.
    #[error(transparent)]
    Server(#[from] crate::app::Error),
    /// A backup that is not taken, or not restored.
    #[error(transparent)]
    Backup(#[from] crate::backup::Error),
    /// A server did not do what it was asked.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// What the server would show of itself.
    #[error(transparent)]
    Telemetry(#[from] crate::telemetry::Error),
    /// What the environment says of a collector of traces.
    #[error(transparent)]
    Traces(#[from] crate::telemetry::otlp::Error),
    /// Where the database is.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// Nowhere to keep what the server keeps.
    #[error("there is no folder to keep data in (neither XDG_DATA_HOME nor HOME is an absolute path): give --data-dir")]
    NoDataFolder,
    /// Contexts.
    #[error(transparent)]
    Contexts(#[from] client::context::Error),
    /// Writing the result.
    #[error(transparent)]
    Output(#[from] output::Error),
}
