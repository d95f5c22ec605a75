//! Contexts: the servers that somebody logged in to, by name, so that commands need not say it each time.
//!
//! They are kept in `contexts.json` (0600) in the configuration folder. A token is never in there: a context says where
//! its token is, which is a variable, or a file, such as the one below `tokens/` that `login` writes (0600).

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use crate::config::Config;
use crate::domain::name::Name;
use crate::file::{self, Access};

/// The largest file of contexts, in bytes.
const CONTEXTS_MAX_BYTES: u64 = 1 << 20;

/// Every context.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The one that is meant where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Name>,
    /// All of them.
    #[serde(default)]
    pub contexts: BTreeMap<Name, Saved>,
}

/// One context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// The server's URL.
    pub server: String,
    /// Where the token is: `env://NAME` or `file:///path`.
    pub token: String,
    /// The project that is meant where nobody says: its name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The certificates that are believed beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// What is wrong with contexts.
#[derive(Debug, ThisError)]
pub enum Error {
    /// Nowhere to keep them.
    #[error("there is no folder to keep contexts in: neither XDG_CONFIG_HOME nor HOME is an absolute path")]
    NoFolder,
    /// A file that is not what was written.
    #[error("{}: {source}; mend it, or remove it and log in again", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] file::Error),
    /// No such context.
    #[error("there is no context `{name}`; there are: {known}")]
    NoSuch {
        /// Which.
        name: Name,
        /// Those that there are.
        known: String,
    },
    /// None is in use.
    #[error("no context is in use: log in, or choose one with `portcullis-control context use NAME`")]
    NoneInUse,
}

/// The file of contexts, and the folder of their tokens.
#[derive(Debug)]
pub struct Book {
    folder: PathBuf,
    /// What it says.
    pub contexts: Contexts,
}

impl Book {
    /// Reads it; nothing where there is none yet.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let folder = config.configuration_folder.clone().ok_or(Error::NoFolder)?;
        let path = folder.join("contexts.json");
        let contexts = match file::read(&path, CONTEXTS_MAX_BYTES) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| Error::Unreadable { path, source })?,
            Err(file::Error::NotFound { .. }) => Contexts::default(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { folder, contexts })
    }

    /// The context that is named, or in use.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn chosen(&self, named: Option<&Name>) -> Result<Option<(&Name, &Saved)>, Error> {
        match named.or(self.contexts.current.as_ref()) {
            None => Ok(None),
            Some(name) => self.get(name).map(Some),
        }
    }

    /// A context.
    pub fn get(&self, name: &Name) -> Result<(&Name, &Saved), Error> {
        self.contexts.contexts.get_key_value(name).ok_or_else(|| {
            let names: Vec<&str> = self.contexts.contexts.keys().map(Name::as_str).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Error::NoSuch { name: name.clone(), known }
        })
    }

    /// Keeps a token in a file of its own, and returns where.
    pub fn keep_token(&self, name: &Name, token: &str) -> Result<String, Error> {
        let folder = self.tokens();
        make_folder(&folder)?;
        let path = folder.join(name.as_str());
        file::replace(&path, format!("{token}\n").as_bytes(), Access::Private)?;
        Ok(path.display().to_string())
    }

    /// Adds a context, or puts it in the place of the one that has its name, and uses it from then on.
    pub fn add(&mut self, name: Name, context: Saved) -> Result<(), Error> {
        self.contexts.contexts.insert(name.clone(), context);
        self.contexts.current = Some(name);
        self.save()
    }

    /// Uses another one from now on.
    pub fn use_context(&mut self, name: &Name) -> Result<(), Error> {
        self.get(name)?;
        self.contexts.current = Some(name.clone());
        self.save()
    }

    /// Forgets one, and the token that was kept for it. One that is kept elsewhere stays.
    pub fn remove(&mut self, name: &Name) -> Result<(), Error> {
        self.get(name)?;
        self.contexts.contexts.remove(name);
        if self.contexts.current.as_ref() == Some(name) {
            self.contexts.current = None;
        }
        self.save()?;
        let path = self.tokens().join(name.as_str());
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(file::Error::Io { path, action: "remove", source }.into())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    fn save(&self) -> Result<(), Error> {
        make_folder(&self.folder)?;
        let path = self.folder.join("contexts.json");
        let text = serde_json::to_string_pretty(&self.contexts)
            .map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        Ok(file::replace(&path, format!("{text}\n").as_bytes(), Access::Private)?)
    }
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    Ok(made.map_err(|source| file::Error::Io { path: folder.to_owned(), action: "make the folder", source })?)
}
