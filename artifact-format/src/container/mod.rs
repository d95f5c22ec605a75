//! The artifact file: one pass, everything covered by the signature, nothing decoded before it is verified.
//!
//! ```text
//! offset  length
//!      0       8  magic 89 42 43 41 0D 0A 1A 0A
//!      8       4  format version, little-endian like every number here
//!     12       4  manifest length
//!     16       8  file length
//!     24       2  number of signatures
//!     26       6  zero
//!     32       m  manifest (bincode): who, from what, and for every section its place and SHA-256
//!                 signatures, 98 bytes each: key id 32, algorithm 2, signature 64
//!             32  SHA-256 of everything before it: tells damage from forgery
//!                 zeros up to a multiple of 64
//!                 sections, each at a multiple of 64, zeros between, the last one ending the file
//! ```
//!
//! Signed is the DSSE pre-authentication encoding of the format version and the manifest. The manifest fixes
//! every section's place, length and hash; the places are checked to leave no gap but alignment and no overlap;
//! the remaining header fields must agree with the file. So no byte is free.

mod codec;
mod envelope;
mod header;
mod manifest;
mod reader;
mod section;
mod writer;

use thiserror::Error;

pub use manifest::{Manifest, SectionEntry};
pub use reader::{Digest, Verified, digest, open};
pub use section::SectionId;
pub use writer::{Draft, add_signature};

use crate::model::DanglingReference;
use crate::trust::TrustError;

/// The format that this library writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// The oldest format that this library reads.
pub const OLDEST_FORMAT_VERSION: u32 = 1;

/// The type in the pre-authentication encoding.
const PAYLOAD_TYPE: &str = "application/vnd.portcullis.artifact";

/// Why a file is refused. Each variant has a stable [`code`](Error::code).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Not an artifact at all.
    #[error("this is not a Portcullis artifact (it does not begin with the artifact's magic bytes)")]
    NotAnArtifact,
    /// Shorter than it says.
    #[error("the artifact is cut short: it should be {expected} bytes long and has {actual}")]
    Truncated {
        /// Bytes it says, or that its header takes.
        expected: u64,
        /// Bytes there are.
        actual: u64,
    },
    /// Longer than it says.
    #[error("the artifact should end after {expected} bytes and has {actual}: something was appended to it")]
    TrailingBytes {
        /// Bytes it says.
        expected: u64,
        /// Bytes there are.
        actual: u64,
    },
    /// Made by a newer compiler in a format that this one does not know.
    #[error("the artifact is of format {found} and this program reads up to format {newest}: upgrade it")]
    FormatTooNew {
        /// The file's format.
        found: u32,
        /// The newest read.
        newest: u32,
    },
    /// Older than what is still read.
    #[error("the artifact is of format {found}, which is no longer read (oldest: {oldest}): compile it again")]
    FormatTooOld {
        /// The file's format.
        found: u32,
        /// The oldest read.
        oldest: u32,
    },
    /// Beyond a limit.
    #[error("{what} of {actual} is above the limit of {limit}")]
    TooLarge {
        /// What is too large, with its unit.
        what: &'static str,
        /// How large it is.
        actual: u64,
        /// How large it may be.
        limit: u64,
    },
    /// The bytes do not have the shape of an artifact.
    #[error("the artifact is damaged: {what}")]
    Damaged {
        /// Where.
        what: &'static str,
    },
    /// Not believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A section is not what the manifest says.
    #[error("section {section} is not the one that was signed")]
    SectionMismatch {
        /// Which.
        section: SectionId,
    },
    /// A section that must be understood, and is not.
    #[error(
        "the artifact needs section {section} in revision {revision}, which this program does not know: upgrade it"
    )]
    UnknownSection {
        /// Which.
        section: SectionId,
        /// Which revision of its shape.
        revision: u16,
    },
    /// A section that must be there, and is not.
    #[error("the artifact has no section {section}")]
    MissingSection {
        /// Which.
        section: SectionId,
    },
    /// A section's bytes do not decode.
    #[error("section {section} does not decode: {reason}")]
    Undecodable {
        /// Which.
        section: SectionId,
        /// Why.
        reason: String,
    },
    /// An index that points nowhere.
    #[error("the artifact contradicts itself: {0}")]
    Inconsistent(#[from] DanglingReference),
}

impl Error {
    /// A short name that stays the same, for metrics, status reports and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnArtifact => "not_an_artifact",
            Self::Truncated { .. } => "truncated",
            Self::TrailingBytes { .. } => "trailing_bytes",
            Self::FormatTooNew { .. } => "format_too_new",
            Self::FormatTooOld { .. } => "format_too_old",
            Self::TooLarge { .. } => "too_large",
            Self::Damaged { .. } => "damaged",
            Self::Trust(TrustError::Unsigned) => "unsigned",
            Self::Trust(TrustError::Untrusted { .. }) => "untrusted",
            Self::Trust(TrustError::BadSignature { .. }) => "bad_signature",
            Self::Trust(TrustError::RepeatedKey { .. }) => "repeated_key",
            Self::SectionMismatch { .. } => "section_mismatch",
            Self::UnknownSection { .. } => "unknown_section",
            Self::MissingSection { .. } => "missing_section",
            Self::Undecodable { .. } => "undecodable",
            Self::Inconsistent(_) => "inconsistent",
        }
    }
}
