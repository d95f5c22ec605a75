//! The files that a compilation may read: those of one folder.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use compiler::document::limits::FILE_BYTES_MAX;
use compiler::document::{FileError, Files};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::file;

/// What the document on stdin is called, in diagnostics and in the artifact.
pub const STDIN: &str = "stdin";

/// A folder, and what was read from it.
///
/// A path is looked up with every symbolic link followed, and must end inside the folder all the same.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    stdin: Option<Vec<u8>>,
    reads: RefCell<Reads>,
}

/// What a compilation read: enough to tell whether it would read anything else now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads(BTreeMap<PathBuf, Content>);

/// What was found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// A file with this SHA-256.
    File([u8; 32]),
    /// Nothing that could be read.
    Nothing,
}

/// A document that cannot be compiled, wherever it is.
#[derive(Debug, Error)]
pub enum Error {
    /// It is not there, or cannot be looked at.
    #[error(transparent)]
    File(#[from] file::Error),
    /// It is not in the folder that may be read.
    #[error(
        "{} is outside of {}, the only folder that is read: name a folder that holds every document with --root",
        path.display(), root.display()
    )]
    Outside {
        /// Which document.
        path: PathBuf,
        /// The folder.
        root: PathBuf,
    },
    /// A name that the artifact, which is the same on every system, cannot hold.
    #[error("{}: a document's name must be UTF-8", path.display())]
    Name {
        /// Which document.
        path: PathBuf,
    },
    /// `-` more than once.
    #[error("`-` is given {count} times, and stdin can be read once")]
    StdinRepeated {
        /// How often.
        count: usize,
    },
    /// Stdin cannot be read.
    #[error("cannot read a document from stdin: {0}")]
    Stdin(#[source] io::Error),
    /// Stdin does not end.
    #[error("the document on stdin is larger than the limit of {FILE_BYTES_MAX} bytes")]
    StdinTooLarge,
}

impl Folder {
    /// The folder named, or the one that holds every document.
    pub fn of<P: AsRef<Path>>(specs: &[P], named: Option<&Path>) -> Result<Self, Error> {
        let root = if let Some(named) = named {
            canonical(named)?
        } else {
            let folders = specs.iter().map(|spec| canonical(file::folder_of(spec.as_ref())));
            let folders = folders.collect::<Result<Vec<_>, _>>()?;
            folders.into_iter().reduce(|one, other| shared(&one, &other)).unwrap_or_default()
        };
        Ok(Self { root, stdin: None, reads: RefCell::default() })
    }

    /// Reads the document that stands for `-`, where one of the paths is that.
    ///
    /// `given` is the text where it was read already.
    pub fn with_stdin<'p>(self, paths: impl Iterator<Item = &'p PathBuf>, given: Option<&[u8]>) -> Result<Self, Error> {
        let stdin = match paths.filter(|path| is_stdin(path)).count() {
            0 => None,
            1 => {
                let limit = FILE_BYTES_MAX as u64;
                let read = match given {
                    Some(text) => file::read_at_most(text, limit),
                    None => file::read_at_most(io::stdin().lock(), limit),
                };
                let read = read.map_err(Error::Stdin)?;
                Some(read.ok_or(Error::StdinTooLarge)?)
            }
            count => return Err(Error::StdinRepeated { count }),
        };
        Ok(Self { stdin, ..self })
    }

    /// The name of a document that the user named: its path in the folder, with `/`.
    ///
    /// # Errors
    /// It does not exist, or not in the folder.
    pub fn name(&self, path: &Path) -> Result<String, Error> {
        if is_stdin(path) {
            return Ok(STDIN.to_owned());
        }
        let outside = || Error::Outside { path: path.to_owned(), root: self.root.clone() };
        file::check_readable(path)?;
        let folder = canonical(file::folder_of(path))?;
        let inside = folder.strip_prefix(&self.root).map_err(|_| outside())?.to_owned();
        let name = inside.join(path.file_name().ok_or_else(outside)?);
        let parts = name.components().map(|part| match part {
            Component::Normal(part) => part.to_str(),
            Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
        });
        let parts: Option<Vec<&str>> = parts.collect();
        Ok(parts.ok_or_else(|| Error::Name { path: path.to_owned() })?.join("/"))
    }

    /// What was read so far.
    pub fn reads(self) -> Reads {
        self.reads.into_inner()
    }

    fn read_confined(&self, path: &Path) -> Result<Vec<u8>, FileError> {
        let real = path.canonicalize().map_err(|error| of_system(&error))?;
        if !real.starts_with(&self.root) {
            let text = format!(
                "a symbolic link leads out of {}: name a folder that holds both with --root",
                self.root.display()
            );
            return Err(FileError::Other(text));
        }
        match fs::metadata(&real) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(FileError::Other("it is not a regular file".to_owned())),
            Err(error) => return Err(of_system(&error)),
        }
        file::read(&real, FILE_BYTES_MAX as u64).map_err(|error| match error {
            file::Error::NotFound { .. } => FileError::NotFound,
            file::Error::TooLarge { .. } => FileError::TooLarge { limit: FILE_BYTES_MAX },
            file::Error::Io { source, .. } => of_system(&source),
            file::Error::Exists { .. }
            | file::Error::NotAFile { .. }
            | file::Error::Input { .. }
            | file::Error::NoFolder { .. } => FileError::Other(error.to_string()),
        })
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if let Some(text) = self.stdin.as_ref().filter(|_| path == STDIN) {
            return Ok(text.clone());
        }
        let on_disk = self.root.join(path);
        let read = self.read_confined(&on_disk);
        self.reads.borrow_mut().0.insert(on_disk, Content::of(read.as_deref().ok()));
        read
    }
}

impl Reads {
    /// The folders that hold what was read, and what was looked for in vain.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().filter_map(|path| path.parent())
    }

    /// Whether a path leads to a file that was read.
    pub fn contain(&self, path: &Path) -> bool {
        self.0.keys().any(|read| file::is_same(read, path))
    }

    /// What is found at the same paths now: equal to these where nothing changed.
    pub fn again(&self) -> Self {
        let found = |path: &PathBuf| Content::of(fs::read(path).ok().as_deref());
        Self(self.0.keys().map(|path| (path.clone(), found(path))).collect())
    }
}

impl Content {
    fn of(read: Option<&[u8]>) -> Self {
        read.map_or(Self::Nothing, |bytes| Self::File(Sha256::digest(bytes).into()))
    }
}

/// Whether a path stands for stdin.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn of_system(error: &io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FileError::NotFound,
        _ => FileError::Other(error.to_string()),
    }
}

/// The folder that holds both.
fn shared(one: &Path, other: &Path) -> PathBuf {
    let steps = one.components().zip(other.components());
    steps.take_while(|(one, other)| one == other).map(|(step, _)| step).collect()
}

fn canonical(folder: &Path) -> Result<PathBuf, Error> {
    Ok(folder.canonicalize().map_err(|source| file::Error::reading(folder, source))?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder_with_api() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("api")).unwrap();
        fs::write(folder.path().join("api/openapi.yaml"), "text").unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        folder
    }

    #[test]
    fn a_document_is_named_by_its_place_in_the_folder() {
        let temporary = folder_with_api();
        let spec = temporary.path().join("api/../api/./openapi.yaml");
        assert_eq!(Folder::of(&[&spec], None).unwrap().name(&spec).unwrap(), "openapi.yaml");
        let above = Folder::of(&[&spec], Some(temporary.path())).unwrap();
        assert_eq!(above.name(&spec).unwrap(), "api/openapi.yaml");
        let other = temporary.path().join("secret");
        assert!(matches!(Folder::of(&[&spec], None).unwrap().name(&other), Err(Error::Outside { .. })));
        let both = Folder::of(&[&spec, &other], None).unwrap();
        assert_eq!(
            (both.name(&spec).unwrap(), both.name(&other).unwrap()),
            ("api/openapi.yaml".into(), "secret".into())
        );
        let missing = temporary.path().join("api/none.yaml");
        let error = Folder::of(&[&spec], None).unwrap().name(&missing).unwrap_err();
        assert!(matches!(error, Error::File(file::Error::NotFound { .. })), "{error}");
    }

    #[test]
    fn a_link_that_leads_out_is_refused_and_one_that_stays_is_followed() {
        let temporary = folder_with_api();
        let api = temporary.path().join("api");
        symlink("../secret", api.join("out.yaml")).unwrap();
        symlink("..", api.join("up")).unwrap();
        symlink("openapi.yaml", api.join("in.yaml")).unwrap();
        let folder = Folder::of(&[api.join("openapi.yaml")], None).unwrap();
        assert_eq!(folder.read("in.yaml").unwrap(), b"text");
        for path in ["out.yaml", "up/secret"] {
            assert!(matches!(folder.read(path), Err(FileError::Other(text)) if text.contains("leads out")), "{path}");
        }
        assert_eq!(folder.read("none.yaml"), Err(FileError::NotFound));
        assert_eq!(folder.read("openapi.yaml/x"), Err(FileError::NotFound));
        assert!(matches!(folder.read(""), Err(FileError::Other(_))));
    }

    #[test]
    fn what_was_read_knows_when_it_changes() {
        let temporary = folder_with_api();
        let spec = temporary.path().join("api/openapi.yaml");
        let read = || {
            let folder = Folder::of(&[&spec], None).unwrap();
            folder.read("openapi.yaml").unwrap();
            let _ = folder.read("missing.yaml");
            folder.reads()
        };
        let before = read();
        assert_eq!(before.again(), before);
        fs::write(&spec, "text").unwrap();
        assert_eq!(before.again(), before, "the same text again is no change");
        fs::write(&spec, "other").unwrap();
        assert_ne!(before.again(), before);
        let before = read();
        fs::write(temporary.path().join("api/missing.yaml"), "").unwrap();
        assert_ne!(before.again(), before, "a file that was missing came");
    }
}
