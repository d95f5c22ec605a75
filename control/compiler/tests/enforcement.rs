//! What compiles can be enforced: patterns, and whatever else a validator stumbles over.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy knows test functions, not what they call")]

mod judging;
mod support;

use artifact_format::model::Patterns;
use compiler::Compiled;
use judging::verdicts;
use serde_json::{Value, json};
use support::{compile_texts, lenient, shown};

fn document(schema: &Value, validation: &Value, components: &Value) -> String {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Test", "version": "1" },
        "x-portcullis": { "validation": validation },
        "paths": { "/": { "post": {
            "requestBody": { "content": { "text/plain": { "schema": schema } } },
            "responses": { "204": { "description": "Done" } },
        } } },
        "components": { "schemas": components },
    })
    .to_string()
}

fn compiled(schema: &Value, validation: &Value) -> Compiled {
    compile_texts(&[("d", &document(schema, validation, &json!({})))], lenient())
}

const AT: &str = "/paths/~1/post/requestBody/content/text~1plain/schema";

/// The codes and places of what is wrong with a schema, below the schema.
#[track_caller]
fn check(schema: &Value, validation: &Value, expected: &[&str]) {
    let compiled = compiled(schema, validation);
    let found: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
    let found: Vec<String> =
        found.iter().map(|line| line.split(": ").next().unwrap().replace(&format!("d#{AT}"), "")).collect();
    assert_eq!(found, expected, "{schema}");
}

#[test]
fn patterns_run_in_linear_time_unless_the_document_says_otherwise() {
    let (linear, backtracking) = (json!({}), json!({ "patterns": "backtracking" }));
    for pattern in ["(?=a)b", "(?<!a)b", r"(a)\1"] {
        check(&json!({ "pattern": pattern }), &linear, &["PC7012 /pattern"]);
        check(&json!({ "pattern": pattern }), &backtracking, &[]);
    }
    check(&json!({ "patternProperties": { "^(?!a)": {} } }), &linear, &["PC7012 /patternProperties/^(?!a)"]);
    for pattern in ["[", "(", "*"] {
        check(&json!({ "pattern": pattern }), &linear, &["PC7011 /pattern"]);
        check(&json!({ "pattern": pattern }), &backtracking, &["PC7011 /pattern"]);
    }
    check(&json!({ "items": { "pattern": r"^\p{L}+\d$" }, "patternProperties": { "^a": {} } }), &linear, &[]);
}

#[test]
fn an_artifact_backtracks_only_where_a_pattern_needs_it() {
    let backtracking = json!({ "patterns": "backtracking" });
    let needed = |schema: Value| compiled(&schema, &backtracking).artifact.unwrap().schemas.patterns;
    assert_eq!(needed(json!({ "pattern": "^a" })), Patterns::Linear);
    assert_eq!(needed(json!({ "pattern": "^(?!a)" })), Patterns::Backtracking);
    let unused = json!({ "Unused": { "pattern": "^(?!a)" } });
    let text = document(&json!({}), &backtracking, &unused);
    assert_eq!(compile_texts(&[("d", &text)], lenient()).artifact.unwrap().schemas.patterns, Patterns::Linear);
}

#[test]
fn what_backtracks_is_judged() {
    let artifact = compiled(&json!({ "pattern": "^(?!a)" }), &json!({ "patterns": "backtracking" })).artifact.unwrap();
    let root = artifact.routes.operations[0].request_body.as_ref().unwrap().content[0].schema.unwrap();
    assert_eq!(verdicts(&artifact, root, [json!("a"), json!("b")].iter()), [false, true]);
}

#[test]
fn each_document_speaks_for_its_own_patterns() {
    let one = document(&json!({ "pattern": "(?=a)" }), &json!({ "patterns": "backtracking" }), &json!({}));
    let other = one.replace("backtracking", "linear").replace("\"/\"", "\"/other\"");
    let compiled = compile_texts(&[("one", &one), ("other", &other)], lenient());
    let found: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
    assert!(found.len() == 1 && found[0].starts_with("PC7012 other#"), "{found:?}");
}
