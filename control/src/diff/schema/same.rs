//! Whether two schemas say the same, whatever their numbers are in their tables.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Key, Pair, Table, numbers};

/// What is known to be the same.
pub(super) struct Sameness<'t> {
    old: &'t Table,
    new: &'t Table,
    known: HashSet<Key>,
}

impl<'t> Sameness<'t> {
    pub(super) fn new(old: &'t Table, new: &'t Table) -> Self {
        Self { old, new, known: HashSet::new() }
    }

    /// Whether two schemas are the same, references followed.
    ///
    /// A pair that is met again while it is looked at is taken to be the same: where no difference is found at all,
    /// every such assumption was right, and is kept.
    pub(super) fn holds(&mut self, pair: Pair<'t>) -> bool {
        let mut assumed = HashSet::new();
        let is_same = self.compare(pair, &mut assumed);
        if is_same {
            self.known.extend(assumed);
        }
        is_same
    }

    fn compare(&self, pair: Pair<'t>, assumed: &mut HashSet<Key>) -> bool {
        // References are followed by a list, not by recursion: a chain of them may be as long as the table.
        let mut open = vec![pair];
        while let Some(Pair { old, new }) = open.pop() {
            let pair = Pair { old: self.old.resolve(old), new: self.new.resolve(new) };
            if self.known.contains(&pair.key()) || !assumed.insert(pair.key()) {
                continue;
            }
            if !self.values(pair, &mut open) {
                return false;
            }
        }
        true
    }

    /// Compares two values up to their references, which are left to be compared.
    fn values(&self, pair: Pair<'t>, open: &mut Vec<Pair<'t>>) -> bool {
        match (pair.old, pair.new) {
            (Value::Object(old), Value::Object(new)) => self.objects(old, new, open),
            (Value::Array(old), Value::Array(new)) => {
                old.len() == new.len() && old.iter().zip(new).all(|(old, new)| self.value(Pair { old, new }, open))
            }
            (Value::Number(old), Value::Number(new)) => numbers::compare(old, new).is_eq(),
            (old, new) => old == new,
        }
    }

    fn value(&self, pair: Pair<'t>, open: &mut Vec<Pair<'t>>) -> bool {
        let is_reference = |schema| super::lone_reference(schema).is_some();
        if is_reference(pair.old) || is_reference(pair.new) {
            open.push(pair);
            return true;
        }
        self.values(pair, open)
    }

    fn objects(&self, old: &'t Map<String, Value>, new: &'t Map<String, Value>, open: &mut Vec<Pair<'t>>) -> bool {
        old.len() == new.len()
            && old.iter().all(|(key, old)| {
                let Some(new) = new.get(key) else { return false };
                match key.as_str() {
                    "$ref" => self.references(Pair { old, new }, open),
                    _ => self.value(Pair { old, new }, open),
                }
            })
    }

    /// A reference with other keywords beside it.
    fn references(&self, pair: Pair<'t>, open: &mut Vec<Pair<'t>>) -> bool {
        let old = pair.old.as_str().and_then(|reference| self.old.referenced(reference));
        let new = pair.new.as_str().and_then(|reference| self.new.referenced(reference));
        match (old, new) {
            (Some(old), Some(new)) => {
                open.push(Pair { old, new });
                true
            }
            _ => pair.old == pair.new,
        }
    }
}
