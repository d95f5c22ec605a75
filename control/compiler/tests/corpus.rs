//! Real descriptions of APIs become artifacts.

mod support;

use std::path::{Path, PathBuf};
use std::time::Instant;

use compiler::Compiled;
use compiler::diagnostic::Severity;
use support::{compile_file, corpus, shown};

/// Every JSON or YAML file below a folder, sorted.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| ["json", "yaml", "yml"].iter().any(|e| extension == *e))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_spec_compiles() {
    let Some(folder) = corpus("specs") else { return };
    let entries = documents(&folder)
        .into_iter()
        .filter(|path| path.parent() == Some(&folder) || path.ends_with("DigitalOcean-public.v2.yaml"));
    let mut refused = Vec::new();
    for path in entries {
        let name = path.file_name().unwrap().display().to_string();
        let start = Instant::now();
        let Compiled { artifact, diagnostics } = compile_file(&path);
        let took = start.elapsed();
        let errors = diagnostics.iter().filter(|located| located.diagnostic.severity == Severity::Error);
        errors.take(8).for_each(|located| println!("    {}", shown(located)));
        let Some(artifact) = artifact else {
            refused.push((name, diagnostics.errors()));
            continue;
        };
        println!(
            "{name}: {} operations, {} schemas of {} bytes, {} warnings, {took:?}",
            artifact.routes.operations.len(),
            artifact.schemas.schemas.len(),
            artifact.schemas.schemas.iter().map(|schema| schema.json.len()).sum::<usize>(),
            diagnostics.warnings(),
        );
    }
    assert_eq!(refused, []);
}
