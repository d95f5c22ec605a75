//! The state folder: what a data plane finds again after its end.
//!
//! ```text
//! lock                  held for as long as the process lives
//! node-id               who this data plane is
//! state, state.copy     what was taken, what serves, what is doubted: twice the same, since nobody else knows it
//! root.json, root.copy.json   the newest trust root that is believed: twice, as keys that it retired are believed without it
//! artifacts/SHA-256     artifacts, whole
//! artifacts/*.part      one that is being fetched
//! ```
//!
//! Every file is written beside itself, synced, renamed, and the folder synced: it is there whole, or as it was before.

mod artifacts;
mod memory;
mod root;
mod write;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use artifact_format::container::Digest;
use fleet::agent::Failure;
use thiserror::Error;
use uuid::Uuid;

pub(super) use artifacts::{Cached, Partial};
pub(super) use memory::Memory;
pub(super) use root::Kept;

const LOCK: &str = "lock";
const NODE_ID: &str = "node-id";
const ARTIFACTS: &str = "artifacts";

/// Why the state folder cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// Another process has it.
    #[error(
        "another process uses the state folder {}: every gateway needs one of its own (--state-dir)",
        folder.display()
    )]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// It is another project's.
    #[error(
        "the state folder {} belongs to project `{found}` and not to `{expected}`: choose another one (--state-dir)",
        folder.display()
    )]
    OtherProject {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose data plane this is.
        expected: String,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}", file.display())]
    Write {
        /// The file or folder.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be read, and nothing else says what is in it.
    #[error(
        "cannot read {}: {source}. What must not be forgotten is in it, so nothing is written over it: let the user of \
         this process read the state folder, or remove the folder to begin anew",
        file.display()
    )]
    Needed {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file says what it cannot.
    #[error("{} is damaged: {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl Error {
    fn write(file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { file: file.to_path_buf(), source }
    }

    fn read(file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { file: file.to_path_buf(), source }
    }

    /// Nothing else says what is in the file.
    fn needed(self) -> Self {
        match self {
            Self::Read { file, source } => Self::Needed { file, source },
            other => other,
        }
    }

    /// A short name that stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Taken { .. } | Self::OtherProject { .. } | Self::Write { .. } => "state_unwritable",
            Self::Read { .. } | Self::Needed { .. } => "state_unreadable",
            Self::Damaged { .. } => "state_damaged",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::unavailable(error.code(), error.to_string())
    }
}

/// A state folder that is this process's alone.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    project: String,
    /// The artifact that was asked for last: nobody removes it.
    fetching: Mutex<Option<Digest>>,
    _lock: File,
}

impl Folder {
    /// Takes it, and makes it where there is none.
    pub(super) fn open(path: &Path, project: &str) -> Result<Self, Error> {
        let artifacts = path.join(ARTIFACTS);
        DirBuilder::new().recursive(true).mode(0o700).create(&artifacts).map_err(Error::write(&artifacts))?;
        let file = path.join(LOCK);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&file);
        let lock = lock.map_err(Error::write(&file))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Taken { folder: path.to_path_buf() }),
            Err(TryLockError::Error(source)) => return Err(Error::Write { file, source }),
        }
        let (path, project) = (path.to_path_buf(), project.to_owned());
        Ok(Self { path, project, fetching: Mutex::default(), _lock: lock })
    }

    /// Who this data plane is: drawn once.
    pub(super) fn node_id(&self) -> Result<Uuid, Error> {
        let file = self.path.join(NODE_ID);
        let known = match std::fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::Read { file, source }),
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let drawn = Uuid::new_v4();
        write::replace(&self.path, NODE_ID, format!("{drawn}\n").as_bytes())?;
        Ok(drawn)
    }
}

#[cfg(test)]
mod tests;
