//! The URIs by which documents and schemas can be referred to: `$self`, `$id`, `$anchor`, `$dynamicAnchor`
//! (OpenAPI 3.2.0, section 4.1.2; JSON Schema 2020-12, section 8.2).

use std::collections::{HashMap, HashSet};

use fluent_uri::{Uri, UriRef};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::document::{Documents, FileId, Identity, Node};

/// Where something stands, for as long as documents are still being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) file: FileId,
    pub(crate) pointer: String,
}

impl Spot {
    pub(crate) fn of(node: &Node<'_>) -> Self {
        Self { file: node.file(), pointer: node.pointer() }
    }
}

/// What a schema declares.
#[derive(Debug)]
pub(crate) struct Declared {
    spot: Spot,
    identity: Identity,
}

/// Every URI by which something can be referred to.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    /// Documents and schemas, by absolute URI.
    resources: HashMap<String, Spot>,
    /// The schemas that have an `$id`.
    bases: HashSet<Identity>,
    /// By the URI of their resource, and name.
    anchors: HashMap<(String, String), Spot>,
    dynamic_anchors: HashMap<String, Vec<Spot>>,
}

/// A URI that is declared twice.
pub(crate) struct Taken {
    pub(crate) uri: String,
    pub(crate) first: Spot,
    pub(crate) second: Spot,
}

impl Identities {
    pub(crate) fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.anchors.is_empty()
    }

    pub(super) fn resource(&self, uri: &str) -> Option<&Spot> {
        self.resources.get(uri)
    }

    pub(super) fn anchor(&self, resource: &str, name: &str) -> Option<&Spot> {
        self.anchors.get(&(resource.to_owned(), name.to_owned()))
    }

    pub(crate) fn dynamic_anchors(&self, name: &str) -> &[Spot] {
        self.dynamic_anchors.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What the schema `node` declares, if anything.
pub(crate) fn declared(node: &Node<'_>) -> Option<Declared> {
    let declares = ["$id", "$anchor", "$dynamicAnchor"].iter().any(|keyword| text(node, keyword).is_some());
    declares.then(|| Declared { spot: Spot::of(node), identity: node.identity() })
}

/// Adds what schemas declare. Returns what is declared twice.
pub(crate) fn register(documents: &mut Documents, declared: &[Declared]) -> Vec<Taken> {
    let has_id = |declared: &&Declared| documents.at(&declared.spot).is_some_and(|node| text(&node, "$id").is_some());
    let with_id: Vec<Identity> = declared.iter().filter(has_id).map(|declared| declared.identity).collect();
    // All of them first: the base of one depends on those around it.
    documents.identities_mut().bases.extend(with_id);
    declared.iter().flat_map(|declared| register_schema(documents, &declared.spot)).collect()
}

fn register_schema(documents: &mut Documents, spot: &Spot) -> Vec<Taken> {
    let Some(node) = documents.at(spot) else { return Vec::new() };
    let base = base(&node, documents.identities()).uri;
    let name = |keyword| text(&node, keyword).map(str::to_owned);
    let (id, anchor, dynamic) = (name("$id"), name("$anchor"), name("$dynamicAnchor"));
    let identities = documents.identities_mut();
    let mut taken: Vec<Taken> = Vec::new();
    if id.is_some() {
        taken.extend(claim(&mut identities.resources, base.clone(), spot));
    }
    for name in [&anchor, &dynamic].into_iter().flatten() {
        taken.extend(claim(&mut identities.anchors, (base.clone(), name.clone()), spot));
    }
    if let Some(name) = dynamic {
        identities.dynamic_anchors.entry(name).or_default().push(spot.clone());
    }
    taken
}

/// Adds a document's `$self`, if it has one.
pub(crate) fn register_document(documents: &mut Documents, file: FileId) -> Option<Taken> {
    let root = documents.root(file);
    text(&root, "$self")?;
    let (uri, spot) = (document_base(&root), Spot::of(&root));
    claim(&mut documents.identities_mut().resources, uri, &spot)
}

trait Name {
    fn shown(&self) -> String;
}

impl Name for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl Name for (String, String) {
    fn shown(&self) -> String {
        format!("{}#{}", self.0, self.1)
    }
}

fn claim<N: Name + Eq + std::hash::Hash>(known: &mut HashMap<N, Spot>, name: N, spot: &Spot) -> Option<Taken> {
    let uri = name.shown();
    let first = known.entry(name).or_insert_with(|| spot.clone());
    (first != spot).then(|| Taken { uri, first: first.clone(), second: spot.clone() })
}

/// What relative references are relative to.
pub(super) struct Base<'d> {
    pub(super) uri: String,
    /// What an empty reference means: the schema with the nearest `$id`, else the document.
    pub(super) resource: Node<'d>,
    /// Whether the reference is relative to the file, and to nothing it declares.
    pub(super) is_file: bool,
}

/// The base of `node`: its document's, as changed by each `$id` on the way down.
pub(super) fn base<'d>(node: &Node<'d>, identities: &Identities) -> Base<'d> {
    let mut way: Vec<&Node<'d>> = Vec::new();
    let mut root = node;
    loop {
        if identities.bases.contains(&root.identity()) {
            way.push(root);
        }
        match root.parent() {
            Some(parent) => root = parent,
            None => break,
        }
    }
    let is_file = way.is_empty() && text(root, "$self").is_none();
    let mut base = Base { uri: document_base(root), resource: root.clone(), is_file };
    for schema in way.into_iter().rev() {
        if let Some(uri) = text(schema, "$id").and_then(|id| join(&base.uri, id)) {
            base = Base { uri, resource: schema.clone(), is_file: false };
        }
    }
    base
}

fn document_base(root: &Node<'_>) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');
    let path = root.documents().document(root.file()).path();
    let retrieved = format!("{FILE_SCHEME}{}", utf8_percent_encode(path, KEPT));
    text(root, "$self").and_then(|own| join(&retrieved, own)).unwrap_or(retrieved)
}

/// Files have no URI of their own: they are told by their path within the compilation.
const FILE_SCHEME: &str = "portcullis-file:///";

/// The path that a URI means, if it is one of a file.
pub(super) fn file_path(uri: &str) -> Option<String> {
    let path = uri.strip_prefix(FILE_SCHEME)?;
    percent_decode_str(path).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The absolute URI that `reference` means to `base`, without its fragment.
pub(super) fn join(base: &str, reference: &str) -> Option<String> {
    let reference = reference.split_once('#').map_or(reference, |(uri, _)| uri);
    let joined = UriRef::parse(reference).ok()?.resolve_against(&Uri::parse(base).ok()?).ok()?;
    Some(joined.as_str().to_owned())
}

fn text<'d>(node: &Node<'d>, keyword: &str) -> Option<&'d str> {
    node.value().as_object()?.get(keyword)?.as_str()
}
