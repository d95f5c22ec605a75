//! Why there is no backup, or why one is not restored.

use std::io;

use thiserror::Error as ThisError;

use super::format::FORMAT;
use crate::domain;
use crate::domain::digest::Digest;
use crate::key::{passphrase, seal};

/// Why there is no backup, or why one is not restored.
#[derive(Debug, ThisError)]
pub enum Error {
    /// Something else.
    #[error("this is no backup of a control plane: {0}")]
    NotABackup(String),
    /// Of a newer program.
    #[error("the backup is of format {found}, and this program reads format {FORMAT}: restore it with a newer one")]
    Format {
        /// Its format.
        found: u32,
    },
    /// Of a newer database.
    #[error(
        "the backup is of schema {found}, and this program's is {own}: restore it with the program that wrote it \
         ({program}), or a newer one"
    )]
    NewerSchema {
        /// Its schema.
        found: i64,
        /// This program's.
        own: i64,
        /// The version of the program that wrote it.
        program: String,
    },
    /// Of a database that is too old.
    #[error(
        "the backup is of schema {found}, and this program restores those from {oldest} on: restore it with the \
         program that wrote it ({program}), and upgrade then"
    )]
    OlderSchema {
        /// Its schema.
        found: i64,
        /// The oldest that is restored.
        oldest: i64,
        /// The version of the program that wrote it.
        program: String,
    },
    /// Cut short.
    #[error("the backup is cut short: it ends in the middle; nothing was restored")]
    Truncated,
    /// Not what was written.
    #[error("the backup is damaged: {0}; nothing was restored")]
    Damaged(String),
    /// Whole, and not what was written under the passphrase.
    #[error("the backup was changed after it was written: {0}; nothing was restored")]
    Altered(String),
    /// Other secrets than there could be.
    #[error("the passphrase is not the one that this backup was written with; nothing was restored")]
    WrongPassphrase,
    /// There are secrets, and nobody says how to open them.
    #[error(
        "the backup holds secrets: give its passphrase with --passphrase-file or PORTCULLIS_CONTROL_PASSPHRASE_FILE"
    )]
    PassphraseNeeded,
    /// There are to be secrets, and nobody says what to seal them under.
    #[error(
        "secrets are sealed under a passphrase: give one with --passphrase-file or PORTCULLIS_CONTROL_PASSPHRASE_FILE"
    )]
    NoPassphrase,
    /// A passphrase that cannot be had or used.
    #[error(transparent)]
    Passphrase(#[from] passphrase::Error),
    /// A private key or a hash that cannot be opened or sealed.
    #[error("a secret in `{table}`: {source}")]
    Secret {
        /// The table.
        table: &'static str,
        /// Why not.
        source: seal::Error,
    },
    /// An artifact whose bytes are not there any more, or are others.
    #[error("artifact {digest}: {}. If somebody has just deleted it, take the backup again", said(source))]
    Artifact {
        /// Which.
        digest: Digest,
        /// Why not.
        source: domain::error::Error,
    },
    /// The database or the store of artifacts.
    #[error("{}", said(.0))]
    Domain(#[from] domain::error::Error),
    /// A row that has no form in the file.
    #[error("a row of `{table}` cannot be written: {why}")]
    Row {
        /// The table.
        table: &'static str,
        /// Why not.
        why: String,
    },
    /// The file cannot be written.
    #[error("cannot write the backup: {0}")]
    Write(#[source] io::Error),
    /// The file cannot be read.
    #[error("cannot read the backup: {0}")]
    Read(#[source] io::Error),
}

impl Error {
    /// What a failure to read means: what unpacks the file tells damage from a disk that fails by its kind.
    pub(super) fn reading(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::Other => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Read(error),
        }
    }
}

/// An error with what it is about: whoever runs this program may know what a database says.
fn said(error: &domain::error::Error) -> String {
    match error {
        domain::error::Error::Unavailable { dependency, source } => format!("the {dependency}: {source}"),
        domain::error::Error::Refused(source) | domain::error::Error::Unsettled(source) => {
            format!("the database: {source}")
        }
        other => other.to_string(),
    }
}
