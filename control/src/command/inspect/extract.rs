//! Documents out of an artifact, into a folder.

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use artifact_format::model::Specs;

use crate::file::{self, Access, Error};

/// Writes every document into a folder, which is made, or is there and empty.
///
/// The artifact may be anybody's: a path that would lead out of the folder is refused before anything is written,
/// and nothing that exists is replaced.
pub(super) fn extract(specs: &Specs, folder: &Path) -> Result<(), Error> {
    let targets = specs.specs.iter().map(|spec| Ok((confined(folder, &spec.path)?, &spec.text)));
    let targets = targets.collect::<Result<Vec<_>, Error>>()?;
    make_empty(folder)?;
    for (path, text) in targets {
        make(file::folder_of(&path))?;
        file::create(&path, text.as_bytes(), Access::Shared)?;
    }
    Ok(())
}

fn confined(folder: &Path, path: &str) -> Result<PathBuf, Error> {
    let is_confined = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if is_confined && !path.is_empty() {
        return Ok(folder.join(path));
    }
    let source = io::Error::other(format!("the artifact names a document `{path}`, which is not inside the folder"));
    Err(Error::Io { path: folder.to_owned(), action: "extract into", source })
}

fn make_empty(folder: &Path) -> Result<(), Error> {
    make(folder)?;
    let failed = |source| Error::Io { path: folder.to_owned(), action: "read", source };
    match fs::read_dir(folder).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(Error::Exists { path: folder.to_owned() }),
    }
}

fn make(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_owned(), action: "make", source })
}

#[cfg(test)]
mod tests {
    use artifact_format::model::{Spec, SpecFormat, SpecRole};

    use super::*;

    fn specs(paths: &[&str]) -> Specs {
        let spec = |path: &&str| Spec {
            path: (*path).to_owned(),
            role: SpecRole::Entry,
            format: SpecFormat::Yaml,
            text: format!("text of {path}"),
        };
        Specs { specs: paths.iter().map(spec).collect() }
    }

    #[test]
    fn documents_come_out_as_they_went_in() {
        let folder = tempfile::tempdir().unwrap();
        extract(&specs(&["api.yaml", "schemas/pet.yaml"]), folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("schemas/pet.yaml")).unwrap(), "text of schemas/pet.yaml");
    }

    #[test]
    fn nothing_is_written_when_one_path_leads_out() {
        for path in ["../evil", "/etc/evil", "a/../../evil", ""] {
            let folder = tempfile::tempdir().unwrap();
            assert!(extract(&specs(&["api.yaml", path]), folder.path()).is_err(), "{path}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{path}");
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine"), "").unwrap();
        assert!(matches!(extract(&specs(&["api.yaml"]), folder.path()), Err(Error::Exists { .. })));
    }
}
