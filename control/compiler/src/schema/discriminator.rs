//! `discriminator` (OpenAPI 3.2.0 section 4.24.8): mappings come to name schemas of the table.
//!
//! A discriminator never changes a verdict, so one that leads nowhere is a warning. Alternatives that are named by
//! their component's name alone are written out, since the table knows no names.

use std::collections::BTreeMap;

use super::collector::Reference;
use super::keyword::Binding;
use super::lowering::{Part, Writer};
use super::text::Step;
use crate::diagnostic::Code;
use crate::document::{Node, Token};

impl<'d> Writer<'_, 'd> {
    pub(super) fn discriminator(&mut self, discriminator: &Node<'d>, part: &Part<'d>) {
        let Some(property) = discriminator.get("propertyName").filter(|name| name.str().is_some()) else {
            self.sink.error(Code::SchemaMalformed, discriminator, "`discriminator` must have a `propertyName`");
            return;
        };
        let mapping = self.mapping(discriminator, part);
        let default = discriminator.get("defaultMapping").and_then(|name| self.meant(&name, part));
        self.text.member("discriminator");
        self.text.raw("{");
        if let Some(default) = default {
            self.text.member("defaultMapping");
            self.text.reference(default, Step::Descends);
        }
        if !mapping.is_empty() {
            self.text.member("mapping");
            self.text.raw("{");
            for (value, schema) in mapping {
                self.text.member(&value);
                self.text.reference(schema, Step::Descends);
            }
            self.text.raw("}");
        }
        self.text.member("propertyName");
        self.text.value(property.value());
        self.text.raw("}");
    }

    fn mapping(&mut self, discriminator: &Node<'d>, part: &Part<'d>) -> BTreeMap<String, usize> {
        let mut mapping = BTreeMap::new();
        let alternatives = ["oneOf", "anyOf"].into_iter().filter_map(|keyword| part.spot.node.get(keyword));
        for node in alternatives.flat_map(|list| list.items().filter_map(|item| item.get("$ref"))) {
            let reference = Reference { binding: Binding::Static, node };
            let target = self.collector.target(&part.spot, &reference, self.sink);
            let Some(Token::Key(name)) = target.as_ref().and_then(|target| target.node.token()) else { continue };
            if let Some(id) = target.and_then(|target| self.collector.id((target, part.manner), self.sink)) {
                mapping.insert(name.to_owned(), id);
            }
        }
        for (value, name) in discriminator.get("mapping").into_iter().flat_map(|mapping| mapping.entries()) {
            if let Some(id) = self.meant(&name, part) {
                mapping.insert(value.to_owned(), id);
            }
        }
        mapping
    }

    /// The schema that a mapping means: a component by its name, else a reference.
    fn meant(&mut self, name: &Node<'d>, part: &Part<'d>) -> Option<usize> {
        let text = name.str()?;
        let documents = part.spot.node.documents();
        let component = |root: Node<'d>| root.get("components")?.get("schemas")?.get(text);
        let found = component(documents.root(part.spot.node.file()))
            .or_else(|| documents.entries().find_map(component))
            .or_else(|| documents.resolve(&part.spot.node, text).ok());
        if found.is_none() {
            self.sink.warning(
                Code::DiscriminatorMapping,
                name,
                format!("`{text}` is neither a schema under `components` nor a reference to one"),
            );
        }
        let target = self.collector.scopes.enter(&found?, part.spot.scope);
        self.collector.id((target, part.manner), self.sink)
    }
}
