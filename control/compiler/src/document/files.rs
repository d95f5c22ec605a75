//! Where the text of documents comes from.

use std::collections::BTreeMap;

use thiserror::Error;

/// Reads the files of a compilation.
///
/// A path is relative, `/`-separated and normalised: never absolute, never with `.`, `..` or an empty segment.
/// Which paths may be read is the compiler's business, how to read them the implementation's; one that reads a
/// disk also has to see that no symbolic link leads out of its folder.
pub trait Files {
    /// The bytes of the file at `path`, at most [`limits::FILE_BYTES_MAX`](super::limits::FILE_BYTES_MAX) of them.
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError>;
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileError {
    /// There is none.
    #[error("there is no such file")]
    NotFound,
    /// It is larger than is read.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// Anything else, in the words of the system.
    #[error("{0}")]
    Other(String),
}

/// Files in memory: for tests and for uploads.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(BTreeMap<String, Vec<u8>>);

impl MemoryFiles {
    /// No file.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a file more.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.into(), bytes.into());
        self
    }
}

impl FromIterator<(String, Vec<u8>)> for MemoryFiles {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).cloned().ok_or(FileError::NotFound)
    }
}
