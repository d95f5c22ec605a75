//! What a project's data planes are to serve, as a whole: a function from a data plane to a pointer.

use std::collections::BTreeSet;
use std::sync::Arc;

use artifact_format::pointer::SignedPointer;

use super::digest::Digest;
use super::id::{DataPlaneId, DeploymentId, ProjectId};
use super::label::{Labels, Selector};

/// How far a pointer that was seen may be above the last one that was issued, for the next one to be above it: a data
/// plane that says more does not make everybody's serials run out.
pub const FLOOR_RISE_MAX: u64 = 1_000_000;

/// What is to be served, at some moment. It changes as a whole, and its revision tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which project's.
    pub project: ProjectId,
    /// Rises with each change, and is never given to another plan.
    pub revision: i64,
    /// What was deployed and is not withdrawn, newest first.
    pub entries: Vec<Entry>,
}

/// A deployment, as far as it decides what is to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which deployment.
    pub deployment: DeploymentId,
    /// Which data planes it is for.
    pub selector: Selector,
    /// Whom it has reached.
    pub reached: Reached,
    /// What they are to follow.
    pub pointer: Arc<SignedPointer>,
    /// Which artifact that names.
    pub artifact: Digest,
    /// How often those who follow it are worth hearing from.
    pub pace: Pace,
}

/// Whom a deployment has reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// All that its selector chooses: its last wave has begun.
    Everyone,
    /// Of those that its selector chooses, these.
    Only(BTreeSet<DataPlaneId>),
}

/// How often data planes are worth hearing from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As usual.
    Calm,
    /// More often: it is under way, and waits for what they say.
    UnderWay,
}

/// A project whose plan may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    /// Which project.
    pub project: ProjectId,
    /// The revision that its plan has.
    pub revision: i64,
}

impl Plan {
    /// The revision where nothing was ever deployed.
    pub const NOTHING: i64 = 0;

    /// Of a project for which nothing was ever deployed.
    pub fn empty(project: ProjectId) -> Self {
        Self { project, revision: Self::NOTHING, entries: Vec::new() }
    }

    /// What a data plane is to serve: the newest deployment that is for it and has reached it.
    pub fn wanted(&self, data_plane: DataPlaneId, labels: &Labels) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is_for(data_plane, labels))
    }
}

impl Entry {
    /// Whether it is for this data plane, and has reached it.
    pub fn is_for(&self, data_plane: DataPlaneId, labels: &Labels) -> bool {
        let has_reached = match &self.reached {
            Reached::Everyone => true,
            Reached::Only(few) => few.contains(&data_plane),
        };
        has_reached && self.selector.matches(labels)
    }
}

/// Something that was deployed, with a pointer that nobody signed.
#[cfg(test)]
pub(crate) fn entry(serial: u64, selector: &str, reached: Reached) -> Entry {
    let pointer = artifact_format::pointer::Pointer {
        project: "p".into(),
        group: selector.into(),
        serial: std::num::NonZeroU64::new(serial).unwrap(),
        previous: None,
        artifact: artifact_format::container::Digest([1; 32]),
        length: std::num::NonZeroU64::MIN,
        issued_at: 1,
        expires_at: 2,
    };
    Entry {
        deployment: DeploymentId::new(),
        selector: selector.parse().unwrap(),
        reached,
        pointer: Arc::new(SignedPointer::new(pointer).unwrap()),
        artifact: Digest([1; 32]),
        pace: Pace::Calm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        text.split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_newest_that_is_for_it_and_has_reached_it_is_wanted() {
        let (canary, other) = (DataPlaneId::new(), DataPlaneId::new());
        let plan = Plan {
            entries: vec![
                entry(3, "env=prod", Reached::Only([canary].into())),
                entry(2, "env=prod", Reached::Everyone),
                entry(1, "", Reached::Everyone),
            ],
            ..Plan::empty(ProjectId::new())
        };
        let wanted = |id, text| plan.wanted(id, &labels(text)).map(|entry| entry.pointer.serial().get());
        assert_eq!(wanted(canary, "env=prod"), Some(3));
        assert_eq!(wanted(other, "env=prod"), Some(2));
        // Reached, but its labels changed since: it is not one of them any more.
        assert_eq!(wanted(canary, "env=dev"), Some(1));
        assert_eq!(wanted(other, ""), Some(1));
        assert_eq!(Plan::empty(ProjectId::new()).wanted(other, &labels("")), None);
    }
}
