//! Whether documents keep to their own schemas.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy knows test functions, not what they call"
)]

mod corpus;
mod support;

use compiler::diagnostic::Diagnostics;
use compiler::document::MemoryFiles;
use compiler::{Fence, Input};
use corpus::FolderFiles;
use support::{lenient, shown};

fn checked(text: &str) -> Diagnostics {
    let files = MemoryFiles::new().with("d", text);
    let (specs, overlays) = (vec!["d".to_owned()], Vec::new());
    compiler::check(&Input { specs, overlays, fence: Fence::default(), files: &files, options: lenient() })
}

/// What is wrong with the examples of a document: its version, and what follows `info`.
#[track_caller]
fn check(openapi: &str, rest: &str, expected: &[&str]) {
    let rest = rest.replace("DONE", "responses: { '204': { description: Done } }");
    let text = format!("openapi: {openapi}\ninfo: {{ title: t, version: '1' }}\n{rest}");
    let found: Vec<String> = checked(&text).iter().map(shown).collect();
    assert_eq!(found, expected, "{rest}");
}

/// The same below a media type of a request.
#[track_caller]
fn check_body(openapi: &str, (media_type, entry): (&str, &str), expected: &[&str]) {
    let rest = format!(
        "paths: {{ /a: {{ post: {{ requestBody: {{ content: {{ {media_type}: {{ {entry} }} }} }}, DONE }} }} }}"
    );
    let at = format!("d#/paths/~1a/post/requestBody/content/{}", media_type.replace('/', "~1"));
    let expected: Vec<String> = expected.iter().map(|line| line.replace("d#", &at)).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(openapi, &rest, &expected);
}

const PET: &str = "schema: { type: object, required: [id, name], properties: { id: { type: integer, readOnly: true }, name: { type: string, maxLength: 3 } } }";

#[test]
fn examples_of_media_types_are_held_to_their_schema() {
    let json = |example: &str, expected: &[&str]| {
        check_body("3.2.0", ("application/json", &format!("{PET}, {example}")), expected);
    };
    json("example: { name: Rex }", &[]);
    json(
        "example: { name: Rexxx }",
        &["warning PC8001 d#/example/name: in this example, this is too long (`maxLength`)"],
    );
    json("example: { id: 1 }", &["warning PC8001 d#/example: in this example, `name` is required (`required`)"]);
    json("example: [1]", &["warning PC8001 d#/example: this example is of the wrong type (`type`)"]);
    json("example: '{}'", &["warning PC8001 d#/example: this example is of the wrong type (`type`)"]);
    json(
        "examples: { a: { value: { name: Rex } }, b: { dataValue: { name: 1 } }, c: { externalValue: x } }",
        &["warning PC8001 d#/examples/b/dataValue/name: in this example, this is of the wrong type (`type`)"],
    );
}

#[test]
fn what_json_cannot_say_stands_in_a_string() {
    check_body("3.1.0", ("application/xml", &format!("{PET}, example: '<pet/>'")), &[]);
    check_body(
        "3.1.0",
        ("application/xml", &format!("{PET}, example: {{ name: 1 }}")),
        &["warning PC8001 d#/example/name: in this example, this is of the wrong type (`type`)"],
    );
    check_body(
        "3.1.0",
        ("text/plain", "schema: { type: string, maxLength: 1 }, example: ab"),
        &["warning PC8001 d#/example: this example is too long (`maxLength`)"],
    );
}

#[test]
fn responses_are_what_the_api_sends() {
    let response = |example: &str, expected: &[&str]| {
        let responses = format!(
            "responses: {{ '200': {{ description: d, headers: {{ X-A: {{ schema: {{ type: integer }}, example: {example} }} }}, content: {{ application/json: {{ {PET}, example: {{ name: Rex }} }} }} }} }}"
        );
        check("3.1.0", &format!("paths: {{ /a: {{ get: {{ {responses} }} }} }}"), expected);
    };
    let at = "warning PC8001 d#/paths/~1a/get/responses/200";
    let missing = format!("{at}/content/application~1json/example: in this example, `id` is required (`required`)");
    response("1", &[&missing]);
    let header = format!("{at}/headers/X-A/example: this example is of the wrong type (`type`)");
    response("a", &[&header, &missing]);
}

#[test]
fn parameters_have_examples_too() {
    let parameter = |rest: &str, expected: &[&str]| {
        let rest = format!("paths: {{ /a: {{ get: {{ parameters: [{{ name: p, in: query, {rest} }}], DONE }} }} }}");
        check("3.0.3", &rest, expected);
    };
    let at = "warning PC8001 d#/paths/~1a/get/parameters/0";
    parameter("schema: { type: integer, format: int32 }, example: 1", &[]);
    let large = format!("{at}/example: this example is too large (`maximum`)");
    parameter("schema: { type: integer, format: int32 }, example: 2147483648", &[&large]);
    let listed = format!("{at}/examples/a/value: this example is of the wrong type (`type`)");
    parameter("schema: { type: integer }, examples: { a: { value: x } }", &[&listed]);
    let content = format!("{at}/content/application~1json/example: this example is of the wrong type (`type`)");
    parameter("content: { application/json: { schema: { type: integer }, example: x } }", &[&content]);
}

#[test]
fn schemas_have_examples_wherever_they_are() {
    let component = |openapi: &str, schema: &str, expected: &[&str]| {
        let rest = format!("paths: {{ /a: {{ get: {{ DONE }} }} }}\ncomponents: {{ schemas: {{ A: {schema} }} }}");
        check(openapi, &rest, expected);
    };
    let at = |code: &str, rest: &str| format!("warning {code} d#/components/schemas/A/{rest}");
    component(
        "3.0.3",
        "{ type: integer, example: a }",
        &[&at("PC8001", "example: this example is of the wrong type (`type`)")],
    );
    component(
        "3.1.0",
        "{ type: integer, examples: [1, a] }",
        &[&at("PC8001", "examples/1: this example is of the wrong type (`type`)")],
    );
    component(
        "3.1.0",
        "{ type: integer, default: a }",
        &[&at("PC8002", "default: this default is of the wrong type (`type`)")],
    );
    component(
        "3.1.0",
        "{ properties: { a: { items: { type: integer, example: a } } } }",
        &[&at("PC8001", "properties/a/items/example: this example is of the wrong type (`type`)")],
    );
    // Either side may send it.
    let properties = "properties: { id: { readOnly: true }, key: { writeOnly: true } }";
    let both = format!("{{ required: [id, key], {properties}, examples: [{{ id: 1 }}, {{ key: 1 }}, {{}}] }}");
    let neither = at("PC8001", "examples/2: in this example, `key` is required (`required`)");
    component("3.1.0", &both, &[&neither]);
}

#[test]
fn formats_are_what_the_document_makes_of_them() {
    let document = |formats: &str| {
        format!(
            "x-portcullis: {{ validation: {{ formats: {formats} }} }}\npaths: {{ /a: {{ get: {{ DONE }} }} }}\ncomponents: {{ schemas: {{ A: {{ type: string, format: uuid, example: a }} }} }}"
        )
    };
    check("3.1.0", &document("annotate"), &[]);
    check(
        "3.1.0",
        &document("assert"),
        &["warning PC8001 d#/components/schemas/A/example: this example is not in its format (`format`)"],
    );
}

#[test]
fn a_document_that_does_not_compile_is_not_looked_at() {
    let found: Vec<String> = checked("openapi: 3.1.0\ninfo: { title: t, version: '1' }\npaths: {}\ncomponents: { schemas: { A: { type: integer, default: a, $ref: '#/nowhere' } } }\n").iter().map(shown).collect();
    assert!(found.iter().all(|line| !line.contains("PC8")), "{found:?}");
}

#[test]
fn real_descriptions_are_looked_at() {
    let Some(folder) = corpus::folder("specs") else { return };
    for name in ["swagger-petstore.oas30.yaml", "github-api-2022-07.oas30.json", "openai-2026-08.oas31.json"] {
        let files = FolderFiles(folder.clone());
        let (specs, overlays) = (vec![name.to_owned()], Vec::new());
        let start = std::time::Instant::now();
        let found =
            compiler::check(&Input { specs, overlays, fence: Fence::default(), files: &files, options: lenient() });
        let of_examples: Vec<String> = found.iter().map(shown).filter(|line| line.contains("PC8")).collect();
        println!("{name}: {} in {:?}", of_examples.len(), start.elapsed());
        assert_eq!(found.errors(), 0, "{name}");
    }
}
