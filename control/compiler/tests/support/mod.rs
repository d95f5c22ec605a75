//! What the tests of whole documents share.

#![allow(dead_code, reason = "each test file uses a part of it")]

use artifact_format::model::{Artifact, Provenance};
use compiler::diagnostic::{Located, Severity};
use compiler::document::MemoryFiles;
use compiler::{Compiled, Fence, Input, Options, SecurityMode, Settings, compile};

/// Options that make a gateway of any description.
pub(crate) fn lenient() -> Options {
    Options {
        project: "test".to_owned(),
        upstream: Some("http://127.0.0.1:9000".to_owned()),
        security: SecurityMode::Presence,
        provenance: Provenance::default(),
        settings: Settings::CommandLine,
    }
}

/// Compiles documents in memory.
pub(crate) fn compile_texts(texts: &[(&str, &str)], options: Options) -> Compiled {
    let files =
        texts.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect::<MemoryFiles>();
    let specs = texts.iter().map(|(path, _)| (*path).to_owned()).filter(|path| !path.contains("part"));
    compile(&Input { specs: specs.collect(), overlays: Vec::new(), fence: Fence::default(), files: &files, options })
}

/// A diagnostic as `PC1003 file#/pointer: message`.
pub(crate) fn shown(located: &Located) -> String {
    let diagnostic = &located.diagnostic;
    let severity = match diagnostic.severity {
        Severity::Error => "",
        Severity::Warning => "warning ",
    };
    let pointer = diagnostic.place.pointer().unwrap_or("?");
    format!("{severity}{} {}#{pointer}: {}", diagnostic.code, diagnostic.place.file, diagnostic.message)
}

/// The artifact of a compilation that must succeed.
pub(crate) fn artifact(compiled: Compiled) -> Artifact {
    let diagnostics: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
    assert!(compiled.artifact.is_some(), "{diagnostics:#?}");
    compiled.artifact.unwrap()
}
