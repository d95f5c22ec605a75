//! The keywords of a schema and what may stand under each: the vocabulary of JSON Schema 2020-12 with the OAS base
//! vocabulary (OpenAPI 3.2.0 section 4.24.1), and the keywords of OpenAPI 3.0.4 (section 4.7.24).

use super::text::Step;

/// What stands under a keyword, and so what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    /// Says nothing about validity, or names places which references have already found: dropped.
    Dropped,
    /// `$schema`: which language the schema is written in.
    Dialect,
    /// `$ref` and `$dynamicRef`: another schema, applied at the same place.
    Reference(Binding),
    /// A schema.
    Schema(Step),
    /// A schema that is applied to the same value, and whose failing may be what is wanted.
    Condition,
    /// A list of schemas, at least one.
    Schemas(Step),
    /// An object of schemas that are applied to the same value.
    Map,
    /// A schema of properties.
    Property,
    /// An object of schemas of properties.
    Properties,
    /// `patternProperties`: likewise, by the patterns of their names.
    PatternProperties,
    /// `type`.
    Type,
    /// A count: an integer from 0.
    Count,
    /// A number above 0.
    Positive,
    /// `exclusiveMinimum` and `exclusiveMaximum`: in 2020-12 a number, in 3.0 a boolean that sharpens the bound beside it.
    ExclusiveBound,
    /// `minimum` and `maximum`, which the keyword named here sharpens where it is `true`.
    Bound(&'static str),
    /// `nullable` of 3.0, which is read together with `type`.
    Nullable,
    /// A boolean.
    Boolean,
    /// A string.
    Text,
    /// `format`.
    Format,
    /// `pattern`.
    Pattern,
    /// A list of distinct strings.
    Names,
    /// An object of lists of distinct strings.
    NameLists,
    /// A list of any values.
    Values,
    /// Any value.
    Value,
    /// `discriminator`.
    Discriminator,
}

/// How a reference finds its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// By the place it is written at.
    Static,
    /// By the schemas that validation came through.
    Dynamic,
}

/// A keyword of JSON Schema 2020-12 or of the OAS base vocabulary.
pub(super) fn of_2020_12(name: &str) -> Option<Keyword> {
    Some(match name {
        "$ref" => Keyword::Reference(Binding::Static),
        "$dynamicRef" => Keyword::Reference(Binding::Dynamic),
        "$schema" => Keyword::Dialect,
        "type" => Keyword::Type,
        "not" | "if" => Keyword::Condition,
        "then" | "else" => Keyword::Schema(Step::Stays),
        "allOf" | "anyOf" | "oneOf" => Keyword::Schemas(Step::Stays),
        "dependentSchemas" => Keyword::Map,
        "items" | "contains" | "propertyNames" | "unevaluatedItems" => Keyword::Schema(Step::Descends),
        "prefixItems" => Keyword::Schemas(Step::Descends),
        "additionalProperties" | "unevaluatedProperties" => Keyword::Property,
        "properties" => Keyword::Properties,
        "patternProperties" => Keyword::PatternProperties,
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minContains" | "maxContains" | "minProperties"
        | "maxProperties" => Keyword::Count,
        "minimum" => Keyword::Bound("exclusiveMinimum"),
        "maximum" => Keyword::Bound("exclusiveMaximum"),
        "exclusiveMinimum" | "exclusiveMaximum" => Keyword::ExclusiveBound,
        "multipleOf" => Keyword::Positive,
        "uniqueItems" | "readOnly" | "writeOnly" => Keyword::Boolean,
        "format" => Keyword::Format,
        "pattern" => Keyword::Pattern,
        "contentEncoding" | "contentMediaType" => Keyword::Text,
        "required" => Keyword::Names,
        "dependentRequired" => Keyword::NameLists,
        "enum" => Keyword::Values,
        "const" | "default" => Keyword::Value,
        "discriminator" => Keyword::Discriminator,
        "$id" | "$anchor" | "$dynamicAnchor" | "$defs" | "definitions" | "$comment" | "$vocabulary" | "title"
        | "description" | "example" | "examples" | "externalDocs" | "xml" | "deprecated" | "contentSchema" => {
            Keyword::Dropped
        }
        _ => return None,
    })
}

/// A keyword of the Schema Object of OpenAPI 3.0.
pub(super) fn of_openapi_3_0(name: &str) -> Option<Keyword> {
    Some(match name {
        "$ref"
        | "type"
        | "not"
        | "allOf"
        | "anyOf"
        | "oneOf"
        | "items"
        | "additionalProperties"
        | "properties"
        | "minLength"
        | "maxLength"
        | "minItems"
        | "maxItems"
        | "minProperties"
        | "maxProperties"
        | "minimum"
        | "maximum"
        | "exclusiveMinimum"
        | "exclusiveMaximum"
        | "multipleOf"
        | "uniqueItems"
        | "readOnly"
        | "writeOnly"
        | "pattern"
        | "format"
        | "required"
        | "enum"
        | "default"
        | "discriminator"
        | "title"
        | "description"
        | "example"
        | "externalDocs"
        | "xml"
        | "deprecated" => {
            return of_2020_12(name);
        }
        "nullable" => Keyword::Nullable,
        _ => return None,
    })
}

/// Every keyword that a misspelt one may have meant.
pub(super) const ASSERTIONS: [&str; 41] = [
    "$dynamicRef",
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "default",
    "dependentRequired",
    "dependentSchemas",
    "discriminator",
    "else",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "type",
    "uniqueItems",
];

/// The seven types of JSON Schema.
pub(super) const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
