//! A value and where it stands.

use std::rc::Rc;

use contract::pointer;
use serde_json::Value;

use super::{Documents, FileId};
use crate::diagnostic::Place;
use crate::reference;

/// A value of a document and the way to it. Cheap to clone and to descend from; the pointer is only spelt out by
/// [`Node::pointer`] and [`Node::place`].
#[derive(Clone)]
pub struct Node<'d> {
    documents: &'d Documents,
    file: FileId,
    value: &'d Value,
    step: Option<Rc<Step<'d>>>,
}

struct Step<'d> {
    parent: Node<'d>,
    token: Token<'d>,
}

/// The last step of the way to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'d> {
    /// A member of an object.
    Key(&'d str),
    /// An item of an array, from 0.
    Index(usize),
}

impl<'d> Node<'d> {
    pub(super) fn root(documents: &'d Documents, file: FileId, value: &'d Value) -> Self {
        Self { documents, file, value, step: None }
    }

    /// The value.
    pub fn value(&self) -> &'d Value {
        self.value
    }

    /// The documents it stands in.
    pub fn documents(&self) -> &'d Documents {
        self.documents
    }

    /// The file it stands in.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The text, if it is one.
    pub fn str(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    /// The truth value, if it is one.
    pub fn bool(&self) -> Option<bool> {
        self.value.as_bool()
    }

    /// The member `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<Self> {
        let (key, value) = self.value.as_object()?.get_key_value(key)?;
        Some(self.child(Token::Key(key), value))
    }

    /// The items, if this is an array; else none.
    pub fn items(&self) -> impl Iterator<Item = Self> + use<'d> {
        let this = self.clone();
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().enumerate().map(move |(index, value)| this.child(Token::Index(index), value))
    }

    /// The members in the order of the text, if this is an object; else none.
    pub fn entries(&self) -> impl Iterator<Item = (&'d str, Self)> + use<'d> {
        let this = self.clone();
        let members = self.value.as_object().into_iter().flatten();
        members.map(move |(key, value)| (key.as_str(), this.child(Token::Key(key), value)))
    }

    /// What it stands in.
    pub fn parent(&self) -> Option<&Self> {
        self.step.as_ref().map(|step| &step.parent)
    }

    /// The last step of the way here; `None` for a whole document.
    pub fn token(&self) -> Option<Token<'d>> {
        self.step.as_ref().map(|step| step.token)
    }

    /// The JSON Pointer (RFC 6901) within the file.
    pub fn pointer(&self) -> String {
        let Some(step) = &self.step else { return String::new() };
        let mut pointer = step.parent.pointer();
        match step.token {
            Token::Key(key) => pointer::push_key(&mut pointer, key),
            Token::Index(index) => pointer::push_index(&mut pointer, index),
        }
        pointer
    }

    /// The place of the value.
    pub fn place(&self) -> Place {
        Place::value(self.documents.document(self.file).path_arc(), self.pointer())
    }

    /// The place of the key that leads here; of the value, where no key does.
    pub fn key_place(&self) -> Place {
        match self.token() {
            Some(Token::Key(_)) => self.place().key(),
            Some(Token::Index(_)) | None => self.place(),
        }
    }

    /// Whether this is a Reference Object, or a schema or path item that has a `$ref`: an object with the text
    /// member `$ref`.
    pub fn reference(&self) -> Option<&'d str> {
        self.value.as_object()?.get("$ref")?.as_str()
    }

    /// The node itself, or where its `$ref` leads in the end.
    ///
    /// For Reference Objects, and for maps (`properties`, `content`, ...) that are nothing but a `$ref`, which
    /// descriptions that are split into files have. A schema of 3.1 or later, or a path item, whose `$ref` has siblings means more than
    /// its target: there, [`Documents::resolve`](super::Documents::resolve) takes one step.
    ///
    /// # Errors
    /// As [`Documents::resolve`](super::Documents::resolve), and [`reference::Reason::Cycle`]. Every one is reported
    /// by the structure check, with its place; later phases need not report it again.
    pub fn resolved(&self) -> Result<Self, reference::Error> {
        reference::follow(self)
    }

    /// What `pointer` names below this node.
    pub fn descend(&self, pointer: &str) -> Option<Self> {
        pointer::tokens(pointer).try_fold(self.clone(), |node, token| node.step_into(&token))
    }

    /// The member or item that a reference token names.
    pub fn step_into(&self, token: &str) -> Option<Self> {
        match self.value {
            Value::Object(_) => self.get(token),
            Value::Array(items) => {
                let index = pointer::index(token)?;
                Some(self.child(Token::Index(index), items.get(index)?))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }

    /// What tells this value from every other of the compilation, however it was reached.
    pub fn identity(&self) -> Identity {
        Identity(std::ptr::from_ref(self.value).addr())
    }

    fn child(&self, token: Token<'d>, value: &'d Value) -> Self {
        let step = Rc::new(Step { parent: self.clone(), token });
        Self { documents: self.documents, file: self.file, value, step: Some(step) }
    }
}

/// Tells one value of a compilation from another: two nodes have the same one exactly if they are the same value
/// of the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(usize);

impl From<&Node<'_>> for Place {
    fn from(node: &Node<'_>) -> Self {
        node.place()
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}#{}", self.documents.document(self.file).path(), self.pointer())
    }
}
