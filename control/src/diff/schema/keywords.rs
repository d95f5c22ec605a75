//! One pair of schemas, keyword by keyword (JSON Schema 2020-12).

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::finding::{Effect, Finding, Place, Scope};
use super::{Edge, Node, Pair, Sameness, Table, lone_reference, numbers};

type Object = Map<String, Value>;
type Both<'t> = (Option<&'t Value>, Option<&'t Value>);

/// A comparison under way: inline schemas are entered, references become edges.
pub(super) struct Walk<'w, 't> {
    pub(super) old: &'t Table,
    pub(super) new: &'t Table,
    pub(super) sameness: &'w mut Sameness<'t>,
    pub(super) node: Node<'t>,
}

/// Lower bounds; the second is what an absent one means, where it means something.
const LOWER: [(&str, Option<u8>); 6] = [
    ("minimum", None),
    ("exclusiveMinimum", None),
    ("minLength", Some(0)),
    ("minItems", Some(0)),
    ("minProperties", Some(0)),
    ("minContains", Some(1)),
];
const UPPER: [&str; 6] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"];
/// Keywords whose absence and presence are plain, and whose change is not.
const OPAQUE: [&str; 3] = ["pattern", "format", "multipleOf"];
/// Keywords that hold a schema for a part of the value, which may be anything where they are absent.
const PARTS: [(&str, &str); 4] = [
    ("items", "[]"),
    ("unevaluatedItems", "[]"),
    ("propertyNames", " (property names)"),
    ("contentSchema", " (decoded)"),
];
const CLOSING: [&str; 2] = ["additionalProperties", "unevaluatedProperties"];
const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];

impl<'t> Walk<'_, 't> {
    /// Compares two schemas inside those that the node is of.
    pub(super) fn walk(&mut self, pair: Pair<'t>, at: &Place) {
        let has_reference = |schema: &Value| schema.get("$ref").is_some();
        match (lone_reference(pair.old), lone_reference(pair.new)) {
            (None, None) => self.schemas_proper(pair, at),
            // Keywords beside a reference came or went: the references are compared with each other.
            (Some(_), None) if has_reference(pair.new) => self.schemas_proper(pair, at),
            (None, Some(_)) if has_reference(pair.old) => self.schemas_proper(pair, at),
            (Some(_), _) | (_, Some(_)) => self.edge(pair, at),
        }
    }

    pub(super) fn found(&mut self, at: &Place, effect: Effect, text: impl Into<String>) {
        self.node.findings.push(Finding { at: at.clone(), effect, text: text.into() });
    }

    fn edge(&mut self, pair: Pair<'t>, at: &Place) {
        let target = Pair { old: self.old.resolve(pair.old), new: self.new.resolve(pair.new) };
        self.node.edges.push(Edge { at: at.clone(), target });
    }

    /// Compares two schemas that are not mere references.
    pub(super) fn schemas_proper(&mut self, pair: Pair<'t>, at: &Place) {
        match (pair.old, pair.new) {
            (Value::Bool(false), Value::Bool(false)) => {}
            (Value::Bool(false), _) => self.found(at, Effect::Widened, "a value is allowed now, where none was"),
            (_, Value::Bool(false)) => self.found(at, Effect::Narrowed, "no value is allowed any more"),
            (Value::Object(old), Value::Object(new)) => self.objects(old, new, at),
            // `true` demands nothing: as if every keyword of the other one were added or removed.
            (Value::Object(old), _) => self.against_nothing(old, Side::Old, at),
            (_, Value::Object(new)) => self.against_nothing(new, Side::New, at),
            (_, _) => {}
        }
    }

    fn against_nothing(&mut self, object: &'t Object, side: Side, at: &Place) {
        for (key, value) in object {
            self.keyword(key, side.only(value), at);
        }
        self.required(side.only_in(object), at);
    }

    fn objects(&mut self, old: &'t Object, new: &'t Object, at: &Place) {
        for (key, value) in old {
            self.keyword(key, (Some(value), new.get(key)), at);
        }
        for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            self.keyword(key, (None, Some(value)), at);
        }
        self.required((Some(old), Some(new)), at);
        self.property_set(old, new, at);
    }

    fn keyword(&mut self, key: &str, both: Both<'t>, at: &Place) {
        if UPPER.contains(&key) || LOWER.iter().any(|(name, _)| *name == key) {
            return self.bound(key, both, at);
        }
        if OPAQUE.contains(&key) {
            return self.opaque(key, both, at);
        }
        if let Some((_, step)) = PARTS.iter().find(|(name, _)| *name == key) {
            return self.part(both, &at.step(step));
        }
        match key {
            "$ref" => self.reference(both, at),
            "type" => self.types(both, at),
            "enum" | "const" => self.values(key, both, at),
            "uniqueItems" => self.unique_items(both, at),
            "allOf" | "anyOf" | "oneOf" => self.schemas(key, both, at),
            "prefixItems" => self.positions(both, at),
            "patternProperties" => self.patterns(both, at),
            // Looked at together, by `property_set` and `required`.
            "properties" | "required" => {}
            key if CLOSING.contains(&key) => self.closing(both, at),
            _ => self.review_unless_same(key, both, at),
        }
    }

    fn bound(&mut self, key: &str, both: Both<'t>, at: &Place) {
        let lower = LOWER.iter().find(|(name, _)| *name == key);
        let is_lower = lower.is_some();
        let implied = lower.and_then(|(_, implied)| *implied).map(serde_json::Number::from);
        let number = |value: Option<&'t Value>| match value {
            Some(Value::Number(number)) => Some(number.clone()),
            _ => implied.clone(),
        };
        let (old, new) = (number(both.0), number(both.1));
        let tightened = match (&old, &new) {
            (None, None) => return,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (Some(old), Some(new)) => match numbers::compare(old, new) {
                Ordering::Equal => return,
                Ordering::Less => is_lower,
                Ordering::Greater => !is_lower,
            },
        };
        let effect = if tightened { Effect::Narrowed } else { Effect::Widened };
        let shown = |number: Option<serde_json::Number>| number.map_or("none".to_owned(), |number| number.to_string());
        self.found(at, effect, format!("`{key}` changed from {} to {}", shown(old), shown(new)));
    }

    fn opaque(&mut self, key: &str, both: Both<'t>, at: &Place) {
        match both {
            (None, Some(new)) => self.found(at, Effect::Narrowed, format!("`{key}` added: {new}")),
            (Some(old), None) => self.found(at, Effect::Widened, format!("`{key}` removed: {old}")),
            (Some(old), Some(new)) if old != new => {
                self.found(at, Effect::Unclear, format!("`{key}` changed from {old} to {new}: review"));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn part(&mut self, both: Both<'t>, at: &Place) {
        let or_anything = |value: Option<&'t Value>| value.unwrap_or(&Value::Bool(true));
        self.walk(Pair { old: or_anything(both.0), new: or_anything(both.1) }, at);
    }

    /// A reference that has other keywords beside it.
    fn reference(&mut self, both: Both<'t>, at: &Place) {
        let target = |table: &'t Table, value: Option<&'t Value>| match value {
            None => Some(&Value::Bool(true)),
            Some(value) => value.as_str().and_then(|reference| table.referenced(reference)),
        };
        match (target(self.old, both.0), target(self.new, both.1)) {
            (Some(old), Some(new)) => self.edge(Pair { old, new }, at),
            _ => self.review_unless_same("$ref", both, at),
        }
    }

    fn types(&mut self, both: Both<'t>, at: &Place) {
        let (old, new) = (accepted_types(both.0), accepted_types(both.1));
        let shown = |types: Vec<&&str>| types.into_iter().copied().collect::<Vec<_>>().join(", ");
        let (gone, come): (Vec<_>, Vec<_>) = (old.difference(&new).collect(), new.difference(&old).collect());
        if !gone.is_empty() {
            self.found(at, Effect::Narrowed, format!("`type` no longer accepts {}", shown(gone)));
        }
        if !come.is_empty() {
            self.found(at, Effect::Widened, format!("`type` now accepts {}", shown(come)));
        }
    }

    fn values(&mut self, key: &str, both: Both<'t>, at: &Place) {
        let list = |value: Option<&'t Value>| match value {
            Some(Value::Array(values)) if key == "enum" => Some(values.iter().collect::<Vec<_>>()),
            Some(value) => Some(vec![value]),
            None => None,
        };
        match (list(both.0), list(both.1)) {
            (None, None) => {}
            (None, Some(_)) => self.found(at, Effect::Narrowed, format!("restricted by `{key}`")),
            (Some(_), None) => self.found(at, Effect::Widened, format!("no longer restricted by `{key}`")),
            (Some(old), Some(new)) => {
                let is_in = |value: &Value, list: &[&Value]| list.iter().any(|other| is_equal(value, other));
                for value in old.iter().filter(|value| !is_in(value, &new)) {
                    self.found(at, Effect::Narrowed, format!("value {value} removed from `{key}`"));
                }
                for value in new.iter().filter(|value| !is_in(value, &old)) {
                    self.found(at, Effect::Widened, format!("value {value} added to `{key}`"));
                }
            }
        }
    }

    fn unique_items(&mut self, both: Both<'t>, at: &Place) {
        let is_set = |value: Option<&Value>| value == Some(&Value::Bool(true));
        match (is_set(both.0), is_set(both.1)) {
            (false, true) => self.found(at, Effect::Narrowed, "items must now be unique"),
            (true, false) => self.found(at, Effect::Widened, "items need no longer be unique"),
            (true, true) | (false, false) => {}
        }
    }

    fn positions(&mut self, both: Both<'t>, at: &Place) {
        let list = |value: Option<&'t Value>| value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let (old, new) = (list(both.0), list(both.1));
        for position in 0..old.len().max(new.len()) {
            self.part((old.get(position), new.get(position)), &at.step(&format!("[{position}]")));
        }
    }

    fn patterns(&mut self, both: Both<'t>, at: &Place) {
        let map = |value: Option<&'t Value>| value.and_then(Value::as_object);
        let (old, new) = (map(both.0), map(both.1));
        let names: BTreeSet<_> = old.into_iter().chain(new).flat_map(Object::keys).collect();
        for name in names {
            let of = |map: Option<&'t Object>| map.and_then(|map| map.get(name));
            self.part((of(old), of(new)), &at.property(&format!("/{name}/")));
        }
    }

    fn closing(&mut self, both: Both<'t>, at: &Place) {
        let is_closed = |value: Option<&Value>| value == Some(&Value::Bool(false));
        match (is_closed(both.0), is_closed(both.1)) {
            (true, true) => {}
            (false, true) => self.found(at, Effect::Narrowed, "properties that are not described are refused now"),
            (true, false) => self.found(at, Effect::Widened, "properties that are not described are allowed now"),
            (false, false) => self.part(both, &at.property("*")),
        }
    }

    fn review_unless_same(&mut self, key: &str, both: Both<'t>, at: &Place) {
        let is_same = match both {
            (Some(old), Some(new)) => self.sameness.holds(Pair { old, new }),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !is_same {
            self.found(at, Effect::Unclear, format!("`{key}` changed: review"));
        }
    }

    fn required(&mut self, (old, new): (Option<&'t Object>, Option<&'t Object>), at: &Place) {
        let (before, after) = (required(old), required(new));
        for name in after.difference(&before) {
            let place = at.property(name).within(scope(self.new, property(new, name)));
            self.found(&place, Effect::Narrowed, "is now required");
        }
        for name in before.difference(&after) {
            let is_gone = new.is_some_and(|new| property(Some(new), name).is_none()) && property(old, name).is_some();
            if !is_gone {
                let place = at.property(name).within(scope(self.old, property(old, name)));
                self.found(&place, Effect::Widened, "is no longer required");
            }
        }
    }

    fn property_set(&mut self, old: &'t Object, new: &'t Object, at: &Place) {
        let names = |object: &'t Object| object.get("properties").and_then(Value::as_object).map(Object::keys);
        let (before, after) = (names(old).into_iter().flatten(), names(new).into_iter().flatten());
        let names: BTreeSet<_> = before.chain(after).collect();
        let is_closed = CLOSING.iter().any(|key| new.get(*key) == Some(&Value::Bool(false)));
        for name in names {
            let place = at.property(name);
            match (property(Some(old), name), property(Some(new), name)) {
                (Some(old), Some(new)) => {
                    let scope = if scope(self.old, Some(old)) == scope(self.new, Some(new)) {
                        scope(self.new, Some(new))
                    } else {
                        Scope::Both
                    };
                    self.walk(Pair { old, new }, &place.within(scope));
                }
                (None, Some(new)) => {
                    let place = place.within(scope(self.new, Some(new)));
                    self.found(&place, Effect::PropertyAdded, "property added");
                }
                (Some(old), None) => {
                    let place = place.within(scope(self.old, Some(old)));
                    let effect = if is_closed { Effect::PropertyForbidden } else { Effect::PropertyRemoved };
                    self.found(&place, effect, "property removed");
                }
                (None, None) => {}
            }
        }
    }
}

/// Which of the two schemas has something to say.
#[derive(Debug, Clone, Copy)]
enum Side {
    Old,
    New,
}

impl Side {
    fn only(self, value: &Value) -> Both<'_> {
        match self {
            Self::Old => (Some(value), None),
            Self::New => (None, Some(value)),
        }
    }

    fn only_in(self, object: &Object) -> (Option<&Object>, Option<&Object>) {
        match self {
            Self::Old => (Some(object), None),
            Self::New => (None, Some(object)),
        }
    }
}

fn property<'t>(object: Option<&'t Object>, name: &str) -> Option<&'t Value> {
    object?.get("properties")?.as_object()?.get(name)
}

fn required(object: Option<&Object>) -> BTreeSet<&str> {
    let list = object.and_then(|object| object.get("required")).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Where a property is seen, by `readOnly` and `writeOnly` of its schema.
fn scope(table: &Table, schema: Option<&Value>) -> Scope {
    let Some(schema) = schema else { return Scope::Both };
    let resolved = table.resolve(schema);
    let is_set = |key: &str| resolved.get(key) == Some(&Value::Bool(true));
    match (is_set("readOnly"), is_set("writeOnly")) {
        (false, false) => Scope::Both,
        (true, false) => Scope::Responses,
        (false, true) => Scope::Requests,
        (true, true) => Scope::Nowhere,
    }
}

/// The types that `type` accepts: all where it is absent; `number` accepts every integer.
fn accepted_types(value: Option<&Value>) -> BTreeSet<&str> {
    let mut types: BTreeSet<&str> = match value {
        Some(Value::String(name)) => BTreeSet::from([name.as_str()]),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::from(TYPES),
    };
    if types.contains("number") {
        types.insert("integer");
    }
    types
}

fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => numbers::compare(a, b).is_eq(),
        (a, b) => a == b,
    }
}
