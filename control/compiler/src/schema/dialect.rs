//! The dialect of a schema: JSON Schema 2020-12, OpenAPI's base dialect, or one of the documents' own (JSON Schema
//! 2020-12 core, section 8.1).
//!
//! A dialect of one's own is a metaschema among the documents. Its `$vocabulary` says which keywords mean something;
//! the others are annotations.

use crate::diagnostic::{Code, Sink};
use crate::document::{Documents, Node};

use super::scope::resource_of;

/// Whether any document has a dialect of its own: hardly any has, and then nobody needs to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UseOfDialects {
    None,
    Some,
}

/// Which keywords of a schema mean something.
#[derive(Debug, Clone)]
pub(super) enum Vocabularies<'d> {
    /// All of them.
    Standard,
    /// Those of the vocabularies that this `$vocabulary` has.
    Declared(Node<'d>),
}

/// What the URIs of JSON Schema's own vocabularies begin with.
const VOCABULARY: &str = "https://json-schema.org/draft/2020-12/vocab/";

/// What the URIs of OpenAPI's base vocabulary begin with.
const OPENAPI_VOCABULARY: &str = "https://spec.openapis.org/oas/";

impl UseOfDialects {
    pub(super) fn of(documents: &Documents) -> Self {
        let are_used = documents.sources().any(|source| source.text().contains("$vocabulary"));
        if are_used { Self::Some } else { Self::None }
    }

    /// The vocabularies of a schema.
    pub(super) fn vocabularies<'d>(self, schema: &Node<'d>) -> Vocabularies<'d> {
        match self {
            Self::None => Vocabularies::Standard,
            Self::Some => Vocabularies::of(schema),
        }
    }
}

impl<'d> Vocabularies<'d> {
    fn of(schema: &Node<'d>) -> Self {
        let root = schema.documents().root(schema.file());
        let dialect = resource_of(schema).get("$schema").or_else(|| root.get("jsonSchemaDialect"));
        let declared = dialect.and_then(|dialect| declared(dialect.str()?, &dialect));
        declared.map_or(Self::Standard, Self::Declared)
    }

    /// Whether a keyword means something.
    pub(super) fn have(&self, keyword: &str) -> bool {
        match (self, vocabularies_of(keyword)) {
            (Self::Standard, _) | (_, []) => true,
            (Self::Declared(declared), names) => {
                names.iter().any(|name| declared.get(&format!("{VOCABULARY}{name}")).is_some())
            }
        }
    }
}

/// The vocabularies that give a keyword its meaning; none for those of the core, and for annotations.
fn vocabularies_of(keyword: &str) -> &'static [&'static str] {
    match keyword {
        "prefixItems"
        | "items"
        | "contains"
        | "additionalProperties"
        | "properties"
        | "patternProperties"
        | "dependentSchemas"
        | "propertyNames"
        | "if"
        | "then"
        | "else"
        | "allOf"
        | "anyOf"
        | "oneOf"
        | "not" => &["applicator"],
        "unevaluatedItems" | "unevaluatedProperties" => &["unevaluated"],
        "format" => &["format-annotation", "format-assertion"],
        "type" | "enum" | "const" | "multipleOf" | "maximum" | "exclusiveMaximum" | "minimum" | "exclusiveMinimum"
        | "maxLength" | "minLength" | "pattern" | "maxItems" | "minItems" | "uniqueItems" | "maxContains"
        | "minContains" | "maxProperties" | "minProperties" | "required" | "dependentRequired" => &["validation"],
        _ => &[],
    }
}

/// The `$vocabulary` of a metaschema among the documents.
fn declared<'d>(uri: &str, from: &Node<'d>) -> Option<Node<'d>> {
    if is_standard(uri) {
        return None;
    }
    from.documents().resolve(from, uri).ok()?.get("$vocabulary")
}

fn is_standard(uri: &str) -> bool {
    let uri = uri.trim_end_matches('#');
    let oas = uri.strip_prefix(OPENAPI_VOCABULARY);
    let is_oas_base = ["3.1", "3.2"].iter().any(|version| {
        oas.and_then(|rest| rest.strip_prefix(version)).is_some_and(|rest| rest.starts_with("/dialect/"))
    });
    uri == "https://json-schema.org/draft/2020-12/schema" || is_oas_base
}

/// Reports a dialect that is not lowered.
pub(crate) fn check_dialect(dialect: &str, place: &Node<'_>, sink: &mut Sink) {
    if is_standard(dialect) {
        return;
    }
    let Some(declared) = declared(dialect, place) else {
        sink.error(Code::DialectUnsupported, place, format!("schemas in the dialect `{dialect}` are not supported"))
            .hint(
                "write the schema in JSON Schema 2020-12 (https://json-schema.org/draft/2020-12/schema), the default of OpenAPI 3.1 and later, or let the metaschema, with its `$vocabulary`, stand among the documents",
            );
        return;
    };
    let is_known = |uri: &str| uri.starts_with(VOCABULARY) || uri.starts_with(OPENAPI_VOCABULARY);
    let is_needed = |needed: &Node<'_>| needed.bool() != Some(false);
    for (uri, _) in declared.entries().filter(|(uri, needed)| !is_known(uri) && is_needed(needed)) {
        let message = format!("the dialect `{dialect}` needs the vocabulary `{uri}`, which nobody here knows");
        sink.error(Code::DialectUnsupported, place, message)
            .hint("let its `$vocabulary` say `false` for it, if a validator may ignore its keywords");
    }
}
