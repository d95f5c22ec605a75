//! Where the database is: what every command says that opens it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::file;
use crate::hidden::Hidden;

/// The largest file that is read as a URL, in bytes.
const URL_MAX_BYTES: u64 = 4096;

/// Where the database is, and what stands beside it.
#[derive(Debug, clap::Args)]
pub struct DatabaseArgs {
    /// The folder for everything that has no place of its own. Without it, `portcullis` in the user's data folder.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// `sqlite://FILE` or `postgres://USER@HOST/NAME`. Without it, SQLite in the data folder. Every user of this machine
    /// sees what is given here: a password belongs into the variable, or into a file.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<Hidden<String>>,
    /// A file that holds the database's URL.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATABASE_URL_FILE", value_name = "FILE", conflicts_with = "database_url")]
    database_url_file: Option<PathBuf>,
}

/// Why there is no URL where one is said to be.
#[derive(Debug, Error)]
pub enum Error {
    /// The file.
    #[error("the database's URL cannot be read: {0}")]
    Unreadable(#[from] file::Error),
    /// It is empty, or is no text.
    #[error(
        "{} holds no URL of a database: one line is expected, such as postgres://USER:PASSWORD@HOST/NAME",
        path.display()
    )]
    NoUrl {
        /// Which file.
        path: PathBuf,
    },
}

impl DatabaseArgs {
    /// The URL that was given in either way.
    pub fn url(&self) -> Result<Option<Hidden<String>>, Error> {
        given(self.database_url.as_ref(), self.database_url_file.as_deref())
    }
}

/// A URL as it was given: itself, or in a file.
pub(super) fn given(url: Option<&Hidden<String>>, file: Option<&Path>) -> Result<Option<Hidden<String>>, Error> {
    match (url, file) {
        (Some(url), _) => Ok(Some(url.clone())),
        (None, Some(path)) => read(path).map(Some),
        (None, None) => Ok(None),
    }
}

fn read(path: &Path) -> Result<Hidden<String>, Error> {
    let bytes = file::read(path, URL_MAX_BYTES)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(Error::NoUrl { path: path.to_owned() });
    }
    Ok(Hidden::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_stands_in_a_file_alone_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        let url = |text: &str| {
            std::fs::write(&path, text).unwrap();
            given(None, Some(&path))
        };
        let read = url("postgres://u:hunter2@db/p\n").unwrap().unwrap();
        assert_eq!(read.reveal(), "postgres://u:hunter2@db/p");
        assert_eq!(format!("{read:?}"), "…");
        for wrong in ["", "\n", "postgres://u:hunter2@db/p\npostgres://u:hunter2@db/q"] {
            let error = url(wrong).unwrap_err();
            assert!(matches!(error, Error::NoUrl { .. }) && !format!("{error} {error:?}").contains("hunter2"));
        }
        assert!(matches!(given(None, Some(&folder.path().join("none"))), Err(Error::Unreadable(_))));
    }
}
