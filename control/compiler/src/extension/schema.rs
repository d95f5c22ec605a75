//! The extension's JSON Schema, made from the same table that the reader goes by.

use serde_json::{Map, Value, json};

use super::settings::{DOCUMENT, OPERATION, SCHEME};
use super::shape::{Field, Presence, Shape};

/// The JSON Schema 2020-12 of `x-portcullis`: of the document at the root, of path items and operations under
/// `$defs/operation`, of security schemes under `$defs/securityScheme`.
///
/// It says what the compiler says, but for the bounds of durations and sizes, which no `pattern` can.
pub fn extension_schema() -> Value {
    let Value::Object(mut schema) = object(DOCUMENT) else { return Value::Null };
    let mut root = Map::new();
    root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".to_owned(), json!("x-portcullis"));
    root.append(&mut schema);
    root.insert("$defs".to_owned(), json!({ "operation": object(OPERATION), "securityScheme": object(SCHEME) }));
    Value::Object(root)
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|field| (field.name.to_owned(), described(field))).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.presence == Presence::Required).map(|field| field.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn described(field: &Field) -> Value {
    let mut schema = shape(&field.shape);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(field.about));
    }
    schema
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Integer(bounds) => json!({ "type": "integer", "minimum": bounds.start(), "maximum": bounds.end() }),
        Shape::Share => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 }),
        Shape::Duration(_) => json!({ "type": "string", "pattern": "^(0|[1-9][0-9]*)(ms|s|m|h)$" }),
        Shape::Size(_) => json!({ "type": "string", "pattern": "^(0|[1-9][0-9]*)([KMG]i)?B$" }),
        Shape::Text(text) => json!({ "type": "string", "pattern": text.pattern }),
        Shape::Json => json!({}),
        Shape::List(of) => json!({ "type": "array", "items": shape(of), "minItems": 1 }),
        Shape::Map(name, of) => json!({
            "type": "object",
            "propertyNames": { "pattern": name.pattern },
            "additionalProperties": shape(of),
        }),
        Shape::Object(fields) => object(fields),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(shape).collect::<Vec<_>>() }),
    }
}
