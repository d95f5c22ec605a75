//! Passphrases: what people remember, made into a key.

use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::{OsRng, RngCore as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::MasterKey;
use super::master::MASTER_KEY_BYTES;
use crate::config::Config;
use crate::file;

/// The shortest passphrase that something new is sealed under, in bytes.
pub const PASSPHRASE_MIN_BYTES: usize = 12;
/// The largest file that is read as a passphrase, in bytes.
const PASSPHRASE_MAX_BYTES: u64 = 4096;

const SALT_BYTES: usize = 16;

const VARIABLE: &str = "PORTCULLIS_CONTROL_PASSPHRASE";
const FILE_VARIABLE: &str = "PORTCULLIS_CONTROL_PASSPHRASE_FILE";

/// Why there is no passphrase, or no key made of it. No message holds it.
#[derive(Debug, Error)]
pub enum Error {
    /// A file that cannot be read.
    #[error("the passphrase cannot be read: {0}")]
    Unreadable(#[source] file::Error),
    /// Two variables that say what it is.
    #[error("{VARIABLE} and {FILE_VARIABLE} are both set: which one is meant? Unset the other")]
    Twice,
    /// Nothing, or not one line of text.
    #[error("{origin} holds no passphrase: one line of text is expected")]
    NotAPassphrase {
        /// Where it was looked for.
        origin: String,
    },
    /// Too easily guessed.
    #[error(
        "the passphrase has fewer than {PASSPHRASE_MIN_BYTES} characters, and whoever has the backup has all the time \
         there is to guess it: take a longer one, such as `openssl rand -base64 24` makes"
    )]
    Short,
    /// Costs that nobody asks for who means well.
    #[error("the passphrase is to be stretched in a way that this program does not: {0}")]
    Stretching(String),
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers for a salt: {0}")]
    Random(rand_core::Error),
}

/// A passphrase. Wiped from memory when dropped; never shown.
pub struct Passphrase(Zeroizing<String>);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase")
    }
}

/// How a key is made of a passphrase: Argon2id (RFC 9106), version 19.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretching {
    /// Which function.
    function: Function,
    /// How much memory a guess takes, in KiB.
    memory_kib: u32,
    /// How often it is gone through.
    passes: u32,
    /// In how many lanes.
    lanes: u32,
    /// Random, so that no two guesses are one: 16 bytes in hexadecimal.
    salt: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Function {
    Argon2id,
}

impl Stretching {
    /// The second choice of RFC 9106 (section 4), in one lane: 64 MiB, three passes.
    const MEMORY_KIB: u32 = 64 << 10;
    const PASSES: u32 = 3;
    const LANES: u32 = 1;

    /// What is put up with from a file: sixteen times as much.
    const MEMORY_MAX_KIB: u32 = 1 << 20;
    const PASSES_MAX: u32 = 48;
    const LANES_MAX: u32 = 16;

    /// With a salt that nobody used before.
    pub fn new() -> Result<Self, Error> {
        let mut salt = [0; SALT_BYTES];
        OsRng.try_fill_bytes(&mut salt).map_err(Error::Random)?;
        let (memory_kib, passes, lanes) = (Self::MEMORY_KIB, Self::PASSES, Self::LANES);
        Ok(Self { function: Function::Argon2id, memory_kib, passes, lanes, salt: hex::encode(salt) })
    }

    fn salt(&self) -> Result<[u8; SALT_BYTES], Error> {
        let mut salt = [0; SALT_BYTES];
        let decoded = hex::decode_to_slice(&self.salt, &mut salt);
        decoded.map_err(|_| Error::Stretching("its salt is not 16 bytes in hexadecimal".to_owned()))?;
        Ok(salt)
    }

    fn params(&self) -> Result<Params, Error> {
        let limits = [
            ("KiB of memory", self.memory_kib, Self::MEMORY_MAX_KIB),
            ("passes", self.passes, Self::PASSES_MAX),
            ("lanes", self.lanes, Self::LANES_MAX),
        ];
        if let Some((what, given, max)) = limits.into_iter().find(|(_, given, max)| given > max) {
            return Err(Error::Stretching(format!("{given} {what}, where at most {max} are put up with")));
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(MASTER_KEY_BYTES));
        params.map_err(|error| Error::Stretching(error.to_string()))
    }
}

impl Passphrase {
    /// The one that stands in a file, or in the environment; `None` where nobody gives one.
    pub fn find(file: Option<&Path>, config: &Config) -> Result<Option<Self>, Error> {
        if let Some(path) = file {
            return Self::of_file(path).map(Some);
        }
        let set = |name| config.secret(name).filter(|value| !value.is_empty());
        match (set(VARIABLE), set(FILE_VARIABLE)) {
            (Some(_), Some(_)) => Err(Error::Twice),
            (Some(value), None) => Self::parse(&Zeroizing::new(value.into_encoded_bytes()), VARIABLE).map(Some),
            (None, Some(path)) => Self::of_file(&PathBuf::from(path)).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn of_file(path: &Path) -> Result<Self, Error> {
        let bytes = Zeroizing::new(file::read(path, PASSPHRASE_MAX_BYTES).map_err(Error::Unreadable)?);
        Self::parse(&bytes, &path.display().to_string())
    }

    fn parse(bytes: &[u8], origin: &str) -> Result<Self, Error> {
        let refused = || Error::NotAPassphrase { origin: origin.to_owned() };
        let text = std::str::from_utf8(bytes).map_err(|_| refused())?;
        let line = text.trim_end_matches(['\r', '\n']);
        if line.is_empty() || line.contains(char::is_control) {
            return Err(refused());
        }
        Ok(Self(Zeroizing::new(line.to_owned())))
    }

    /// Whether something new may be sealed under it.
    pub fn check_strength(&self) -> Result<(), Error> {
        if self.0.len() < PASSPHRASE_MIN_BYTES { Err(Error::Short) } else { Ok(()) }
    }

    /// The key that is made of it. Takes about a tenth of a second, and 64 MiB.
    pub fn stretch(&self, stretching: &Stretching) -> Result<MasterKey, Error> {
        let argon2 = match stretching.function {
            Function::Argon2id => Argon2::new(Algorithm::Argon2id, Version::V0x13, stretching.params()?),
        };
        let mut key = Zeroizing::new([0; MASTER_KEY_BYTES]);
        let made = argon2.hash_password_into(self.0.as_bytes(), &stretching.salt()?, key.as_mut_slice());
        made.map_err(|error| Error::Stretching(error.to_string()))?;
        Ok(MasterKey::new(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Passphrase, Error> {
        Passphrase::parse(text.as_bytes(), "here")
    }

    #[test]
    fn a_passphrase_is_one_line_and_does_not_show_itself() {
        assert_eq!(parse("correct horse\n").unwrap().0.as_str(), "correct horse");
        assert_eq!(format!("{:?}", parse("correct horse").unwrap()), "Passphrase");
        for wrong in ["", "\n", "one\ntwo", "a\0b"] {
            let error = parse(wrong).err().unwrap();
            assert!(matches!(error, Error::NotAPassphrase { .. }), "{wrong:?}: {error}");
        }
        assert!(parse("short").unwrap().check_strength().is_err());
        assert!(parse("correct horse").unwrap().check_strength().is_ok());
    }

    #[test]
    fn the_key_is_what_another_program_makes_of_it() {
        let salt = hex::encode(b"0123456789abcdef");
        let stretching = Stretching { function: Function::Argon2id, memory_kib: 64, passes: 2, lanes: 1, salt };
        let made = parse("correct horse").unwrap().stretch(&stretching).unwrap();
        let expected = "74fb6b1d311ac0bb4c891f7efd79680245d9f84b72ad8f9bbe61c86e2b9f864d";
        assert_eq!(hex::encode(made.as_bytes()), expected);
        let other = Stretching { salt: hex::encode(b"0123456789abcdeg"), ..stretching.clone() };
        assert_ne!(parse("correct horse").unwrap().stretch(&other).unwrap().id(), made.id());
        assert_ne!(parse("correct house").unwrap().stretch(&stretching).unwrap().id(), made.id());
    }

    #[test]
    fn costs_beyond_reason_are_refused() {
        let usual = Stretching::new().unwrap();
        for wrong in [
            Stretching { memory_kib: u32::MAX, ..usual.clone() },
            Stretching { passes: 1000, ..usual.clone() },
            Stretching { lanes: 17, ..usual.clone() },
            Stretching { memory_kib: 1, ..usual.clone() },
            Stretching { salt: "00".to_owned(), ..usual },
        ] {
            let made = parse("correct horse").unwrap().stretch(&wrong);
            assert!(matches!(made, Err(Error::Stretching(_))), "{wrong:?}");
        }
    }
}
