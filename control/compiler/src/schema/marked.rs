//! Which properties of a value are marked `readOnly` or `writeOnly` by the schemas that apply to it.
//!
//! A property is marked by its own schema, what that refers to, any of its `allOf`, or all alternatives of an `anyOf`
//! or `oneOf` of it. Likewise a value's marked names are those of the schema, of what it refers to, of each `allOf`,
//! and those that all alternatives agree on.

use std::collections::HashMap;

use super::collector::{Collector, Language, Reference, language};
use super::keyword::Binding;
use super::manner::{Manner, Mark, MarksInUse, NameSets, Names, NamesId, OneSided, Treatment};
use super::scope::{ScopeId, Spot};
use crate::diagnostic::{Code, Sink};
use crate::document::{Documents, Identity, Node};
use crate::lower;

/// What is known of marks so far.
pub(super) struct Marks<'d> {
    pub(super) in_use: MarksInUse,
    pub(super) sets: NameSets<'d>,
    is_marked: Known<bool>,
    names: Known<NamesId>,
}

/// What was found out about schemas in their scopes; while it is being found out, nothing is marked.
type Known<T> = HashMap<(Identity, ScopeId, Mark), T>;

/// How many schemas may apply to one value through one another: as a chain of references, no description has more.
const LAYERS_MAX: usize = 300;

/// What schemas say of a value; by default, nothing.
trait Said<'d>: Default {
    /// What one schema says.
    fn by(spot: &Spot<'d>, question: Question, collector: &mut Collector<'d>, sink: &mut Sink) -> Self;
    /// What follows where both apply.
    fn and_also(self, other: Self) -> Self;
    /// What follows where either applies.
    fn or_else(self, other: Self) -> Self;
}

/// Whether the value is marked.
impl<'d> Said<'d> for bool {
    fn by(spot: &Spot<'d>, question: Question, collector: &mut Collector<'d>, sink: &mut Sink) -> Self {
        collector.is_marked(spot, question, sink)
    }

    fn and_also(self, other: Self) -> Self {
        self || other
    }

    fn or_else(self, other: Self) -> Self {
        self && other
    }
}

/// Which of the value's properties are.
impl<'d> Said<'d> for Names<'d> {
    fn by(spot: &Spot<'d>, question: Question, collector: &mut Collector<'d>, sink: &mut Sink) -> Self {
        let names = collector.marked_names(spot, question, sink);
        Self::clone(collector.marks.sets.get(names))
    }

    fn and_also(mut self, mut other: Self) -> Self {
        self.append(&mut other);
        self
    }

    fn or_else(self, other: Self) -> Self {
        &self & &other
    }
}

/// A question about a schema: which mark is looked for, and how many schemas led here.
#[derive(Clone, Copy)]
struct Question {
    mark: Mark,
    layer: usize,
}

impl Question {
    fn key(self, spot: &Spot<'_>) -> (Identity, ScopeId, Mark) {
        (spot.node.identity(), spot.scope, self.mark)
    }
}

impl<'d> Marks<'d> {
    pub(super) fn new(documents: &Documents) -> Self {
        let (is_marked, names) = (HashMap::new(), HashMap::new());
        Self { in_use: MarksInUse::of(documents), sets: NameSets::new(), is_marked, names }
    }

    /// The names whose absence a manner excuses.
    pub(super) fn excused(&self, manner: Manner) -> &Names<'d> {
        match manner.one_sided {
            OneSided::Plain => self.sets.get(NamesId::EMPTY),
            OneSided::Marked { names, .. } => self.sets.get(names),
        }
    }
}

impl<'d> Collector<'d> {
    /// How a schema is read that is applied to a value which is read in that manner so far.
    pub(super) fn manner_at(&mut self, spot: &Spot<'d>, manner: Manner, sink: &mut Sink) -> Manner {
        let OneSided::Marked { mark, treatment, names } = manner.one_sided else { return manner };
        let own = self.marked_names(spot, Question { mark, layer: 0 }, sink);
        let names = self.marks.sets.union(names, own);
        manner.with(OneSided::Marked { mark, treatment, names })
    }

    /// Whether a property with that schema must be absent.
    pub(super) fn is_refused(&mut self, spot: &Spot<'d>, manner: Manner, sink: &mut Sink) -> bool {
        match manner.one_sided {
            OneSided::Marked { mark, treatment: Treatment::Refused, .. } => {
                self.is_marked(spot, Question { mark, layer: 0 }, sink)
            }
            OneSided::Marked { treatment: Treatment::Excused, .. } | OneSided::Plain => false,
        }
    }

    fn is_marked(&mut self, spot: &Spot<'d>, question: Question, sink: &mut Sink) -> bool {
        let key = question.key(spot);
        if let Some(known) = self.marks.is_marked.get(&key) {
            return *known;
        }
        self.marks.is_marked.insert(key, false);
        let keyword = question.mark.keyword();
        let own = speaks_for_itself(spot) && spot.node.get(keyword).and_then(|mark| mark.bool()) == Some(true);
        let is_marked = own || self.said(spot, question, sink);
        self.marks.is_marked.insert(key, is_marked);
        is_marked
    }

    fn marked_names(&mut self, spot: &Spot<'d>, question: Question, sink: &mut Sink) -> NamesId {
        let key = question.key(spot);
        if let Some(known) = self.marks.names.get(&key) {
            return *known;
        }
        self.marks.names.insert(key, NamesId::EMPTY);
        let mut names: Names<'d> = self.said(spot, question, sink);
        let properties = spot.node.get("properties").filter(|_| speaks_for_itself(spot));
        let properties = properties.map(|properties| lower::map(&properties, sink));
        for (name, property) in properties.iter().flat_map(Node::entries) {
            let property = self.scopes.enter(&property, spot.scope);
            if self.is_marked(&property, Question { layer: 0, ..question }, sink) {
                names.insert(name);
            }
        }
        let names = self.marks.sets.id(names);
        self.marks.names.insert(key, names);
        names
    }

    /// What the schemas say together that `spot` applies to the same value.
    fn said<T: Said<'d>>(&mut self, spot: &Spot<'d>, question: Question, sink: &mut Sink) -> T {
        let question = Question { layer: question.layer + 1, ..question };
        if question.layer > LAYERS_MAX {
            let message = format!("more than {LAYERS_MAX} schemas apply to one value through one another");
            sink.error(Code::TooMuch, &spot.node, message);
            return T::default();
        }
        let mut said = T::default();
        for reference in references(spot) {
            if let Some(target) = self.target(spot, &reference, sink) {
                said = said.and_also(T::by(&target, question, self, sink));
            }
        }
        if !speaks_for_itself(spot) {
            return said;
        }
        for part in spot.node.get("allOf").iter().flat_map(Node::items) {
            let part = self.scopes.enter(&part, spot.scope);
            said = said.and_also(T::by(&part, question, self, sink));
        }
        for alternatives in ["anyOf", "oneOf"].into_iter().filter_map(|keyword| spot.node.get(keyword)) {
            let parts: Vec<_> = alternatives.items().map(|part| self.scopes.enter(&part, spot.scope)).collect();
            let agreed = parts.iter().map(|part| T::by(part, question, self, sink)).reduce(T::or_else);
            said = said.and_also(agreed.unwrap_or_default());
        }
        said
    }
}

/// Whether the schema says something itself: in 3.0, what stands beside a `$ref` is ignored.
fn speaks_for_itself(spot: &Spot<'_>) -> bool {
    language(&spot.node) == Language::Draft202012 || spot.node.reference().is_none()
}

fn references<'d>(spot: &Spot<'d>) -> impl Iterator<Item = Reference<'d>> {
    let of = |binding, keyword| {
        let node = spot.node.get(keyword).filter(|node| node.str().is_some())?;
        Some(Reference { binding, node })
    };
    let is_new = language(&spot.node) == Language::Draft202012;
    let dynamic = of(Binding::Dynamic, "$dynamicRef").filter(|_| is_new);
    of(Binding::Static, "$ref").into_iter().chain(dynamic)
}
