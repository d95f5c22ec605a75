//! Keys that the server can read and does not keep. Which it reads is the operator's word: without it, none.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use artifact_format::signature::SigningKey as PrivateKey;
use thiserror::Error;

use crate::config::Config;
use crate::key::{self, KeySource, SourceError};

/// Where keys may be read: `env://PREFIX`, the variables whose names begin so, or `file:///FOLDER`, the files in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Variables whose names begin so.
    Variables(String),
    /// Files in a folder, however deep.
    Folder(PathBuf),
}

/// Why a text does not say where keys may be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AllowedError {
    /// Neither form.
    #[error("give env://PREFIX, the beginning of variables' names, or file:///FOLDER, the folder of key files")]
    Form,
    /// Everything.
    #[error("this would let keys be read from everywhere: name a folder below the root")]
    Everything,
}

/// Why a key is not read.
#[derive(Debug, Error)]
pub enum Error {
    /// It does not say where.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// The operator has not said that it may be read.
    #[error("the operator of this control plane does not allow it: see `--allow-key-references`")]
    NotAllowed,
    /// It cannot be read, or is no key.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// The server is about to end.
    #[error("the server ends: try again")]
    Ending,
}

/// Reads keys from where they may be read.
#[derive(Debug, Clone)]
pub struct References {
    /// From where.
    pub allowed: Vec<Allowed>,
    /// What the environment says.
    pub config: Config,
}

impl FromStr for Allowed {
    type Err = AllowedError;

    fn from_str(text: &str) -> Result<Self, AllowedError> {
        match text.parse::<KeySource>() {
            Ok(KeySource::Environment(prefix)) => Ok(Self::Variables(prefix)),
            Ok(KeySource::File(folder)) if text.starts_with("file://") => {
                let is_below_root = folder.components().count() > 1;
                if is_below_root { Ok(Self::Folder(folder)) } else { Err(AllowedError::Everything) }
            }
            Ok(KeySource::File(_)) | Err(_) => Err(AllowedError::Form),
        }
    }
}

impl Allowed {
    fn includes(&self, source: &KeySource) -> bool {
        match (self, source) {
            (Self::Variables(prefix), KeySource::Environment(name)) => name.starts_with(prefix),
            (Self::Folder(folder), KeySource::File(file)) => is_in(folder, file),
            (Self::Variables(_), KeySource::File(_)) | (Self::Folder(_), KeySource::Environment(_)) => false,
        }
    }
}

/// Whether a file is in a folder by whatever names and links: `..` and links lead nowhere else.
fn is_in(folder: &Path, file: &Path) -> bool {
    let (Ok(folder), Ok(file)) = (folder.canonicalize(), file.canonicalize()) else { return false };
    file.starts_with(folder)
}

impl References {
    /// Reads the key that stands there. Off the threads that serve: a disk may be slow.
    pub async fn read(self: Arc<Self>, reference: String) -> Result<PrivateKey, Error> {
        let read = tokio::task::spawn_blocking(move || self.resolve(&reference));
        read.await.map_err(|_| Error::Ending)?
    }

    fn resolve(&self, reference: &str) -> Result<PrivateKey, Error> {
        // A bare path means a file where a command is run, and nothing here.
        if !reference.contains("://") {
            return Err(SourceError::FileUrl.into());
        }
        let source: KeySource = reference.parse()?;
        if !self.allowed.iter().any(|allowed| allowed.includes(&source)) {
            return Err(Error::NotAllowed);
        }
        Ok(source.resolve(&self.config)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tables read better without a borrow on every line")]
    fn check(allowed: &str, expected: Result<Allowed, AllowedError>) {
        assert_eq!(allowed.parse(), expected, "{allowed}");
    }

    #[test]
    fn what_is_allowed_is_said_exactly() {
        check("env://SIGNING_", Ok(Allowed::Variables("SIGNING_".into())));
        check("file:///run/keys", Ok(Allowed::Folder("/run/keys".into())));
        check("env://", Err(AllowedError::Form));
        check("/run/keys", Err(AllowedError::Form));
        check("file:///", Err(AllowedError::Everything));
        check("vault://keys", Err(AllowedError::Form));
    }

    #[test]
    fn nothing_is_read_but_what_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        let pem = key::generate().unwrap().to_pem().unwrap();
        for file in ["keys/own.pem", "other.pem"] {
            std::fs::write(folder.path().join(file), pem.as_bytes()).unwrap();
        }
        std::os::unix::fs::symlink(folder.path().join("other.pem"), keys.join("link.pem")).unwrap();
        let allowed = vec![Allowed::Folder(keys.clone()), Allowed::Variables("NOBODY_SETS_".into())];
        let references = References { allowed, config: Config::from_environment() };
        let at = |file: &str| format!("file://{}", keys.join(file).display());
        assert!(references.resolve(&at("own.pem")).is_ok());
        for refused in [at("../other.pem"), at("link.pem"), at("missing.pem"), "env://HOME".into(), "env://PATH".into()]
        {
            assert!(matches!(references.resolve(&refused), Err(Error::NotAllowed)), "{refused}");
        }
        assert!(matches!(references.resolve("env://NOBODY_SETS_THIS"), Err(Error::Key(key::Error::Unset { .. }))));
        assert!(matches!(references.resolve("keys/own.pem"), Err(Error::Source(SourceError::FileUrl))));
    }
}
