//! From JSON Pointers to lines and columns: one pass over a text for all its pointers.

use std::collections::HashMap;

use artifact_format::model::SpecFormat;
use contract::pointer;

use super::event::{Event, Kind};
use super::source::{Lines, Source};
use super::{json, yaml};
use crate::diagnostic::{At, Place, Position};

/// The position of each place. A pointer that leads through an alias of YAML, or to what is not in the text,
/// gets the position of the nearest thing before it that is.
pub(crate) fn locate(source: &Source, places: &[&Place]) -> Vec<(Place, Position)> {
    let mut wanted = Wanted::default();
    let ends: Vec<Option<usize>> =
        places.iter().map(|place| place.pointer().map(|pointer| wanted.add(pointer))).collect();
    match source.format() {
        SpecFormat::Json => wanted.find(json::events(source.body())),
        SpecFormat::Yaml => wanted.find(yaml::events(source.body())),
    }
    let lines = Lines::of(source.body());
    let position = |place: &Place, end: Option<usize>| match (&place.at, end) {
        (At::Position(position), _) => *position,
        (At::Key(_), Some(end)) => lines.position(wanted.nearest(end, |branch| branch.key.or(branch.value))),
        (_, end) => lines.position(wanted.nearest(end.unwrap_or(0), |branch| branch.value)),
    };
    places.iter().zip(ends).map(|(place, end)| ((*place).clone(), position(place, end))).collect()
}

/// The pointers looked for, as a tree.
struct Wanted {
    branches: Vec<Branch>,
}

#[derive(Default)]
struct Branch {
    parent: usize,
    children: HashMap<String, usize>,
    key: Option<usize>,
    value: Option<usize>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { branches: vec![Branch::default()] }
    }
}

/// A collection that is open while the text is passed over.
struct Open {
    branch: Option<usize>,
    inside: Inside,
}

enum Inside {
    /// The value of the key that was read comes next, or a key does.
    Mapping(Option<Key>),
    Sequence(usize),
}

struct Key {
    branch: Option<usize>,
    offset: usize,
}

impl Wanted {
    fn add(&mut self, pointer: &str) -> usize {
        pointer::tokens(pointer).fold(0, |parent, token| {
            if let Some(known) = self.child(parent, &token) {
                return known;
            }
            let new = self.branches.len();
            self.branches.push(Branch { parent, ..Branch::default() });
            if let Some(branch) = self.branches.get_mut(parent) {
                branch.children.insert(token.into_owned(), new);
            }
            new
        })
    }

    fn child(&self, parent: usize, token: &str) -> Option<usize> {
        self.branches.get(parent)?.children.get(token).copied()
    }

    fn find<'t>(&mut self, events: impl Iterator<Item = Event<'t>>) {
        let mut open: Vec<Open> = Vec::new();
        for Event { offset, kind } in events {
            if kind == Kind::End {
                open.pop();
                continue;
            }
            let branch = match open.last_mut() {
                None => Some(0),
                Some(Open { branch, inside: Inside::Sequence(next) }) => {
                    *next += 1;
                    branch.and_then(|branch| self.child(branch, &(*next - 1).to_string()))
                }
                Some(Open { branch, inside: Inside::Mapping(key @ None) }) => {
                    let Kind::Scalar(text) = &kind else { return };
                    let branch = branch.and_then(|branch| self.child(branch, text));
                    *key = Some(Key { branch, offset });
                    continue;
                }
                Some(Open { inside: Inside::Mapping(key), .. }) => key.take().and_then(|key| self.note_key(&key)),
            };
            if let Some(branch) = branch.and_then(|branch| self.branches.get_mut(branch)) {
                branch.value = Some(offset);
            }
            match kind {
                Kind::Mapping => open.push(Open { branch, inside: Inside::Mapping(None) }),
                Kind::Sequence => open.push(Open { branch, inside: Inside::Sequence(0) }),
                Kind::Scalar(_) | Kind::End => {}
            }
        }
    }

    fn note_key(&mut self, key: &Key) -> Option<usize> {
        self.branches.get_mut(key.branch?)?.key = Some(key.offset);
        key.branch
    }

    fn nearest(&self, end: usize, offset: impl Fn(&Branch) -> Option<usize>) -> usize {
        let parents = std::iter::successors(Some(end), |at| {
            let parent = self.branches.get(*at)?.parent;
            (parent != *at).then_some(parent)
        });
        parents.filter_map(|at| self.branches.get(at)).find_map(offset).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use artifact_format::model::SpecRole;

    use super::*;

    fn check(format: SpecFormat, text: &str, expected: &[(&str, At, (usize, usize))]) {
        let source = Source { path: Arc::from("f"), role: SpecRole::Entry, format, text: Arc::from(text) };
        for (what, at, (line, column)) in expected {
            let place = Place { file: Arc::from("f"), at: at.clone() };
            let found = locate(&source, &[&place]);
            assert_eq!(found, [(place, Position { line: *line, column: *column })], "{what}");
        }
    }

    fn value(pointer: &str) -> At {
        At::Value(pointer.into())
    }

    fn key(pointer: &str) -> At {
        At::Key(pointer.into())
    }

    #[test]
    fn json_places_are_found() {
        let text = "{\n  \"a\\u0062\": [1, {\"c/d\": \"x\\\"y\"}],\n  \"z\": {}\n}";
        check(
            SpecFormat::Json,
            text,
            &[
                ("root", value(""), (1, 1)),
                ("value", value("/ab"), (2, 14)),
                ("key", key("/ab"), (2, 3)),
                ("item", value("/ab/0"), (2, 15)),
                ("escaped", value("/ab/1/c~1d"), (2, 26)),
                ("escaped key", key("/ab/1/c~1d"), (2, 19)),
                ("absent: the nearest", value("/ab/7/x"), (2, 14)),
                ("after", key("/z"), (3, 3)),
            ],
        );
    }

    #[test]
    fn yaml_places_are_found() {
        let text = "a: &x\n  - 1\n  - c/d: ü\n    200: {k: v}\nb: *x\n";
        check(
            SpecFormat::Yaml,
            text,
            &[
                ("value", value("/a/0"), (2, 5)),
                ("member", value("/a/1/c~1d"), (3, 10)),
                ("number as key", key("/a/1/200"), (4, 5)),
                ("flow", value("/a/1/200/k"), (4, 14)),
                ("through an alias", value("/b/1/200"), (5, 4)),
            ],
        );
    }
}
