//! Secrets at rest: sealed under the master key, each for one purpose.
//!
//! ```text
//! offset  length
//!      0       1  format, 1
//!      1       8  id of the master key
//!      9      12  nonce, random
//!     21       n  the secret, under AES-256-GCM (NIST SP 800-38D)
//!             16  its tag
//! ```
//!
//! Format, id of the master key and purpose are authenticated with it: a secret that is moved to another row of the
//! database does not open there. Random nonces of 96 bits are good for 2^32 secrets under one master key.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::master::{MasterKey, MasterKeyId};

/// The format that is written, and the only one that is read.
const FORMAT: u8 = 1;

const NONCE_AT: usize = 9;
const SECRET_AT: usize = NONCE_AT + NONCE_LEN;
const TAG_BYTES: usize = 16;

/// Why a secret cannot be sealed or opened. No message holds any part of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Of another format.
    #[error("the sealed secret is of format {found} and this program reads format {FORMAT}: upgrade it")]
    Format {
        /// Its format.
        found: u8,
    },
    /// Too short to hold anything.
    #[error("the sealed secret is cut short: it has {bytes} bytes, and the empty one would have {}", SECRET_AT + TAG_BYTES)]
    Truncated {
        /// Its length.
        bytes: usize,
    },
    /// Sealed under another master key.
    #[error(
        "the secret is sealed under master key {sealed_by}, and the master key here is {given}: give the other one"
    )]
    OtherMasterKey {
        /// The one that opens it.
        sealed_by: MasterKeyId,
        /// The one that was tried.
        given: MasterKeyId,
    },
    /// The master key is the right one, and what it opens is not what it sealed.
    #[error("the sealed secret does not open: it was changed, or was sealed for something else")]
    Refused,
    /// The cryptographic library does not seal.
    #[error("the secret cannot be sealed: the operating system gave no random numbers")]
    Seal,
}

/// What a secret is for. It opens for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A project's private signing key.
    SigningKey {
        /// The project.
        project: Uuid,
        /// The key's record.
        key: Uuid,
    },
    /// What stands in one column of one row, in a backup.
    Cell {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id.
        row: Uuid,
    },
    /// Nothing: that a backup is as it was written.
    Backup {
        /// SHA-256 of its manifest.
        manifest: [u8; 32],
    },
}

impl Purpose {
    /// What is authenticated beside a secret. No two purposes give the same bytes.
    fn associated_data(self, header: &[u8]) -> Vec<u8> {
        match self {
            Self::SigningKey { project, key } => {
                [header, b"signing-key\0", project.as_bytes(), key.as_bytes()].concat()
            }
            Self::Cell { table, column, row } => {
                [header, b"cell\0", table.as_bytes(), b"\0", column.as_bytes(), b"\0", row.as_bytes()].concat()
            }
            Self::Backup { manifest } => [header, b"backup\0", &manifest[..]].concat(),
        }
    }
}

/// A sealed secret, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes what was kept, and looks at its format and its length.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        match bytes.first() {
            Some(&found) if found != FORMAT => Err(Error::Format { found }),
            Some(_) if bytes.len() >= SECRET_AT + TAG_BYTES => Ok(Self(bytes)),
            Some(_) | None => Err(Error::Truncated { bytes: bytes.len() }),
        }
    }

    /// What is to be kept.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The master key that opens it.
    pub fn sealed_by(&self) -> MasterKeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&self.0[1..NONCE_AT]);
        MasterKeyId(id)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes by {})", self.0.len(), self.sealed_by())
    }
}

impl MasterKey {
    /// Seals a secret. Twice the same secret is sealed differently.
    pub fn seal(&self, secret: &[u8], purpose: Purpose) -> Result<Sealed, Error> {
        let failed = |Unspecified| Error::Seal;
        // As long as it will ever be: a vector that grows leaves the secret where it was.
        let mut sealed = Vec::with_capacity(SECRET_AT + secret.len() + TAG_BYTES);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.id().0);
        let associated = Aad::from(purpose.associated_data(&sealed));
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        sealed.extend_from_slice(secret);
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, self.as_bytes()).map_err(failed)?;
        let encrypted = cipher.seal_in_place_separate_tag(associated, &mut sealed[SECRET_AT..]);
        let (nonce, tag) = encrypted.map_err(failed)?;
        sealed[NONCE_AT..SECRET_AT].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(Sealed(sealed))
    }

    /// Opens what was sealed for the very same purpose.
    pub fn open(&self, sealed: &Sealed, purpose: Purpose) -> Result<Zeroizing<Vec<u8>>, Error> {
        let refused = |Unspecified| Error::Refused;
        if sealed.sealed_by() != self.id() {
            return Err(Error::OtherMasterKey { sealed_by: sealed.sealed_by(), given: self.id() });
        }
        let (header, rest) = sealed.0.split_at(NONCE_AT);
        let (nonce, encrypted) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(refused)?;
        let associated = Aad::from(purpose.associated_data(header));
        let mut secret = Zeroizing::new(encrypted.to_vec());
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, self.as_bytes()).map_err(refused)?;
        let length = cipher.open_in_place(nonce, associated, &mut secret).map_err(refused)?.len();
        secret.truncate(length);
        Ok(secret)
    }

    /// Seals under this master key what another one sealed: how a master key is replaced.
    pub fn reseal(&self, old: &Self, sealed: &Sealed, purpose: Purpose) -> Result<Sealed, Error> {
        self.seal(&old.open(sealed, purpose)?, purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::super::master::MASTER_KEY_BYTES;
    use super::*;

    const SECRET: &[u8] = b"-----BEGIN PRIVATE KEY-----";

    fn purpose(project: u128, key: u128) -> Purpose {
        Purpose::SigningKey { project: Uuid::from_u128(project), key: Uuid::from_u128(key) }
    }

    fn master() -> MasterKey {
        MasterKey::generate().unwrap()
    }

    #[test]
    fn what_was_sealed_opens() {
        let check = |secret: &[u8]| {
            let master = master();
            let sealed = master.seal(secret, purpose(1, 2)).unwrap();
            assert_eq!(sealed.as_bytes().len(), 37 + secret.len());
            let kept = Sealed::from_bytes(sealed.as_bytes().to_vec()).unwrap();
            assert_eq!(master.open(&kept, purpose(1, 2)).unwrap().as_slice(), secret);
        };
        check(SECRET);
        check(b"");
        check(&[0; 5000]);
    }

    #[test]
    fn what_another_program_sealed_opens() {
        let text = "01f2fc0ae0d6449d7b000102030405060708090a0b6be48a02787d98301d16209118dda70f78340f5f5094";
        let sealed = Sealed::from_bytes(hex::decode(text).unwrap()).unwrap();
        let master = MasterKey::new(Zeroizing::new([7; MASTER_KEY_BYTES]));
        assert_eq!(master.open(&sealed, purpose(1, 2)).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn nothing_of_a_secret_is_kept_in_the_clear_and_no_nonce_comes_twice() {
        let master = master();
        let seal = || master.seal(SECRET, purpose(1, 2)).unwrap();
        let (one, other) = (seal(), seal());
        assert_ne!(one.0[NONCE_AT..SECRET_AT], other.0[NONCE_AT..SECRET_AT]);
        assert_ne!(one.0[SECRET_AT..], other.0[SECRET_AT..]);
        assert!(!one.0.windows(4).any(|window| SECRET.windows(4).any(|of_secret| of_secret == window)));
    }

    #[test]
    fn another_master_key_is_named() {
        let (right, wrong) = (master(), master());
        let sealed = right.seal(SECRET, purpose(1, 2)).unwrap();
        let expected = Error::OtherMasterKey { sealed_by: right.id(), given: wrong.id() };
        assert_eq!(wrong.open(&sealed, purpose(1, 2)), Err(expected));
    }

    #[test]
    fn a_secret_opens_for_its_own_purpose_alone() {
        let master = master();
        let sealed = master.seal(SECRET, purpose(1, 2)).unwrap();
        for other in [purpose(1, 3), purpose(3, 2), purpose(2, 1)] {
            assert_eq!(master.open(&sealed, other), Err(Error::Refused), "{other:?}");
        }
    }

    #[test]
    fn a_bit_that_is_flipped_anywhere_is_noticed() {
        let master = master();
        let sealed = master.seal(SECRET, purpose(1, 2)).unwrap();
        for bit in 0..sealed.0.len() * 8 {
            let mut bytes = sealed.0.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = Sealed::from_bytes(bytes).and_then(|sealed| master.open(&sealed, purpose(1, 2)));
            let is_named = match bit / 8 {
                0 => matches!(opened, Err(Error::Format { .. })),
                1..NONCE_AT => matches!(opened, Err(Error::OtherMasterKey { .. })),
                _ => opened == Err(Error::Refused),
            };
            assert!(is_named, "bit {bit}: {opened:?}");
        }
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let sealed = master().seal(b"", purpose(1, 2)).unwrap();
        for bytes in 0..sealed.0.len() {
            assert_eq!(Sealed::from_bytes(sealed.0[..bytes].to_vec()), Err(Error::Truncated { bytes }));
        }
    }

    #[test]
    fn a_master_key_is_replaced() {
        let (old, new) = (master(), master());
        let sealed = old.seal(SECRET, purpose(1, 2)).unwrap();
        let resealed = new.reseal(&old, &sealed, purpose(1, 2)).unwrap();
        assert_eq!(new.open(&resealed, purpose(1, 2)).unwrap().as_slice(), SECRET);
        assert!(matches!(old.open(&resealed, purpose(1, 2)), Err(Error::OtherMasterKey { .. })));
        assert!(matches!(new.reseal(&new, &sealed, purpose(1, 2)), Err(Error::OtherMasterKey { .. })));
    }
}
