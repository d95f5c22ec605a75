//! Secrets that say who somebody is: access tokens of people and pipelines, keys of data planes.
//!
//! ```text
//! pct_Zk3vQ9aB…………………………………………………………2xLm0c
//! └┬─┘└──┬───┘                   └─┬──┘
//!  kind  shown in lists            checksum
//! ```
//!
//! After the kind stand 43 random characters out of 62, which are 256 bits, then the CRC-32 of all that (as in gzip,
//! RFC 1952 section 8) in six of the same characters. So a scanner of source code recognises a secret without asking
//! anybody, and a typo is told from a secret that was revoked. There is no character that a double click stops at.
//!
//! Whoever has 256 random bits needs no slow hash: what is kept is the SHA-256.

use std::fmt;

use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

/// What a secret is written with, in the order of the digits of its checksum.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const KIND_BYTES: usize = 4;
const RANDOM_BYTES: usize = 43;
const CHECKSUM_BYTES: usize = 6;

/// Length of a secret in bytes.
pub const SECRET_BYTES: usize = KIND_BYTES + RANDOM_BYTES + CHECKSUM_BYTES;

/// How much of a secret may be shown, in bytes: its kind and 8 characters. 35 random characters stay unknown.
pub const PREFIX_BYTES: usize = KIND_BYTES + 8;

/// Why a text is no secret, or why there is none. No message repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// It begins like nothing that this program makes.
    #[error("not a secret of Portcullis: access tokens begin with `pct_`, keys of data planes with `pdk_`")]
    Kind,
    /// Cut short, or more than a secret.
    #[error("a secret has {SECRET_BYTES} characters, and this has {bytes} bytes: copy all of it and nothing else")]
    Length {
        /// How long it is.
        bytes: usize,
    },
    /// The checksum does not fit, or there are characters that no secret has.
    #[error("the secret was mistyped: its checksum does not fit. Copy it again")]
    Checksum,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers for a secret")]
    Random,
}

/// Who shows a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person or a pipeline: `pct_`.
    AccessToken,
    /// A data plane: `pdk_`.
    DataPlaneKey,
}

impl Kind {
    /// How its secrets begin.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "pct_",
            Self::DataPlaneKey => "pdk_",
        }
    }
}

/// A secret, which is shown once and kept nowhere. Wiped from memory when dropped.
pub struct Secret {
    kind: Kind,
    text: Zeroizing<String>,
}

impl Secret {
    /// A new one, of the operating system's randomness.
    pub fn generate(kind: Kind) -> Result<Self, Error> {
        let mut text = Zeroizing::new(String::with_capacity(SECRET_BYTES));
        text.push_str(kind.as_str());
        let mut random = Zeroizing::new([0; 64]);
        while text.len() < KIND_BYTES + RANDOM_BYTES {
            OsRng.try_fill_bytes(random.as_mut_slice()).map_err(|_| Error::Random)?;
            // Two of 64 values have no character. To fold them onto others would make those likelier.
            let characters = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
            let missing = KIND_BYTES + RANDOM_BYTES - text.len();
            text.extend(characters.take(missing).map(|character| char::from(*character)));
        }
        let checksum = checksum(text.as_bytes());
        text.extend(checksum.map(char::from));
        Ok(Self { kind, text })
    }

    /// Recognises a secret. Whether anybody was given it is another question.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let kinds = [Kind::AccessToken, Kind::DataPlaneKey];
        let kind = kinds.into_iter().find(|kind| text.starts_with(kind.as_str())).ok_or(Error::Kind)?;
        if text.len() != SECRET_BYTES {
            return Err(Error::Length { bytes: text.len() });
        }
        let (body, given) = text.as_bytes().split_at(SECRET_BYTES - CHECKSUM_BYTES);
        let is_written_right = body[KIND_BYTES..].iter().all(u8::is_ascii_alphanumeric);
        if !is_written_right || !bool::from(checksum(body).ct_eq(given)) {
            return Err(Error::Checksum);
        }
        Ok(Self { kind, text: Zeroizing::new(text.to_owned()) })
    }

    /// Who shows it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The first 12 characters, which may be shown and logged.
    pub fn prefix(&self) -> &str {
        &self.text[..PREFIX_BYTES]
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.text.as_bytes()).into())
    }

    /// All of it: for whoever is given it, once.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}…)", self.prefix())
    }
}

/// The SHA-256 of a secret. Two are compared in constant time.
#[derive(Clone, Copy, Eq)]
pub struct SecretHash(pub [u8; 32]);

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// The CRC-32 in base 62, the most significant digit first: 62^6 is more than 2^32.
fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut rest = crc32fast::hash(body) as usize;
    let mut digits = [0; CHECKSUM_BYTES];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest % ALPHABET.len()];
        rest /= ALPHABET.len();
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Made by another program, so that what is in use is read for ever.
    const TOKEN: &str = "pct_Zk3vQ9aBcD7eFgHiJkLmNoPqRsTuVwXyZ0a1b2c3d4e0RhV2o";
    const KEY: &str = "pdk_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg0D5w2q";

    fn check(text: &str, expected: &Error) {
        let error = Secret::parse(text).unwrap_err();
        assert_eq!(&error, expected, "{text}");
        assert!(text.is_empty() || !error.to_string().contains(text));
    }

    #[test]
    fn what_is_made_is_recognised() {
        for kind in [Kind::AccessToken, Kind::DataPlaneKey] {
            let made = Secret::generate(kind).unwrap();
            assert_eq!(made.reveal().len(), SECRET_BYTES);
            let read = Secret::parse(made.reveal()).unwrap();
            assert_eq!((read.kind(), read.hash()), (kind, made.hash()));
        }
    }

    #[test]
    fn what_another_program_made_is_recognised() {
        assert_eq!(Secret::parse(TOKEN).unwrap().kind(), Kind::AccessToken);
        let key = Secret::parse(KEY).unwrap();
        assert_eq!((key.kind(), key.prefix()), (Kind::DataPlaneKey, "pdk_01234567"));
        assert_eq!(hex::encode(key.hash().0), "4abc9e90483b4630e32b2f8f6961dd0c24dc1ffccad282390c13215a6a1075b2");
    }

    #[test]
    fn every_character_is_used_and_no_secret_comes_twice() {
        let made: BTreeSet<String> =
            (0..200).map(|_| Secret::generate(Kind::AccessToken).unwrap().reveal().to_owned()).collect();
        assert_eq!(made.len(), 200);
        let random = |text: &String| text.as_bytes()[KIND_BYTES..][..RANDOM_BYTES].to_vec();
        let used: BTreeSet<u8> = made.iter().flat_map(random).collect();
        assert_eq!(used, ALPHABET.iter().copied().collect());
    }

    #[test]
    fn a_typo_is_noticed_wherever_it_is() {
        for at in KIND_BYTES..SECRET_BYTES {
            let mut bytes = TOKEN.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            check(&String::from_utf8(bytes).unwrap(), &Error::Checksum);
        }
        check(&TOKEN.replacen("pct_", "pdk_", 1), &Error::Checksum);
        check(&TOKEN.replacen(&TOKEN[10..12], "ä", 1), &Error::Checksum);
    }

    #[test]
    fn what_is_no_secret_is_refused_by_name() {
        check("", &Error::Kind);
        check("ghp_0123", &Error::Kind);
        check("PCT_0123", &Error::Kind);
        check("pct_", &Error::Length { bytes: 4 });
        check(&TOKEN[..SECRET_BYTES - 1], &Error::Length { bytes: SECRET_BYTES - 1 });
        check(&format!("{TOKEN}\n"), &Error::Length { bytes: SECRET_BYTES + 1 });
    }

    #[test]
    fn a_secret_shows_no_more_than_its_beginning() {
        let secret = Secret::parse(TOKEN).unwrap();
        assert_eq!(format!("{secret:?}"), format!("Secret({}…)", &TOKEN[..12]));
        assert!(format!("{:?}", secret.hash()).len() < 24);
    }

    #[test]
    fn hashes_are_equal_in_every_bit_or_not_at_all() {
        let hash = Secret::parse(TOKEN).unwrap().hash();
        assert_eq!(hash, SecretHash(hash.0));
        for byte in 0..32 {
            let mut other = hash;
            other.0[byte] ^= 0x80;
            assert_ne!(hash, other, "byte {byte}");
        }
    }
}
