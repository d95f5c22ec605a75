//! Keys: where the signing key comes from, which public keys are believed, and how private keys are kept.

mod development;
mod master;
pub mod passphrase;
pub mod seal;
mod secret;
mod trusted;

use std::path::PathBuf;

use artifact_format::signature::{KeyError, SigningKey};
use rand_core::{OsRng, RngCore as _};
use thiserror::Error;
use zeroize::Zeroizing;

pub use development::{Age, DevelopmentKey, development_key};
pub use master::{MASTER_KEY_BYTES, MasterKey, MasterKeyId};
pub use passphrase::Passphrase;
pub use secret::{KeySource, SourceError};
pub use trusted::{TrustArgs, public_key};

use crate::file;

/// The largest file that is read as a key, in bytes.
const KEY_MAX_BYTES: u64 = 64 << 10;

/// Why there is no key. No message holds any part of a private key.
#[derive(Debug, Error)]
pub enum Error {
    /// It does not say where a key is.
    #[error("--signing-key: {0}")]
    Source(#[from] SourceError),
    /// A variable that is not set.
    #[error("{origin}: the environment variable is not set")]
    Unset {
        /// `env://NAME`.
        origin: String,
    },
    /// A file that is not there or cannot be read.
    #[error("the key cannot be read: {0}")]
    Unreadable(#[source] file::Error),
    /// It is there and is not a key.
    #[error("{origin} holds no usable signing key: {source}. Make one with `portcullis-control keygen`")]
    NotASigningKey {
        /// Where it was looked for.
        origin: String,
        /// Why not.
        source: KeyError,
    },
    /// It is there and is not a master key.
    #[error(
        "{origin} holds no master key: expected 32 random bytes in base64, such as `openssl rand -base64 32` makes"
    )]
    NotAMasterKey {
        /// Where it was looked for.
        origin: String,
    },
    /// A public key that is neither text nor file.
    #[error("--trusted-key {given}: neither 32 bytes in base64 nor a file with a public key ({source})")]
    NotAPublicKey {
        /// What was given.
        given: String,
        /// What became of reading it as a file.
        source: file::Error,
    },
    /// A file with something else in it.
    #[error("{}: {source}", path.display())]
    PublicKeyFile {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: KeyError,
    },
    /// A folder or file of the configuration that cannot be used.
    #[error(transparent)]
    File(#[from] file::Error),
    /// Nowhere to keep a development key.
    #[error(
        "there is no folder to keep a development key in (neither XDG_CONFIG_HOME nor HOME is an absolute path): \
         give --signing-key, or say --unsigned"
    )]
    NoConfigurationFolder,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers for a key: {0}")]
    Random(rand_core::Error),
    /// A key that cannot be put into text.
    #[error("the key cannot be written: {0}")]
    Encoding(#[from] KeyError),
}

/// A new key, of the operating system's randomness.
pub fn generate() -> Result<SigningKey, Error> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    OsRng.try_fill_bytes(seed.as_mut_slice()).map_err(Error::Random)?;
    Ok(SigningKey::from_seed(&seed))
}
