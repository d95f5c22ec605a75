//! The same schema in a request and in a response: `readOnly`, `writeOnly`, and what `x-portcullis` makes of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "clippy knows test functions, not what they call"
)]

mod judging;
mod support;

use artifact_format::model::{Artifact, SchemaId};
use judging::verdicts;
use serde_json::{Value, json};
use support::{artifact, compile_texts, lenient};

fn compiled(schema: &Value, components: &Value, validation: &Value) -> Artifact {
    artifact(compile_texts(&[("openapi.json", &document(schema, components, validation))], lenient()))
}

/// A document that asks for and gives one schema, with these settings of `validation`.
fn document(schema: &Value, components: &Value, validation: &Value) -> String {
    let content = json!({ "application/json": { "schema": schema } });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Test", "version": "1" },
        "x-portcullis": { "validation": validation },
        "paths": { "/": { "post": {
            "requestBody": { "content": content },
            "responses": { "200": { "description": "Done", "content": content } },
        } } },
        "components": { "schemas": components },
    })
    .to_string()
}

/// The schema of the request and that of the response.
fn schemas(artifact: &Artifact) -> [SchemaId; 2] {
    let operation = &artifact.routes.operations[0];
    let request = operation.request_body.as_ref().unwrap().content[0].schema;
    [request, operation.responses[0].content[0].schema].map(Option::unwrap)
}

/// What the request's schema says of each instance, and what the response's says.
#[track_caller]
fn check_with((schema, components): (Value, Value), validation: Value, expected: &[(Value, bool, bool)]) {
    let artifact = compiled(&schema, &components, &validation);
    let [request, response] =
        schemas(&artifact).map(|id| verdicts(&artifact, id, expected.iter().map(|(instance, ..)| instance)));
    for ((instance, in_request, in_response), given) in expected.iter().zip(request.into_iter().zip(response)) {
        assert_eq!(given, (*in_request, *in_response), "{instance} by {schema}: {:#?}", artifact.schemas.schemas);
    }
}

#[track_caller]
fn check(schema: Value, expected: &[(Value, bool, bool)]) {
    let components = json!({
        "Id": { "type": "integer", "readOnly": true },
        "Base": { "type": "object", "required": ["id", "name"], "properties": { "name": { "type": "string" } } },
        "Identified": { "properties": { "id": { "$ref": "#/components/schemas/Id" } } },
        "Tree": {
            "required": ["id", "children"],
            "properties": {
                "id": { "readOnly": true },
                "children": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } },
            },
        },
    });
    check_with((schema, components), json!({}), expected);
}

const BASE: &str = "#/components/schemas/Base";
const IDENTIFIED: &str = "#/components/schemas/Identified";

#[test]
fn what_the_other_side_sends_is_not_demanded() {
    check(
        json!({ "required": ["id", "key", "name"], "properties": { "id": { "readOnly": true }, "key": { "writeOnly": true } } }),
        &[
            (json!({ "id": 1, "key": 1, "name": 1 }), true, true),
            (json!({ "key": 1, "name": 1 }), true, false),
            (json!({ "id": 1, "name": 1 }), false, true),
            (json!({ "name": 1 }), false, false),
            (json!({ "id": 1, "key": 1 }), false, false),
        ],
    );
}

#[test]
fn a_property_is_marked_by_what_it_refers_to() {
    let object = |id: Value| json!({ "required": ["id"], "properties": { "id": id } });
    let reference = json!({ "$ref": "#/components/schemas/Id" });
    let is_optional =
        [(json!({}), true, false), (json!({ "id": "a" }), false, false), (json!({ "id": 1 }), true, true)];
    check(object(reference.clone()), &is_optional);
    check(object(json!({ "allOf": [reference, { "maximum": 9 }] })), &is_optional);
    check(object(json!({ "anyOf": [reference, { "allOf": [reference] }] })), &is_optional);
    check(object(json!({ "anyOf": [reference, { "type": "boolean" }] })), &[(json!({}), false, false)]);
    check(object(json!({ "readOnly": false })), &[(json!({}), false, false)]);
}

#[test]
fn marks_and_demands_meet_wherever_they_apply_to_one_value() {
    let is_optional = [(json!({ "name": "a" }), true, false), (json!({ "id": 1 }), false, false)];
    check(json!({ "allOf": [{ "$ref": BASE }, { "$ref": IDENTIFIED }] }), &is_optional);
    check(json!({ "allOf": [{ "$ref": IDENTIFIED }], "$ref": BASE }), &is_optional);
    check(json!({ "$ref": BASE, "properties": { "id": { "readOnly": true } } }), &is_optional);
    check(
        json!({ "allOf": [{ "allOf": [{ "$ref": BASE }] }], "properties": { "id": { "readOnly": true } } }),
        &is_optional,
    );
    check(json!({ "required": ["id", "name"], "allOf": [{ "$ref": IDENTIFIED }] }), &is_optional);
    check(json!({ "$ref": IDENTIFIED, "if": true, "then": { "$ref": BASE } }), &is_optional);
    check(
        json!({ "$ref": IDENTIFIED, "dependentSchemas": { "name": { "$ref": BASE } } }),
        &[(json!({ "name": "a" }), true, false)],
    );
    // Alone, the base knows of no mark: the context decides.
    check(json!({ "$ref": BASE }), &[(json!({ "name": "a" }), false, false)]);
}

#[test]
fn alternatives_mark_what_all_of_them_mark() {
    let marked = json!({ "properties": { "id": { "readOnly": true } } });
    let demanding = |alternatives: Value| json!({ "required": ["id"], "anyOf": alternatives });
    check(demanding(json!([marked, { "$ref": IDENTIFIED }])), &[(json!({}), true, false)]);
    check(demanding(json!([marked, {}])), &[(json!({}), false, false)]);
    let within = json!({ "anyOf": [{ "allOf": [marked, { "required": ["id"] }] }, { "required": ["a", "b"] }] });
    check(within, &[(json!({}), true, false), (json!({ "id": 1 }), true, true)]);
    check(
        json!({ "anyOf": [marked, { "required": ["id", "a"] }], "required": ["a"] }),
        &[(json!({ "a": 1 }), true, true), (json!({}), false, false)],
    );
}

#[test]
fn what_must_fail_is_taken_at_its_word() {
    let identified = json!({ "properties": { "id": { "readOnly": true } }, "required": ["id"] });
    // Without `id` in `required`, these would refuse everything.
    check(json!({ "not": identified }), &[(json!({}), true, true), (json!({ "id": 1 }), false, false)]);
    check(
        json!({ "allOf": [{ "$ref": IDENTIFIED }], "if": { "required": ["id"] }, "then": { "required": ["a"] } }),
        &[(json!({}), true, true), (json!({ "id": 1 }), false, false), (json!({ "id": 1, "a": 1 }), true, true)],
    );
    check(
        json!({ "not": { "properties": { "part": { "$ref": "#/components/schemas/Tree" } } } }),
        &[(json!({ "part": { "children": [] } }), true, true)],
    );
}

#[test]
fn marks_are_of_one_value_and_not_of_what_is_in_it() {
    let tree = json!({ "$ref": "#/components/schemas/Tree" });
    check(
        tree,
        &[
            (json!({ "children": [{ "children": [] }] }), true, false),
            (json!({ "children": [{}] }), false, false),
            (json!({ "id": 1, "children": [{ "id": 2, "children": [] }] }), true, true),
        ],
    );
    check(
        json!({ "properties": { "id": { "readOnly": true }, "owner": { "required": ["id"] } } }),
        &[(json!({ "owner": {} }), false, false)],
    );
}

#[test]
fn in_3_0_nothing_beside_a_reference_marks_or_demands() {
    let optional = |id: Value| {
        let schema = json!({ "required": ["id"], "properties": { "id": id } });
        let components = json!({ "Text": { "type": "string" }, "Id": { "type": "string", "readOnly": true } });
        let text = document(&schema, &components, &json!({})).replace("3.1.0", "3.0.3");
        let artifact = artifact(compile_texts(&[("openapi.json", &text)], lenient()));
        verdicts(&artifact, schemas(&artifact)[0], [json!({})].iter()) == [true]
    };
    assert!(optional(json!({ "readOnly": true })));
    assert!(optional(json!({ "$ref": "#/components/schemas/Id" })));
    assert!(!optional(json!({ "$ref": "#/components/schemas/Text", "readOnly": true })));
    assert!(optional(json!({ "allOf": [{ "$ref": "#/components/schemas/Text" }], "readOnly": true })));
}

#[test]
fn dependencies_are_demands_too() {
    check(
        json!({ "properties": { "id": { "readOnly": true } }, "dependentRequired": { "a": ["id", "b"], "c": ["id"] } }),
        &[
            (json!({ "a": 1, "b": 1 }), true, false),
            (json!({ "a": 1 }), false, false),
            (json!({ "c": 1 }), true, false),
        ],
    );
}

#[test]
fn read_only_properties_can_be_refused() {
    let refuse = |schema: Value, expected: &[(Value, bool, bool)]| {
        let components = json!({ "Id": { "type": "integer", "readOnly": true } });
        check_with((schema, components), json!({ "read-only": "refuse" }), expected);
    };
    let id = json!({ "$ref": "#/components/schemas/Id" });
    refuse(
        json!({ "required": ["id"], "properties": { "id": id, "key": { "writeOnly": true } } }),
        &[(json!({}), true, false), (json!({ "id": 1 }), false, true), (json!({ "key": 1 }), true, false)],
    );
    refuse(
        json!({ "patternProperties": { "^i": id } }),
        &[(json!({ "id": 1 }), false, true), (json!({ "a": 1 }), true, true)],
    );
    refuse(json!({ "additionalProperties": id }), &[(json!({ "id": 1 }), false, true), (json!({}), true, true)]);
    refuse(json!({ "not": { "properties": { "id": id }, "required": ["id"] } }), &[(json!({ "id": 1 }), false, false)]);
    refuse(
        json!({ "items": { "properties": { "id": id } } }),
        &[(json!([{ "id": 1 }]), false, true), (json!([{}]), true, true)],
    );
}

#[test]
fn a_mark_counts_however_it_is_spelt() {
    let schema = json!({ "required": ["id"], "properties": { "id": { "readOnly": true } } });
    let text = document(&schema, &json!({}), &json!({})).replace("readOnly", "\\u0072eadOnly");
    assert!(!text.contains("readOnly"));
    let artifact = artifact(compile_texts(&[("openapi.json", &text)], lenient()));
    assert_eq!(verdicts(&artifact, schemas(&artifact)[0], [json!({})].iter()), [true]);
}

#[test]
fn a_document_without_marks_has_one_variant() {
    let object = json!({ "required": ["id"], "properties": { "id": {} } });
    let [request, response] = schemas(&compiled(&object, &json!({}), &json!({ "read-only": "refuse" })));
    assert_eq!(request, response);
    // A mark that nobody demands makes no difference either.
    let marked = json!({ "properties": { "id": { "readOnly": true } } });
    let artifact = compiled(&marked, &json!({}), &json!({}));
    assert_eq!(schemas(&artifact), [SchemaId(0); 2]);
    assert_eq!(artifact.schemas.schemas.len(), 1);
}

#[test]
fn alternatives_and_their_mapping_are_one_schema() {
    let schema = json!({
        "required": ["id"],
        "oneOf": [{ "$ref": "#/components/schemas/Cat" }],
        "discriminator": { "propertyName": "kind", "mapping": { "cat": "Cat" } },
    });
    let components = json!({ "Cat": { "required": ["kind", "id"], "properties": { "id": { "readOnly": true } } } });
    let artifact = compiled(&schema, &components, &json!({}));
    let [request, _] = schemas(&artifact);
    let lowered: Value = serde_json::from_str(&artifact.schemas.schemas[request.index()].json).unwrap();
    assert_eq!(lowered["discriminator"]["mapping"]["cat"], lowered["oneOf"][0]["$ref"]);
    assert_eq!(lowered.get("required"), None);
}

#[test]
fn formats_can_be_annotations() {
    let schema = json!({ "properties": {
        "id": { "type": "string", "format": "uuid" }, "count": { "type": "integer", "format": "int32" },
        "file": { "type": "string", "format": "binary" },
    } });
    let text = |validation: Value| {
        let artifact = compiled(&schema, &json!({}), &validation);
        artifact.schemas.schemas[schemas(&artifact)[0].index()].json.clone()
    };
    let asserted = text(json!({}));
    assert!(asserted.contains(r#""format":"uuid""#) && asserted.contains("2147483647"), "{asserted}");
    assert_eq!(
        text(json!({ "formats": "annotate" })),
        r#"{"properties":{"count":{"type":"integer"},"file":{"format":"binary","type":"string"},"id":{"type":"string"}}}"#
    );
}

#[test]
fn options_are_of_documents_paths_and_operations() {
    let schema = json!({ "type": "object", "properties": { "id": { "readOnly": true, "format": "uuid" } } });
    let body = |option: Value| {
        json!({
            "x-portcullis": { "validation": option },
            "requestBody": { "content": { "application/json": { "schema": schema } } },
            "responses": { "204": { "description": "Done" } },
        })
    };
    let text = json!({
        "openapi": "3.1.0",
        "info": { "title": "Test", "version": "1" },
        "x-portcullis": { "validation": { "formats": "annotate" } },
        "paths": { "/": {
            "x-portcullis": { "validation": { "read-only": "refuse" } },
            "post": body(json!({})),
            "put": body(json!({ "read-only": "ignore" })),
            "patch": body(json!({ "read-only": "ignore", "formats": "assert" })),
        } },
    });
    let artifact = artifact(compile_texts(&[("openapi.json", &text.to_string())], lenient()));
    let lowered = artifact.routes.operations.iter().map(|operation| {
        let schema = operation.request_body.as_ref().unwrap().content[0].schema.unwrap();
        let lowered: Value = serde_json::from_str(&artifact.schemas.schemas[schema.index()].json).unwrap();
        (operation.method.as_str(), lowered["properties"]["id"].clone())
    });
    assert_eq!(
        lowered.collect::<Vec<_>>(),
        [
            ("PUT", json!({ "readOnly": true })),
            ("POST", json!(false)),
            ("PATCH", json!({ "format": "uuid", "readOnly": true })),
        ]
    );
}

#[test]
fn many_schemas_for_one_value_are_bounded_in_depth_and_not_in_number() {
    let chain = |links: usize| {
        let link = |at: usize| {
            let next = json!({ "$ref": format!("#/components/schemas/S{}", at + 1) });
            (format!("S{at}"), json!({ "allOf": [next, next] }))
        };
        let mut components: serde_json::Map<String, Value> = (0..links).map(link).collect();
        let last = json!({ "required": ["id"], "properties": { "id": { "readOnly": true } } });
        components.insert(format!("S{links}"), last);
        let text = document(&json!({ "$ref": "#/components/schemas/S0" }), &components.into(), &json!({}));
        compile_texts(&[("d", &text)], lenient())
    };
    let artifact = artifact(chain(100));
    let [request, response] = schemas(&artifact);
    // Two ways at each of a hundred forks: nobody goes them all.
    assert_ne!(request, response);
    assert_eq!(artifact.schemas.schemas.len(), 202);
    let found: Vec<String> = chain(1_000).diagnostics.iter().map(support::shown).collect();
    assert!(found.iter().any(|line| line.starts_with("PC1005")), "{found:?}");
}
