//! Puts a tree together from parts, in document order.

use super::error::Error;
use super::reader::Limits;
use super::tree::{INDEXED_FROM, Kind, Node, Origin, Tree, Value};

/// Puts a tree together, for values that were not written as JSON: parameters and forms.
///
/// Text is copied into the tree. A list or object is opened, filled and closed; names must differ, which is the
/// caller's to see to.
#[derive(Debug)]
pub struct Builder<'t> {
    tree: &'t mut Tree,
    /// The containers that are open, the innermost last.
    open: Vec<u32>,
}

impl<'t> Builder<'t> {
    /// Begins anew in `tree`.
    pub fn new(tree: &'t mut Tree) -> Self {
        tree.clear();
        Self { tree, open: Vec::new() }
    }

    /// `null`.
    pub fn null(&mut self) {
        self.push(Kind::Null, 0, 0);
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.push(if value { Kind::True } else { Kind::False }, 0, 0);
    }

    /// A number, which must be written as JSON writes one.
    pub fn number(&mut self, text: &str) {
        self.text(Kind::Number, text);
    }

    /// A string.
    pub fn string(&mut self, text: &str) {
        self.text(Kind::String, text);
    }

    /// A string whose content is elsewhere, `length` bytes long.
    pub fn opaque(&mut self, length: u64) {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of it")]
        self.push(Kind::Opaque, length as u32, (length >> 32) as u32);
    }

    /// A value that is written as JSON, read as strictly as a whole text is. Nothing is added if it cannot be read.
    pub fn json(&mut self, text: &str, limits: &Limits) -> Result<(), Error> {
        self.tree.append(text, *limits)?;
        if let Some(container) = self.open.last() {
            self.tree.nodes[*container as usize].start += 1;
        }
        Ok(())
    }

    /// Opens a list. Its items follow.
    pub fn open_array(&mut self) {
        self.open(Kind::Array);
    }

    /// Opens an object. For each member its name, by [`name`](Self::name), and its value follow.
    pub fn open_object(&mut self) {
        self.open(Kind::Object);
    }

    /// The name of the next member.
    pub fn name(&mut self, name: &str) {
        let (start, end) = self.keep(name);
        self.tree.nodes.push(Node { kind: Kind::String, origin: Origin::Own, start, end, index: 0 });
    }

    /// Closes the innermost list or object.
    pub fn close(&mut self) {
        let Some(container) = self.open.pop() else { return };
        let end = position(self.tree.nodes.len());
        self.tree.nodes[container as usize].end = end;
        let node = self.tree.nodes[container as usize];
        if node.kind == Kind::Object && node.start > INDEXED_FROM {
            index(self.tree, "", container);
        }
    }

    /// What was built; `None` if nothing was.
    pub fn finish(mut self) -> Option<Value<'t>> {
        while !self.open.is_empty() {
            self.close();
        }
        let tree: &'t Tree = self.tree;
        tree.root("")
    }

    fn open(&mut self, kind: Kind) {
        self.push(kind, 0, 0);
        self.open.push(position(self.tree.nodes.len() - 1));
    }

    fn text(&mut self, kind: Kind, text: &str) {
        let (start, end) = self.keep(text);
        self.push(kind, start, end);
    }

    fn keep(&mut self, text: &str) -> (u32, u32) {
        let start = position(self.tree.text.len());
        self.tree.text.push_str(text);
        (start, position(self.tree.text.len()))
    }

    fn push(&mut self, kind: Kind, start: u32, end: u32) {
        if let Some(container) = self.open.last() {
            self.tree.nodes[*container as usize].start += 1;
        }
        self.tree.nodes.push(Node { kind, origin: Origin::Own, start, end, index: 0 });
    }
}

/// Sorts the names of an object and keeps where they are; says whether they differ.
pub(super) fn index(tree: &mut Tree, source: &str, object: u32) -> bool {
    let start = tree.index.len();
    let mut names = std::mem::take(&mut tree.index);
    let value = Value { tree, source, node: object, budget: None };
    let mut name = object + 1;
    for (_, member) in value.members() {
        names.push(name);
        name = member.after_this();
    }
    let text = |node: &u32| Value { tree, source, node: *node, budget: None }.text();
    names[start..].sort_unstable_by(|a, b| text(a).cmp(text(b)));
    let are_distinct = names[start..].windows(2).all(|pair| text(&pair[0]) != text(&pair[1]));
    tree.index = names;
    tree.nodes[object as usize].index = position(start);
    are_distinct
}

/// Texts are shorter than 4 GiB ([`Limits`]), so nothing is lost.
pub(super) fn position(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
