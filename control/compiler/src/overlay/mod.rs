//! OpenAPI Overlays (Overlay Specification 1.0 and 1.1): changes to a document, kept beside it.
//!
//! Actions are applied one after the other, before anything else looks at the documents. Where a value of the
//! result came from is remembered, so that diagnostics point at what somebody wrote.

mod merge;
mod origin;
mod remove;

use contract::pointer;
use serde_json::Value;
use serde_json_path::JsonPath;

pub(crate) use origin::Origins;

use crate::diagnostic::{Code, Place, Sink};
use crate::document::limits::{DEPTH_MAX, VALUES_MAX};
use crate::document::{Documents, FileId, Node, path::Folder};
use crate::structure;
use merge::Update;
use remove::Step;

/// What one action does, read from the overlay before the documents change.
struct Action {
    target: JsonPath,
    /// Where the target stands in the overlay.
    pointer: String,
    change: Change,
    /// Removal comes after the update, if both are asked for.
    remove: bool,
}

enum Change {
    None,
    Update { value: Value, pointer: String },
    Copy { source: JsonPath },
}

/// A document that the overlay is for.
struct Target {
    file: FileId,
    /// How many values it has, at most: removed ones are not taken off.
    values: usize,
}

/// The document would exceed the limits of reading, which was reported. Nothing is applied after that.
struct TooMuch;

/// Applies an overlay to every document, or to the one that it says it extends.
pub(crate) fn apply(documents: &mut Documents, overlay: FileId, sink: &mut Sink) {
    structure::check_overlay(&documents.root(overlay), sink);
    let Some(files) = targets(documents, overlay, sink) else { return };
    let size = |file: FileId| measure(documents.root(file).value()).values;
    let mut targets: Vec<Target> = files.into_iter().map(|file| Target { file, values: size(file) }).collect();
    for action in read(&documents.root(overlay), sink) {
        let mut matched = 0;
        for target in &mut targets {
            match act(documents, (overlay, target), &action, sink) {
                Ok(count) => matched += count,
                Err(TooMuch) => return,
            }
        }
        if matched == 0 {
            let place = place(documents, overlay, &action);
            sink.warning(Code::OverlayWithoutEffect, place, "nothing matches this target")
                .hint("the action did nothing: correct the target, or remove the action");
        }
    }
}

/// Where an action's target is written.
fn place(documents: &Documents, overlay: FileId, action: &Action) -> Place {
    Place::value(documents.document(overlay).path_arc(), action.pointer.clone())
}

/// The documents that the overlay is for: the one that it extends, else all. `None` where that one is at fault.
fn targets(documents: &Documents, overlay: FileId, sink: &mut Sink) -> Option<Vec<FileId>> {
    let entries: Vec<FileId> = documents.entries().map(|entry| entry.file()).collect();
    let root = documents.root(overlay);
    let Some((node, extends)) = root.get("extends").and_then(|node| Some((node.clone(), node.str()?))) else {
        return Some(entries);
    };
    let folder = Folder::of(documents.document(overlay).path());
    let path = folder.join(extends, &Folder::default()).ok();
    let is_named = |file: &FileId| {
        let own = documents.root(*file).get("$self").and_then(|own| own.str());
        Some(documents.document(*file).path()) == path.as_deref() || own == Some(extends)
    };
    if let Some(named) = entries.iter().copied().find(is_named) {
        return Some(vec![named]);
    }
    // One that was read and is no entry was reported already.
    if path.is_none_or(|path| documents.file(&path).is_none()) {
        let names: Vec<String> = entries.iter().map(|file| format!("`{}`", documents.document(*file).path())).collect();
        sink.error(Code::OverlayExtends, &node, format!("`{extends}` is none of the documents that are compiled"))
            .hint(format!("`extends` is a path as seen from the overlay; the documents are {}", names.join(", ")));
    }
    None
}

fn read(overlay: &Node<'_>, sink: &mut Sink) -> Vec<Action> {
    let version = overlay.get("overlay");
    if let Some(version) = version.filter(|version| !version.str().is_some_and(is_known)) {
        sink.error(Code::OverlayStructure, &version, "this version of the Overlay Specification is not read")
            .hint("1.0.0 and 1.1.0 are");
    }
    let actions = overlay.get("actions").into_iter().flat_map(|actions| actions.items());
    actions.filter_map(|action| read_action(&action, sink)).collect()
}

fn is_known(version: &str) -> bool {
    version.starts_with("1.0.") || version.starts_with("1.1.")
}

fn read_action(action: &Node<'_>, sink: &mut Sink) -> Option<Action> {
    let target = action.get("target")?;
    let path = json_path(&target, sink)?;
    let change = match (action.get("update"), action.get("copy")) {
        (Some(update), _) => Change::Update { value: update.value().clone(), pointer: update.pointer() },
        (None, Some(copy)) => Change::Copy { source: json_path(&copy, sink)? },
        (None, None) => Change::None,
    };
    let remove = action.get("remove").is_some_and(|remove| remove.bool() == Some(true));
    Some(Action { target: path, pointer: target.pointer(), change, remove })
}

fn json_path(node: &Node<'_>, sink: &mut Sink) -> Option<JsonPath> {
    // Another type is reported with the structure.
    let text = node.str()?;
    let parsed = JsonPath::parse(text);
    let report = |error: &serde_json_path::ParseError| {
        sink.error(Code::OverlayTarget, node, format!("`{text}` is not a JSONPath (RFC 9535): {}", error.message()))
            .hint("paths begin with `$`; keys with other than letters are quoted: `$.paths['/orders'].get`");
    };
    parsed.inspect_err(report).ok()
}

fn act(
    documents: &mut Documents,
    (overlay, document): (FileId, &mut Target),
    action: &Action,
    sink: &mut Sink,
) -> Result<usize, TooMuch> {
    let file = document.file;
    let root = documents.root(file);
    let found = remove::located(&action.target, root.value());
    let matched = found.len();
    let update = match &action.change {
        Change::None => None,
        Change::Update { value, pointer } => Some(Update { value: value.clone(), origin: (overlay, pointer.clone()) }),
        Change::Copy { source } => match remove::located(source, root.value()).as_slice() {
            [one] => {
                let from = remove::pointer(one);
                let value = root.descend(&from).map_or(Value::Null, |node| node.value().clone());
                Some(Update { value, origin: documents.origin_of(file, &from) })
            }
            others => {
                let at = place(documents, overlay, action);
                let message = format!("`copy` has to select one value, and selects {}", others.len());
                sink.error(Code::OverlayMismatch, at, message);
                None
            }
        },
    };
    if let Some(update) = update {
        let at = place(documents, overlay, action);
        if !fits(document, (&found, &update.value)) {
            sink.error(Code::TooMuch, at, "the document grows too large or too deep by this action");
            return Err(TooMuch);
        }
        for place in &found {
            let pointer = remove::pointer(place);
            let (value, origins) = documents.value_mut(file);
            let Some(target) = value.pointer_mut(&pointer) else { continue };
            match merge::merge(target, (&update, pointer), origins) {
                Ok(change) => document.values = (document.values + change.added).saturating_sub(change.replaced),
                Err(mismatch) => {
                    sink.error(Code::OverlayMismatch, at.clone(), mismatch.to_string());
                }
            }
        }
    }
    if action.remove {
        remove_all(documents, (overlay, file), (action, found), sink);
    }
    Ok(matched)
}

fn remove_all(
    documents: &mut Documents,
    (overlay, file): (FileId, FileId),
    (action, matches): (&Action, Vec<Vec<Step>>),
    sink: &mut Sink,
) {
    if matches.iter().any(Vec::is_empty) {
        let place = place(documents, overlay, action);
        sink.error(Code::OverlayMismatch, place, "the whole document cannot be removed");
        return;
    }
    let (value, origins) = documents.value_mut(file);
    remove::remove(value, matches, origins);
}

/// Whether the document stays within the limits of reading, were `update` merged into each match.
fn fits(document: &Target, (matches, update): (&[Vec<Step>], &Value)) -> bool {
    let update = measure(update);
    let deepest = matches.iter().map(Vec::len).max().unwrap_or(0);
    let added = matches.len().saturating_mul(update.values);
    deepest + update.depth <= DEPTH_MAX && document.values.saturating_add(added) <= VALUES_MAX
}

struct Measure {
    values: usize,
    depth: usize,
}

fn measure(value: &Value) -> Measure {
    let children: Vec<Measure> = match value {
        Value::Array(items) => items.iter().map(measure).collect(),
        Value::Object(members) => members.values().map(measure).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let depth = children.iter().map(|child| child.depth).max().unwrap_or(0) + 1;
    Measure { values: 1 + children.iter().map(|child| child.values).sum::<usize>(), depth }
}

fn child(parent: &str, key: &str) -> String {
    let mut pointer = parent.to_owned();
    pointer::push_key(&mut pointer, key);
    pointer
}
