//! Where a token is: in a file or a variable, and never on a command line.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::documents::is_stdin;
use crate::file;
use crate::key::{KeySource, SourceError};

/// The largest file that is read as a token, in bytes.
const TOKEN_MAX_BYTES: u64 = 4096;

/// How every token begins.
const PREFIXES: [&str; 2] = ["pct_", "pdk_"];

/// Where a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File(PathBuf),
    /// On stdin.
    Stdin,
    /// In a variable of the environment.
    Variable(String),
}

/// Why there is no token. No message holds it.
#[derive(Debug, ThisError)]
pub enum Error {
    /// It does not say where a token is.
    #[error("the token's place: {0}")]
    Place(#[from] SourceError),
    /// The token itself.
    #[error("this looks like the token itself, which every user of this machine could see: give a file that holds it")]
    Itself,
    /// A variable that is not set.
    #[error("env://{0}: the environment variable is not set, and a token is looked for there")]
    Unset(String),
    /// A file that cannot be read.
    #[error("the token cannot be read: {0}")]
    Unreadable(#[source] file::Error),
    /// Stdin that cannot be read.
    #[error("the token cannot be read from stdin: {0}")]
    Stdin(#[source] io::Error),
    /// Nothing, or something that is no token.
    #[error("{origin} holds no token: one line is expected that begins with pct_")]
    NotAToken {
        /// Where it was looked for.
        origin: String,
    },
    /// Nobody says where it is.
    #[error("give the token: --token-file FILE, `--token-file -` for stdin, or PORTCULLIS_CONTROL_TOKEN")]
    NotGiven,
    /// Two variables that say where it is.
    #[error(
        "PORTCULLIS_CONTROL_TOKEN and PORTCULLIS_CONTROL_TOKEN_FILE are both set: which one is meant? Unset the other"
    )]
    Twice,
}

impl Place {
    /// A file that was named on the command line; `-` is stdin.
    pub fn of_file(path: &Path) -> Result<Self, Error> {
        if path.to_str().is_some_and(|text| PREFIXES.iter().any(|prefix| text.starts_with(prefix))) {
            return Err(Error::Itself);
        }
        Ok(if is_stdin(path) { Self::Stdin } else { Self::File(path.to_owned()) })
    }

    /// What the environment says, if anything.
    pub fn of_environment(config: &Config) -> Result<Option<Self>, Error> {
        const TOKEN: &str = "PORTCULLIS_CONTROL_TOKEN";
        let is_set = |name| config.secret(name).filter(|value| !value.is_empty());
        match (is_set(TOKEN), is_set("PORTCULLIS_CONTROL_TOKEN_FILE")) {
            (Some(_), Some(_)) => Err(Error::Twice),
            (Some(_), None) => Ok(Some(Self::Variable(TOKEN.to_owned()))),
            (None, Some(path)) => Self::of_file(Path::new(&path)).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// What a context says: `env://NAME`, `file:///path` or a path.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text.parse()? {
            KeySource::File(path) => Self::of_file(&path),
            KeySource::Environment(name) => Ok(Self::Variable(name)),
        }
    }

    /// Reads the token.
    pub fn read(&self, config: &Config) -> Result<Zeroizing<String>, Error> {
        let bytes = match self {
            Self::File(path) => file::read(path, TOKEN_MAX_BYTES).map_err(Error::Unreadable)?,
            Self::Stdin => {
                let read = file::read_at_most(io::stdin().lock(), TOKEN_MAX_BYTES).map_err(Error::Stdin)?;
                read.unwrap_or_default()
            }
            Self::Variable(name) => {
                let value = config.secret(name).ok_or_else(|| Error::Unset(name.clone()))?;
                value.into_encoded_bytes()
            }
        };
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
        let is_token = PREFIXES.iter().any(|prefix| text.starts_with(prefix))
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_token { Ok(Zeroizing::new(text.to_owned())) } else { Err(Error::NotAToken { origin: self.to_string() }) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Stdin => f.write_str("stdin"),
            Self::Variable(name) => write!(f, "env://{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_or_a_variable_and_never_the_token() {
        assert_eq!(Place::parse("env://CI").unwrap(), Place::Variable("CI".into()));
        assert_eq!(Place::parse("file:///run/token").unwrap(), Place::File("/run/token".into()));
        assert_eq!(Place::of_file(Path::new("-")).unwrap(), Place::Stdin);
        let error = Place::of_file(Path::new("pct_secret")).unwrap_err();
        assert!(matches!(error, Error::Itself) && !error.to_string().contains("secret"));
    }

    #[test]
    fn what_is_no_token_is_not_sent_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Place::File(path.clone()).read(&Config::from_environment())
        };
        assert_eq!(read(" pct_abc\n").unwrap().as_str(), "pct_abc");
        for wrong in ["", "hunter2", "pct_a b", "pct_a\npct_b", "Bearer pct_a"] {
            let error = read(wrong).unwrap_err();
            assert!(matches!(error, Error::NotAToken { .. }), "{wrong}");
            assert!(wrong.is_empty() || !error.to_string().contains(wrong), "{error}");
        }
    }
}
