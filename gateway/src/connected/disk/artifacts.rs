//! Artifacts on disk: whole ones, and one that is on its way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};

use artifact_format::container::Digest;
use artifact_format::limits::Limits;
use fleet::agent::Failure;
use sha2::{Digest as _, Sha256};

use super::{ARTIFACTS, Error, Folder, write};

/// What is there of an artifact.
#[derive(Debug)]
pub(in crate::connected) enum Cached {
    /// All of it.
    Whole,
    /// This much.
    Partial(Box<Partial>),
}

/// An artifact that is being fetched.
#[derive(Debug)]
pub(in crate::connected) struct Partial {
    artifact: Digest,
    length: NonZeroU64,
    received: u64,
    hash: Sha256,
    file: File,
    path: PathBuf,
    folder: PathBuf,
}

impl Folder {
    /// What is there of an artifact of this length. What is there and is something else is removed; it is kept from now on,
    /// until another one is asked for.
    pub(in crate::connected) fn cached(&self, artifact: Digest, length: NonZeroU64) -> Result<Cached, Error> {
        let (folder, whole) = (self.path.join(ARTIFACTS), self.artifact(artifact));
        *self.fetching() = Some(artifact);
        if whole.try_exists().map_err(Error::read(&whole))? {
            match self.read_artifact(artifact) {
                Ok(_) => return Ok(Cached::Whole),
                // Too many open files, say: it may be as good as ever.
                Err(error) if error.passes() => return Err(error),
                // A bad sector, say, or somebody else's file: it stays until what is fetched anew takes its place.
                Err(error @ Error::Read { .. }) if whole.is_file() => {
                    tracing::warn!(%error, "an artifact cannot be read, and is fetched anew");
                }
                Err(_) => fs::remove_file(&whole).map_err(Error::write(&whole))?,
            }
        }
        let path = folder.join(format!("{artifact}.part"));
        let open = || OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path);
        let mut file = open().map_err(Error::write(&path))?;
        let mut hash = Sha256::new();
        let received = feed(&mut file, length, &mut hash).map_err(Error::read(&path))?;
        let mut partial = Partial { artifact, length, received, hash, file, path, folder };
        if received > length.get() {
            partial.restart()?;
        }
        Ok(Cached::Partial(Box::new(partial)))
    }

    /// An artifact that is there whole: its bytes, whose hash was compared.
    pub(in crate::connected) fn read_artifact(&self, artifact: Digest) -> Result<Vec<u8>, Error> {
        let file = self.artifact(artifact);
        let damaged = |what: &str| Error::Damaged { file: file.clone(), what: what.to_owned() };
        let limit = Limits::DEFAULT.file_max_bytes;
        let bytes = write::read(&file, limit + 1)?.ok_or_else(|| damaged("it is missing"))?;
        if artifact_format::container::digest(&bytes) == artifact {
            Ok(bytes)
        } else {
            Err(damaged("its SHA-256 is not its name"))
        }
    }

    /// Removes every artifact but these, and but the one that was asked for since.
    pub(in crate::connected) fn collect(&self, needed: &[Digest]) -> Result<(), Error> {
        let folder = self.path.join(ARTIFACTS);
        // Held to the end: whoever asks for one meanwhile asks after it.
        let fetching = self.fetching();
        let mut failed = Ok(());
        for entry in fs::read_dir(&folder).map_err(Error::read(&folder))? {
            let entry = entry.map_err(Error::read(&folder))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let named = name.split('.').next().and_then(|stem| stem.parse::<Digest>().ok());
            // What is not called like an artifact was put there by somebody else.
            if named.is_some_and(|named| !needed.contains(&named) && *fetching != Some(named)) {
                let path = entry.path();
                // One that stays keeps none of the others.
                failed = failed.and(fs::remove_file(&path).map_err(Error::write(&path)));
            }
        }
        failed
    }

    fn fetching(&self) -> MutexGuard<'_, Option<Digest>> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn artifact(&self, artifact: Digest) -> PathBuf {
        self.path.join(ARTIFACTS).join(artifact.to_string())
    }
}

impl Partial {
    /// How many bytes are there.
    pub(in crate::connected) fn received(&self) -> u64 {
        self.received
    }

    /// Whether all of them are there.
    pub(in crate::connected) fn is_complete(&self) -> bool {
        self.received == self.length.get()
    }

    /// Begins anew.
    pub(in crate::connected) fn restart(&mut self) -> Result<(), Error> {
        self.file.set_len(0).map_err(Error::write(&self.path))?;
        self.hash = Sha256::new();
        self.received = 0;
        Ok(())
    }

    /// More of it. Never more than was promised.
    pub(in crate::connected) fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let received = self.received + bytes.len() as u64;
        if received > self.length.get() {
            let detail = format!("the artifact is longer than the {} bytes that its pointer promises", self.length);
            self.discard();
            return Err(Failure::damaged("length_mismatch", detail));
        }
        self.file.write_all(bytes).map_err(Error::write(&self.path))?;
        self.hash.update(bytes);
        self.received = received;
        Ok(())
    }

    /// All of it came: puts it in its place, if it is what was promised.
    pub(in crate::connected) fn finish(self) -> Result<(), Failure> {
        let found = Digest(self.hash.clone().finalize().into());
        if self.received != self.length.get() {
            let detail = format!("{} of {} bytes of the artifact came", self.received, self.length);
            return Err(Failure::unavailable("truncated", detail));
        }
        if found != self.artifact {
            let detail = format!("what came has the SHA-256 {found} and not {}", self.artifact);
            self.discard();
            return Err(Failure::damaged("digest_mismatch", detail));
        }
        let whole = self.folder.join(self.artifact.to_string());
        let put = || {
            self.file.sync_all()?;
            fs::rename(&self.path, &whole)?;
            write::sync(&self.folder)
        };
        Ok(put().map_err(Error::write(&whole))?)
    }

    /// It is of no use.
    fn discard(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "cannot remove what was fetched in vain");
        }
    }
}

/// Reads what is there, a piece at a time, and no further than it can be of use.
fn feed(file: &mut File, most: NonZeroU64, hash: &mut Sha256) -> io::Result<u64> {
    let mut file = file.take(most.get().saturating_add(1));
    let mut piece = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(length),
            read => {
                hash.update(&piece[..read]);
                length += read as u64;
            }
        }
    }
}
