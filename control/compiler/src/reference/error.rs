//! Why a reference leads nowhere.

use thiserror::Error as ThisError;

use crate::diagnostic::Code;
use crate::document::FileError;
use crate::document::limits::LINKS_MAX;
use crate::input::Settings;

/// A reference that leads nowhere, as it is written, and why.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("`{reference}` {reason}")]
pub struct Error {
    /// As it is written.
    pub reference: String,
    /// Why it leads nowhere.
    pub reason: Reason,
}

/// Why a reference leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Reason {
    /// Nothing stands where it points.
    #[error("leads nowhere: there is no `{0}`")]
    NotFound(
        /// The first step that leads nowhere, as a JSON Pointer.
        String,
    ),
    /// No schema there has such an anchor.
    #[error("leads nowhere: no schema there has the anchor `{0}`")]
    NoAnchor(String),
    /// The file cannot be read.
    #[error("leads to the file `{path}`: {error}")]
    File {
        /// The path it means.
        path: String,
        /// Why not.
        error: FileError,
    },
    /// The file is neither JSON nor YAML, which is reported there.
    #[error("leads to the file `{path}`, which is at fault itself")]
    FileAtFault {
        /// The path it means.
        path: String,
    },
    /// It leads out of the folder of the documents.
    #[error("is refused: {0}")]
    Refused(&'static str),
    /// References that lead to each other and to nothing else.
    #[error("leads back to itself")]
    Cycle,
    /// More references one after the other than are followed.
    #[error("begins a chain of more than {LINKS_MAX} references")]
    TooLong,
    /// Not a URI reference.
    #[error("is not a URI reference: {0}")]
    Malformed(&'static str),
}

impl Error {
    pub(super) fn new(reference: &str, reason: Reason) -> Self {
        Self { reference: reference.to_owned(), reason }
    }

    pub(crate) fn too_long(reference: &str) -> Self {
        Self::new(reference, Reason::TooLong)
    }

    /// The diagnostic code.
    pub const fn code(&self) -> Code {
        match self.reason {
            Reason::NotFound(_) | Reason::NoAnchor(_) | Reason::File { .. } | Reason::FileAtFault { .. } => {
                Code::ReferenceNotFound
            }
            Reason::Refused(_) => Code::ReferenceRefused,
            Reason::Cycle => Code::ReferenceCycle,
            Reason::TooLong => Code::TooMuch,
            Reason::Malformed(_) => Code::ReferenceMalformed,
        }
    }

    /// What to do about it, for somebody who sets options there.
    pub fn hint(&self, settings: Settings) -> Option<String> {
        match &self.reason {
            Reason::Refused(_) if settings == Settings::Project => {
                Some("upload the file with the documents; nothing is fetched from a network".into())
            }
            Reason::Refused(_) => Some(
                "put the file into the folder of the documents, or name a folder that holds every file with `--root`; \
                 nothing is fetched from a network"
                    .into(),
            ),
            Reason::TooLong => Some("refer to what is at its end".into()),
            Reason::Cycle => Some("one of the references has to lead to something that is none".into()),
            Reason::NotFound(_)
            | Reason::NoAnchor(_)
            | Reason::File { .. }
            | Reason::FileAtFault { .. }
            | Reason::Malformed(_) => None,
        }
    }
}
