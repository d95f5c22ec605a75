//! What a data plane starts from while no control plane is there: files, in a folder or a bucket that is served over HTTP.
//!
//! ```text
//! PROJECT/pointer.json            what to serve, signed
//! PROJECT/artifacts/SHA-256       the artifact
//! PROJECT/roots/1.json ...        every version of the trust root
//! PROJECT/env=prod/pointer.json   the same, for data planes with just these labels
//! ```
//!
//! Trust is in the signatures: whoever can write there cannot make anybody serve what nobody signed.

use async_trait::async_trait;
use bytes::Bytes;

use super::digest::Digest;
use super::error::Error;
use super::id::ProjectId;
use super::label::{Labels, Requirement, Selector};
use super::plan::{Entry, Plan, Reached};

/// Where the files are.
#[async_trait]
pub trait Shelf: std::fmt::Debug + Send + Sync {
    /// A pointer or a trust root; nothing where there is none, or something longer than either can be.
    async fn file(&self, name: &str) -> Result<Option<Bytes>, Error>;
    /// How many bytes a file has; nothing where there is none.
    async fn size(&self, name: &str) -> Result<Option<u64>, Error>;
    /// What a file is, however long it is; nothing where there is none.
    async fn digest(&self, name: &str) -> Result<Option<Digest>, Error>;
    /// Writes a file whole: whoever reads sees the one before, or this one.
    async fn write(&self, name: &str, bytes: Bytes) -> Result<(), Error>;
    /// Removes a file, if it is there.
    async fn erase(&self, name: &str) -> Result<(), Error>;
    /// The files whose names begin with a folder's.
    async fn names(&self, folder: &str) -> Result<Vec<String>, Error>;
}

/// The files for the data planes with some labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stand<'p> {
    /// Where they are.
    pub folder: String,
    /// What these data planes are to serve; nothing, where nothing has reached all of them.
    pub entry: Option<&'p Entry>,
}

/// Everything that a plan has to offer: to data planes without labels, to those with just the labels that a selector
/// names, and to those for whom there are files already, whose deployment may have been withdrawn since. What has reached
/// only some is nothing to start from.
pub fn stands<'p>(plan: &'p Plan, files: &[String]) -> Vec<Stand<'p>> {
    let named = plan.entries.iter().filter_map(|entry| labels_of(&entry.selector));
    let known = files.iter().filter_map(|name| labels_in(plan.project, name));
    let mut all = Vec::new();
    for labels in std::iter::once(Labels::new()).chain(named).chain(known) {
        let stand = stand(plan, &labels);
        if !all.contains(&stand) {
            all.push(stand);
        }
    }
    all
}

fn stand<'p>(plan: &'p Plan, labels: &Labels) -> Stand<'p> {
    let has_reached = |entry: &&Entry| entry.reached == Reached::Everyone && entry.selector.matches(labels);
    Stand { folder: folder(plan.project, labels), entry: plan.entries.iter().find(has_reached) }
}

/// Where the files for these data planes are.
pub fn folder(project: ProjectId, labels: &Labels) -> String {
    if labels.is_empty() {
        return project.to_string();
    }
    // A key may have a slash, and a folder's name has none.
    let pairs = labels.iter().map(|(key, value)| format!("{}={}", key.as_str().replace('/', ":"), value.as_str()));
    format!("{project}/{}", pairs.collect::<Vec<_>>().join(","))
}

/// The labels that the name of a pointer's file says it is for.
fn labels_in(project: ProjectId, name: &str) -> Option<Labels> {
    let pairs = name.strip_prefix(&format!("{project}/"))?.strip_suffix("/pointer.json")?;
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        Some((key.replace(':', "/").parse().ok()?, value.parse().ok()?))
    };
    pairs.split(',').map(pair).collect()
}

/// The labels that a selector asks for, if it asks for nothing else.
fn labels_of(selector: &Selector) -> Option<Labels> {
    let pair = |requirement: &Requirement| match requirement {
        Requirement::Is(key, value) => Some((key.clone(), value.clone())),
        Requirement::IsNot(..) | Requirement::Has(_) | Requirement::Lacks(_) => None,
    };
    selector.0.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::entry;

    #[test]
    fn each_selector_that_names_labels_has_files_of_what_has_reached_everyone() {
        let project = ProjectId::new();
        let entries = vec![
            entry(6, "a.b/env=prod", Reached::Only([].into())),
            entry(5, "tier!=edge", Reached::Everyone),
            entry(4, "a.b/env=prod", Reached::Everyone),
            entry(3, "ring=a", Reached::Only([].into())),
            entry(2, "", Reached::Only([].into())),
        ];
        let plan = Plan { entries, ..Plan::empty(project) };
        let files = ["a.b:env=prod/pointer.json", "env=dev,tier=edge/pointer.json", "pointer.json", "roots/1.json"]
            .map(|name| format!("{project}/{name}"));
        let stands = stands(&plan, &files).into_iter();
        let found: Vec<(String, Option<u64>)> =
            stands.map(|stand| (stand.folder, stand.entry.map(|entry| entry.pointer.serial().get()))).collect();
        assert_eq!(
            found,
            [
                (project.to_string(), Some(5)),
                (format!("{project}/a.b:env=prod"), Some(5)),
                (format!("{project}/ring=a"), Some(5)),
                // Nothing is for them any more: what is there is to go.
                (format!("{project}/env=dev,tier=edge"), None),
            ]
        );
        assert_eq!(super::stands(&Plan::empty(project), &[])[0].entry, None);
    }
}
