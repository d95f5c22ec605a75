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
use std::sync::{Mutex, MutexGuard, PoisonError};

use artifact_format::container::Digest;
use fleet::agent::Failure;
use rustix::io::Errno;
use thiserror::Error;
use uuid::Uuid;

pub(super) use artifacts::{Cached, Partial};
pub(super) use memory::Memory;
pub(super) use root::Kept;

const LOCK: &str = "lock";
const NODE_ID: &str = "node-id";
/// Longer than any spelling of a UUID.
const NODE_ID_MAX_BYTES: u64 = 64;
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

    /// Whether it says nothing of the folder, and passes: there was too little of something else.
    fn passes(&self) -> bool {
        let Self::Read { source, .. } = self else { return false };
        matches!(source.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::Interrupted)
            || matches!(Errno::from_io_error(source), Some(Errno::MFILE | Errno::NFILE))
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
    unwritten: Mutex<Unwritten>,
    _lock: File,
}

/// What could not be written when the process began.
#[derive(Debug, Default)]
struct Unwritten {
    /// Who this data plane is, for as long as the process lives: to be written before anything else.
    node_id: Option<Uuid>,
    failure: Option<Failure>,
}

impl Folder {
    /// Takes it, and makes it where there is none. One that can only be read is taken, too: what served last serves.
    pub(super) fn open(path: &Path, project: &str) -> Result<Self, Error> {
        let artifacts = path.join(ARTIFACTS);
        DirBuilder::new().recursive(true).mode(0o700).create(&artifacts).map_err(Error::write(&artifacts))?;
        let file = path.join(LOCK);
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&file);
        let (lock, failure) = match opened.map_err(Error::write(&file)) {
            Ok(lock) => (lock, None),
            // It can be locked all the same.
            Err(error) => match File::open(&file) {
                Ok(lock) => (lock, Some(unwritable(error))),
                Err(_) => return Err(error),
            },
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Taken { folder: path.to_path_buf() }),
            Err(TryLockError::Error(source)) => return Err(Error::Write { file, source }),
        }
        let (path, project) = (path.to_path_buf(), project.to_owned());
        let unwritten = Mutex::new(Unwritten { node_id: None, failure });
        Ok(Self { path, project, fetching: Mutex::default(), unwritten, _lock: lock })
    }

    /// Who this data plane is: drawn once, or where that cannot be written, for this process.
    pub(super) fn node_id(&self) -> Result<Uuid, Error> {
        let file = self.path.join(NODE_ID);
        let known = write::read(&file, NODE_ID_MAX_BYTES).map_err(Error::needed)?;
        if let Some(known) = known.and_then(|text| String::from_utf8(text).ok()?.trim().parse().ok()) {
            return Ok(known);
        }
        let drawn = Uuid::new_v4();
        self.unwritten().node_id = Some(drawn);
        if let Err(error) = self.write_node_id() {
            self.unwritten().failure = Some(unwritable(error));
        }
        Ok(drawn)
    }

    /// Why it could not be written when the process began.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.unwritten().failure.clone()
    }

    /// Writes who this data plane is, where that is not on the disk.
    fn write_node_id(&self) -> Result<(), Error> {
        let mut unwritten = self.unwritten();
        if let Some(drawn) = unwritten.node_id {
            write::replace(&self.path, NODE_ID, format!("{drawn}\n").as_bytes())?;
            unwritten.node_id = None;
        }
        Ok(())
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unwritable(error: Error) -> Failure {
    tracing::error!(%error, "the state folder cannot be written");
    error.into()
}

#[cfg(test)]
mod tests;
