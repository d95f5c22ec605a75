//! The files of a compilation as values that know where they stand.
//!
//! Everything is read before anything is looked at: the documents, the overlays, which are applied at once, and
//! then, round by round, every file that a `$ref` leads to. From then on [`Documents`] does not change.

mod event;
mod explore;
mod fault;
mod files;
mod json;
pub mod limits;
mod load;
mod locate;
mod node;
pub(crate) mod path;
mod scalar;
mod source;
mod version;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub use files::{FileError, Files, MemoryFiles};
pub(crate) use locate::locate;
pub use node::{Identity, Node, Token};
pub use source::Source;
pub use version::Version;

use crate::diagnostic::{At, Place};
use crate::overlay::Origins;
use crate::reference;
use crate::reference::identity::Identities;
use path::Folder;

/// Every file of a compilation.
#[derive(Debug, Default)]
pub struct Documents {
    files: Vec<Document>,
    /// What became of every path that was asked for.
    by_path: BTreeMap<String, Result<FileId, FileError>>,
    entries: Vec<FileId>,
    /// What no reference may leave.
    bounds: Folder,
    identities: Identities,
}

/// A file of a compilation.
#[derive(Debug)]
pub struct Document {
    source: Source,
    /// `Null` where the text is at fault, which was reported.
    /// Boxed, so that a value stays where it is, and with it its [`Identity`], while more files are read.
    value: Box<Value>,
    state: State,
    /// Where overlays put things.
    origins: Origins,
    /// The `openapi` field's, else that of the document that first led here.
    version: Version,
}

/// Whether a file has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Parsed,
    AtFault,
}

/// Which file of a [`Documents`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

impl Documents {
    /// The OpenAPI documents that could be read, in the order of the input.
    pub fn entries(&self) -> impl Iterator<Item = Node<'_>> {
        self.entries.iter().map(|file| self.root(*file))
    }

    /// Every file that was read, overlays and faulty ones too, in the order of reading.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().map(|document| &document.source)
    }

    /// Whether an object of any file has this key.
    pub(crate) fn have_key(&self, key: &str) -> bool {
        self.files.iter().any(|document| has_key(&document.value, key))
    }

    /// The whole value of a file.
    pub fn root(&self, file: FileId) -> Node<'_> {
        Node::root(self, file, &self.document(file).value)
    }

    /// A file.
    pub fn document(&self, file: FileId) -> &Document {
        // A `FileId` is only made for a document that was pushed, and none is ever removed.
        &self.files[file.0 as usize]
    }

    /// The text of the file at `path`.
    pub fn source(&self, path: &str) -> Option<&Source> {
        let file = self.by_path.get(path)?.as_ref().ok()?;
        Some(&self.document(*file).source)
    }

    /// What the reference `reference`, written in `from`, means: one step, whatever its target is.
    pub fn resolve<'d>(&'d self, from: &Node<'d>, reference: &str) -> Result<Node<'d>, reference::Error> {
        reference::resolve(from, reference)
    }

    /// Where the value at `place` was written: it may have come from an overlay.
    pub fn origin(&self, place: &Place) -> Place {
        let file = self.by_path.get(&*place.file).and_then(|read| read.as_ref().ok());
        let moved = file.zip(place.pointer()).and_then(|(file, pointer)| self.document(*file).origins.of(pointer));
        let Some((file, pointer)) = moved else { return place.clone() };
        let origin = Place::value(self.document(file).path_arc(), pointer);
        if matches!(place.at, At::Key(_)) { origin.key() } else { origin }
    }

    /// Where the value at `pointer` of `file` was written.
    pub(crate) fn origin_of(&self, file: FileId, pointer: &str) -> (FileId, String) {
        self.document(file).origins.of(pointer).unwrap_or_else(|| (file, pointer.to_owned()))
    }

    /// A document's value and what is known of its parts' origins, to change both.
    pub(crate) fn value_mut(&mut self, file: FileId) -> (&mut Value, &mut Origins) {
        let document = &mut self.files[file.0 as usize];
        (&mut document.value, &mut document.origins)
    }

    pub(crate) fn bounds(&self) -> &Folder {
        &self.bounds
    }

    /// What became of the file at `path`; `None` if nobody asked for it.
    pub(crate) fn file(&self, path: &str) -> Option<&Result<FileId, FileError>> {
        self.by_path.get(path)
    }

    pub(crate) fn identities(&self) -> &Identities {
        &self.identities
    }

    pub(crate) fn identities_mut(&mut self) -> &mut Identities {
        &mut self.identities
    }
}

/// Values are no deeper than [`limits::DEPTH_MAX`].
fn has_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(members) => members.contains_key(key) || members.values().any(|member| has_key(member, key)),
        Value::Array(items) => items.iter().any(|item| has_key(item, key)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

impl Document {
    /// The path, as [`Files`] knows it.
    pub fn path(&self) -> &str {
        self.source.path()
    }

    /// The text, as it was read.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The version of the specification that the file is written in: its own `openapi` field's, else that of the
    /// document that first led to it.
    pub fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn path_arc(&self) -> Arc<str> {
        Arc::clone(&self.source.path)
    }

    /// Whether there is a value; if not, that was reported.
    pub(crate) fn is_readable(&self) -> bool {
        self.state == State::Parsed
    }
}
