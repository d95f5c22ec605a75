//! Which keys a data plane believes.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use artifact_format::signature::{KeyError, PublicKey};
use artifact_format::trust::{Trust, Unsigned};
use thiserror::Error;

/// Where trusted keys come from. Read anew for every artifact, so that keys can be added while serving.
#[derive(Debug, Clone)]
pub struct TrustSource {
    /// Keys, or files that hold one.
    pub keys: Vec<String>,
    /// The user's own folder of trusted keys, which counts only where no key is named.
    pub user_folder: Option<PathBuf>,
    /// How many must have signed.
    pub threshold: NonZeroUsize,
    /// What becomes of an artifact that none of them signed.
    pub unsigned: Unsigned,
}

/// A key that cannot be had.
#[derive(Debug, Error)]
pub enum TrustSourceError {
    /// Neither a key nor a file that can be read.
    #[error("`{text}` is neither a public key in base64 nor a file that can be read ({source})")]
    Unreadable {
        /// What was given.
        text: String,
        /// Why it is not a file.
        source: std::io::Error,
    },
    /// A folder that is there and cannot be read.
    #[error("the folder of trusted keys {} cannot be read: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file without a key in it.
    #[error("{}: {source}", file.display())]
    NotAKey {
        /// The file.
        file: PathBuf,
        /// Why.
        source: KeyError,
    },
}

impl TrustSource {
    /// Reads every key.
    pub fn read(&self) -> Result<Trust, TrustSourceError> {
        let keys = match &self.user_folder {
            Some(folder) if self.keys.is_empty() => keys_in(folder)?,
            _ => self.keys.iter().map(|text| key(text)).collect::<Result<_, _>>()?,
        };
        Ok(Trust::any_of(keys).with_threshold(self.threshold).with_unsigned(self.unsigned))
    }
}

fn key(text: &str) -> Result<PublicKey, TrustSourceError> {
    if let Ok(key) = PublicKey::parse(text) {
        return Ok(key);
    }
    let contents =
        fs::read_to_string(text).map_err(|source| TrustSourceError::Unreadable { text: text.to_owned(), source })?;
    PublicKey::parse(&contents).map_err(|source| TrustSourceError::NotAKey { file: text.into(), source })
}

/// Every `*.pem` of a folder, which need not exist.
fn keys_in(folder: &Path) -> Result<Vec<PublicKey>, TrustSourceError> {
    let unreadable = |source| TrustSourceError::Folder { folder: folder.to_path_buf(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|extension| extension == "pem") {
            keys.push(key(&file.to_string_lossy())?);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    /// RFC 8032 section 7.1, test 1.
    const BASE64: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn source(keys: &[&str], folder: &Path) -> TrustSource {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        TrustSource { keys, user_folder: Some(folder.into()), threshold: NonZeroUsize::MIN, unsigned: Unsigned::Refuse }
    }

    #[test]
    fn the_users_folder_counts_only_where_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("development.pem"), PEM).unwrap();
        fs::write(folder.path().join("README"), "not a key").unwrap();
        let count = |keys: &[&str]| source(keys, folder.path()).read().unwrap().key_ids().collect::<Vec<_>>();
        let theirs = count(&[]);
        assert_eq!(theirs.len(), 1);
        assert_eq!(count(&[folder.path().join("development.pem").to_str().unwrap()]), theirs);
        assert!(source(&["nowhere.pem"], folder.path()).read().is_err());
        assert_eq!(count(&[BASE64]).len(), 1);
        assert_ne!(count(&[BASE64]), theirs);
    }

    #[test]
    fn a_broken_key_is_an_error_and_not_one_key_less() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("broken.pem"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")
            .unwrap();
        assert!(matches!(source(&[], folder.path()).read(), Err(TrustSourceError::NotAKey { .. })));
    }

    #[test]
    fn a_folder_that_is_none_is_an_error_and_not_no_keys() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("trusted-keys");
        fs::write(&file, PEM).unwrap();
        assert!(matches!(source(&[], &file).read(), Err(TrustSourceError::Folder { .. })));
        assert!(source(&[], &folder.path().join("nowhere")).read().is_ok());
    }
}
