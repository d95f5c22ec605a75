//! Secret keys, by reference: none ever stands on a command line itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use artifact_format::signature::SigningKey;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::{Error, KEY_MAX_BYTES};
use crate::config::Config;
use crate::file;

/// Where a secret key is: `FILE`, `file:///path` or `env://NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file that holds its text.
    File(PathBuf),
    /// A variable that holds its text.
    Environment(String),
}

/// Why a text does not say where a key is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The key itself. It is not repeated.
    #[error("this looks like the key itself, which every user of this machine could see: give a file, or env://NAME")]
    KeyItself,
    /// `env://` with nothing or more than a name after it.
    #[error("`env://` takes the name of one environment variable, such as env://SIGNING_KEY")]
    VariableName,
    /// `file://` with a host or a relative path.
    #[error("`file://` takes an absolute path, such as file:///run/secrets/key.pem")]
    FileUrl,
    /// Another scheme.
    #[error("`{scheme}://` is not known: give a file, file:///path or env://NAME")]
    Scheme {
        /// Which.
        scheme: String,
    },
}

impl FromStr for KeySource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if text.contains("-----BEGIN") {
            return Err(SourceError::KeyItself);
        }
        match text.split_once("://") {
            None => Ok(Self::File(PathBuf::from(text))),
            Some(("env", name)) if is_variable_name(name) => Ok(Self::Environment(name.to_owned())),
            Some(("env", _)) => Err(SourceError::VariableName),
            Some(("file", path)) => {
                let path = percent_decode_str(path).decode_utf8().map_err(|_| SourceError::FileUrl)?;
                if path.starts_with('/') { Ok(Self::File(PathBuf::from(&*path))) } else { Err(SourceError::FileUrl) }
            }
            Some((scheme, _)) => Err(SourceError::Scheme { scheme: scheme.to_owned() }),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "env://{name}"),
        }
    }
}

impl KeySource {
    /// Whether the key stands in the file that a path leads to.
    pub fn is_in(&self, path: &Path) -> bool {
        match self {
            Self::File(key) => file::is_same(key, path),
            Self::Environment(_) => false,
        }
    }

    /// Reads a signing key: PKCS#8 PEM.
    pub fn resolve(&self, config: &Config) -> Result<SigningKey, Error> {
        let text = self.read(config)?;
        SigningKey::parse(&text).map_err(|source| Error::NotASigningKey { origin: self.to_string(), source })
    }

    /// Reads the text, whatever key it is of.
    pub(super) fn read(&self, config: &Config) -> Result<Zeroizing<String>, Error> {
        match self {
            Self::File(path) => {
                let bytes = Zeroizing::new(file::read(path, KEY_MAX_BYTES).map_err(Error::Unreadable)?);
                Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
            }
            Self::Environment(name) => {
                let value = config.secret(name).ok_or_else(|| Error::Unset { origin: self.to_string() })?;
                Ok(Zeroizing::new(value.to_string_lossy().into_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tables read better without a borrow on every line")]
    fn check(text: &str, expected: Result<KeySource, SourceError>) {
        assert_eq!(text.parse(), expected, "{text}");
    }

    #[test]
    fn says_where_a_key_is() {
        check("key.pem", Ok(KeySource::File("key.pem".into())));
        check("file:///run/a%20key.pem", Ok(KeySource::File("/run/a key.pem".into())));
        check("env://CI_KEY", Ok(KeySource::Environment("CI_KEY".into())));
    }

    #[test]
    fn refuses_what_says_nothing() {
        check("env://", Err(SourceError::VariableName));
        check("env://A=B", Err(SourceError::VariableName));
        check("file://key.pem", Err(SourceError::FileUrl));
        check("vault://key", Err(SourceError::Scheme { scheme: "vault".into() }));
    }

    #[test]
    fn a_key_given_by_mistake_is_not_repeated() {
        let error = "-----BEGIN PRIVATE KEY-----MC4CAQ".parse::<KeySource>().unwrap_err();
        assert!(!error.to_string().contains("MC4CAQ"));
    }
}
