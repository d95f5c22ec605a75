//! Which properties of a form are files.

use std::collections::BTreeSet;

use artifact_format::model::{Schema, SchemaId, Schemas};
use serde_json::Value;

use crate::media::MediaType;

/// The properties whose content is octets: strings of `format: binary` (OpenAPI 3.0.4, Encoding Object, the default of
/// `contentType`) or with a `contentEncoding` (the same in 3.1.1) or a `contentMediaType` that is neither text nor JSON,
/// and lists of them.
pub(super) fn properties(schemas: &Schemas, schema: SchemaId) -> BTreeSet<String> {
    let mut search = Search { schemas, open: Vec::new() };
    let mut found = BTreeSet::new();
    search.referred(schema, &mut |search, schema| {
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mut inner = Search { schemas: search.schemas, open: Vec::new() };
            if !found.contains(name) && inner.is_file(property) {
                found.insert(name.clone());
            }
        }
    });
    found
}

struct Search<'a> {
    schemas: &'a Schemas,
    /// The references that led here: one of them again leads in a circle.
    open: Vec<SchemaId>,
}

type Visit<'v, 'a> = &'v mut dyn FnMut(&Search<'a>, &Value);

impl<'a> Search<'a> {
    fn referred(&mut self, id: SchemaId, visit: Visit<'_, 'a>) {
        let schema = self.schemas.schemas.get(id.index());
        let Some(schema) = schema.and_then(|schema| serde_json::from_str::<Value>(&schema.json).ok()) else { return };
        if !self.open.contains(&id) {
            self.open.push(id);
            self.visit(&schema, visit);
            self.open.pop();
        }
    }

    /// Visits a schema and what is said of the same value elsewhere.
    fn visit(&mut self, schema: &Value, visit: Visit<'_, 'a>) {
        visit(self, schema);
        if let Some(id) = schema.get("$ref").and_then(Value::as_str).and_then(Schema::referred) {
            self.referred(id, visit);
        }
        for each in ["allOf", "anyOf", "oneOf"] {
            for schema in schema.get(each).and_then(Value::as_array).into_iter().flatten() {
                self.visit(schema, visit);
            }
        }
    }

    fn is_file(&mut self, schema: &Value) -> bool {
        let mut is_file = false;
        self.visit(schema, &mut |search, schema| {
            let mut items = Search { schemas: search.schemas, open: search.open.clone() };
            is_file = is_file || is_of_octets(schema) || schema.get("items").is_some_and(|each| items.is_file(each));
        });
        is_file
    }
}

fn is_of_octets(schema: &Value) -> bool {
    let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
    let is_other_media = |text: &str| MediaType::parse(text).is_ok_and(|media| !media.is_text() && !media.is_json());
    text("format") == Some("binary")
        || text("contentEncoding").is_some()
        || text("contentMediaType").is_some_and(is_other_media)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(table: &[Value], expected: &[&str]) {
        let schema = |schema: &Value| Schema { json: schema.to_string(), references: Vec::new() };
        let schemas = Schemas { schemas: table.iter().map(schema).collect(), ..Schemas::default() };
        let found: Vec<String> = properties(&schemas, SchemaId(0)).into_iter().collect();
        assert_eq!(found, expected, "{table:?}");
    }

    #[test]
    fn files_are_found_wherever_the_schema_says_so() {
        let binary = json!({ "type": "string", "format": "binary" });
        check(&[json!({ "properties": { "a": binary, "b": { "type": "string" } } })], &["a"]);
        check(&[json!({ "properties": { "a": { "type": "array", "items": binary } } })], &["a"]);
        check(&[json!({ "properties": { "a": { "contentEncoding": "base64" } } })], &["a"]);
        check(&[json!({ "properties": { "a": { "contentMediaType": "image/png" } } })], &["a"]);
        check(&[json!({ "properties": { "a": { "contentMediaType": "application/json" } } })], &[]);
        check(&[json!({ "properties": { "a": { "properties": { "b": binary } } } })], &[]);
        check(
            &[json!({ "allOf": [{ "$ref": "portcullis:schema/1" }] }), json!({ "properties": { "a": binary } })],
            &["a"],
        );
        let nullable = json!({ "anyOf": [{ "$ref": "portcullis:schema/1" }, { "type": "null" }] });
        check(&[json!({ "properties": { "a": nullable } }), binary], &["a"]);
    }

    #[test]
    fn circles_end() {
        let own = json!({ "$ref": "portcullis:schema/0" });
        check(&[json!({ "allOf": [own], "properties": { "a": { "anyOf": [own], "items": own } } })], &[]);
    }
}
