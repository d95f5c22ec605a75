//! Files on disk: read with a bound, written whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

/// What can go wrong with a file. Every message names it.
#[derive(Debug, Error)]
pub enum Error {
    /// There is none.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// Which.
        path: PathBuf,
    },
    /// There is one, and it is not to be replaced.
    #[error("{} exists already: name another file, or replace it with --force", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// The folder that a file is to be written into does not exist.
    #[error("cannot write {}: there is no folder {}; make it first", path.display(), folder_of(path).display())]
    NoFolder {
        /// Which file.
        path: PathBuf,
    },
    /// What is to be written was made of it.
    #[error("{} is what the artifact is made with, and would be lost: write to another file", path.display())]
    Input {
        /// Which.
        path: PathBuf,
    },
    /// A folder or a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// Larger than what is read.
    #[error("{} is larger than the limit of {max_bytes} bytes", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The limit.
        max_bytes: u64,
    },
    /// The operating system says no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What was tried: `read` or `write`.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// What a failure to read means.
    pub fn reading(path: &Path, source: io::Error) -> Self {
        failure(path, "read", source)
    }
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever the user's umask lets.
    Shared,
    /// The owner alone (0600).
    Private,
}

/// Reads a regular file of at most `max_bytes`.
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| failure(path, "read", source);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    read_at_most(file, max_bytes).map_err(failed)?.ok_or_else(|| Error::TooLarge { path: path.to_owned(), max_bytes })
}

/// Checks that there is a file that can be opened.
pub fn check_readable(path: &Path) -> Result<(), Error> {
    let failed = |source| failure(path, "read", source);
    if File::open(path).and_then(|file| file.metadata()).map_err(failed)?.is_dir() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    Ok(())
}

/// Whether two paths lead to one file, by whatever names and links.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

/// Reads to the end; `None` where there is more than `max_bytes`.
pub fn read_at_most(from: impl Read, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= max_bytes).then_some(bytes))
}

/// Writes a file that must not exist yet, and that nobody ever sees half written.
pub fn create(path: &Path, bytes: &[u8], access: Access) -> Result<(), Error> {
    let temporary = write_beside(path, bytes, access)?;
    temporary.persist_noclobber(path).map_err(|e| failure(path, "write", e.error))?;
    sync_folder(path)
}

/// Puts a file in the place of another in one step: readers see the old one or the new one, whole.
///
/// A symbolic link is followed, and what it points at is replaced. A device or a pipe is written to.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<(), Error> {
    let failed = |source| failure(path, "write", source);
    match fs::metadata(path) {
        Ok(existing) if existing.is_dir() => Err(Error::NotAFile { path: path.to_owned() }),
        Ok(existing) if !existing.is_file() => {
            let mut device = OpenOptions::new().write(true).open(path).map_err(failed)?;
            device.write_all(bytes).map_err(failed)
        }
        Ok(_) => replace_regular(&path.canonicalize().map_err(failed)?, bytes, access),
        Err(_) => replace_regular(path, bytes, access),
    }
}

/// Gives a file another name in its folder, in the place of whatever had it, down to the disk.
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|source| failure(from, "rename", source))?;
    sync_folder(to)
}

fn replace_regular(path: &Path, bytes: &[u8], access: Access) -> Result<(), Error> {
    let temporary = write_beside(path, bytes, access)?;
    temporary.persist(path).map_err(|e| failure(path, "write", e.error))?;
    sync_folder(path)
}

/// A file that is being written, under another name until it is whole. Dropped before, it is gone.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    temporary: NamedTempFile,
}

/// What becomes of a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// It stays, and the new one is gone.
    Refuse,
    /// The new one takes its place.
    Replace,
}

impl Pending {
    /// Begins to write a file.
    ///
    /// # Errors
    /// Also where there is one already that is to stay.
    pub fn begin(path: &Path, access: Access, clash: Clash) -> Result<Self, Error> {
        let existing = fs::symlink_metadata(path);
        match (existing, clash) {
            (Ok(_), Clash::Refuse) => Err(Error::Exists { path: path.to_owned() }),
            (Ok(existing), Clash::Replace) if !existing.is_file() => Err(Error::NotAFile { path: path.to_owned() }),
            (Ok(_) | Err(_), _) => Ok(Self { path: path.to_owned(), temporary: beside(path, access)? }),
        }
    }

    /// Gives it its name, down to the disk.
    pub fn finish(self, clash: Clash) -> Result<(), Error> {
        let Self { path, temporary } = self;
        temporary.as_file().sync_all().map_err(|source| failure(&path, "write", source))?;
        let named = match clash {
            Clash::Refuse => temporary.persist_noclobber(&path),
            Clash::Replace => temporary.persist(&path),
        };
        named.map_err(|error| failure(&path, "write", error.error))?;
        sync_folder(&path)
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.as_file_mut().flush()
    }
}

/// Writes a temporary file in the folder of `path`, down to the disk.
fn write_beside(path: &Path, bytes: &[u8], access: Access) -> Result<NamedTempFile, Error> {
    let failed = |source| failure(path, "write", source);
    let mut temporary = beside(path, access)?;
    temporary.write_all(bytes).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    Ok(temporary)
}

/// An empty temporary file in the folder of `path`.
fn beside(path: &Path, access: Access) -> Result<NamedTempFile, Error> {
    let bits = match access {
        Access::Shared => 0o666,
        Access::Private => 0o600,
    };
    let made = tempfile::Builder::new()
        .prefix(".portcullis-")
        .permissions(Permissions::from_mode(bits))
        .tempfile_in(folder_of(path));
    // The error names the temporary file, which means nothing to the user; its kind does.
    made.map_err(|error| failure(path, "write", error.kind().into()))
}

/// Makes the new name itself survive a power cut.
fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(folder_of(path)).and_then(|folder| folder.sync_all()).map_err(|source| failure(path, "write", source))
}

/// The folder that a file stands in: `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn failure(path: &Path, action: &'static str, source: io::Error) -> Error {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound if action == "read" => Error::NotFound { path },
        io::ErrorKind::NotFound if action == "write" => Error::NoFolder { path },
        io::ErrorKind::AlreadyExists => Error::Exists { path },
        _ => Error::Io { path, action, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_created_file_never_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path, b"first", Access::Private).unwrap();
        assert!(matches!(create(&path, b"second", Access::Private), Err(Error::Exists { .. })));
        assert_eq!(read(&path, 100).unwrap(), b"first");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_replaced_file_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.bca");
        replace(&path, b"first", Access::Shared).unwrap();
        replace(&path, b"second", Access::Shared).unwrap();
        assert_eq!(read(&path, 100).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        replace(&real, b"first", Access::Shared).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"second", Access::Shared).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(read(&real, 100).unwrap(), b"second");
    }

    #[test]
    fn reading_is_bounded_and_says_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(matches!(read(&path, 4), Err(Error::NotFound { .. })));
        fs::write(&path, b"12345").unwrap();
        assert!(matches!(read(&path, 4), Err(Error::TooLarge { max_bytes: 4, .. })));
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert!(matches!(read(folder.path(), 4), Err(Error::NotAFile { .. })));
    }
}
