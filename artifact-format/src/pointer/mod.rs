//! Deployment pointers: which artifact a group of data planes is to serve.
//!
//! A pointer is signed apart from the artifact, by a key that the project's root names. Its serial only rises, over all
//! groups of a project: whoever has seen one takes no older one, so nobody can bring back an old deployment by repeating
//! what was said then. To go back to an older artifact is a newer pointer.
//!
//! Signed is the pre-authentication encoding of these bytes, with numbers in little-endian:
//!
//! ```text
//! offset  length
//!      0       4  format, 1
//!      4       8  serial, from 1
//!     12       8  issued at, in seconds since 1970-01-01T00:00:00Z
//!     20       8  expires at, likewise, later
//!     28      32  SHA-256 of the artifact
//!     60       8  length of the artifact in bytes, from 1
//!     68      32  SHA-256 of the project's pointer before this one, as it was signed; zeros for the first
//!    100       8  length of the project's name
//!    108          the project's name in UTF-8, then the group's, to the end
//! ```
//!
//! What is published is JSON, which people can read; it is taken apart, and the bytes above are made of it.

mod document;

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use self::document::Document;
use crate::container::Digest;
use crate::signature::{KeyId, SigningKey, pre_authentication_encoding};
use crate::trust::{Signature, Trust, TrustError};

/// The largest pointer as JSON, in bytes: whoever reads one stops there. What is written never comes near.
pub const DOCUMENT_MAX_BYTES: usize = 16 << 10;
/// Signatures that a pointer carries at most.
pub const SIGNATURES_MAX: usize = 16;
/// The longest name of a project, in bytes.
pub const PROJECT_MAX_BYTES: usize = 256;
/// The longest name of a group, in bytes.
pub const GROUP_MAX_BYTES: usize = 8 << 10;
/// The format that this library reads and writes.
pub const FORMAT: u32 = 1;
/// The type in the pre-authentication encoding.
const PAYLOAD_TYPE: &str = "application/vnd.portcullis.pointer";

/// Names a pointer: SHA-256 over what is signed. As text, and so in JSON, it has 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PointerHash(pub [u8; 32]);

impl TryFrom<String> for PointerHash {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl From<PointerHash> for String {
    fn from(hash: PointerHash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for PointerHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PointerHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PointerHash({self})")
    }
}

/// Why a pointer is refused. Each variant has a stable [`code`](Error::code).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Of another format.
    #[error("the pointer is of format {found} and this program reads format {FORMAT}: upgrade it")]
    Format {
        /// The pointer's.
        found: u32,
    },
    /// It cannot be meant.
    #[error("the pointer is damaged: {what}")]
    Damaged {
        /// Where, and what it should be.
        what: &'static str,
    },
    /// Not a signature.
    #[error("not a signature by key `{key}`: expected a key's id in 64 hexadecimal digits, and 64 bytes in base64")]
    Signature {
        /// The key said to have made it.
        key: String,
    },
    /// Not believed.
    #[error("the pointer is not believed: {0}")]
    Trust(#[from] TrustError),
    /// Another project's.
    #[error("the pointer is project `{found}`'s, not `{expected}`'s")]
    OtherProject {
        /// Whose data plane this is.
        expected: String,
        /// Whose pointer it is.
        found: String,
    },
    /// Older than one that was taken before, or another one of the same serial.
    #[error("pointer {offered} is older than pointer {floor}, which was taken before")]
    Older {
        /// The offered one's serial.
        offered: NonZeroU64,
        /// The highest serial that was taken.
        floor: NonZeroU64,
    },
    /// Two pointers of one serial.
    #[error("pointer {serial} was taken before and said something else: two control planes issue pointers")]
    Forked {
        /// The serial of both.
        serial: NonZeroU64,
    },
    /// Its time is over.
    #[error("the pointer expired {seconds} seconds ago, or this machine's clock is wrong")]
    Expired {
        /// How long ago, by this machine's clock.
        seconds: u64,
    },
}

impl Error {
    /// A short name that stays the same, for status reports, metrics and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format { .. } => "pointer_format",
            Self::Damaged { .. } | Self::Signature { .. } => "pointer_damaged",
            Self::Trust(_) => "pointer_untrusted",
            Self::OtherProject { .. } => "pointer_other_project",
            Self::Older { .. } => "pointer_older",
            Self::Forked { .. } => "pointer_forked",
            Self::Expired { .. } => "pointer_expired",
        }
    }
}

/// What a pointer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// Whose it is: the project's name in its trust root, which is its id.
    pub project: String,
    /// Which of the project's data planes it is for: a label selector. For people and reports; a data plane does not judge it.
    pub group: String,
    /// Rises with every pointer of the project.
    pub serial: NonZeroU64,
    /// The project's pointer before this one, if there was one.
    pub previous: Option<PointerHash>,
    /// What is to be served.
    pub artifact: Digest,
    /// Its length in bytes.
    pub length: NonZeroU64,
    /// When it was signed, in seconds since 1970-01-01T00:00:00Z. No rule looks at it.
    pub issued_at: u64,
    /// From when on nobody begins to follow it, likewise.
    pub expires_at: u64,
}

impl Pointer {
    /// Its name.
    pub fn hash(&self) -> PointerHash {
        PointerHash(Sha256::digest(self.signed_message()).into())
    }

    /// Seconds since it expired; none while it has not.
    pub fn expired_for(&self, now: u64) -> Option<u64> {
        now.checked_sub(self.expires_at)
    }

    fn check(self) -> Result<Self, Error> {
        let damaged = |what| Err(Error::Damaged { what });
        match &self {
            Self { project, .. } if !(1..=PROJECT_MAX_BYTES).contains(&project.len()) => {
                damaged("`project` has 1 to 256 bytes")
            }
            Self { group, .. } if group.len() > GROUP_MAX_BYTES => damaged("`group` has at most 8192 bytes"),
            Self { issued_at, expires_at, .. } if issued_at >= expires_at => {
                damaged("`expires_at` is later than `issued_at`")
            }
            Self { serial, previous, .. } if serial.get() == 1 && previous.is_some() => {
                damaged("the pointer of serial 1 has no `previous`")
            }
            // Zeros stand for none where it is signed: one text must not say the same as another.
            Self { previous: Some(PointerHash(hash)), .. } if *hash == [0; 32] => damaged("`previous` is not zeros"),
            _ => Ok(self),
        }
    }

    /// What is signed.
    fn signed_message(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(128 + self.project.len() + self.group.len());
        body.extend_from_slice(&FORMAT.to_le_bytes());
        body.extend_from_slice(&self.serial.get().to_le_bytes());
        body.extend_from_slice(&self.issued_at.to_le_bytes());
        body.extend_from_slice(&self.expires_at.to_le_bytes());
        body.extend_from_slice(&self.artifact.0);
        body.extend_from_slice(&self.length.get().to_le_bytes());
        body.extend_from_slice(&self.previous.map_or([0; 32], |previous| previous.0));
        body.extend_from_slice(&(self.project.len() as u64).to_le_bytes());
        body.extend_from_slice(self.project.as_bytes());
        body.extend_from_slice(self.group.as_bytes());
        pre_authentication_encoding(PAYLOAD_TYPE, &[&body])
    }
}

/// A pointer with its signatures, which nobody has looked at yet. Its JSON form is what is sent and stored.
///
/// Beyond its serial and its artifact there is no way to what it says but [`SignedPointer::verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct SignedPointer {
    pointer: Pointer,
    signatures: Vec<Signature>,
}

impl SignedPointer {
    /// A pointer that is still to be signed.
    pub fn new(pointer: Pointer) -> Result<Self, Error> {
        Ok(Self { pointer: pointer.check()?, signatures: Vec::new() })
    }

    /// Adds a key's signature, unless it is there.
    #[must_use]
    pub fn sign(mut self, key: &SigningKey) -> Self {
        let id = key.public().id();
        if self.signatures.iter().all(|signature| signature.key != id) {
            let bytes = key.sign(&self.pointer.signed_message());
            self.signatures.push(Signature { key: id, bytes });
        }
        self
    }

    /// Which serial it says that it has: to see that there is something new, and nothing else.
    pub fn serial(&self) -> NonZeroU64 {
        self.pointer.serial
    }

    /// Which artifact it says is to be served: to report what was refused, and nothing else.
    pub fn artifact(&self) -> Digest {
        self.pointer.artifact
    }

    /// How long that is said to be, in bytes.
    pub fn length(&self) -> NonZeroU64 {
        self.pointer.length
    }

    /// The keys said to have signed it.
    pub fn signed_by(&self) -> impl Iterator<Item = KeyId> {
        self.signatures.iter().map(|signature| signature.key)
    }

    /// Believes it if a key signed it that artifacts of this project are believed by, and it is this project's.
    ///
    /// One key is enough, however many an artifact needs: a pointer only chooses among artifacts that are believed.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn verify(self, trust: &Trust, project: &str) -> Result<Pointer, Error> {
        let Self { pointer, signatures } = self;
        trust.clone().with_threshold(NonZeroUsize::MIN).judge(&pointer.signed_message(), &signatures)?;
        if pointer.project == project {
            Ok(pointer)
        } else {
            Err(Error::OtherProject { expected: project.to_owned(), found: pointer.project })
        }
    }
}

/// The newest pointer that was ever taken, which outlives the process: no older one is taken after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// Its serial.
    pub serial: NonZeroU64,
    /// Its name.
    pub hash: PointerHash,
}

impl Floor {
    /// The floor under which nothing is taken once this pointer was.
    pub fn of(pointer: &Pointer) -> Self {
        Self { serial: pointer.serial, hash: pointer.hash() }
    }

    /// Whether a believed pointer may be followed: it is the one that was taken, or a newer one.
    ///
    /// # Errors
    /// [`Error::Older`], [`Error::Forked`].
    pub fn admit(self, offered: &Pointer) -> Result<(), Error> {
        if offered.serial < self.serial {
            return Err(Error::Older { offered: offered.serial, floor: self.serial });
        }
        if offered.serial == self.serial && offered.hash() != self.hash {
            return Err(Error::Forked { serial: self.serial });
        }
        Ok(())
    }
}
