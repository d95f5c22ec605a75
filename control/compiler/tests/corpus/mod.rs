//! The corpus of real documents, which is not part of the project.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use compiler::diagnostic::{Diagnostics, Sink};
use compiler::document::{Documents, FileError, Files};
use compiler::input::{Fence, Input, Options};

/// A folder of the corpus; `None`, with a note, where there is no corpus.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    #[allow(clippy::disallowed_methods, reason = "a test has no configuration file")]
    let corpus = std::env::var_os("PORTCULLIS_CORPUS").map_or(beside, PathBuf::from);
    let folder = corpus.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no corpus at {}", corpus.display());
    None
}

/// Every JSON and YAML file below a folder, sorted.
pub(crate) fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| ["json", "yaml", "yml"].iter().any(|one| extension == *one))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The files of a folder.
pub(crate) struct FolderFiles(pub(crate) PathBuf);

impl Files for FolderFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        std::fs::read(self.0.join(path)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => FileError::NotFound,
            _ => FileError::Other(error.to_string()),
        })
    }
}

/// What reading and checking the structure of a document has to say.
pub(crate) fn check(document: &Path) -> Diagnostics {
    let files = FolderFiles(document.parent().unwrap().to_owned());
    let entry = document.file_name().unwrap().to_str().unwrap().to_owned();
    let input = Input {
        specs: vec![entry],
        overlays: vec![],
        fence: Fence::default(),
        files: &files,
        options: Options::default(),
    };
    let mut sink = Sink::new();
    let documents = Documents::load(&input, &mut sink);
    compiler::structure::check(&documents, &mut sink);
    Diagnostics::new(sink, &documents)
}
