//! Which schemas the artifact has: those that OpenAPI objects hold, and those they refer to.

use std::collections::{HashMap, HashSet, VecDeque};

use artifact_format::model::SchemaId;

use super::dialect::UseOfDialects;
use super::keyword::{self, Binding, Keyword};
use super::lowering::Writer;
use super::manner::Manner;
use super::marked::Marks;
use super::pattern::PatternBook;
use super::purpose::Purpose;
use super::scope::{ScopeId, Scopes, Spot};
use super::table::{self, Table};
use super::text::Text;
use crate::diagnostic::{Code, Sink};
use crate::document::limits::LINKS_MAX;
use crate::document::{Documents, Identity, Node, Version};

/// The schemas met so far, each with a provisional id in order of first use.
pub(crate) struct Collector<'d> {
    pub(super) scopes: Scopes<'d>,
    pub(super) dialects: UseOfDialects,
    pub(super) marks: Marks<'d>,
    pub(super) patterns: PatternBook,
    ids: HashMap<(Identity, ScopeId, Manner), usize>,
    nodes: Vec<Node<'d>>,
    texts: Vec<Text>,
    pending: VecDeque<(Spot<'d>, Manner)>,
}

/// A `$ref` or `$dynamicRef`.
pub(super) struct Reference<'d> {
    pub(super) binding: Binding,
    /// Its value.
    pub(super) node: Node<'d>,
}

/// Which language a schema is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// The Schema Object of OpenAPI 3.0.
    OpenApi30,
    /// JSON Schema 2020-12, with or without the OAS base vocabulary.
    Draft202012,
}

impl<'d> Collector<'d> {
    /// More schemas than this are refused: no description of an API has as many, but dynamic scopes can make them
    /// out of little.
    const SCHEMAS_MAX: usize = 200_000;

    pub(crate) fn new(documents: &'d Documents) -> Self {
        Self {
            scopes: Scopes::new(documents),
            dialects: UseOfDialects::of(documents),
            marks: Marks::new(documents),
            patterns: PatternBook::default(),
            ids: HashMap::new(),
            nodes: Vec::new(),
            texts: Vec::new(),
            pending: VecDeque::new(),
        }
    }

    /// The provisional id of a schema that an OpenAPI object holds; [`Table::id`] knows the final one.
    pub(crate) fn schema(&mut self, node: &Node<'d>, purpose: Purpose, sink: &mut Sink) -> Option<SchemaId> {
        let spot = self.scopes.outermost(node);
        let manner = self.marks.in_use.manner(purpose);
        let id = self.id((spot, manner), sink);
        while let Some((spot, manner)) = self.pending.pop_front() {
            let text = Writer::new(self, sink).write(spot, manner);
            self.texts.push(text);
        }
        id.map(|id| SchemaId(table::number(id)))
    }

    /// Holds schemas to the rules of their keywords although no operation uses them: what is wrong with one is a
    /// warning, and the table has none of them. Only to be called once every other schema was met.
    pub(crate) fn look_at_unused(
        &mut self,
        schemas: impl Iterator<Item = Node<'d>>,
        purpose: Purpose,
        sink: &mut Sink,
    ) {
        let (used, patterns) = (self.texts.len(), self.patterns.needed());
        let known: HashSet<Identity> = self.ids.keys().map(|(schema, ..)| *schema).collect();
        let is_unused = |schema: &Node<'d>| !known.contains(&schema.identity());
        let mut found = Sink::for_settings(sink.settings());
        for schema in schemas.filter(|schema| language(schema) == Language::Draft202012).filter(is_unused) {
            self.schema(&schema, purpose, &mut found);
        }
        self.nodes.truncate(used);
        self.texts.truncate(used);
        self.patterns.reset(patterns);
        sink.take_as_warnings(found);
    }

    /// The table, in which ids are final, and where each of its schemas is written first.
    pub(crate) fn finish(self, sink: &mut Sink) -> (Table, Vec<Node<'d>>) {
        if let Some(endless) = table::endless(&self.texts).and_then(|text| self.nodes.get(text)) {
            sink.error(Code::SchemaEndless, endless, "to validate against this schema would never end").hint(
                "through `$ref`, `allOf` and their like it applies itself to the same value again; one of them must go into a property or an item",
            );
        }
        let mut table = Table::of(&self.texts);
        table.schemas.patterns = self.patterns.needed();
        let nodes = table.firsts(self.nodes);
        (table, nodes)
    }

    /// The provisional id of what a spot means once it is followed through mere references, applied to a value that is
    /// read in that manner so far.
    pub(super) fn id(&mut self, (spot, manner): (Spot<'d>, Manner), sink: &mut Sink) -> Option<usize> {
        let mut spot = spot;
        let mut seen = HashSet::new();
        while let Some(reference) = mere_reference(&spot.node) {
            if !seen.insert(spot.node.identity()) {
                let message = format!("`{}` leads back to itself", reference.node.str().unwrap_or_default());
                sink.error(Code::ReferenceCycle, &reference.node, message);
                return None;
            }
            if seen.len() > LINKS_MAX {
                let error = crate::reference::Error::too_long(reference.node.str().unwrap_or_default());
                unresolved(&error, &reference.node, sink);
                return None;
            }
            spot = self.target(&spot, &reference, sink)?;
        }
        let manner = self.manner_at(&spot, manner, sink);
        let key = (spot.node.identity(), spot.scope, manner);
        if let Some(known) = self.ids.get(&key) {
            return Some(*known);
        }
        let id = self.nodes.len();
        if id >= Self::SCHEMAS_MAX {
            if id == Self::SCHEMAS_MAX {
                sink.error(Code::TooMuch, &spot.node, format!("there are more than {} schemas", Self::SCHEMAS_MAX));
            }
            return None;
        }
        self.ids.insert(key, id);
        self.nodes.push(spot.node.clone());
        self.pending.push_back((spot, manner));
        Some(id)
    }

    /// What a reference means to a schema that is applied in `from`'s scope.
    pub(super) fn target(&mut self, from: &Spot<'d>, reference: &Reference<'d>, sink: &mut Sink) -> Option<Spot<'d>> {
        let text = reference.node.str()?;
        let found = match from.node.documents().resolve(&from.node, text) {
            Ok(found) => found,
            Err(error) => {
                unresolved(&error, &reference.node, sink);
                return None;
            }
        };
        let name = found.get("$dynamicAnchor").and_then(|name| name.str());
        let is_dynamic = reference.binding == Binding::Dynamic && name.is_some() && text.rsplit('#').next() == name;
        let bound = name.filter(|_| is_dynamic).and_then(|name| self.scopes.bound(from.scope, name)).cloned();
        Some(self.scopes.enter(&bound.unwrap_or(found), from.scope))
    }
}

/// Notes that a reference leads nowhere, unless the structure check has.
pub(super) fn unresolved(error: &crate::reference::Error, reference: &Node<'_>, sink: &mut Sink) {
    if !sink.has_errors() {
        let hint = error.hint(sink.settings());
        let diagnostic = sink.error(error.code(), reference, error.to_string());
        if let Some(hint) = hint {
            diagnostic.hint(hint);
        }
    }
}

pub(super) fn language(node: &Node<'_>) -> Language {
    match node.documents().document(node.file()).version() {
        Version::V3_0 => Language::OpenApi30,
        Version::V3_1 | Version::V3_2 => Language::Draft202012,
    }
}

/// The reference of a schema that says nothing else, in 3.0 whatever stands beside it.
fn mere_reference<'d>(schema: &Node<'d>) -> Option<Reference<'d>> {
    let of = |binding, keyword| {
        let node = schema.get(keyword).filter(|node| node.str().is_some())?;
        Some(Reference { binding, node })
    };
    if language(schema) == Language::OpenApi30 {
        return of(Binding::Static, "$ref");
    }
    let says_something = |key: &str| !key.starts_with("x-") && keyword::of_2020_12(key) != Some(Keyword::Dropped);
    let mut keywords = schema.entries().map(|(key, _)| key).filter(|key| says_something(key));
    match (keywords.next(), keywords.next()) {
        (Some("$ref"), None) => of(Binding::Static, "$ref"),
        (Some("$dynamicRef"), None) => of(Binding::Dynamic, "$dynamicRef"),
        _ => None,
    }
}
