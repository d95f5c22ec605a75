//! What the tests of whole documents share.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use artifact_format::model::{Artifact, Provenance};
use compiler::diagnostic::{Located, Severity};
use compiler::document::{FileError, Files, MemoryFiles};
use compiler::{Compiled, Input, Options, SecurityMode, compile};

/// A folder as the files of a compilation.
pub struct Folder(pub PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        std::fs::read(self.0.join(path)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => FileError::NotFound,
            _ => FileError::Other(error.to_string()),
        })
    }
}

/// The folder of real documents, or of what is in it; `None`, with a word about it, where it is absent.
pub fn corpus(part: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests have no config.rs")]
    let chosen = std::env::var_os("PORTCULLIS_CORPUS").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = chosen.unwrap_or_else(beside).join(part);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no corpus at {}", folder.display());
    None
}

/// Options that make a gateway of any description.
pub fn lenient() -> Options {
    Options {
        project: "test".to_owned(),
        upstream: Some("http://127.0.0.1:9000".to_owned()),
        security: SecurityMode::Presence,
        provenance: Provenance::default(),
    }
}

/// Compiles one file of a folder.
pub fn compile_file(path: &Path) -> Compiled {
    let folder = Folder(path.parent().unwrap().to_owned());
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    compile(&Input { specs: vec![name], overlays: Vec::new(), files: &folder, options: lenient() })
}

/// Compiles documents in memory.
pub fn compile_texts(texts: &[(&str, &str)], options: Options) -> Compiled {
    let files =
        texts.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect::<MemoryFiles>();
    let specs = texts.iter().map(|(path, _)| (*path).to_owned()).filter(|path| !path.contains("part"));
    compile(&Input { specs: specs.collect(), overlays: Vec::new(), files: &files, options })
}

/// A diagnostic as `PC1003 file#/pointer: message`.
pub fn shown(located: &Located) -> String {
    let diagnostic = &located.diagnostic;
    let severity = match diagnostic.severity {
        Severity::Error => "",
        Severity::Warning => "warning ",
    };
    let pointer = diagnostic.place.pointer().unwrap_or("?");
    format!("{severity}{} {}#{pointer}: {}", diagnostic.code, diagnostic.place.file, diagnostic.message)
}

/// The artifact of a compilation that must succeed.
pub fn artifact(compiled: Compiled) -> Artifact {
    let diagnostics: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
    compiled.artifact.unwrap_or_else(|| panic!("{diagnostics:#?}"))
}
