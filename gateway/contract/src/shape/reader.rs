//! From the table of schemas to shapes.

use std::collections::HashMap;
use std::sync::Arc;

use artifact_format::model::{Schema, SchemaId, Schemas};
use serde_json::{Map, Value};

use super::{ANYTHING, Items, Members, Others, Shape, Types};

/// How deep values within values are looked into. What lies deeper may be anything.
const DEPTH_MAX: u8 = 8;

/// Finds the shapes of an artifact's schemas, each once.
#[derive(Debug)]
pub struct Shapes<'a> {
    schemas: &'a Schemas,
    /// By how deep was left to look.
    found: HashMap<(SchemaId, u8), Shape>,
    /// The references that led here without going into a member or an item: one of them again leads in a circle.
    open: Vec<SchemaId>,
    /// How often that was so.
    circles: u32,
}

impl Shape {
    /// The shape of one schema of a table; [`Shapes`] is for many.
    pub fn of(schemas: &Schemas, schema: SchemaId) -> Self {
        Shapes::new(schemas).of(schema)
    }
}

impl<'a> Shapes<'a> {
    /// Nothing is looked at yet.
    pub fn new(schemas: &'a Schemas) -> Self {
        Self { schemas, found: HashMap::new(), open: Vec::new(), circles: 0 }
    }

    /// The table of schemas.
    pub fn table(&self) -> &'a Schemas {
        self.schemas
    }

    /// The shape of a schema; one that is not in the table, or is no JSON, allows anything here, and no validator
    /// can be built for it.
    pub fn of(&mut self, schema: SchemaId) -> Shape {
        self.referred(schema, DEPTH_MAX)
    }

    /// The `default` of a schema: its own, else that of what it refers to, else that of the first of its `allOf`.
    pub fn default_of(&self, schema: SchemaId) -> Option<Value> {
        self.default_within(&serde_json::from_str(&self.schemas.schemas.get(schema.index())?.json).ok()?, DEPTH_MAX)
    }

    fn default_within(&self, schema: &Value, depth: u8) -> Option<Value> {
        let (schema, depth) = (schema.as_object()?, depth.checked_sub(1)?);
        let referred = || {
            let id = schema.get("$ref").and_then(Value::as_str).and_then(Schema::referred)?;
            self.default_within(&serde_json::from_str(&self.schemas.schemas.get(id.index())?.json).ok()?, depth)
        };
        let of_all = || list(schema, "allOf").find_map(|each| self.default_within(each, depth));
        schema.get("default").cloned().or_else(referred).or_else(of_all)
    }

    fn referred(&mut self, id: SchemaId, depth: u8) -> Shape {
        if let Some(shape) = self.found.get(&(id, depth)) {
            return shape.clone();
        }
        if self.open.contains(&id) {
            self.circles += 1;
            return ANYTHING.clone();
        }
        let schema = self.schemas.schemas.get(id.index());
        let Some(schema) = schema.and_then(|schema| serde_json::from_str::<Value>(&schema.json).ok()) else {
            return ANYTHING.clone();
        };
        let circles = self.circles;
        self.open.push(id);
        let shape = self.read(&schema, depth);
        self.open.pop();
        // What was cut off because it leads in a circle may look different from elsewhere.
        if self.circles == circles {
            self.found.insert((id, depth), shape.clone());
        }
        shape
    }

    /// A schema in a member or an item.
    fn within(&mut self, schema: &Value, depth: u8) -> Shape {
        let Some(depth) = depth.checked_sub(1) else { return ANYTHING.clone() };
        let open = std::mem::take(&mut self.open);
        let shape = self.read(schema, depth);
        self.open = open;
        shape
    }

    fn read(&mut self, schema: &Value, depth: u8) -> Shape {
        let schema = match schema {
            Value::Bool(false) => return Shape::of_types(Types::NONE),
            Value::Object(schema) => schema,
            _ => return ANYTHING.clone(),
        };
        let (items, members) = (self.items(schema, depth), self.members(schema, depth));
        let mut shape = Shape { said: types(schema), about: about(schema), items, members };
        if let Some(id) = schema.get("$ref").and_then(Value::as_str).and_then(Schema::referred) {
            shape = shape.and(&self.referred(id, depth));
        }
        for each in list(schema, "allOf") {
            shape = shape.and(&self.read(each, depth));
        }
        for alternatives in ["anyOf", "oneOf"] {
            let shapes = list(schema, alternatives).map(|each| self.read(each, depth));
            if let Some(any) = shapes.reduce(|one, other| one.or(&other)) {
                shape = shape.and(&any);
            }
        }
        shape
    }

    fn items(&mut self, schema: &Map<String, Value>, depth: u8) -> Option<Arc<Items>> {
        let first: Vec<Shape> = list(schema, "prefixItems").map(|each| self.within(each, depth)).collect();
        let rest = schema.get("items").map(|rest| self.within(rest, depth));
        if first.is_empty() && rest.is_none() {
            return None;
        }
        Some(Arc::new(Items { first, rest: rest.unwrap_or_else(|| ANYTHING.clone()) }))
    }

    fn members(&mut self, schema: &Map<String, Value>, depth: u8) -> Option<Arc<Members>> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        // Which members a pattern matches, or nothing else has looked at, is not found out.
        let has_conditional = schema.contains_key("patternProperties")
            || schema.get("unevaluatedProperties").is_some_and(|others| *others != Value::Bool(false));
        if properties.is_none() && others.is_none() && !has_conditional {
            return None;
        }
        let named = properties.into_iter().flatten();
        let mut named: Vec<_> = named.map(|(name, each)| (name.as_str().into(), self.within(each, depth))).collect();
        named.sort_by(|(one, _): &(Box<str>, Shape), (other, _)| one.cmp(other));
        let others = match others {
            _ if has_conditional => Others::Shaped(ANYTHING.clone()),
            None => Others::Unsaid,
            Some(Value::Bool(false)) => Others::None,
            Some(others) => Others::Shaped(self.within(others, depth)),
        };
        Some(Arc::new(Members { named, others }))
    }
}

/// What `type`, `const` and `enum` leave.
fn types(schema: &Map<String, Value>) -> Types {
    let mut types = match schema.get("type") {
        Some(Value::String(name)) => Types::named(name),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).fold(Types::NONE, |all, name| all | Types::named(name))
        }
        _ => Types::ALL,
    };
    if let Some(only) = schema.get("const") {
        types = types & Types::of(only);
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        types = types & values.iter().fold(Types::NONE, |all, value| all | Types::of(value));
    }
    types
}

/// What the keywords that hold for one type only are about.
fn about(schema: &Map<String, Value>) -> Types {
    schema.keys().fold(Types::NONE, |all, keyword| {
        all | match keyword.as_str() {
            "minLength" | "maxLength" | "pattern" | "format" | "contentEncoding" | "contentMediaType" => Types::STRING,
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => Types::NUMBER,
            "items" | "prefixItems" | "contains" | "minItems" | "maxItems" | "uniqueItems" | "unevaluatedItems" => {
                Types::ARRAY
            }
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "propertyNames"
            | "required"
            | "minProperties"
            | "maxProperties"
            | "dependentRequired"
            | "dependentSchemas"
            | "unevaluatedProperties" => Types::OBJECT,
            _ => Types::NONE,
        }
    })
}

fn list<'s>(schema: &'s Map<String, Value>, name: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(name).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(texts: &[Value]) -> Schemas {
        let schema = |json: &Value| Schema { json: json.to_string(), references: Vec::new() };
        Schemas { schemas: texts.iter().map(schema).collect(), ..Schemas::default() }
    }

    /// The first schema's shape; the others are there to be referred to.
    fn shape(texts: &[Value]) -> Shape {
        Shape::of(&table(texts), SchemaId(0))
    }

    #[test]
    fn types_are_what_every_keyword_leaves() {
        for (schema, expected) in [
            (json!(true), Types::ALL),
            (json!({}), Types::ALL),
            (json!(false), Types::NONE),
            (json!({"type": "integer"}), Types::INTEGER),
            (json!({"type": ["integer", "null"]}), Types::INTEGER | Types::NULL),
            (json!({"type": "number"}), Types::NUMBER),
            (json!({"const": "a"}), Types::STRING),
            (json!({"enum": [1, null]}), Types::NUMBER | Types::NULL),
            (json!({"type": "integer", "enum": [1, "a"]}), Types::INTEGER),
            (json!({"allOf": [{"type": ["string", "number"]}, {"type": "integer"}]}), Types::INTEGER),
            (json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}), Types::STRING | Types::INTEGER),
            (json!({"oneOf": [{"type": "string"}, {}]}), Types::ALL),
            (json!({"type": "string", "oneOf": [{"const": 1}, {"const": "a"}]}), Types::STRING),
            (json!({"not": {"type": "string"}}), Types::ALL),
            (json!({"maxLength": 5}), Types::STRING),
            (json!({"minimum": 1, "items": {}}), Types::NUMBER | Types::ARRAY),
            (json!({"type": "integer", "maxLength": 5}), Types::INTEGER),
            (json!({"allOf": [{"type": "integer"}], "maxLength": 5}), Types::INTEGER),
            (json!({"allOf": [{"minLength": 5}, {"required": ["a"]}]}), Types::STRING | Types::OBJECT),
            (json!({"anyOf": [{"type": "boolean"}, {"minimum": 5}]}), Types::BOOLEAN | Types::NUMBER),
            (json!({"anyOf": [{"minimum": 5}, {}]}), Types::ALL),
            (json!({"if": {"type": "string"}, "then": false}), Types::ALL),
        ] {
            assert_eq!(shape(std::slice::from_ref(&schema)).types(), expected, "{schema}");
        }
    }

    #[test]
    fn references_are_followed() {
        let to = |id: u32| json!({"$ref": format!("portcullis:schema/{id}")});
        assert_eq!(shape(&[to(1), json!({"type": "boolean"})]).types(), Types::BOOLEAN);
        assert_eq!(
            shape(&[json!({"type": "integer", "allOf": [to(1)]}), to(2), json!({"type": "number"})]).types(),
            Types::INTEGER
        );
        assert_eq!(shape(&[to(7)]).types(), Types::ALL);
        let list = shape(&[to(1), json!({"type": "array", "items": to(1)})]);
        assert_eq!(list.types(), Types::ARRAY);
        assert_eq!(list.item(0).item(9).types(), Types::ARRAY);
    }

    #[test]
    fn circles_end() {
        let to = |id: u32| json!({"$ref": format!("portcullis:schema/{id}")});
        let circle = [json!({"anyOf": [to(1), {"type": "string"}]}), json!({"allOf": [to(0)], "type": "string"})];
        assert_eq!(shape(&circle).types(), Types::STRING);
        let twice: Vec<Value> =
            (1..60).map(|next| json!({"allOf": [to(next), to(next)]})).chain([json!({"type": "null"})]).collect();
        assert_eq!(shape(&twice).types(), Types::NULL);
    }

    #[test]
    fn items_are_found() {
        let shape = shape(&[json!({
            "prefixItems": [{"type": "integer"}],
            "items": {"type": "string"},
            "anyOf": [{"type": "array", "items": {"type": ["string", "integer"]}}, {"type": "boolean"}],
        })]);
        assert_eq!(shape.types(), Types::ARRAY | Types::BOOLEAN);
        assert_eq!(shape.item(0).types(), Types::INTEGER);
        assert_eq!(shape.item(1).types(), Types::STRING);
    }

    #[test]
    fn members_are_found() {
        let shape = shape(&[json!({
            "properties": {"b": {"type": "integer"}},
            "allOf": [{"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": ["integer", "null"]}}],
            "unevaluatedProperties": false,
        })]);
        assert_eq!(shape.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(shape.member("a").types(), Types::STRING);
        assert_eq!(shape.member("b").types(), Types::INTEGER);
        assert_eq!(shape.member("c").types(), Types::INTEGER | Types::NULL);
    }

    #[test]
    fn members_that_are_not_named_must_be_provided_for() {
        for (schema, expected) in [
            (json!({"type": "object"}), true),
            (json!({"additionalProperties": {"type": "integer"}}), true),
            (json!({"properties": {"a": {}}, "additionalProperties": true}), true),
            (json!({"properties": {"a": {}}, "patternProperties": {"^x": {}}}), true),
            (json!({"properties": {"a": {}}, "unevaluatedProperties": {}}), true),
            (json!({"properties": {"a": {}}}), false),
            (json!({"additionalProperties": false}), false),
            (json!({"properties": {"a": {}}, "allOf": [{"additionalProperties": false}]}), false),
            (json!({"anyOf": [{"properties": {"a": {}}}, {"additionalProperties": true}]}), true),
        ] {
            assert_eq!(shape(std::slice::from_ref(&schema)).has_others(), expected, "{schema}");
        }
    }
}
