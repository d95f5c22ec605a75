//! Public keys that are believed.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use artifact_format::signature::PublicKey;
use artifact_format::trust::Trust;
use clap::Args;

use super::{Error, KEY_MAX_BYTES};
use crate::config::Config;
use crate::file;

/// Whom to believe.
#[derive(Debug, Clone, Args)]
pub struct TrustArgs {
    /// A key to believe: a public key in base64, or a PEM file. Repeatable, or several with commas between them.
    /// Without one, the keys in the `trusted-keys` folder of the user's configuration are believed.
    #[arg(
        long = "trusted-key",
        value_delimiter = ',',
        env = "PORTCULLIS_CONTROL_TRUSTED_KEY",
        value_name = "BASE64|FILE"
    )]
    trusted_keys: Vec<String>,
    /// How many of the trusted keys must have signed.
    #[arg(long, env = "PORTCULLIS_CONTROL_TRUST_THRESHOLD", value_name = "N", default_value = "1")]
    threshold: NonZeroUsize,
}

impl TrustArgs {
    /// The keys named, else the machine's.
    pub fn trust(&self, config: &Config) -> Result<Trust, Error> {
        let keys = if self.trusted_keys.is_empty() {
            machine_keys(config)?
        } else {
            self.trusted_keys.iter().map(|given| public_key(given)).collect::<Result<_, _>>()?
        };
        Ok(Trust::any_of(keys).with_threshold(self.threshold))
    }
}

/// A public key in base64, or in a file.
pub fn public_key(given: &str) -> Result<PublicKey, Error> {
    if let Ok(key) = PublicKey::parse(given) {
        return Ok(key);
    }
    let path = Path::new(given);
    let bytes = match file::read(path, KEY_MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(source) => return Err(Error::NotAPublicKey { given: given.to_owned(), source }),
    };
    parse_file(path, &bytes)
}

/// Every `*.pem` of the machine's `trusted-keys` folder; none where there is no such folder.
///
/// # Errors
/// A file there that holds no public key: a key that is silently not trusted is a riddle.
fn machine_keys(config: &Config) -> Result<Vec<PublicKey>, Error> {
    let Some(folder) = config.trusted_keys_folder().filter(|folder| folder.exists()) else { return Ok(Vec::new()) };
    let failed = |source| file::Error::Io { path: folder.clone(), action: "read", source };
    let entries = fs::read_dir(&folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
    paths.sort();
    paths.iter().map(|path| parse_file(path, &file::read(path, KEY_MAX_BYTES)?)).collect()
}

fn parse_file(path: &Path, bytes: &[u8]) -> Result<PublicKey, Error> {
    let text = String::from_utf8_lossy(bytes);
    PublicKey::parse(&text).map_err(|source| Error::PublicKeyFile { path: path.to_owned(), source })
}
