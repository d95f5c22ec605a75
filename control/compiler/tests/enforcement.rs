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
    check(&json!({ "pattern": "^/{id}$" }), &linear, &[]);
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
fn a_brace_that_counts_nothing_is_judged_as_itself() {
    let artifact = compiled(&json!({ "pattern": "^/{id}$" }), &json!({})).artifact.unwrap();
    let root = artifact.routes.operations[0].request_body.as_ref().unwrap().content[0].schema.unwrap();
    assert_eq!(verdicts(&artifact, root, [json!("/{id}"), json!("/id")].iter()), [true, false]);
}

#[test]
fn what_backtracks_is_judged() {
    let artifact = compiled(&json!({ "pattern": "^(?!a)" }), &json!({ "patterns": "backtracking" })).artifact.unwrap();
    let root = artifact.routes.operations[0].request_body.as_ref().unwrap().content[0].schema.unwrap();
    assert_eq!(verdicts(&artifact, root, [json!("a"), json!("b")].iter()), [false, true]);
}

/// The codes and places of what is wrong with one query parameter.
#[track_caller]
fn check_parameter(parameter: &Value, expected: &[&str]) {
    let mut parameter = parameter.clone();
    parameter["name"] = json!("p");
    parameter["in"] = json!("query");
    let text = json!({
        "openapi": "3.1.0",
        "info": { "title": "Test", "version": "1" },
        "paths": { "/": { "get": { "parameters": [parameter], "responses": { "204": { "description": "Done" } } } } },
    });
    let compiled = compile_texts(&[("d", &text.to_string())], lenient());
    let found: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
    let found: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    let expected: Vec<String> =
        expected.iter().map(|line| line.replace("d#", "d#/paths/~1/get/parameters/0")).collect();
    assert_eq!(found, expected, "{parameter}");
}

#[test]
fn a_style_says_how_its_values_are_written() {
    let undefined = &["warning PC7014 d#/style"][..];
    let (scalar, list, object) =
        (json!({ "type": "integer" }), json!({ "type": "array" }), json!({ "type": "object" }));
    let any = json!({ "anyOf": [scalar, list, object] });
    for (style, explode, schema, expected) in [
        ("form", true, &scalar, &[][..]),
        ("form", false, &object, &[]),
        ("deepObject", true, &scalar, undefined),
        ("deepObject", true, &list, undefined),
        ("deepObject", true, &object, &[]),
        ("deepObject", false, &object, &[]),
        ("deepObject", true, &any, &[]),
        ("deepObject", true, &json!({}), &[]),
        ("deepObject", true, &json!({ "allOf": [any, list] }), undefined),
        ("spaceDelimited", false, &scalar, undefined),
        ("spaceDelimited", false, &list, &[]),
        ("pipeDelimited", false, &object, &[]),
        ("pipeDelimited", true, &list, undefined),
    ] {
        check_parameter(&json!({ "style": style, "explode": explode, "schema": schema }), expected);
    }
}

#[test]
fn what_is_not_looked_into_is_said() {
    let passed_on = ["warning PC7009 d#/content/MEDIA"];
    for (media_type, is_held) in [
        ("application/json", true),
        ("application/vnd.a+json; v=1", true),
        ("text/csv", true),
        ("application/x-www-form-urlencoded", true),
        ("text/json", true),
        ("application/xml", false),
        ("text/xml", false),
        ("*/*", false),
    ] {
        let expected = passed_on.map(|line| line.replace("MEDIA", &media_type.replace('/', "~1")));
        let expected: Vec<&str> = expected.iter().map(String::as_str).filter(|_| !is_held).collect();
        check_parameter(&json!({ "content": { media_type: { "schema": { "type": "object" } } } }), &expected);
    }
    check_parameter(&json!({ "content": { "application/xml": {} } }), &[]);
}

#[test]
fn media_types_are_what_the_gateway_reads() {
    for media_type in ["json", "*/json", "text/plain; a=1; a=2", "text/plain; a=\"b"] {
        check_parameter(
            &json!({ "content": { media_type: {} } }),
            &[&format!("PC7007 d#/content/{}", media_type.replace('/', "~1"))],
        );
    }
}

#[test]
fn each_document_speaks_for_its_own_patterns() {
    let one = document(&json!({ "pattern": "(?=a)" }), &json!({ "patterns": "backtracking" }), &json!({}));
    let other = one.replace("backtracking", "linear").replace("\"/\"", "\"/other\"");
    let compiled = compile_texts(&[("one", &one), ("other", &other)], lenient());
    let found: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
    assert!(found.len() == 1 && found[0].starts_with("PC7012 other#"), "{found:?}");
}
