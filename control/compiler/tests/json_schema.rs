//! Lowered schemas keep their verdicts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy knows test functions, not what they call"
)]

mod corpus;
mod judging;
mod support;

use std::path::{Path, PathBuf};

use artifact_format::model::{Artifact, SchemaId};
use judging::verdicts;
use serde_json::{Value, json};
use support::{compile_texts, lenient, shown};

/// A description with one schema, that of a request's body.
fn description(openapi: &str, schema: &Value, components: &Value) -> String {
    description_with(openapi, (schema, components), &json!({}))
}

fn description_with(openapi: &str, (schema, components): (&Value, &Value), validation: &Value) -> String {
    json!({
        "openapi": openapi,
        "x-portcullis": { "validation": validation },
        "info": { "title": "Test", "version": "1" },
        "paths": { "/": { "post": {
            "requestBody": { "content": { "application/json": { "schema": schema } } },
            "responses": { "204": { "description": "Done" } },
        } } },
        "components": { "schemas": components },
    })
    .to_string()
}

fn body_schema(artifact: &Artifact) -> SchemaId {
    artifact.routes.operations[0].request_body.as_ref().unwrap().content[0].schema.unwrap()
}

/// What `schema` says about each instance.
fn check(openapi: &str, (schema, components): (Value, Value), expected: &[(Value, bool)]) {
    let compiled = compile_texts(&[("openapi.json", &description(openapi, &schema, &components))], lenient());
    let found: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
    let artifact = compiled.artifact.unwrap_or_else(|| panic!("{schema}: {found:#?}"));
    let given = verdicts(&artifact, body_schema(&artifact), expected.iter().map(|(instance, _)| instance));
    let expected_verdicts: Vec<bool> = expected.iter().map(|(_, verdict)| *verdict).collect();
    assert_eq!(given, expected_verdicts, "{schema} was lowered to {:#?}", artifact.schemas.schemas);
}

#[test]
fn schemas_of_3_0_mean_what_3_0_says() {
    let check = |schema: Value, expected: &[(Value, bool)]| {
        let components = json!({
            "Name": { "type": "string", "minLength": 2 },
            "MaybeName": { "type": "string", "nullable": true },
        });
        check("3.0.3", (schema, components), expected);
    };
    check(json!({ "type": "string" }), &[(json!("a"), true), (json!(null), false)]);
    check(json!({ "type": "string", "nullable": true }), &[(json!("a"), true), (json!(null), true), (json!(1), false)]);
    check(json!({ "type": "string", "nullable": false }), &[(json!(null), false)]);
    // Without a `type` there is nothing to add `null` to, and nothing that excludes it.
    check(json!({ "nullable": false }), &[(json!(null), true)]);
    check(json!({ "nullable": true, "enum": ["a"] }), &[(json!(null), false), (json!("a"), true)]);
    check(json!({ "type": "string", "nullable": true, "enum": ["a"] }), &[(json!(null), false)]);
    check(json!({ "type": "string", "nullable": true, "enum": ["a", null] }), &[(json!(null), true)]);
    check(
        json!({ "nullable": true, "allOf": [{ "$ref": "#/components/schemas/Name" }] }),
        &[(json!(null), false), (json!("ab"), true)],
    );
    check(json!({ "$ref": "#/components/schemas/MaybeName" }), &[(json!(null), true)]);
    check(
        json!({ "type": "number", "minimum": 1, "exclusiveMinimum": true }),
        &[(json!(1), false), (json!(1.5), true)],
    );
    check(json!({ "type": "number", "minimum": 1, "exclusiveMinimum": false }), &[(json!(1), true), (json!(0), false)]);
    check(json!({ "type": "number", "maximum": 1, "exclusiveMaximum": true }), &[(json!(1), false), (json!(0), true)]);
    check(json!({ "type": "number", "exclusiveMaximum": true }), &[(json!(1), true)]);
    // Siblings of a reference are ignored.
    check(json!({ "$ref": "#/components/schemas/Name", "maxLength": 1 }), &[(json!("abc"), true), (json!("a"), false)]);
    check(
        json!({ "type": "object", "properties": { "a": { "$ref": "#/components/schemas/Name", "maxLength": 1 } } }),
        &[(json!({ "a": "abc" }), true), (json!({ "a": "a" }), false)],
    );
    check(json!({ "type": "object", "example": { "$ref": "#/nowhere" } }), &[(json!({}), true)]);
    check(
        json!({ "type": "object", "default": { "$ref": "#/nowhere" }, "properties": { "$ref": { "type": "integer" } } }),
        &[(json!({ "$ref": 1 }), true), (json!({ "$ref": "a" }), false)],
    );
    check(
        json!({ "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": false }),
        &[(json!({ "a": "b" }), true), (json!({ "b": 1 }), false)],
    );
}

#[test]
fn schemas_of_3_1_mean_what_2020_12_says() {
    let check = |schema: Value, expected: &[(Value, bool)]| {
        let components = json!({
            "Name": { "type": "string", "minLength": 2 },
            "Anchored": { "$anchor": "anchored", "type": "integer" },
            "Tree": {
                "$id": "https://example.com/tree",
                "$dynamicAnchor": "node",
                "type": "object",
                "properties": { "children": { "type": "array", "items": { "$dynamicRef": "#node" } } },
            },
            "StrictTree": {
                "$id": "https://example.com/strict-tree",
                "$dynamicAnchor": "node",
                "$ref": "tree",
                "unevaluatedProperties": false,
            },
        });
        check("3.1.0", (schema, components), expected);
    };
    // Siblings of a reference apply.
    check(
        json!({ "$ref": "#/components/schemas/Name", "maxLength": 2 }),
        &[(json!("ab"), true), (json!("abc"), false), (json!("a"), false)],
    );
    check(json!({ "$ref": "#anchored" }), &[(json!(1), true), (json!("a"), false)]);
    check(json!({ "type": ["string", "null"] }), &[(json!(null), true), (json!(1), false)]);
    check(json!({ "const": { "$ref": "#/nowhere" } }), &[(json!({ "$ref": "#/nowhere" }), true), (json!({}), false)]);
    check(json!({ "enum": [{ "$ref": "#/nowhere" }] }), &[(json!({ "$ref": "#/nowhere" }), true)]);
    check(json!(true), &[(json!(1), true)]);
    check(json!(false), &[(json!(1), false)]);
    check(json!({ "minimum": 1, "exclusiveMinimum": true }), &[(json!(1), false), (json!(2), true)]);
    check(json!({ "required": ["a", "a"] }), &[(json!({ "a": 1 }), true), (json!({}), false)]);
    // The tree alone is open at every level; the strict one is closed at every level.
    let misspelt = json!({ "children": [{ "daat": 1 }] });
    check(
        json!({ "$ref": "#/components/schemas/Tree" }),
        &[(misspelt.clone(), true), (json!({ "children": 1 }), false)],
    );
    check(
        json!({ "$ref": "#/components/schemas/StrictTree" }),
        &[(misspelt, false), (json!({ "children": [{}] }), true)],
    );
}

#[test]
fn formats_of_numbers_are_bounds() {
    let check = |schema: Value, expected: &[(&str, bool)]| {
        let parsed = |(text, verdict): &(&str, bool)| (serde_json::from_str(text).unwrap(), *verdict);
        let expected: Vec<(Value, bool)> = expected.iter().map(parsed).collect();
        for openapi in ["3.0.3", "3.1.0"] {
            check(openapi, (schema.clone(), json!({})), &expected);
        }
    };
    let of = |kind: &str, format: &str| json!({ "type": kind, "format": format });
    for (format, least, greatest, outside) in [
        ("int8", "-128", "127", ["-129", "128"]),
        ("int16", "-32768", "32767", ["-32769", "32768"]),
        ("int32", "-2147483648", "2147483647", ["-2147483649", "2147483648"]),
        ("int64", "-9223372036854775808", "9223372036854775807", ["-9223372036854775809", "9223372036854775808"]),
        ("uint8", "0", "255", ["-1", "256"]),
        ("uint16", "0", "65535", ["-1", "65536"]),
        ("uint32", "0", "4294967295", ["-1", "4294967296"]),
        ("uint64", "0", "18446744073709551615", ["-1", "18446744073709551616"]),
        ("double-int", "-9007199254740991", "9007199254740991", ["-9007199254740992", "9007199254740992"]),
    ] {
        let expected =
            [(least, true), (greatest, true), (outside[0], false), (outside[1], false), ("1.5", false), ("1.0", true)];
        check(of("integer", format), &expected);
        check(of("number", format), &expected);
        check(json!({ "format": format }), &[&expected[..], &[("\"a\"", true)]].concat());
        check(of("string", format), &[("\"a\"", true), ("1", false)]);
    }
    check(of("number", "double"), &[("1.5", true), ("1e300", true)]);
    // Bounds of the schema's own hold if they are stricter.
    let int8 = |bounds: Value| {
        let Value::Object(mut schema) = bounds else { unreachable!() };
        schema.insert("type".to_owned(), json!("number"));
        schema.insert("format".to_owned(), json!("int8"));
        Value::Object(schema)
    };
    check(int8(json!({ "minimum": 0, "maximum": 10 })), &[("-1", false), ("0", true), ("10", true), ("11", false)]);
    check(int8(json!({ "minimum": -1e3, "maximum": 1e3 })), &[("-129", false), ("127", true), ("128", false)]);
    check(int8(json!({ "multipleOf": 5 })), &[("10", true), ("7", false), ("130", false)]);
    check(int8(json!({ "multipleOf": 1.5 })), &[("3", true), ("1.5", false), ("2", false)]);
}

#[test]
fn formats_of_numbers_mind_exclusive_bounds() {
    let bounds = |openapi: &str, schema: Value| -> Value {
        let compiled = compile_texts(&[("openapi.json", &description(openapi, &schema, &json!({})))], lenient());
        serde_json::from_str(&support::artifact(compiled).schemas.schemas[0].json).unwrap()
    };
    let uint8 = |more: Value| {
        let mut schema = json!({ "type": "integer", "format": "uint8" });
        schema.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        schema
    };
    assert_eq!(bounds("3.1.0", uint8(json!({}))), json!({ "type": "integer", "minimum": 0, "maximum": 255 }));
    assert_eq!(
        bounds("3.1.0", uint8(json!({ "exclusiveMinimum": 0, "exclusiveMaximum": 256 }))),
        json!({ "type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 256, "maximum": 255 })
    );
    assert_eq!(
        bounds(
            "3.0.3",
            uint8(json!({ "minimum": 0, "exclusiveMinimum": true, "maximum": 300, "exclusiveMaximum": true }))
        ),
        json!({ "type": "integer", "exclusiveMinimum": 0, "maximum": 255 })
    );
}

#[test]
fn discriminators_name_schemas_of_the_table() {
    let schema = json!({
        "oneOf": [{ "$ref": "#/components/schemas/Cat" }, { "$ref": "#/components/schemas/Dog" }],
        "discriminator": { "propertyName": "kind", "mapping": { "puppy": "Dog", "hound": "#/components/schemas/Dog" } },
    });
    let animal = |name: &str| json!({ "type": "object", "required": ["kind"], "properties": { name: {} } });
    let components = json!({ "Cat": animal("purrs"), "Dog": animal("barks") });
    let compiled = compile_texts(&[("openapi.json", &description("3.0.3", &schema, &components))], lenient());
    let artifact = support::artifact(compiled);
    let root = &artifact.schemas.schemas[body_schema(&artifact).index()];
    let lowered: Value = serde_json::from_str(&root.json).unwrap();
    let [cat, dog] = [1, 2].map(|id| format!("portcullis:schema/{id}"));
    assert_eq!(
        lowered,
        json!({
            "discriminator": { "propertyName": "kind", "mapping": { "Cat": cat, "Dog": dog, "puppy": dog, "hound": dog } },
            "oneOf": [{ "$ref": cat }, { "$ref": dog }],
        })
    );
    assert_eq!(root.references, [SchemaId(1), SchemaId(2)]);
}

#[test]
fn equal_schemas_are_stored_once_and_annotations_not_at_all() {
    let schema = json!({ "type": "object", "properties": {
        "a": { "$ref": "#/components/schemas/A" },
        "b": { "$ref": "#/components/schemas/B", "description": "says nothing" },
        "c": { "$ref": "#/components/schemas/OnlyB" },
    } });
    let components = json!({
        "A": { "title": "A", "type": "string", "x-note": 1, "examples": ["a"] },
        "B": { "type": "string", "deprecated": true },
        "OnlyB": { "$ref": "#/components/schemas/B" },
    });
    let artifact =
        support::artifact(compile_texts(&[("openapi.json", &description("3.1.0", &schema, &components))], lenient()));
    let texts: Vec<&str> = artifact.schemas.schemas.iter().map(|schema| schema.json.as_str()).collect();
    let reference = r#"{"$ref":"portcullis:schema/1"}"#;
    let root = format!(r#"{{"properties":{{"a":{reference},"b":{reference},"c":{reference}}},"type":"object"}}"#);
    assert_eq!(texts, [root.as_str(), r#"{"type":"string"}"#]);
}

#[test]
fn operations_find_their_schemas_after_equal_ones_were_merged() {
    let parameter = |name: &str, kind: &str| json!({ "name": name, "in": "query", "schema": { "type": kind } });
    let parameters = json!([parameter("a", "string"), parameter("b", "string"), parameter("c", "integer")]);
    let text = json!({
        "openapi": "3.1.0",
        "info": { "title": "Test", "version": "1" },
        "paths": { "/": { "get": { "parameters": parameters, "responses": { "200": {
            "description": "Done",
            "headers": { "x-a": { "schema": { "type": "integer" } } },
            "content": { "text/plain": { "schema": { "type": "boolean" } } },
        } } } } },
    });
    let artifact = support::artifact(compile_texts(&[("openapi.json", &text.to_string())], lenient()));
    let operation = &artifact.routes.operations[0];
    let ids: Vec<u32> = operation.schemas().map(|id| id.0).collect();
    assert_eq!(ids, [0, 0, 1, 2, 1]);
}

/// Groups of the suite that refer to documents which are fetched, or to the metaschema.
const FETCHED: &[&str] = &[
    "defs: validate definition against metaschema",
    "dynamicRef: strict-tree schema, guards against misspelled properties",
    "dynamicRef: tests for implementation dynamic anchor and reference link",
    "dynamicRef: $ref and $dynamicAnchor are independent of order - $defs first",
    "dynamicRef: $ref and $dynamicAnchor are independent of order - $ref first",
    "dynamicRef: $ref to $dynamicRef finds detached $dynamicAnchor",
    "ref: remote ref, containing refs itself",
];

/// Of these all do: remote references, and metaschemas of one's own.
const FILES_FETCHED: &[&str] = &["refRemote", "vocabulary"];

/// One test of the suite.
struct Judged {
    name: String,
    is_right: bool,
}

/// What a file of the suite is wrapped in.
struct Wrapping<'w> {
    openapi: &'w str,
    validation: Value,
    /// Groups that are left out.
    without: &'w [&'w str],
}

/// Judges every test of a file of the suite.
fn judged(path: &Path, wrapping: &Wrapping<'_>) -> Vec<Judged> {
    let groups: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let file = path.file_stem().unwrap().to_str().unwrap();
    let mut judged = Vec::new();
    for group in groups.as_array().unwrap() {
        let name = format!("{file}: {}", group["description"].as_str().unwrap());
        if wrapping.without.contains(&name.as_str()) {
            continue;
        }
        let mut schema = group["schema"].clone();
        if let (Value::Object(schema), "3.1.0") = (&mut schema, wrapping.openapi) {
            // What `#` means in the suite: the schema, not the description around it.
            schema.entry("$id").or_insert_with(|| json!("https://example.com/suite"));
        }
        let text = description_with(wrapping.openapi, (&schema, &json!({})), &wrapping.validation);
        let compiled = compile_texts(&[("openapi.json", &text)], lenient());
        let Some(artifact) = &compiled.artifact else {
            let found: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
            // Draft 4 has more than 3.0 keeps, which its grammar says; and nothing is fetched, nor is `#` the schema.
            let is_left_out = found.iter().any(|line| line.starts_with("PC2") || line.starts_with("PC11"));
            if wrapping.openapi == "3.1.0" || !is_left_out {
                judged.push(Judged { name: format!("{name}: {found:?}"), is_right: false });
            }
            continue;
        };
        let tests = group["tests"].as_array().unwrap();
        let given = verdicts(artifact, body_schema(artifact), tests.iter().map(|test| &test["data"]));
        judged.extend(tests.iter().zip(given).map(|(test, given)| Judged {
            name: format!("{name}: {}", test["description"].as_str().unwrap()),
            is_right: test["valid"] == given,
        }));
    }
    judged
}

fn wrong(judged: Vec<Judged>) -> Vec<String> {
    judged.into_iter().filter(|test| !test.is_right).map(|test| test.name).collect()
}

#[test]
fn the_json_schema_test_suite_keeps_its_verdicts() {
    let Some(folder) = corpus::folder("json-schema-test-suite/tests/draft2020-12") else { return };
    let mut all = Vec::new();
    for path in corpus::documents(&folder).into_iter().filter(|path| path.parent() == Some(&folder)) {
        let file = path.file_stem().unwrap().to_str().unwrap();
        if FILES_FETCHED.contains(&file) {
            continue;
        }
        // Formats are annotations there, and asserted here unless the document says otherwise.
        let formats = if file == "format" { "annotate" } else { "assert" };
        let validation = json!({ "formats": formats });
        all.extend(judged(&path, &Wrapping { openapi: "3.1.0", validation, without: FETCHED }));
    }
    println!("{} verdicts of the suite", all.len());
    assert!(all.len() > 1000, "the corpus is incomplete: {}", all.len());
    assert_eq!(wrong(all), Vec::<String>::new());
}

/// Formats that are annotations: their tables of Unicode (RFC 5892) are larger than all else of a validator, and what
/// they allow is judged by whoever resolves the name.
const FORMATS_NOT_ASSERTED: &[&str] = &["idn-email", "idn-hostname"];

#[test]
fn formats_are_asserted_as_the_suite_says() {
    let Some(folder) = corpus::folder("json-schema-test-suite/tests/draft2020-12/optional/format") else { return };
    let wrapping = Wrapping { openapi: "3.1.0", validation: json!({}), without: &[] };
    let is_asserted =
        |path: &&PathBuf| !FORMATS_NOT_ASSERTED.iter().any(|format| path.ends_with(format!("{format}.json")));
    let files = corpus::documents(&folder);
    let all: Vec<Judged> = files.iter().filter(is_asserted).flat_map(|path| judged(path, &wrapping)).collect();
    println!("{} verdicts on formats", all.len());
    assert!(all.len() > 400, "the corpus is incomplete: {}", all.len());
    assert_eq!(wrong(all), Vec::<String>::new());
}

#[test]
fn what_3_0_keeps_of_draft_4_keeps_its_verdicts() {
    let Some(folder) = corpus::folder("json-schema-test-suite/tests/draft4") else { return };
    let mut all = Vec::new();
    for path in corpus::documents(&folder).into_iter().filter(|path| path.parent() == Some(&folder)) {
        let validation = json!({ "formats": "annotate" });
        all.extend(judged(&path, &Wrapping { openapi: "3.0.3", validation, without: &[] }));
    }
    println!("{} verdicts of draft 4", all.len());
    assert!(all.len() > 300, "the corpus is incomplete: {}", all.len());
    assert_eq!(wrong(all), Vec::<String>::new());
}
