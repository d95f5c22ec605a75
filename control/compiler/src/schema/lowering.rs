//! One schema, written anew as JSON Schema 2020-12, keyword by keyword.

use serde_json::Value;

use super::collector::{Collector, Language, Reference, language};
use super::dialect::check_dialect;
use super::keyword::{self, Binding, Keyword};
use super::manner::Manner;
use super::numeric::Bounds;
use super::rule;
use super::scope::Spot;
use super::text::{Step, Text};
use crate::diagnostic::nearest;
use crate::diagnostic::{Code, Sink};
use crate::document::{Node, Token};
use crate::lower;

/// Writes one schema of the table.
pub(super) struct Writer<'w, 'd> {
    pub(super) collector: &'w mut Collector<'d>,
    pub(super) sink: &'w mut Sink,
    pub(super) text: Text,
}

/// A schema within the one that is written.
pub(super) struct Part<'d> {
    pub(super) spot: Spot<'d>,
    pub(super) manner: Manner,
    /// What lies between the whole and this.
    step: Step,
}

impl<'w, 'd> Writer<'w, 'd> {
    pub(super) fn new(collector: &'w mut Collector<'d>, sink: &'w mut Sink) -> Self {
        Self { collector, sink, text: Text::default() }
    }

    /// `manner` knows of the schema's own marks.
    pub(super) fn write(mut self, spot: Spot<'d>, manner: Manner) -> Text {
        self.schema(&Part { spot, manner, step: Step::Stays });
        self.text
    }

    fn schema(&mut self, part: &Part<'d>) {
        let node = &part.spot.node;
        match node.value() {
            Value::Bool(verdict) => self.text.raw(if *verdict { "true" } else { "false" }),
            Value::Object(_) => self.object(part),
            _ => self.fault(node, "a schema must be an object or a boolean"),
        }
    }

    fn object(&mut self, part: &Part<'d>) {
        let spot = &part.spot;
        let language = language(&spot.node);
        let vocabularies = self.collector.dialects.vocabularies(&spot.node);
        let mut keywords: Vec<(&'d str, Keyword, Node<'d>)> = Vec::new();
        for (name, value) in spot.node.entries() {
            let known = match language {
                // The siblings of a `$ref` are ignored in 3.0 (OpenAPI 3.0.4 section 4.7.23.1).
                Language::OpenApi30 if name != "$ref" && spot.node.reference().is_some() => continue,
                Language::OpenApi30 => keyword::of_openapi_3_0(name),
                Language::Draft202012 => keyword::of_2020_12(name),
            };
            match known {
                Some(Keyword::Dropped) => {}
                Some(_) if !vocabularies.have(name) => {}
                Some(keyword) => keywords.push((name, keyword, value)),
                // The structure check knows the fields of 3.0.
                None if language == Language::OpenApi30 || name.starts_with("x-") => {}
                None => self.ignored(name, &value),
            }
        }
        keywords.sort_unstable_by_key(|(name, ..)| *name);
        let bounds = Bounds::of(&spot.node, part.manner);
        self.text.raw("{");
        for (name, keyword, value) in keywords {
            match keyword {
                Keyword::Format => self.format(&value, bounds, part.manner),
                Keyword::Bound(_) if bounds.replace(name) => self.expect(&value, &rule::NUMBER),
                Keyword::Positive if bounds.replace(name) => self.expect(&value, &rule::POSITIVE),
                _ => self.keyword((name, keyword), &value, part),
            }
        }
        self.text.raw("}");
    }

    /// Nothing is written for a value that is at fault: the fault is reported and there will be no artifact.
    fn keyword(&mut self, (name, keyword): (&str, Keyword), value: &Node<'d>, part: &Part<'d>) {
        let spot = &part.spot;
        match keyword {
            // `format` is written together with the bounds that it means.
            Keyword::Dropped | Keyword::Nullable | Keyword::Format => {}
            Keyword::Dialect => self.dialect(value),
            Keyword::Reference(binding) => self.reference(&Reference { binding, node: value.clone() }, part),
            Keyword::Schema(step) => {
                self.text.member(name);
                self.part(value, part, step);
            }
            Keyword::Condition => {
                self.text.member(name);
                self.condition(value, part);
            }
            Keyword::Schemas(step) => {
                self.text.member(name);
                self.schemas(value, part, step);
            }
            Keyword::Map => {
                self.text.member(name);
                self.map(value, |writer, schema| writer.part(schema, part, Step::Stays));
            }
            Keyword::Property => {
                self.text.member(name);
                self.property(value, part);
            }
            Keyword::PatternProperties => {
                self.text.member(name);
                self.map(value, |writer, schema| {
                    writer.pattern_of_names(schema, part.manner);
                    writer.property(schema, part);
                });
            }
            Keyword::Properties => {
                self.text.member(name);
                self.map(value, |writer, schema| writer.property(schema, part));
            }
            Keyword::Type => self.types(value, spot),
            Keyword::Bound(sharpened_by) => self.bound((name, sharpened_by), value, spot),
            Keyword::ExclusiveBound => self.exclusive_bound(name, value),
            Keyword::Discriminator => self.discriminator(value, part),
            Keyword::Count => self.checked(name, value, &rule::COUNT),
            Keyword::Positive => self.checked(name, value, &rule::POSITIVE),
            Keyword::Boolean => self.checked(name, value, &rule::BOOLEAN),
            Keyword::Text => self.checked(name, value, &rule::TEXT),
            Keyword::Pattern => self.pattern(name, value, part.manner),
            Keyword::Names => self.names(name, value, part),
            Keyword::NameLists => self.name_lists(name, value, part),
            Keyword::Values => self.checked(name, value, &rule::VALUES),
            Keyword::Value => self.copied(name, value),
        }
    }

    /// A schema within `whole`, from which `step` leads to it.
    fn part(&mut self, node: &Node<'d>, whole: &Part<'d>, step: Step) {
        let manner = match step {
            Step::Stays => whole.manner,
            Step::Descends => whole.manner.below(),
        };
        let spot = self.collector.scopes.enter(node, whole.spot.scope);
        let manner = self.collector.manner_at(&spot, manner, self.sink);
        self.schema(&Part { spot, manner, step: whole.step.then(step) });
    }

    /// A schema that is applied to the same value, and whose failing may be what is wanted: it is taken at its word.
    fn condition(&mut self, node: &Node<'d>, whole: &Part<'d>) {
        let spot = self.collector.scopes.enter(node, whole.spot.scope);
        self.schema(&Part { spot, manner: whole.manner.plain(), step: whole.step });
    }

    /// The schema of a property, which may be one that the sender must leave out.
    fn property(&mut self, node: &Node<'d>, whole: &Part<'d>) {
        let spot = self.collector.scopes.enter(node, whole.spot.scope);
        if self.collector.is_refused(&spot, whole.manner, self.sink) {
            self.text.raw("false");
        } else {
            self.part(node, whole, Step::Descends);
        }
    }

    fn schemas(&mut self, list: &Node<'d>, whole: &Part<'d>, step: Step) {
        self.expect(list, &rule::SCHEMAS);
        self.text.raw("[");
        for item in list.items() {
            self.text.next();
            self.part(&item, whole, step);
        }
        self.text.raw("]");
    }

    fn map(&mut self, map: &Node<'d>, mut write: impl FnMut(&mut Self, &Node<'d>)) {
        self.expect(map, &rule::SCHEMAS_BY_NAME);
        let mut entries: Vec<_> = lower::map(map, self.sink).entries().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        self.text.raw("{");
        for (key, entry) in entries {
            self.text.member(key);
            write(self, &entry);
        }
        self.text.raw("}");
    }

    /// A `$dynamicRef` becomes a `$ref`, of which a schema has one.
    fn reference(&mut self, reference: &Reference<'d>, part: &Part<'d>) {
        if reference.node.str().is_none() {
            return self.fault(&reference.node, rule::TEXT.says);
        }
        if reference.binding == Binding::Dynamic && part.spot.node.reference().is_some() {
            return self.fault(&reference.node, "beside `$ref` is not supported: put each into an `allOf`");
        }
        let Some(target) = self.collector.target(&part.spot, reference, self.sink) else { return };
        let Some(id) = self.collector.id((target, part.manner), self.sink) else { return };
        self.text.member("$ref");
        self.text.reference(id, part.step);
    }

    fn dialect(&mut self, value: &Node<'d>) {
        let Some(dialect) = value.str() else { return self.fault(value, "must be a string") };
        check_dialect(dialect, value, self.sink);
    }

    fn ignored(&mut self, name: &str, value: &Node<'d>) {
        let message = format!("`{name}` is not a keyword of JSON Schema 2020-12 and has no effect");
        let hint = match name {
            "nullable" => Some("add \"null\" to `type` instead: `type: [string, \"null\"]`".to_owned()),
            "$recursiveRef" => Some("since JSON Schema 2020-12 this is `$dynamicRef`".to_owned()),
            "$recursiveAnchor" => Some("since JSON Schema 2020-12 this is `$dynamicAnchor`".to_owned()),
            "dependencies" => {
                Some("since JSON Schema 2019-09 this is `dependentRequired` and `dependentSchemas`".to_owned())
            }
            "additionalItems" => Some("since JSON Schema 2020-12 this is `items` beside `prefixItems`".to_owned()),
            "id" => Some("an identity is `$id`".to_owned()),
            _ => nearest(name, keyword::ASSERTIONS).map(|near| format!("did you mean `{near}`?")),
        };
        let diagnostic = self.sink.warning(Code::UnknownKeyword, value.key_place(), message);
        if let Some(hint) = hint {
            diagnostic.hint(hint);
        }
    }

    /// Notes a malformed keyword; the grammar of 3.0 is the structure check's, which has noted it there.
    pub(super) fn fault(&mut self, node: &Node<'d>, rule: &str) {
        if language(node) == Language::Draft202012 || !self.sink.has_errors() {
            let what = match node.token() {
                Some(Token::Key(key)) => format!("`{key}` {rule}"),
                Some(Token::Index(_)) | None => rule.to_owned(),
            };
            self.sink.error(Code::SchemaMalformed, node, what);
        }
    }
}
