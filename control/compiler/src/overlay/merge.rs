//! Merging an update into a value (Overlay Specification 1.0, section 4.4.3).

use serde_json::Value;
use thiserror::Error;

use super::{Origins, child, measure};
use crate::document::FileId;

/// A value to merge, and where it was written.
pub(super) struct Update {
    pub(super) value: Value,
    pub(super) origin: (FileId, String),
}

/// How a merge changed the size of a document, in values.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) added: usize,
    pub(super) replaced: usize,
}

/// An update that does not fit what it is merged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the target selects {target}, and the update is {update}")]
pub(super) struct Mismatch {
    target: &'static str,
    update: &'static str,
}

/// Merges `update` into the value at `pointer`: objects key by key, into an array at its end, a scalar is replaced.
pub(super) fn merge(
    target: &mut Value,
    (update, pointer): (&Update, String),
    origins: &mut Origins,
) -> Result<Change, Mismatch> {
    let (file, written) = &update.origin;
    let mut merger = Merger { file: *file, origins, change: Change::default() };
    match (&mut *target, &update.value) {
        (Value::Object(_), Value::Object(_)) | (Value::Array(_), _) => {
            merger.merge(target, &update.value, (&pointer, written));
            Ok(merger.change)
        }
        (Value::Object(_), other) | (_, other @ (Value::Object(_) | Value::Array(_))) => {
            Err(Mismatch { target: kind(target), update: kind(other) })
        }
        _ => {
            merger.replace(target, &update.value, (&pointer, written));
            Ok(merger.change)
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => "a single value",
    }
}

struct Merger<'o> {
    file: FileId,
    origins: &'o mut Origins,
    change: Change,
}

impl Merger<'_> {
    fn merge(&mut self, target: &mut Value, update: &Value, (at, written): (&str, &str)) {
        match (target, update) {
            (Value::Object(members), Value::Object(updates)) => {
                for (key, update) in updates {
                    let (at, written) = (child(at, key), child(written, key));
                    if let Some(known) = members.get_mut(key) {
                        self.merge(known, update, (&at, &written));
                    } else {
                        self.origins.note(at, (self.file, written));
                        self.change.added += measure(update).values;
                        members.insert(key.clone(), update.clone());
                    }
                }
            }
            (Value::Array(items), Value::Array(updates)) => {
                for (index, update) in updates.iter().enumerate() {
                    self.append(items, update, (at, &child(written, &index.to_string())));
                }
            }
            (Value::Array(items), update) => self.append(items, update, (at, written)),
            (target, update) => self.replace(target, update, (at, written)),
        }
    }

    fn append(&mut self, items: &mut Vec<Value>, update: &Value, (at, written): (&str, &str)) {
        self.origins.note(child(at, &items.len().to_string()), (self.file, written.to_owned()));
        self.change.added += measure(update).values;
        items.push(update.clone());
    }

    fn replace(&mut self, target: &mut Value, update: &Value, (at, written): (&str, &str)) {
        self.origins.forget(at);
        self.origins.note(at.to_owned(), (self.file, written.to_owned()));
        self.change.added += measure(update).values;
        self.change.replaced += measure(target).values;
        *target = update.clone();
    }
}
