//! Keywords whose value is no schema, each held to its rule and written.

use std::collections::HashSet;

use artifact_format::model::FormatAssertion;
use serde_json::{Map, Value};

use super::collector::{Language, language};
use super::lowering::{Part, Writer};
use super::manner::Manner;
use super::numeric::{self, Bounds};
use super::pattern;
use super::rule::{self, Rule};
use super::scope::Spot;
use crate::diagnostic::Code;
use crate::document::{Node, Token};

impl<'d> Writer<'_, 'd> {
    pub(super) fn checked(&mut self, name: &str, value: &Node<'d>, rule: &Rule) {
        self.expect(value, rule);
        self.copied(name, value);
    }

    pub(super) fn expect(&mut self, value: &Node<'d>, rule: &Rule) {
        if !(rule.holds)(value) {
            self.fault(value, rule.says);
        }
    }

    pub(super) fn copied(&mut self, name: &str, value: &Node<'d>) {
        self.text.member(name);
        self.text.value(value.value());
    }

    pub(super) fn pattern(&mut self, name: &str, value: &Node<'d>, manner: Manner) {
        self.expect(value, &rule::TEXT);
        let pattern = pattern::with_braces_escaped(value.str().unwrap_or_default());
        self.collector.look_at_pattern((&pattern, value.place()), manner.patterns, self.sink);
        self.text.member(name);
        self.text.string(&pattern);
    }

    pub(super) fn pattern_of_names(&mut self, schema: &Node<'d>, manner: Manner) {
        if let Some(Token::Key(pattern)) = schema.token() {
            self.collector.look_at_pattern((pattern, schema.key_place()), manner.patterns, self.sink);
        }
    }

    pub(super) fn types(&mut self, value: &Node<'d>, spot: &Spot<'d>) {
        self.expect(value, &rule::TYPE);
        self.text.member("type");
        // In 3.0 `null` is allowed beside a type, never by itself, and an `enum` has to list it like any other value
        // (the clarification of `nullable` in OpenAPI 3.0.3).
        let nullable = spot.node.get("nullable").filter(|_| language(value) == Language::OpenApi30);
        match nullable.and_then(|nullable| nullable.bool()) {
            Some(true) => self.text.value(&Value::Array(vec![value.value().clone(), "null".into()])),
            Some(false) | None => self.text.value(value.value()),
        }
    }

    /// `minimum` and `maximum`, which a boolean beside them makes exclusive.
    pub(super) fn bound(&mut self, (name, sharpened_by): (&str, &str), value: &Node<'d>, spot: &Spot<'d>) {
        let is_sharp = spot.node.get(sharpened_by).and_then(|sharp| sharp.bool()) == Some(true);
        self.checked(if is_sharp { sharpened_by } else { name }, value, &rule::NUMBER);
    }

    /// In 2020-12 a number. A boolean is how 3.0 says it; real descriptions of 3.1 still do, and mean it.
    pub(super) fn exclusive_bound(&mut self, name: &str, value: &Node<'d>) {
        match (value.value(), language(value)) {
            (Value::Number(_), Language::Draft202012) => self.copied(name, value),
            (Value::Bool(_), Language::OpenApi30) => {}
            (Value::Bool(_), Language::Draft202012) => {
                let message = format!("`{name}` is a number since OpenAPI 3.1; it is taken as 3.0 meant it");
                self.sink
                    .warning(Code::OldSpelling, value, message)
                    .hint(format!("write the bound itself: `{name}: 0`"));
            }
            (_, Language::Draft202012) => self.fault(value, rule::NUMBER.says),
            (_, Language::OpenApi30) => self.fault(value, "must be a boolean in OpenAPI 3.0"),
        }
    }

    /// `required`, without the names that the sender is excused from. A name that is listed twice means nothing else
    /// than once.
    pub(super) fn names(&mut self, name: &str, value: &Node<'d>, part: &Part<'d>) {
        let mut names: Vec<&Value> = Vec::new();
        let mut seen = HashSet::new();
        for listed in value.items() {
            if seen.insert(listed.value()) {
                names.push(listed.value());
            } else if language(value) == Language::Draft202012 {
                self.sink.warning(
                    Code::OldSpelling,
                    &listed,
                    format!("{} is listed twice in `{name}`", listed.value()),
                );
            }
        }
        self.expect(value, &rule::NAMES);
        let demanded = self.demanded(names, part);
        if !demanded.is_empty() {
            self.text.member(name);
            self.text.value(&Value::Array(demanded));
        }
    }

    /// `dependentRequired`, likewise.
    pub(super) fn name_lists(&mut self, name: &str, value: &Node<'d>, part: &Part<'d>) {
        self.expect(value, &rule::NAME_LISTS);
        let lists = value.value().as_object().into_iter().flatten();
        let lists = lists.map(|(key, list)| (key, self.demanded(list.as_array().into_iter().flatten(), part)));
        let lists: Map<String, Value> =
            lists.filter(|(_, list)| !list.is_empty()).map(|(key, list)| (key.clone(), Value::Array(list))).collect();
        if !lists.is_empty() {
            self.text.member(name);
            self.text.value(&Value::Object(lists));
        }
    }

    fn demanded<'v>(&self, names: impl IntoIterator<Item = &'v Value>, part: &Part<'d>) -> Vec<Value> {
        let excused = self.collector.marks.excused(part.manner);
        let is_demanded = |name: &&Value| name.as_str().is_none_or(|name| !excused.contains(name));
        names.into_iter().filter(is_demanded).cloned().collect()
    }

    /// A format of numbers is written as the bounds that it means; any other as it is, where it is asserted. `binary`
    /// always is: it says what a part of a form is.
    pub(super) fn format(&mut self, value: &Node<'d>, bounds: Bounds, manner: Manner) {
        self.expect(value, &rule::TEXT);
        let format = value.str().unwrap_or_default();
        if numeric::range(format).is_some() {
            for (keyword, bound) in bounds.keywords() {
                self.text.member(keyword);
                self.text.raw(&bound);
            }
        } else if manner.formats == FormatAssertion::Assert || format == "binary" {
            self.copied("format", value);
        }
    }
}
