//! Which operation of the newer artifact was which of the older one.

use std::collections::{HashMap, HashSet};

use artifact_format::model::{Artifact, Operation, PathTemplate};

/// The operations of two artifacts, paired by what a client calls: listener, method and path, whatever the
/// variables are named.
pub(super) struct Pairing<'a> {
    /// Every operation of the newer artifact, with what it was.
    pub(super) new: Vec<(&'a Operation, Option<&'a Operation>)>,
    /// The operations of the older artifact that are gone.
    pub(super) removed: Vec<&'a Operation>,
}

impl<'a> Pairing<'a> {
    /// Pairs by where operations are served, and what is left by method and path without base path: an API that
    /// moved to another base path is the same API, served elsewhere.
    pub(super) fn of(old: &'a Artifact, new: &'a Artifact) -> Self {
        let mut rows: Vec<_> = new.routes.operations.iter().map(|operation| (operation, None)).collect();
        let mut taken = HashSet::new();
        claim(&mut rows, &mut taken, (old, new), served);
        claim(&mut rows, &mut taken, (old, new), documented);
        let old = old.routes.operations.iter().enumerate();
        let removed = old.filter(|(index, _)| !taken.contains(index)).map(|(_, operation)| operation);
        Self { new: rows, removed: removed.collect() }
    }
}

type Row<'a> = (&'a Operation, Option<&'a Operation>);
type Key = (String, String, PathTemplate);

/// Gives each row that has none yet the first operation that shares a key with it and that no other row has.
fn claim<'a>(
    rows: &mut [Row<'a>],
    taken: &mut HashSet<usize>,
    (old, new): (&'a Artifact, &'a Artifact),
    keys: fn(&Artifact, &Operation) -> Vec<Key>,
) {
    let mut by_key: HashMap<Key, usize> = HashMap::new();
    for (index, operation) in old.routes.operations.iter().enumerate().filter(|(index, _)| !taken.contains(index)) {
        keys(old, operation).into_iter().for_each(|key| {
            by_key.entry(key).or_insert(index);
        });
    }
    for (operation, earlier) in rows.iter_mut().filter(|(_, earlier)| earlier.is_none()) {
        let candidates = keys(new, operation).into_iter().filter_map(|key| by_key.get(&key).copied());
        let free = candidates.into_iter().find(|index| !taken.contains(index));
        if let Some(index) = free {
            taken.insert(index);
            *earlier = old.routes.operations.get(index);
        }
    }
}

/// Every listener and path at which an operation is served.
fn served(artifact: &Artifact, operation: &Operation) -> Vec<Key> {
    let names = operation.listeners.iter().filter_map(|id| artifact.routes.listeners.get(id.index()));
    names
        .flat_map(|listener| {
            let key = |route: &artifact_format::model::Route| {
                (listener.name.clone(), operation.method.to_string(), route.template.shape())
            };
            operation.routes.iter().map(key)
        })
        .collect()
}

/// The method and path as the document writes them.
fn documented(artifact: &Artifact, operation: &Operation) -> Vec<Key> {
    let spec = artifact.routes.apis.get(operation.api.index()).map_or(String::new(), |api| api.spec.clone());
    vec![(spec, operation.method.to_string(), operation.path.shape())]
}
