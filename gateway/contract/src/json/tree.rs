//! A JSON text as a flat list of nodes in document order.

use std::fmt;

use super::Budget;
use crate::pointer;

/// Objects with more members than this are searched by an index.
pub(super) const INDEXED_FROM: u32 = 16;

/// A JSON value as a flat list of nodes, in the order of its text; the root comes first.
///
/// Strings and numbers are ranges of the text that was read, or of the tree's own text where they hold escapes.
#[derive(Debug, Default)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    /// What cannot be borrowed: strings with escapes, decoded.
    pub(super) text: String,
    /// For large objects, where each member's name is, sorted by the names.
    pub(super) index: Vec<u32>,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `false`.
    False,
    /// `true`.
    True,
    /// A number.
    Number,
    /// A string.
    String,
    /// A string whose content is not here: the file in a form. Only its length in bytes is known.
    Opaque,
    /// A list.
    Array,
    /// An object.
    Object,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) origin: Origin,
    /// Scalars: where the text begins. Containers: how many members or items.
    pub(super) start: u32,
    /// Scalars: where the text ends. Containers: the node after the last one inside.
    pub(super) end: u32,
    /// Large objects: where their part of the index begins.
    pub(super) index: u32,
}

/// Whose text a scalar is a range of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The one that was read.
    Source,
    /// The tree's own.
    Own,
}

/// A value of a tree.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    pub(super) tree: &'t Tree,
    pub(super) source: &'t str,
    pub(super) node: u32,
    /// Counts looks into it, while what is wrong with it is being said.
    pub(super) budget: Option<&'t Budget>,
}

impl Tree {
    /// Forgets everything but its room.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.text.clear();
        self.index.clear();
    }

    /// How many values and names there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Gives room back that an unusually large text has taken.
    pub fn shrink(&mut self, nodes: usize, text_bytes: usize) {
        self.nodes.shrink_to(nodes);
        self.index.shrink_to(nodes);
        self.text.shrink_to(text_bytes);
    }

    /// The root; `None` in an empty tree. `source` is the text that was read.
    pub fn root<'t>(&'t self, source: &'t str) -> Option<Value<'t>> {
        (!self.nodes.is_empty()).then_some(Value { tree: self, source, node: 0, budget: None })
    }
}

impl<'t> Value<'t> {
    pub(super) fn raw(&self) -> &'t Node {
        &self.tree.nodes[self.node as usize]
    }

    fn at(self, node: u32) -> Self {
        Self { node, ..self }
    }

    /// The same value, which counts how often it is looked into.
    #[must_use]
    pub fn within(self, budget: &'t Budget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// Whether a list or object may be looked into.
    pub(super) fn may_be_looked_into(self) -> bool {
        self.budget.is_none_or(Budget::looks)
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.raw().kind
    }

    /// Its text: of a string its content, of a number its digits; empty for anything else.
    pub fn text(self) -> &'t str {
        let node = self.raw();
        match node.kind {
            Kind::String | Kind::Number => {
                let from = match node.origin {
                    Origin::Source => self.source,
                    Origin::Own => &self.tree.text,
                };
                &from[node.start as usize..node.end as usize]
            }
            _ => "",
        }
    }

    /// Whether a string's content is this. Most differ in length, which needs no look at the text.
    pub(super) fn is_text(self, text: &[u8]) -> bool {
        let node = self.raw();
        (node.end - node.start) as usize == text.len() && self.bytes() == text
    }

    /// A string's content.
    pub(super) fn bytes(self) -> &'t [u8] {
        let node = self.raw();
        let from = match node.origin {
            Origin::Source => self.source,
            Origin::Own => &self.tree.text,
        };
        from.as_bytes().get(node.start as usize..node.end as usize).unwrap_or_default()
    }

    /// The length in bytes of a string whose content is not here.
    pub(super) fn opaque_length(self) -> u64 {
        u64::from(self.raw().start) | u64::from(self.raw().end) << 32
    }

    /// How many members or items it has.
    pub fn count(self) -> usize {
        match self.kind() {
            Kind::Array | Kind::Object => self.raw().start as usize,
            _ => 0,
        }
    }

    /// The node after this value and all inside it.
    pub(super) fn after_this(self) -> u32 {
        let node = self.raw();
        match node.kind {
            Kind::Array | Kind::Object => node.end,
            _ => self.node + 1,
        }
    }

    /// What a JSON pointer (RFC 6901) leads to from here.
    pub fn at_pointer(self, pointer: &str) -> Option<Self> {
        pointer::tokens(pointer).try_fold(self, |value, token| match value.kind() {
            Kind::Array => value.items().nth(pointer::index(&token)?),
            _ => value.get(&token),
        })
    }

    /// How many values and names there are in it, itself included.
    pub fn size(self) -> usize {
        (self.after_this() - self.node) as usize
    }

    /// Its items; none unless it is a list.
    pub fn items(self) -> Items<'t> {
        let left = if self.kind() == Kind::Array { self.raw().start } else { 0 };
        Items { next: self.at(self.node + 1), left }
    }

    /// Its members; none unless it is an object.
    pub fn members(self) -> Members<'t> {
        let left = if self.kind() == Kind::Object { self.raw().start } else { 0 };
        Members { next: self.at(self.node + 1), left }
    }

    /// The member with this name.
    pub fn get(self, name: &str) -> Option<Value<'t>> {
        if self.kind() != Kind::Object {
            return None;
        }
        if self.raw().start > INDEXED_FROM {
            return self.look_up(name);
        }
        self.names().find(|key| key.is_text(name.as_bytes())).map(|key| key.at(key.node + 1))
    }

    /// The names of its members, as strings; none unless it is an object.
    pub(super) fn names(self) -> Names<'t> {
        Names(self.members())
    }

    fn look_up(self, name: &str) -> Option<Value<'t>> {
        let start = self.raw().index as usize;
        let names = self.tree.index.get(start..start + self.count())?;
        let found = names.binary_search_by(|key| self.at(*key).text().cmp(name)).ok()?;
        Some(self.at(names[found] + 1))
    }
}

/// The items of a list, in order.
#[derive(Debug, Clone)]
pub struct Items<'t> {
    next: Value<'t>,
    left: u32,
}

impl<'t> Iterator for Items<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Value<'t>> {
        self.left = self.left.checked_sub(1)?;
        let item = self.next;
        self.next.node = item.after_this();
        Some(item)
    }
}

/// The members of an object, in order.
#[derive(Debug, Clone)]
pub struct Members<'t> {
    next: Value<'t>,
    left: u32,
}

impl<'t> Iterator for Members<'t> {
    type Item = (&'t str, Value<'t>);

    fn next(&mut self) -> Option<(&'t str, Value<'t>)> {
        self.left = self.left.checked_sub(1)?;
        let name = self.next;
        let value = name.at(name.node + 1);
        self.next.node = value.after_this();
        Some((name.text(), value))
    }
}

/// The names of an object's members, in order.
#[derive(Debug, Clone)]
pub(super) struct Names<'t>(Members<'t>);

impl<'t> Iterator for Names<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Value<'t>> {
        self.0.left = self.0.left.checked_sub(1)?;
        let name = self.0.next;
        self.0.next.node = name.at(name.node + 1).after_this();
        Some(name)
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Null => f.write_str("null"),
            Kind::False => f.write_str("false"),
            Kind::True => f.write_str("true"),
            Kind::Number => f.write_str(self.text()),
            Kind::String => write!(f, "{:?}", self.text()),
            Kind::Opaque => write!(f, "<{} bytes>", self.opaque_length()),
            Kind::Array => f.debug_list().entries(self.items()).finish(),
            Kind::Object => f.debug_map().entries(self.members()).finish(),
        }
    }
}
