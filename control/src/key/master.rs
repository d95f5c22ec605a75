//! The master key: what private keys are sealed under while they are kept.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Error, KeySource};
use crate::config::Config;
use crate::file::{self, Access};

/// Length of a master key in bytes.
pub const MASTER_KEY_BYTES: usize = 32;

/// The file in the data folder that a master key is kept in where no other place is named.
const FILE_NAME: &str = "master.key";

/// The one that is to follow it, until everything is sealed under it.
const SUCCESSOR_NAME: &str = "master.key.new";

/// 32 random bytes, as text in base64. Wiped from memory when dropped; never shown.
pub struct MasterKey {
    bytes: Zeroizing<[u8; MASTER_KEY_BYTES]>,
    id: MasterKeyId,
}

/// Names a master key and tells nothing else about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MasterKeyId(pub [u8; 8]);

impl MasterKey {
    /// A new one, of the operating system's randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; MASTER_KEY_BYTES]);
        OsRng.try_fill_bytes(bytes.as_mut_slice()).map_err(Error::Random)?;
        Ok(Self::new(bytes))
    }

    /// Reads the one that a source names.
    pub fn resolve(source: &KeySource, config: &Config) -> Result<Self, Error> {
        let text = source.read(config)?;
        Self::parse(&text).ok_or_else(|| Error::NotAMasterKey { origin: source.to_string() })
    }

    /// Reads `master.key` of a data folder; makes it (0600) the first time.
    ///
    /// Of two processes that make it at once, one wins and both use that one. The folder must exist.
    ///
    /// # Errors
    /// Also a file that is there and holds no master key: it is never replaced, since what it sealed would be lost.
    pub fn of_folder(folder: &Path, config: &Config) -> Result<Self, Error> {
        Self::of_file(folder.join(FILE_NAME), config)
    }

    /// Reads `master.key` of a data folder.
    ///
    /// # Errors
    /// Also where there is none.
    pub fn existing_in(folder: &Path, config: &Config) -> Result<Self, Error> {
        Self::resolve(&KeySource::File(folder.join(FILE_NAME)), config)
    }

    fn of_file(path: PathBuf, config: &Config) -> Result<Self, Error> {
        if !path.exists() {
            match file::create(&path, Self::generate()?.to_text().as_bytes(), Access::Private) {
                Ok(()) | Err(file::Error::Exists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Self::resolve(&KeySource::File(path), config)
    }

    /// Reads `master.key.new` of a data folder, the one that is to follow; makes it (0600) the first time.
    pub fn successor_in(folder: &Path, config: &Config) -> Result<Self, Error> {
        Self::of_file(folder.join(SUCCESSOR_NAME), config)
    }

    /// Puts `master.key.new` of a data folder in this one's place, which is kept beside it under its id.
    ///
    /// Done again after it was cut short, it goes on where it was.
    pub fn succeeded_in(&self, folder: &Path) -> Result<PathBuf, Error> {
        let (current, kept) = (folder.join(FILE_NAME), folder.join(format!("{FILE_NAME}.{}", self.id)));
        file::replace(&kept, self.to_text().as_bytes(), Access::Private)?;
        file::rename(&folder.join(SUCCESSOR_NAME), &current)?;
        Ok(kept)
    }

    /// Its name.
    pub fn id(&self) -> MasterKeyId {
        self.id
    }

    pub(super) fn as_bytes(&self) -> &[u8; MASTER_KEY_BYTES] {
        &self.bytes
    }

    pub(super) fn new(bytes: Zeroizing<[u8; MASTER_KEY_BYTES]>) -> Self {
        let hash = Sha256::new().chain_update(b"portcullis master key id\0").chain_update(bytes.as_slice()).finalize();
        let mut id = [0; 8];
        id.copy_from_slice(&hash[..8]);
        Self { bytes, id: MasterKeyId(id) }
    }

    fn parse(text: &str) -> Option<Self> {
        let decoded = Zeroizing::new(BASE64.decode(text.trim()).ok()?);
        let mut bytes = Zeroizing::new([0; MASTER_KEY_BYTES]);
        if decoded.len() != MASTER_KEY_BYTES {
            return None;
        }
        bytes.copy_from_slice(&decoded);
        Some(Self::new(bytes))
    }

    fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(self.bytes.as_slice()))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

impl fmt::Display for MasterKeyId {
    /// 16 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn of_folder(folder: &Path) -> Result<MasterKey, Error> {
        MasterKey::of_folder(folder, &Config::from_environment())
    }

    #[test]
    fn the_first_time_makes_the_key_and_every_other_time_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let made = of_folder(folder.path()).unwrap();
        let permissions = fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        let read = of_folder(folder.path()).unwrap();
        assert_eq!(read.as_bytes(), made.as_bytes());
        let other = tempfile::tempdir().unwrap();
        assert_ne!(of_folder(other.path()).unwrap().id(), made.id());
    }

    #[test]
    fn many_that_make_it_at_once_have_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let ids: Vec<MasterKeyId> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| of_folder(path).unwrap().id())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn a_file_that_holds_no_master_key_is_refused_and_left_alone() {
        let check = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(FILE_NAME);
            fs::write(&path, text).unwrap();
            let error = of_folder(folder.path()).unwrap_err();
            assert!(matches!(error, Error::NotAMasterKey { .. }), "{text}: {error}");
            assert!(error.to_string().contains("master.key"), "{error}");
            assert!(text.is_empty() || !error.to_string().contains(text), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        };
        check("");
        check("c2hvcnQ=");
        check(&BASE64.encode([1; 33]));
        check("not base64 at all, but 44 characters long....");
    }

    #[test]
    fn a_master_key_never_shows_itself() {
        let key = MasterKey::new(Zeroizing::new([7; MASTER_KEY_BYTES]));
        assert_eq!(format!("{key:?}"), format!("MasterKey({})", key.id()));
        assert_ne!(key.id().to_string(), "07".repeat(8));
    }
}
