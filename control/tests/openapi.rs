//! The OpenAPI document of the REST API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use compiler::document::MemoryFiles;
use compiler::{Fence, Input, Options, SecurityMode};
use control::api::router;
use control::domain::access::Scope;
use serde_json::Value;

const GOLDEN: &str = "docs/reference/control-plane.openapi.json";

fn document() -> Value {
    serde_json::to_value(router::document()).unwrap()
}

#[test]
fn the_reference_has_this_document() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(GOLDEN);
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    assert!(
        golden == document(),
        "the API is not what {GOLDEN} says; if that is meant: portcullis-control openapi > {GOLDEN}"
    );
}

#[test]
fn the_compiler_takes_it() {
    let files = MemoryFiles::new().with("openapi.json", serde_json::to_vec(&document()).unwrap());
    let options = Options {
        upstream: Some("http://127.0.0.1:9090".to_owned()),
        security: SecurityMode::Presence,
        ..Options::default()
    };
    let input = Input {
        specs: vec!["openapi.json".to_owned()],
        overlays: Vec::new(),
        fence: Fence::Documents,
        files: &files,
        options,
    };
    let compiled = compiler::compile(&input);
    let found: Vec<_> = compiled.diagnostics.iter().map(|located| located.diagnostic.message.clone()).collect();
    assert!(found.is_empty(), "{found:#?}");
    assert!(compiled.artifact.is_some());
}

#[test]
fn every_operation_names_one_scope_and_every_scope_an_operation() {
    let document = document();
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    // What a credential may ask about itself, whatever it may do.
    let operations = operations.filter(|operation| operation["operationId"] != "tokens_whoami");
    // Of several, each is enough.
    let alternatives = operations.flat_map(|operation| operation["security"].as_array().unwrap());
    let named: BTreeSet<String> = alternatives
        .map(|alternative| {
            let scopes = alternative["token"].as_array().unwrap();
            assert_eq!(scopes.len(), 1, "{alternative}");
            scopes[0].as_str().unwrap().to_owned()
        })
        .collect();
    let known: BTreeSet<String> = Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect();
    assert!(named.is_subset(&known));
    // This is asked for elsewhere: by /metrics.
    let elsewhere = ["metrics:read"].map(str::to_owned).into();
    assert_eq!(known.difference(&named).cloned().collect::<BTreeSet<_>>(), elsewhere);
}
