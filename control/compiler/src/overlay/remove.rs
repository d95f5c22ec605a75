//! Removing what a target selects.

use std::collections::{BTreeMap, BTreeSet};

use contract::pointer as json_pointer;
use serde_json::Value;
use serde_json_path::{JsonPath, PathElement};

use super::Origins;

/// A step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// What a path selects, each once.
pub(super) fn located(path: &JsonPath, value: &Value) -> Vec<Vec<Step>> {
    let found = path.query_located(value).dedup();
    let steps = found.locations().map(|location| {
        location.iter().map(|element| match element {
            PathElement::Name(name) => Step::Key((*name).to_owned()),
            PathElement::Index(index) => Step::Index(*index),
        })
    });
    steps.map(Iterator::collect).collect()
}

pub(super) fn pointer(steps: &[Step]) -> String {
    let mut pointer = String::new();
    for step in steps {
        match step {
            Step::Key(key) => json_pointer::push_key(&mut pointer, key),
            Step::Index(index) => json_pointer::push_index(&mut pointer, *index),
        }
    }
    pointer
}

/// Removes every one of `places` from `root`; none of them is the root.
pub(super) fn remove(root: &mut Value, places: Vec<Vec<Step>>, origins: &mut Origins) {
    let mut by_parent: BTreeMap<Vec<Step>, BTreeSet<Step>> = BTreeMap::new();
    for mut place in places {
        if let Some(last) = place.pop() {
            by_parent.entry(place).or_default().insert(last);
        }
    }
    // From the end, so that no place moves before its turn.
    for (parent, children) in by_parent.into_iter().rev() {
        let at = pointer(&parent);
        match root.pointer_mut(&at) {
            Some(Value::Object(members)) => members.retain(|key, _| !children.contains(&Step::Key(key.clone()))),
            Some(Value::Array(items)) => {
                let kept: Vec<usize> =
                    (0..items.len()).filter(|index| !children.contains(&Step::Index(*index))).collect();
                origins.shift(&at, &kept);
                let mut index = 0;
                items.retain(|_| {
                    index += 1;
                    !children.contains(&Step::Index(index - 1))
                });
            }
            _ => {}
        }
    }
}
