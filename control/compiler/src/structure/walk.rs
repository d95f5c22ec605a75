//! The way through a description, from its root to everything it refers to, along the grammar.
//!
//! Two phases go it: the one that looks for files ([`Documents::load`](crate::document::Documents::load)) and the
//! one that checks ([`super::check()`]). Data (examples, defaults, extensions) is never entered.

use std::collections::HashSet;

use serde_json::Value;

use super::fault::Fault;
use super::grammar::{Key, Object, Others, Reference, Shape};
use super::{rules, tables};
use crate::diagnostic::Severity;
use crate::document::{Identity, Node, Version};

/// Who goes along.
pub(crate) trait Observer<'d> {
    /// There is a fault at `node`.
    fn fault(&mut self, node: &Node<'d>, fault: Fault, severity: Severity);

    /// `from` refers to something by `reference`. Returns it, if the walk shall go on there.
    fn reference(&mut self, from: &Node<'d>, reference: &'d str, to: Target) -> Option<Node<'d>>;

    /// A Schema Object of 3.1 or later.
    fn schema(&mut self, node: &Node<'d>);

    /// An object was entered, for the first time.
    fn object(&mut self, node: &Node<'d>, object: &'static Object, severity: Severity);

    /// Whether a field, which the object has, is not gone into.
    fn passes_by(&self, _field: &str) -> bool {
        false
    }
}

/// What a reference should lead to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) shape: Shape,
    pub(crate) severity: Severity,
    pub(crate) siblings: Siblings,
}

/// What becomes of the fields beside a `$ref`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Siblings {
    Ignored,
    Apply,
}

/// Schemas by name.
const SCHEMAS: Shape = Shape::Map(Key::Any, &Shape::Schema);

/// The objects that were entered, each with how grave its faults are.
pub(crate) type Seen = HashSet<(Identity, &'static str, Severity)>;

pub(crate) struct Walk<'d, 's, O> {
    pub(crate) observer: O,
    seen: &'s mut Seen,
    /// References are gone later, not deeper: the way is as deep as the deepest document, no deeper.
    later: Vec<(Node<'d>, Shape, Severity)>,
}

impl<'d, 's, O: Observer<'d>> Walk<'d, 's, O> {
    pub(crate) fn new(observer: O, seen: &'s mut Seen) -> Self {
        Self { observer, seen, later: Vec::new() }
    }

    /// Goes from `node`, which should be of that shape, to everything it leads to.
    pub(crate) fn from(&mut self, node: Node<'d>, shape: Shape, severity: Severity) {
        self.later.push((node, shape, severity));
        while let Some((node, shape, severity)) = self.later.pop() {
            self.shape(&node, shape, severity);
        }
    }

    fn shape(&mut self, node: &Node<'d>, shape: Shape, severity: Severity) {
        let value = node.value();
        let fits = match shape {
            Shape::Data => true,
            Shape::Text => value.is_string(),
            Shape::Uri => value.as_str().is_some_and(rules::is_uri_reference),
            Shape::Email => value.as_str().is_some_and(rules::is_email),
            Shape::Boolean => value.is_boolean(),
            Shape::Number => value.is_number(),
            Shape::Positive => value.as_number().is_some_and(rules::is_positive),
            Shape::Count => rules::is_count(value),
            Shape::Word(words) => value.as_str().is_some_and(|text| words.contains(&text)),
            Shape::Object(object) => return self.object(node, object, severity),
            Shape::SchemaOrBoolean if value.is_boolean() => true,
            Shape::Schema | Shape::SchemaOrBoolean => return self.schema(node, severity),
            Shape::NonEmptyList(_) if value.as_array().is_some_and(Vec::is_empty) => false,
            Shape::List(item) | Shape::NonEmptyList(item) => return self.list((node, shape), item, severity),
            Shape::Map(key, member) => return self.map((node, shape), (key, member), severity),
            Shape::Parameters => return self.parameters(node, severity),
        };
        if !fits {
            self.observer.fault(node, Fault::Shape(shape), severity);
        }
    }

    fn list(&mut self, (node, shape): (&Node<'d>, Shape), item: &'static Shape, severity: Severity) {
        if !node.value().is_array() {
            return self.observer.fault(node, Fault::Shape(shape), severity);
        }
        node.items().for_each(|node| self.shape(&node, *item, severity));
    }

    fn map(&mut self, (node, shape): (&Node<'d>, Shape), (key, member): (Key, &'static Shape), severity: Severity) {
        let Some(members) = node.value().as_object() else {
            return self.observer.fault(node, Fault::Shape(shape), severity);
        };
        // No specification has this, but descriptions that are split into files do: a map that is all reference.
        if let Some(reference) = node.reference().filter(|_| members.len() == 1) {
            return self.follow(node, reference, Target { shape, severity, siblings: Siblings::Ignored });
        }
        for (name, node) in node.entries() {
            if !rules::key_fits(key, name) {
                self.observer.fault(&node, Fault::Key(key), severity);
            }
            self.shape(&node, *member, severity);
        }
    }

    fn parameters(&mut self, node: &Node<'d>, severity: Severity) {
        self.list((node, Shape::Parameters), &tables::PARAMETER_SHAPE, severity);
    }

    fn schema(&mut self, node: &Node<'d>, severity: Severity) {
        if version(node) == Version::V3_0 {
            return self.object(node, &tables::SCHEMA_3_0, severity);
        }
        match node.value() {
            Value::Bool(_) => {}
            Value::Object(_) => self.object(node, &tables::SCHEMA_SINCE_3_1, severity),
            _ => self.observer.fault(node, Fault::Shape(Shape::SchemaOrBoolean), severity),
        }
    }

    fn object(&mut self, node: &Node<'d>, object: &'static Object, severity: Severity) {
        let severity = severity.max(object.severity);
        let Some(members) = node.value().as_object() else {
            return self.observer.fault(node, Fault::Shape(Shape::Object(object)), severity);
        };
        let key = |severity| (node.identity(), object.name, severity);
        if self.seen.contains(&key(Severity::Error)) || !self.seen.insert(key(severity)) {
            return;
        }
        self.observer.object(node, object, severity);
        if members.contains_key("$ref") && self.reference(node, object, severity) == Siblings::Ignored {
            return;
        }
        for (name, member) in node.entries() {
            self.member((name, &member), object, severity);
        }
        let version = version(node);
        for field in object.fields {
            if field.required.has(version) && field.versions.has(version) && !members.contains_key(field.name) {
                self.observer.fault(node, Fault::Missing(object, field.name), severity.max(field.severity));
            }
        }
        for broken in rules::broken(node, object, version) {
            self.observer.fault(
                &broken.at,
                Fault::Rule(object, broken.rule.demand),
                severity.max(broken.rule.severity),
            );
        }
        if std::ptr::eq(object, &raw const tables::SCHEMA_SINCE_3_1) {
            self.subschemas(node, severity);
        } else if std::ptr::eq(object, &raw const tables::DISCRIMINATOR) {
            self.mapping(node, severity);
        }
    }

    fn member(&mut self, (name, node): (&'d str, &Node<'d>), object: &'static Object, severity: Severity) {
        if name == "$ref" && object.reference == Reference::Beside {
            return;
        }
        if let Some(field) = object.field(name, version(node)) {
            if self.observer.passes_by(name) {
                return;
            }
            return self.shape(node, field.shape, severity.max(field.severity));
        }
        match object.others {
            Others::Anything => {}
            Others::Extensions | Others::Map(..) if name.starts_with("x-") => {}
            Others::Extensions => self.observer.fault(node, Fault::Unknown(object), severity),
            Others::Map(key, _) if !rules::key_fits(key, name) => {
                self.observer.fault(node, Fault::Key(key), severity);
            }
            Others::Map(_, shape) => self.shape(node, *shape, severity),
        }
    }

    /// Goes where the `$ref` of an object leads, later. Returns what becomes of its siblings.
    fn reference(&mut self, node: &Node<'d>, object: &'static Object, severity: Severity) -> Siblings {
        let siblings = match object.reference {
            Reference::Instead(since) if version(node) >= since => Siblings::Ignored,
            Reference::Beside => Siblings::Apply,
            Reference::Instead(_) | Reference::None => return Siblings::Apply,
        };
        let Some(reference) = node.reference() else {
            if let Some(target) = node.get("$ref") {
                self.observer.fault(&target, Fault::Shape(Shape::Text), severity);
            }
            return siblings;
        };
        let shape = if is_schema(object) { Shape::Schema } else { Shape::Object(object) };
        self.follow(node, reference, Target { shape, severity, siblings });
        siblings
    }

    fn follow(&mut self, from: &Node<'d>, reference: &'d str, to: Target) {
        if let Some(target) = self.observer.reference(from, reference, to) {
            self.later.push((target, to.shape, to.severity));
        }
    }

    /// What leads from a schema of JSON Schema to others; that these are what they should be is for the phase
    /// that compiles schemas to say.
    fn subschemas(&mut self, node: &Node<'d>, severity: Severity) {
        self.observer.schema(node);
        if let Some(reference) = node.get("$dynamicRef").and_then(|reference| reference.str()) {
            self.follow(node, reference, Target { shape: Shape::Schema, severity, siblings: Siblings::Apply });
        }
        for (name, member) in node.entries() {
            if tables::SCHEMA_KEYWORDS.contains(&name) && !member.value().is_array() {
                self.schema(&member, severity);
            } else if tables::SCHEMA_LIST_KEYWORDS.contains(&name) || name == "items" {
                member.items().for_each(|schema| self.schema(&schema, severity));
            } else if tables::SCHEMA_MAP_KEYWORDS.contains(&name) && member.value().is_object() {
                self.map((&member, SCHEMAS), (Key::Any, &Shape::Schema), severity);
            }
        }
    }

    /// A discriminator's mapping names schemas by component name or by reference.
    fn mapping(&mut self, node: &Node<'d>, severity: Severity) {
        let targets = node.get("mapping").into_iter().flat_map(|mapping| mapping.entries()).map(|(_, target)| target);
        for target in targets.chain(node.get("defaultMapping")) {
            if let Some(reference) = target.str().filter(|text| !rules::key_fits(Key::Component, text) || is_file(text))
            {
                self.follow(&target, reference, Target { shape: Shape::Schema, severity, siblings: Siblings::Ignored });
            }
        }
    }
}

fn is_file(text: &str) -> bool {
    [".json", ".yaml", ".yml"].iter().any(|extension| text.ends_with(extension))
}

/// Whether it is a Schema Object, of whatever version.
pub(crate) fn is_schema(object: &'static Object) -> bool {
    std::ptr::eq(object, &raw const tables::SCHEMA_SINCE_3_1) || std::ptr::eq(object, &raw const tables::SCHEMA_3_0)
}

pub(crate) fn version(node: &Node<'_>) -> Version {
    node.documents().document(node.file()).version()
}
