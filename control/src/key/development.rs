//! The development key, so that `compile` then `serve` just works, verified, on one machine.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use artifact_format::signature::SigningKey;

use super::{Error, KeySource, generate};
use crate::config::Config;
use crate::file::{self, Access};

/// The user's own signing key.
#[derive(Debug)]
pub struct DevelopmentKey {
    /// The key.
    pub key: SigningKey,
    /// Where it is kept.
    pub path: PathBuf,
    /// Whether it was made just now.
    pub age: Age,
}

/// Whether a development key was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It was.
    Existing,
    /// It was made just now.
    New,
}

/// Reads the development key; makes it the first time, and trusts it on this machine.
///
/// The key is `development-key.pem` (0600) in the configuration folder, its public half
/// `trusted-keys/development.pem`. Of two processes that make it at once, one wins and both use that one.
pub fn development_key(config: &Config) -> Result<DevelopmentKey, Error> {
    let folder = config.configuration_folder.as_deref().ok_or(Error::NoConfigurationFolder)?;
    let path = folder.join("development-key.pem");
    make_folder(folder)?;
    let age = if path.exists() { Age::Existing } else { make(&path)? };
    let key = KeySource::File(path.clone()).resolve(config)?;
    trust_on_this_machine(&folder.join("trusted-keys"), &key)?;
    Ok(DevelopmentKey { key, path, age })
}

fn make(path: &Path) -> Result<Age, Error> {
    match file::create(path, generate()?.to_pem()?.as_bytes(), Access::Private) {
        Ok(()) => Ok(Age::New),
        Err(file::Error::Exists { .. }) => Ok(Age::Existing),
        Err(error) => Err(error.into()),
    }
}

/// A public half that is missing or another key's is put right: the private half is what counts.
fn trust_on_this_machine(folder: &Path, key: &SigningKey) -> Result<(), Error> {
    make_folder(folder)?;
    let path = folder.join("development.pem");
    let pem = key.public().to_pem()?;
    let is_current = fs::read_to_string(&path).is_ok_and(|current| current == pem);
    if is_current { Ok(()) } else { Ok(file::replace(&path, pem.as_bytes(), Access::Shared)?) }
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    Ok(made.map_err(|source| file::Error::Io { path: folder.to_owned(), action: "make the folder", source })?)
}
