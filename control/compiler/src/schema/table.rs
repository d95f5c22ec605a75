//! The table of lowered schemas: each distinct one once, numbered in order of first use.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use artifact_format::model::{Schema, SchemaId, Schemas};

use super::text::{Step, Text};

/// The finished table, and where every provisional id went.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) schemas: Schemas,
    ids: Vec<SchemaId>,
}

impl Table {
    /// The final id of a provisional one.
    pub(crate) fn id(&self, provisional: SchemaId) -> SchemaId {
        self.ids[provisional.index()]
    }

    /// Merges schemas that say the same, those that refer to each other in a circle included.
    pub(super) fn of(texts: &[Text]) -> Self {
        let ids: Vec<SchemaId> = classes(texts).into_iter().map(|class| SchemaId(number(class))).collect();
        let mut schemas = Schemas::default();
        for (text, id) in texts.iter().zip(&ids) {
            // Classes are numbered by appearance, so a class that is next in line is seen for the first time.
            if id.index() == schemas.schemas.len() {
                let mut references: Vec<SchemaId> = text.holes().iter().map(|hole| ids[hole.target]).collect();
                references.sort_unstable();
                references.dedup();
                schemas.schemas.push(Schema { json: text.filled(|target| ids[target].0), references });
            }
        }
        Self { schemas, ids }
    }

    /// Of what is known of every provisional id, what is known of the first that became each schema of the table.
    pub(super) fn firsts<T>(&self, provisional: Vec<T>) -> Vec<T> {
        let mut firsts = Vec::with_capacity(self.schemas.schemas.len());
        for (known, id) in provisional.into_iter().zip(&self.ids) {
            if id.index() == firsts.len() {
                firsts.push(known);
            }
        }
        firsts
    }
}

/// Merging is worth a bounded effort: real descriptions need about ten rounds, a long chain of equal schemas made to
/// keep the compiler busy one for every link.
const ROUNDS_MAX: usize = 100;

/// The coarsest division in which schemas of one class have the same outline and refer to the same classes. Where that
/// takes too long, every schema is a class of its own.
fn classes(texts: &[Text]) -> Vec<usize> {
    let outlines = number_equals(texts.iter().map(Text::outline));
    let mut classes = outlines.clone();
    for _ in 0..ROUNDS_MAX {
        let signature = |(text, outline): (&Text, &usize)| {
            let targets = text.holes().iter().map(|hole| classes[hole.target]);
            (*outline, targets.collect::<Vec<_>>())
        };
        let finer = number_equals(texts.iter().zip(&outlines).map(signature));
        if finer == classes {
            return classes;
        }
        classes = finer;
    }
    (0..texts.len()).collect()
}

/// Numbers values in order of appearance, equal ones alike.
fn number_equals<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> Vec<usize> {
    let mut seen = HashMap::new();
    values
        .map(|value| {
            let next = seen.len();
            *seen.entry(value).or_insert(next)
        })
        .collect()
}

/// Ids are 32 bits wide; the number of schemas is bounded far below that while they are collected.
pub(super) fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// A schema from which validation would come back to itself at the same place of the instance and never end.
pub(super) fn endless(texts: &[Text]) -> Option<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum Visit {
        Open,
        Closed,
    }
    let stays =
        |text: usize| texts[text].holes().iter().filter(|hole| hole.step == Step::Stays).map(|hole| hole.target);
    let mut visits: HashMap<usize, Visit> = HashMap::new();
    for start in 0..texts.len() {
        // An explicit stack, since a chain of references may be longer than the thread's stack is deep.
        let mut stack = vec![(start, None)];
        while let Some((text, pending)) = stack.pop() {
            let mut pending = match pending {
                Some(pending) => pending,
                None => match visits.entry(text) {
                    Entry::Occupied(visit) if *visit.get() == Visit::Open => return Some(text),
                    Entry::Occupied(_) => continue,
                    Entry::Vacant(visit) => {
                        visit.insert(Visit::Open);
                        stays(text).collect::<Vec<_>>().into_iter()
                    }
                },
            };
            if let Some(next) = pending.next() {
                stack.push((text, Some(pending)));
                stack.push((next, None));
            } else {
                visits.insert(text, Visit::Closed);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text such as `a>1,2`: a name and the schemas it refers to; `!` before one that stays in place.
    fn text(outline: &str) -> Text {
        let (name, targets) = outline.split_once('>').unwrap_or((outline, ""));
        let mut text = Text::default();
        text.string(name);
        for target in targets.split(',').filter(|target| !target.is_empty()) {
            let step = if target.starts_with('!') { Step::Stays } else { Step::Descends };
            text.reference(target.trim_start_matches('!').parse().unwrap(), step);
        }
        text
    }

    fn check_ids(outlines: &[&str], expected: &[u32]) {
        let texts: Vec<Text> = outlines.iter().copied().map(text).collect();
        let ids: Vec<u32> = Table::of(&texts).ids.iter().map(|id| id.0).collect();
        assert_eq!(ids, expected, "{outlines:?}");
    }

    #[test]
    fn equal_schemas_become_one() {
        check_ids(&["a", "b", "a"], &[0, 1, 0]);
        check_ids(&["a>1", "b", "a>3", "b"], &[0, 1, 0, 1]);
        check_ids(&["a>1", "b", "a>3", "c"], &[0, 1, 2, 3]);
    }

    #[test]
    fn equal_circles_become_one() {
        check_ids(&["a>0", "a>1"], &[0, 0]);
        check_ids(&["a>1", "b>0", "a>3", "b>2"], &[0, 1, 0, 1]);
        check_ids(&["a>1", "b>0", "a>3", "b>3"], &[0, 1, 2, 3]);
    }

    #[test]
    fn a_chain_that_takes_too_long_is_left_as_it_is() {
        let chain = |length: usize| (0..length).map(|link| format!("a>{}", link + 1)).chain(["b".to_owned()]);
        let ids = |length| {
            let texts: Vec<Text> = chain(length).chain(["b".to_owned()]).map(|outline| text(&outline)).collect();
            Table::of(&texts).schemas.schemas.len()
        };
        assert_eq!(ids(10), 11);
        assert_eq!(ids(2 * ROUNDS_MAX), 2 * ROUNDS_MAX + 2);
    }

    #[test]
    fn references_are_sorted_and_written_in() {
        let table = Table::of(&[text("a>2,1,2"), text("b"), text("c")]);
        let first = &table.schemas.schemas[0];
        let schema = "portcullis:schema/";
        assert_eq!(first.json, format!(r#""a""{schema}2""{schema}1""{schema}2""#));
        assert_eq!(first.references, [SchemaId(1), SchemaId(2)]);
    }

    fn check_endless(outlines: &[&str], expected: Option<usize>) {
        let texts: Vec<Text> = outlines.iter().copied().map(text).collect();
        assert_eq!(endless(&texts), expected, "{outlines:?}");
    }

    #[test]
    fn a_circle_that_never_descends_is_found() {
        check_endless(&["a>!0"], Some(0));
        check_endless(&["a>!1", "b>!2", "c>!1"], Some(1));
        check_endless(&["a>!1", "b>0"], None);
        check_endless(&["a>!1,!2", "b>!2", "c"], None);
    }
}
