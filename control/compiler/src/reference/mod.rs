//! Where a `$ref` leads.
//!
//! A reference is a URI reference (RFC 3986). It means, in this order: something in the same document; a document
//! or schema that declares that URI (`$self`, `$id`); a file, by its path relative to the file it is written in.
//! Files are confined to the folder of the documents, and nothing is ever fetched.

mod error;
pub(crate) mod identity;

use std::borrow::Cow;
use std::collections::HashSet;

use contract::pointer;
use percent_encoding::percent_decode_str;

pub use error::{Error, Reason};
use identity::Spot;

use crate::diagnostic::nearest;
use crate::document::limits::LINKS_MAX;
use crate::document::path::{Folder, OutOfBounds};
use crate::document::{FileError, Node};

/// One step: what `reference`, written in `from`, means.
pub(crate) fn resolve<'d>(from: &Node<'d>, reference: &str) -> Result<Node<'d>, Error> {
    target(from, reference).map_err(|reason| Error::new(reference, reason))
}

fn target<'d>(from: &Node<'d>, reference: &str) -> Result<Node<'d>, Reason> {
    let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let fragment = decode(fragment)?;
    let resource = resource(from, uri)?;
    if fragment.is_empty() {
        Ok(resource)
    } else if fragment.starts_with('/') {
        descend(resource, &fragment)
    } else {
        anchor(&resource, &fragment)
    }
}

fn decode(text: &str) -> Result<Cow<'_, str>, Reason> {
    percent_decode_str(text).decode_utf8().map_err(|_| Reason::Malformed("its escapes are not UTF-8"))
}

/// The document or schema that a URI reference without fragment means.
fn resource<'d>(from: &Node<'d>, uri: &str) -> Result<Node<'d>, Reason> {
    let documents = from.documents();
    if documents.identities().is_empty() {
        return if uri.is_empty() { Ok(documents.root(from.file())) } else { file(from, uri) };
    }
    let base = identity::base(from, documents.identities());
    if uri.is_empty() {
        return Ok(base.resource);
    }
    let absolute = identity::join(&base.uri, uri);
    if let Some(spot) = absolute.as_deref().and_then(|absolute| documents.identities().resource(absolute)) {
        return documents.at(spot).ok_or(Reason::Malformed("it leads into what is no longer there"));
    }
    match absolute.as_deref().and_then(identity::file_path) {
        // An `$id` moved the base to another folder.
        Some(path) if !base.is_file => file_at(from, path),
        _ => file(from, uri),
    }
}

fn anchor<'d>(resource: &Node<'d>, name: &str) -> Result<Node<'d>, Reason> {
    let documents = resource.documents();
    let base = identity::base(resource, documents.identities());
    let spot = documents.identities().anchor(&base.uri, name);
    spot.and_then(|spot| documents.at(spot)).ok_or_else(|| Reason::NoAnchor(name.to_owned()))
}

fn file<'d>(from: &Node<'d>, uri: &str) -> Result<Node<'d>, Reason> {
    if uri.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
        return Err(Reason::Refused("it is a URL, and nothing is fetched"));
    }
    let folder = Folder::of(from.documents().document(from.file()).path());
    let path = folder.join(&decode(uri)?, from.documents().bounds()).map_err(|error| {
        Reason::Refused(match error {
            OutOfBounds::Above => "it climbs above the folder of the documents",
            OutOfBounds::Absolute => "it is an absolute path",
            OutOfBounds::Backslash => "it has a backslash, and a URI separates folders by `/`",
            OutOfBounds::Nul => "it has a NUL character in it, which no path has",
        })
    })?;
    file_at(from, path)
}

fn file_at<'d>(from: &Node<'d>, path: String) -> Result<Node<'d>, Reason> {
    let documents = from.documents();
    match documents.file(&path) {
        Some(Ok(file)) if documents.document(*file).is_readable() => Ok(documents.root(*file)),
        Some(Ok(_)) => Err(Reason::FileAtFault { path }),
        Some(Err(error)) => Err(Reason::File { path, error: error.clone() }),
        None => Err(Reason::File { path, error: FileError::NotFound }),
    }
}

/// What `pointer` names below `root`.
fn descend<'d>(root: Node<'d>, pointer: &str) -> Result<Node<'d>, Reason> {
    pointer::tokens(pointer).try_fold(root, |node, token| {
        node.step_into(&token).ok_or_else(|| {
            let mut missing = node.pointer();
            pointer::push_key(&mut missing, &token);
            Reason::NotFound(missing)
        })
    })
}

/// The pointer of what exists and is spelt like the first step of `reference` that leads nowhere.
pub(crate) fn alternative(from: &Node<'_>, reference: &str) -> Option<String> {
    let (uri, fragment) = reference.split_once('#')?;
    let fragment = decode(fragment).ok()?;
    let mut node = resource(from, uri).ok()?;
    for token in pointer::tokens(&fragment) {
        let Some(next) = node.step_into(&token) else {
            let known = node.value().as_object()?.keys().map(String::as_str);
            let mut alternative = node.pointer();
            pointer::push_key(&mut alternative, nearest(&token, known)?);
            return Some(alternative);
        };
        node = next;
    }
    None
}

/// The node itself, or where its `$ref` leads in the end.
pub(crate) fn follow<'d>(node: &Node<'d>) -> Result<Node<'d>, Error> {
    let Some(first) = node.reference() else { return Ok(node.clone()) };
    let mut seen = HashSet::from([node.identity()]);
    let mut here = node.clone();
    let mut reference = first;
    loop {
        here = resolve(&here, reference)?;
        match here.reference() {
            None => return Ok(here),
            Some(_) if !seen.insert(here.identity()) => return Err(Error::new(first, Reason::Cycle)),
            Some(_) if seen.len() > LINKS_MAX => return Err(Error::new(first, Reason::TooLong)),
            Some(next) => reference = next,
        }
    }
}

impl crate::document::Documents {
    /// Every schema with that `$dynamicAnchor`, in the order of discovery.
    pub fn dynamic_anchors(&self, name: &str) -> impl Iterator<Item = Node<'_>> {
        self.identities().dynamic_anchors(name).iter().filter_map(|spot| self.at(spot))
    }

    pub(crate) fn at(&self, spot: &Spot) -> Option<Node<'_>> {
        self.root(spot.file).descend(&spot.pointer)
    }
}
