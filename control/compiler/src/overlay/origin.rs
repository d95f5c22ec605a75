//! Where the values of a document came from, after overlays have changed it.

use std::collections::BTreeMap;

use crate::document::FileId;

/// By JSON Pointer in the changed document: the file and pointer where the value there was written. What is not
/// noted was written where the value around it was.
#[derive(Debug)]
pub(crate) struct Origins {
    /// The document.
    file: FileId,
    moved: BTreeMap<String, (FileId, String)>,
}

impl Origins {
    /// A document that nobody changed.
    pub(crate) fn new(file: FileId) -> Self {
        Self { file, moved: BTreeMap::new() }
    }

    /// Notes that the value at `pointer` was written elsewhere.
    pub(super) fn note(&mut self, pointer: String, origin: (FileId, String)) {
        self.moved.insert(pointer, origin);
    }

    /// Forgets about all that was at `pointer` and below.
    pub(super) fn forget(&mut self, pointer: &str) {
        self.take(pointer);
    }

    /// Where the value at `pointer` was written, unless it stands where it always stood.
    pub(crate) fn of(&self, pointer: &str) -> Option<(FileId, String)> {
        if self.moved.is_empty() {
            return None;
        }
        let ends = pointer.match_indices('/').map(|(end, _)| end).chain([pointer.len()]);
        let ends: Vec<usize> = ends.collect();
        let around = ends.into_iter().rev().filter_map(|end| pointer.split_at_checked(end));
        let mut noted = around.filter_map(|(around, rest)| Some((self.moved.get(around)?, rest)));
        noted.next().map(|((file, origin), rest)| (*file, format!("{origin}{rest}")))
    }

    /// Follows the items of the array at `pointer` of which only those at `kept` stay.
    pub(super) fn shift(&mut self, pointer: &str, kept: &[usize]) {
        let first = kept.iter().enumerate().take_while(|(new, old)| new == *old).count();
        let mut moves = Vec::new();
        for (new, old) in kept.iter().enumerate().skip(first) {
            let from = format!("{pointer}/{old}");
            let origin = self.of(&from).unwrap_or_else(|| (self.file, from.clone()));
            moves.push((format!("{pointer}/{new}"), from, origin));
        }
        let taken: Vec<_> = moves.iter().map(|(_, from, _)| self.take(from)).collect();
        for ((to, from, origin), below) in moves.into_iter().zip(taken) {
            self.note(to.clone(), origin);
            // What had been changed within the item moves along.
            for (pointer, origin) in below {
                if let Some(rest) = pointer.strip_prefix(&from).filter(|rest| !rest.is_empty()) {
                    self.note(format!("{to}{rest}"), origin);
                }
            }
        }
    }

    fn take(&mut self, pointer: &str) -> Vec<(String, (FileId, String))> {
        let below =
            |known: &str| known.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let from = self.moved.range(pointer.to_owned()..).take_while(|(known, _)| known.starts_with(pointer));
        let keys: Vec<String> = from.map(|(known, _)| known.clone()).filter(|known| below(known)).collect();
        keys.into_iter().filter_map(|key| self.moved.remove_entry(&key)).collect()
    }
}
