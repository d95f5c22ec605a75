//! Documents on disk into an upload: the files that are named, every file that a `$ref` leads to from them, or a folder.
//!
//! What is made is judged by the server's own rules before it is sent, and sent as a zip archive, so that every file
//! keeps its path. The same documents give the same bytes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use compiler::diagnostic::Sink;
use compiler::document::limits::FILE_BYTES_MAX;
use compiler::document::{Documents, FileError, Files, MemoryFiles};
use compiler::{Fence, Input, Options};
use thiserror::Error as ThisError;

use crate::documents::{self, Folder, is_stdin};
use crate::domain::spec::name_of;
use crate::file;
use crate::upload::{self, UPLOAD_BYTES_MAX, Upload};

/// Documents, ready to be sent.
#[derive(Debug, Clone)]
pub struct Pack {
    /// The paths of the OpenAPI documents in the archive.
    pub entries: Vec<String>,
    /// Every path in it.
    pub files: Vec<String>,
    /// A zip archive.
    pub archive: Bytes,
    /// What the first OpenAPI document calls its API, as a name, as the server makes it.
    pub name: Option<String>,
}

/// Why there is nothing to send.
#[derive(Debug, ThisError)]
pub enum Error {
    /// A document that cannot be found.
    #[error(transparent)]
    Documents(#[from] documents::Error),
    /// A file or folder that cannot be read.
    #[error(transparent)]
    File(#[from] file::Error),
    /// A document that cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why not.
        source: FileError,
    },
    /// What the server would refuse.
    #[error(transparent)]
    Upload(#[from] upload::Error),
    /// Files and a folder.
    #[error("{} is a folder: give it alone, or give files", path.display())]
    FolderAmongFiles {
        /// Which.
        path: PathBuf,
    },
    /// Entries within files that are entries themselves.
    #[error("--entry is for a folder: of files, those with a field `openapi` are the entries")]
    EntryOfFiles,
    /// A name that the archive cannot hold.
    #[error("{}: a document's name must be UTF-8", path.display())]
    Name {
        /// Which.
        path: PathBuf,
    },
    /// The archive cannot be made.
    #[error("the archive cannot be made: {0}")]
    Archive(#[from] zip::result::ZipError),
}

/// What to send: files, or one folder.
///
/// Files with a field `openapi` are the entries. Others, such as overlays, come along, with what they refer to. `root`
/// is the folder that paths begin in; without it, the one that holds every file.
pub fn pack(paths: &[PathBuf], root: Option<&Path>, entries: &[String]) -> Result<Pack, Error> {
    let upload = match paths {
        [folder] if folder.is_dir() => of_folder(folder)?,
        [stdin] if is_stdin(stdin) => of_stdin()?,
        files => {
            if let Some(path) = files.iter().find(|path| path.is_dir()) {
                return Err(Error::FolderAmongFiles { path: path.clone() });
            }
            if !entries.is_empty() {
                return Err(Error::EntryOfFiles);
            }
            let (upload, entries) = of_files(files, root)?;
            return finish(upload.finish(&entries)?);
        }
    };
    finish(upload.finish(entries)?)
}

fn of_files(paths: &[PathBuf], root: Option<&Path>) -> Result<(Upload, Vec<String>), Error> {
    let folder = Folder::of(paths, root)?;
    let named = paths.iter().map(|path| folder.name(path)).collect::<Result<Vec<_>, _>>()?;
    let fence = if root.is_some() { Fence::Files } else { Fence::Documents };
    let load = |specs: &[String], overlays: &[String]| {
        let (specs, overlays) = (specs.to_vec(), overlays.to_vec());
        let input = Input { specs, overlays, fence, files: &folder, options: Options::default() };
        // What is wrong with documents is for the build to say, with every place.
        Documents::load(&input, &mut Sink::new())
    };
    let read = |documents: &Documents| documents.sources().map(|source| source.path().to_owned()).collect::<Vec<_>>();
    let first = load(&named, &[]);
    let entries: Vec<String> = first.entries().map(|entry| entry.place().file.to_string()).collect();
    let mut files: BTreeSet<String> = named.iter().cloned().chain(read(&first)).collect();
    for companion in named.iter().filter(|name| !entries.contains(name)) {
        // Applied, in case it is an overlay: it may bring references of its own.
        files.extend(read(&load(&entries, std::slice::from_ref(companion))));
    }
    let mut upload = Upload::new();
    for path in files {
        let bytes = folder.read(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        upload.add(&path, &bytes)?;
    }
    Ok((upload, entries))
}

/// Every YAML and JSON file of a folder, but those whose name, or whose folder's, begins with a dot.
fn of_folder(folder: &Path) -> Result<Upload, Error> {
    let mut upload = Upload::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(inner) = waiting.pop() {
        let path = folder.join(&inner);
        let failed = |source| file::Error::reading(&path, source);
        let mut found = fs::read_dir(&path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        found.sort_by_key(fs::DirEntry::file_name);
        for entry in found {
            let inner = inner.join(entry.file_name());
            let name = inner.to_str().ok_or_else(|| Error::Name { path: entry.path() })?;
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            // A link leads out of the folder, or to what is in it anyway.
            let kind = entry.file_type().map_err(failed)?;
            if !is_hidden && kind.is_dir() {
                waiting.push(inner);
            } else if !is_hidden && kind.is_file() && is_document(&inner) {
                upload.add(name, &file::read(&entry.path(), FILE_BYTES_MAX as u64)?)?;
            }
        }
    }
    Ok(upload)
}

fn of_stdin() -> Result<Upload, Error> {
    let read = file::read_at_most(std::io::stdin().lock(), FILE_BYTES_MAX as u64).map_err(documents::Error::Stdin)?;
    let text = read.ok_or(documents::Error::StdinTooLarge)?;
    let name = if text.trim_ascii_start().starts_with(b"{") { "openapi.json" } else { "openapi.yaml" };
    let mut upload = Upload::new();
    upload.add(name, &text)?;
    Ok(upload)
}

fn is_document(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| ["yaml", "yml", "json"].contains(&extension.as_str()))
}

fn finish(documents: upload::Documents) -> Result<Pack, Error> {
    let archive = upload::pack(&documents.files)?;
    if archive.len() > UPLOAD_BYTES_MAX {
        return Err(upload::Error::UploadTooLarge.into());
    }
    let name = title(&documents).as_deref().and_then(name_of).map(String::from);
    let files = documents.files.into_iter().map(|document| document.path).collect();
    Ok(Pack { entries: documents.entries, files, archive, name })
}

/// What the first entry says in `info.title`.
fn title(documents: &upload::Documents) -> Option<String> {
    let first = documents.entries.first()?;
    let document = documents.files.iter().find(|document| document.path == *first)?;
    let files = MemoryFiles::new().with(first.clone(), document.bytes.to_vec());
    let (specs, options) = (vec![first.clone()], Options::default());
    let input = Input { specs, overlays: Vec::new(), fence: Fence::Files, files: &files, options };
    let loaded = Documents::load(&input, &mut Sink::new());
    let entry = loaded.entries().next()?;
    entry.get("info")?.get("title")?.str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str =
        "openapi: 3.1.0\ninfo: { title: Pets & Friends, version: '1' }\npaths:\n  /pets: { $ref: 'paths/pets.yaml' }\n";

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("openapi.yaml", ENTRY),
            ("paths/pets.yaml", "get: { responses: { '200': { $ref: '../responses.json' } } }"),
            ("responses.json", "{\"description\": \"some\"}"),
            ("unrelated.yaml", "a: b"),
            ("README.md", "text"),
            (".git/config.yaml", "a: b"),
            (
                "live.yaml",
                "overlay: 1.0.0\ninfo: { title: live, version: '1' }\nactions:\n  - target: $.paths\n    update: { /cats: { $ref: cats.yaml } }\n",
            ),
            ("cats.yaml", "get: { responses: { '200': { description: some } } }"),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn packed(files: &[&str], entries: &[&str]) -> Result<Pack, Error> {
        let folder = folder();
        let paths: Vec<PathBuf> = files.iter().map(|file| folder.path().join(file)).collect();
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        pack(&paths, None, &entries)
    }

    #[test]
    fn a_file_takes_along_what_it_refers_to() {
        let pack = packed(&["openapi.yaml"], &[]).unwrap();
        assert_eq!(pack.files, ["openapi.yaml", "paths/pets.yaml", "responses.json"]);
        assert_eq!(
            (pack.entries.as_slice(), pack.name.as_deref()),
            (&["openapi.yaml".to_owned()][..], Some("pets-friends"))
        );
        assert_eq!(pack.archive, packed(&["openapi.yaml"], &[]).unwrap().archive);
    }

    #[test]
    fn an_overlay_takes_along_what_it_brings() {
        let pack = packed(&["live.yaml", "openapi.yaml"], &[]).unwrap();
        assert_eq!(pack.files, ["cats.yaml", "live.yaml", "openapi.yaml", "paths/pets.yaml", "responses.json"]);
        assert_eq!(pack.entries, ["openapi.yaml"]);
    }

    #[test]
    fn a_folder_is_every_document_in_it() {
        let pack = packed(&[""], &[]).unwrap();
        assert_eq!(pack.files.len(), 6, "{:?}", pack.files);
        assert_eq!(pack.entries, ["openapi.yaml"]);
        assert!(matches!(packed(&[""], &["missing.yaml"]), Err(Error::Upload(_))));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_before_it_is_sent() {
        assert!(matches!(packed(&["unrelated.yaml", "cats.yaml"], &[]), Err(Error::Upload(upload::Error::NoEntry))));
        assert!(matches!(packed(&["", "openapi.yaml"], &[]), Err(Error::FolderAmongFiles { .. })));
        assert!(matches!(packed(&["openapi.yaml"], &["openapi.yaml"]), Err(Error::EntryOfFiles)));
    }
}
