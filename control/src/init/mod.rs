//! The project that `init` writes.

use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;

use crate::domain::name::{Name, NameError};
use crate::file::{self, Access};

/// What stands for the project's name in the templates.
const PLACEHOLDER: &str = "{{name}}";

/// The files of a new project.
const FILES: [(&str, &str); 4] = [
    ("openapi.yaml", include_str!("project/openapi.yaml")),
    ("production.overlay.yaml", include_str!("project/production.overlay.yaml")),
    ("README.md", include_str!("project/README.md")),
    (".gitignore", include_str!("project/gitignore")),
];

/// Why there is no new project.
#[derive(Debug, Error)]
pub enum Error {
    /// A name that would not stand in a document as it is.
    #[error("`{name}`: {source}")]
    Name {
        /// Which.
        name: String,
        /// Why not.
        source: NameError,
    },
    /// Something is there already.
    #[error("{} exists and is not an empty folder: name another one", path.display())]
    NotEmpty {
        /// What.
        path: PathBuf,
    },
    /// A folder that cannot be made or looked into.
    #[error("cannot make {}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] file::Error),
}

/// Writes a small project into a new folder, or an empty one, and says which files.
///
/// # Errors
/// The folder holds something; nothing is ever replaced.
pub fn init(folder: &Path) -> Result<Vec<&'static str>, Error> {
    let name = name_of(folder)?.to_string();
    make_empty(folder)?;
    for (file, template) in FILES {
        file::create(&folder.join(file), template.replace(PLACEHOLDER, &name).as_bytes(), Access::Shared)?;
    }
    Ok(FILES.iter().map(|(file, _)| *file).collect())
}

/// The last part of the path, which goes into YAML and Markdown.
fn name_of(folder: &Path) -> Result<Name, Error> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.parse().map_err(|source| Error::Name { name: folder.display().to_string(), source })
}

fn make_empty(folder: &Path) -> Result<(), Error> {
    let failed = |source| Error::Folder { path: folder.to_owned(), source };
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Error::NotEmpty { path: folder.to_owned() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(folder).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(Error::NotEmpty { path: folder.to_owned() }),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("notes");
        init(&folder).unwrap();
        assert!(matches!(init(&folder), Err(Error::NotEmpty { .. })));
        assert!(matches!(init(&folder.join("README.md")), Err(Error::NotEmpty { .. })));
    }

    #[test]
    fn the_name_is_put_in_everywhere() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("my-notes");
        for file in init(&folder).unwrap() {
            assert!(!fs::read_to_string(folder.join(file)).unwrap().contains(PLACEHOLDER), "{file}");
        }
        assert!(fs::read_to_string(folder.join("openapi.yaml")).unwrap().contains("title: \"my-notes\""));
    }

    #[test]
    fn a_name_is_plain() {
        for name in ["a b", "..", "-x", "ä", "x\"y"] {
            assert!(matches!(name_of(Path::new(name)), Err(Error::Name { .. })), "{name}");
        }
    }
}
