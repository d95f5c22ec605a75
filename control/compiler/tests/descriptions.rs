//! Real descriptions of APIs become artifacts, or the diagnostic names what is wrong with them.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "clippy knows test functions, not what they call")]

mod corpus;
mod support;

use std::path::Path;
use std::time::Instant;

use artifact_format::container::Draft;
use compiler::diagnostic::Severity;
use compiler::{Compiled, Fence, Input, compile};
use corpus::FolderFiles;
use support::{lenient, shown};

fn compile_file(path: &Path) -> Compiled {
    let files = FolderFiles(path.parent().unwrap().to_owned());
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    compile(&Input {
        specs: vec![name],
        overlays: Vec::new(),
        fence: Fence::default(),
        files: &files,
        options: lenient(),
    })
}

/// The errors of a compilation, as text.
fn errors(compiled: &Compiled) -> Vec<String> {
    let errors = compiled.diagnostics.iter().filter(|located| located.diagnostic.severity == Severity::Error);
    errors.map(shown).collect()
}

#[test]
fn every_spec_compiles() {
    let Some(folder) = corpus::folder("specs") else { return };
    let is_entry = |path: &Path| path.parent() == Some(&folder) || path.ends_with("DigitalOcean-public.v2.yaml");
    for path in corpus::documents(&folder).into_iter().filter(|path| is_entry(path)) {
        let start = Instant::now();
        let compiled = compile_file(&path);
        let took = start.elapsed();
        let name = path.file_name().unwrap().display();
        assert_eq!(errors(&compiled), [""; 0], "{name}");
        let artifact = compiled.artifact.unwrap();
        println!(
            "{name}: {} operations, {} schemas of {} bytes, {} warnings, {took:?}",
            artifact.routes.operations.len(),
            artifact.schemas.schemas.len(),
            artifact.schemas.schemas.iter().map(|schema| schema.json.len()).sum::<usize>(),
            compiled.diagnostics.warnings(),
        );
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let Some(folder) = corpus::folder("specs") else { return };
    let bytes = || {
        let artifact = compile_file(&folder.join("github-api-2022-07.oas30.json")).artifact.unwrap();
        Draft::encode(&artifact).unwrap().finish().unwrap()
    };
    // Every map of the compiler is seeded anew, so an order that depends on one shows.
    assert!(bytes() == bytes());
}

/// Compiles every document of a folder; whatever is refused is refused for a reason that the diagnostic names.
fn check_collection(name: &str, expected_refusals: &[(&str, &str)]) {
    let Some(folder) = corpus::folder(name) else { return };
    let mut refused = Vec::new();
    let mut compiled_count = 0;
    for path in corpus::documents(&folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_description = text.contains("\"openapi\"") || text.lines().any(|line| line.starts_with("openapi:"));
        if !is_description {
            continue;
        }
        let compiled = compile_file(&path);
        let errors = errors(&compiled);
        if errors.is_empty() {
            compiled_count += 1;
            Draft::encode(&compiled.artifact.unwrap()).unwrap();
        } else {
            let path = path.strip_prefix(&folder).unwrap().display().to_string();
            println!("{path}: {}", errors.join("\n    "));
            let codes = errors.iter().map(|error| error.split(' ').next().unwrap().to_owned());
            refused.extend(codes.map(|code| (path.clone(), code)));
        }
    }
    refused.dedup();
    println!("{name}: {compiled_count} compiled, {} refused", refused.len());
    let refused: Vec<(&str, &str)> = refused.iter().map(|(path, code)| (path.as_str(), code.as_str())).collect();
    assert_eq!(refused, expected_refusals);
}

#[test]
fn examples_of_the_openapi_initiative_compile() {
    check_collection("oai-examples/examples/v3.0", &[]);
    check_collection("oai-examples/examples/v3.1", &[]);
    check_collection("oai-examples/examples/v3.2", &[]);
}

#[test]
fn examples_of_readme_compile() {
    // A variable that stands twice, two media types in one key, an undefined scheme, schemas of draft-04, and client
    // certificates, which no gateway asks for.
    let refused = |format: &str| {
        [("parameters-common", "PC3001"), ("response-examples", "PC7007"), ("response-http-behavior", "PC5001")]
            .map(|(name, code)| (format!("3.0/{format}/{name}.{format}"), code.to_owned()))
    };
    let newer = |format: &str| {
        [("schema-validation-local", "PC7002"), ("schema-validation-top-level", "PC7002"), ("security", "PC6004")]
            .map(|(name, code)| (format!("3.1/{format}/{name}.{format}"), code.to_owned()))
    };
    let expected = [refused("json").to_vec(), refused("yaml").to_vec(), newer("json").to_vec(), newer("yaml").to_vec()];
    let expected = expected.concat();
    let expected: Vec<(&str, &str)> = expected.iter().map(|(path, code)| (path.as_str(), code.as_str())).collect();
    check_collection("readme-oas-examples", &expected);
}

#[test]
fn the_collection_of_3_1_compiles() {
    // A pattern that counts to 262,144 where `maxLength` would.
    check_collection("openapi-3.1-collection", &[("adyen.com/TerminalAPI-v1/1.json", "PC7011")]);
}

#[test]
fn documents_that_pass_the_official_schema_compile() {
    check_collection("oai-schema-tests/v3.0/_archive_/schemas/v3.0/pass", &[]);
    // The schema does not look at what the compiler does: here a path that calls its parameter by another name, and a
    // scheme that is not defined; then a reference to a URL, and nothing is fetched.
    let example = "operation-object-example.yaml";
    let external = ("security-scheme-object-examples.yaml", "PC1102");
    let refused = [(example, "PC3004"), (example, "PC3003"), (example, "PC5001"), external];
    check_collection("oai-schema-tests/v3.1-dev/tests/schema/pass", &refused);
    check_collection("oai-schema-tests/v3.2-dev/tests/schema/pass", &refused);
}

#[test]
fn documents_that_fail_the_official_schema_are_refused_or_warned_about() {
    for name in ["oai-schema-tests/v3.1-dev/tests/schema/fail", "oai-schema-tests/v3.2-dev/tests/schema/fail"] {
        let Some(folder) = corpus::folder(name) else { return };
        let silent =
            corpus::documents(&folder).into_iter().filter(|path| compile_file(path).diagnostics.iter().count() == 0);
        assert_eq!(silent.collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
    }
}
