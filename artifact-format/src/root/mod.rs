//! Trust roots: which keys sign for a project, and how they are replaced without touching a gateway by hand.
//!
//! A root names keys and how many of them must sign. Its versions are a chain, followed one by one: whoever believes
//! version N believes version N+1 if enough keys of both signed it. By the old ones, the change is meant; by the new
//! ones, whoever holds the new keys can use them. This is how TUF updates its root (The Update Framework, version 1.0,
//! section 5.3), without expiry: a root is good until the next one.
//!
//! Signed is the pre-authentication encoding of these bytes, with numbers in little-endian:
//!
//! ```text
//! offset  length
//!      0       4  format, 1
//!      4       8  version, from 1
//!     12       8  issued at, in seconds since 1970-01-01T00:00:00Z
//!     20       2  threshold, from 1 to k
//!     22       8  number of keys k, from 1 to 16
//!     30    32 k  Ed25519 public keys, in the order of their ids, each once
//!                 the project's name in UTF-8, to the end
//! ```
//!
//! What is published is JSON (`root.json`), which people can read and which is not itself signed: it is taken apart,
//! and the bytes above are made of it. So its spaces and the order of its members do not matter.

mod document;

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU64};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::document::Document;
use crate::signature::{KeyError, KeyId, PublicKey, SigningKey, pre_authentication_encoding};
use crate::trust::{Signature, Trust, TrustError, Unsigned};

/// The largest `root.json`, in bytes: whoever reads one stops there. What is written never comes near.
pub const FILE_MAX_BYTES: u64 = 64 << 10;

/// Keys that a root names at most.
pub const KEYS_MAX: usize = 16;

/// Signatures that a root carries at most: by all old keys and by all new ones.
pub const SIGNATURES_MAX: usize = 2 * KEYS_MAX;

/// The longest name of a project, in bytes.
pub const PROJECT_MAX_BYTES: usize = 256;

/// The format that this library reads and writes.
const FORMAT: u32 = 1;

/// The type in the pre-authentication encoding.
const PAYLOAD_TYPE: &str = "application/vnd.portcullis.root";

/// Why a root is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Of another format.
    #[error("the root is of format {found} and this program reads format {FORMAT}: upgrade it")]
    Format {
        /// The root's.
        found: u32,
    },
    /// A project without a name, or with one that is too long.
    #[error("a root names its project in 1 to {PROJECT_MAX_BYTES} bytes, not in {bytes}")]
    Project {
        /// The length of the name.
        bytes: usize,
    },
    /// No key, or too many.
    #[error("a root names 1 to {KEYS_MAX} keys, not {keys}")]
    Keys {
        /// How many it names.
        keys: usize,
    },
    /// Not a key.
    #[error("key {id}: {source}")]
    Key {
        /// The id it is given.
        id: String,
        /// Why not.
        source: KeyError,
    },
    /// An id that is another key's.
    #[error("the key that is called {id} has the id {actual}: an id is the SHA-256 of its key")]
    KeyId {
        /// The id it is given.
        id: String,
        /// The id it has.
        actual: KeyId,
    },
    /// One key twice, which would count twice.
    #[error("key {key} is named more than once")]
    RepeatedKey {
        /// Which.
        key: KeyId,
    },
    /// More signatures are needed than there are keys.
    #[error("the root asks for {threshold} signatures and names {keys} keys: nothing could ever be signed")]
    Threshold {
        /// How many it asks for.
        threshold: NonZeroU16,
        /// How many keys there are.
        keys: usize,
    },
    /// More signatures than are looked at.
    #[error("the root has {signatures} signatures, and at most {SIGNATURES_MAX} are read")]
    Signatures {
        /// How many it has.
        signatures: usize,
    },
    /// Not a signature.
    #[error("not a signature by key `{key}`: expected a key's id in 64 hexadecimal digits, and 64 bytes in base64")]
    Signature {
        /// The key said to have made it.
        key: String,
    },
    /// Another project's.
    #[error("the root is project `{found}`'s, not `{expected}`'s")]
    OtherProject {
        /// The project of the believed root.
        expected: String,
        /// The project of the offered one.
        found: String,
    },
    /// The version that is believed already, or one before it.
    #[error("version {offered} of the root is not newer than version {current}, which is believed already")]
    NotNewer {
        /// The version of the offered root.
        offered: NonZeroU64,
        /// The version of the believed one.
        current: NonZeroU64,
    },
    /// A version that the believed root says nothing about.
    #[error("version {offered} of the root does not follow version {current}: give every version between them first")]
    Skipped {
        /// The version of the offered root.
        offered: NonZeroU64,
        /// The version of the believed one.
        current: NonZeroU64,
    },
    /// Not meant by those who are believed.
    #[error("version {offered} of the root is not signed as version {} demands: {source}", offered.get() - 1)]
    NotBySuccession {
        /// The version of the offered root.
        offered: NonZeroU64,
        /// What is missing.
        source: TrustError,
    },
    /// Its own keys did not sign it, so that nobody knows whether they are of use.
    #[error("version {offered} of the root is not signed by its own keys: {source}")]
    NotByItself {
        /// The version of the offered root.
        offered: NonZeroU64,
        /// What is missing.
        source: TrustError,
    },
    /// Keys that are pinned did not sign it.
    #[error("version {offered} of the root is not signed by the keys that are trusted: {source}")]
    NotByPinned {
        /// The version of the offered root.
        offered: NonZeroU64,
        /// What is missing.
        source: TrustError,
    },
    /// Keys that are pinned signed it and are not among its own.
    #[error("version {offered} of the root names none of the trusted keys that signed it")]
    WithoutPinned {
        /// The version of the offered root.
        offered: NonZeroU64,
    },
    /// After the last number there is no version.
    #[error("version {} is the last that a root can have", u64::MAX)]
    LastVersion,
}

/// What is to be said by a root: everything but its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How many of the keys must have signed an artifact, or the next root.
    pub threshold: NonZeroU16,
    /// The keys, in any order.
    pub keys: Vec<PublicKey>,
    /// When this was decided, in seconds since 1970-01-01T00:00:00Z. For people: no rule looks at it.
    pub issued_at: u64,
}

/// A root that is believed: made here, or accepted from somebody who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    project: String,
    version: NonZeroU64,
    threshold: NonZeroU16,
    keys: BTreeMap<KeyId, PublicKey>,
    issued_at: u64,
}

impl Root {
    /// Version 1 of a project's root.
    pub fn first(project: &str, terms: Terms) -> Result<Self, Error> {
        Self::new(project, NonZeroU64::MIN, terms)
    }

    /// The version after this one. It is to be signed with keys of both.
    pub fn next(&self, terms: Terms) -> Result<Self, Error> {
        Self::new(&self.project, self.version.checked_add(1).ok_or(Error::LastVersion)?, terms)
    }

    fn new(project: &str, version: NonZeroU64, terms: Terms) -> Result<Self, Error> {
        let Terms { threshold, keys: named, issued_at } = terms;
        if !(1..=PROJECT_MAX_BYTES).contains(&project.len()) {
            return Err(Error::Project { bytes: project.len() });
        }
        if !(1..=KEYS_MAX).contains(&named.len()) {
            return Err(Error::Keys { keys: named.len() });
        }
        if usize::from(threshold.get()) > named.len() {
            return Err(Error::Threshold { threshold, keys: named.len() });
        }
        let mut keys = BTreeMap::new();
        for key in named {
            if let Some(repeated) = keys.insert(key.id(), key) {
                return Err(Error::RepeatedKey { key: repeated.id() });
            }
        }
        Ok(Self { project: project.to_owned(), version, threshold, keys, issued_at })
    }

    /// Whose it is.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Its place in the chain.
    pub fn version(&self) -> NonZeroU64 {
        self.version
    }

    /// How many of the keys must sign.
    pub fn threshold(&self) -> NonZeroU16 {
        self.threshold
    }

    /// The keys, in the order of their ids.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &PublicKey> {
        self.keys.values()
    }

    /// When it was issued, in seconds since 1970-01-01T00:00:00Z.
    pub fn issued_at(&self) -> u64 {
        self.issued_at
    }

    /// Whom it lets a reader of artifacts believe.
    pub fn trust(&self) -> Trust {
        Trust::any_of(self.keys.values().cloned()).with_threshold(self.threshold.into())
    }

    /// Goes on to the next version, if it is one.
    ///
    /// # Errors
    /// Why it is not. This root then stays as it was.
    pub fn advance(&mut self, offered: SignedRoot) -> Result<(), Error> {
        let SignedRoot { root, signatures } = offered;
        let (current, offered) = (self.version, root.version);
        if root.project != self.project {
            return Err(Error::OtherProject { expected: self.project.clone(), found: root.project });
        }
        if offered <= current {
            return Err(Error::NotNewer { offered, current });
        }
        if current.checked_add(1) != Some(offered) {
            return Err(Error::Skipped { offered, current });
        }
        let message = root.signed_message();
        self.trust().judge(&message, &signatures).map_err(|source| Error::NotBySuccession { offered, source })?;
        root.trust().judge(&message, &signatures).map_err(|source| Error::NotByItself { offered, source })?;
        *self = root;
        Ok(())
    }

    /// Goes on through every version of a chain, oldest first.
    ///
    /// # Errors
    /// Why one is refused. This root is then the last that was not: what was believed by then stays believed.
    pub fn follow(&mut self, chain: impl IntoIterator<Item = SignedRoot>) -> Result<(), Error> {
        chain.into_iter().try_for_each(|offered| self.advance(offered))
    }

    /// What is signed.
    fn signed_message(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(&FORMAT.to_le_bytes());
        body.extend_from_slice(&self.version.get().to_le_bytes());
        body.extend_from_slice(&self.issued_at.to_le_bytes());
        body.extend_from_slice(&self.threshold.get().to_le_bytes());
        body.extend_from_slice(&(self.keys.len() as u64).to_le_bytes());
        self.keys.values().for_each(|key| body.extend_from_slice(key.as_bytes()));
        body.extend_from_slice(self.project.as_bytes());
        pre_authentication_encoding(PAYLOAD_TYPE, &[&body])
    }
}

/// A root with its signatures, which nobody has looked at yet: its JSON form is `root.json`.
///
/// Beyond its version there is no way to what it says but [`Root::advance`], [`Root::follow`] and [`SignedRoot::pinned`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct SignedRoot {
    root: Root,
    signatures: Vec<Signature>,
}

impl SignedRoot {
    /// A root that is still to be signed.
    pub fn new(root: Root) -> Self {
        Self { root, signatures: Vec::new() }
    }

    /// Adds a key's signature, unless it is there.
    #[must_use]
    pub fn sign(mut self, key: &SigningKey) -> Self {
        let id = key.public().id();
        if self.signatures.iter().all(|signature| signature.key != id) {
            let bytes = key.sign(&self.root.signed_message());
            self.signatures.push(Signature { key: id, bytes });
        }
        self
    }

    /// Which version it says that it is.
    pub fn version(&self) -> NonZeroU64 {
        self.root.version
    }

    /// Believes it for where it came from: a file that the operator put there, say. Never for what it says.
    ///
    /// # Errors
    /// Too few of its own keys signed it: it is damaged, or was never finished.
    pub fn pinned(self) -> Result<Root, Error> {
        let Self { root, signatures } = self;
        let judged = root.trust().judge(&root.signed_message(), &signatures);
        judged.map_err(|source| Error::NotByItself { offered: root.version, source })?;
        Ok(root)
    }

    /// Believes it if keys that are believed already signed it, as many as must, and it names one of those that did.
    ///
    /// # Errors
    /// They did not, or too few of its own keys signed it.
    pub fn vouched_for(self, pinned: &Trust) -> Result<Root, Error> {
        let offered = self.version();
        let pinned = pinned.clone().with_unsigned(Unsigned::Refuse);
        let vouching = pinned.judge(&self.root.signed_message(), &self.signatures);
        let vouching = vouching.map_err(|source| Error::NotByPinned { offered, source })?;
        if vouching.iter().any(|key| self.root.keys.contains_key(key)) {
            self.pinned()
        } else {
            Err(Error::WithoutPinned { offered })
        }
    }
}
