//! The Schema Object: field by field for 3.0, which has its own; for 3.1 and later, which have JSON Schema
//! 2020-12, what leads from a schema to schemas, and what OpenAPI adds.

use super::documentation::{EXTERNAL_DOCS, XML};
use crate::structure::grammar::{Field, Key, Object, Others, Reference, Shape, Versions, field, note, required};

const SCHEMAS: Shape = Shape::NonEmptyList(&Shape::Schema);
const XML_FIELD: Field = note("xml", Shape::Object(&XML));
const EXTERNAL_DOCS_FIELD: Field = note("externalDocs", Shape::Object(&EXTERNAL_DOCS));

pub(crate) static SCHEMA_3_0: Object = Object::new(
    "Schema Object",
    &[
        note("title", Shape::Text),
        field("multipleOf", Shape::Positive),
        field("maximum", Shape::Number),
        field("exclusiveMaximum", Shape::Boolean),
        field("minimum", Shape::Number),
        field("exclusiveMinimum", Shape::Boolean),
        field("maxLength", Shape::Count),
        field("minLength", Shape::Count),
        field("pattern", Shape::Text),
        field("maxItems", Shape::Count),
        field("minItems", Shape::Count),
        field("uniqueItems", Shape::Boolean),
        field("maxProperties", Shape::Count),
        field("minProperties", Shape::Count),
        field("required", Shape::List(&Shape::Text)),
        field("enum", Shape::List(&Shape::Data)),
        field("type", Shape::Word(&["array", "boolean", "integer", "number", "object", "string"])),
        field("not", Shape::Schema),
        field("allOf", SCHEMAS),
        field("oneOf", SCHEMAS),
        field("anyOf", SCHEMAS),
        field("items", Shape::Schema),
        field("properties", Shape::Map(Key::Any, &Shape::Schema)),
        field("additionalProperties", Shape::SchemaOrBoolean),
        note("description", Shape::Text),
        field("format", Shape::Text),
        field("default", Shape::Data),
        field("nullable", Shape::Boolean),
        field("discriminator", Shape::Object(&DISCRIMINATOR)),
        field("readOnly", Shape::Boolean),
        field("writeOnly", Shape::Boolean),
        note("example", Shape::Data),
        EXTERNAL_DOCS_FIELD,
        note("deprecated", Shape::Boolean),
        XML_FIELD,
    ],
)
.referable();

/// What OpenAPI adds to JSON Schema; JSON Schema itself is checked where it is compiled.
pub(crate) static SCHEMA_SINCE_3_1: Object = Object::new(
    "Schema Object",
    &[field("discriminator", Shape::Object(&DISCRIMINATOR)), EXTERNAL_DOCS_FIELD, XML_FIELD],
)
.with_others(Others::Anything)
.with_reference(Reference::Beside);

pub(crate) static DISCRIMINATOR: Object = Object::new(
    "Discriminator Object",
    &[
        required("propertyName", Shape::Text),
        field("mapping", Shape::Map(Key::Any, &Shape::Text)),
        field("defaultMapping", Shape::Text).only(Versions::V3_2),
    ],
);

/// The keywords of JSON Schema 2020-12 (and `definitions`, of before) whose value is a schema.
pub(crate) const SCHEMA_KEYWORDS: &[&str] = &[
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Those whose value is a list of schemas.
pub(crate) const SCHEMA_LIST_KEYWORDS: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];

/// Those whose value is an object of schemas.
pub(crate) const SCHEMA_MAP_KEYWORDS: &[&str] =
    &["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];
