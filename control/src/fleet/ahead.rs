//! Data planes that are ahead of the pointer that they are to follow: they take the next one only where it is above
//! what they have taken.
//!
//! Whoever speaks is compared with what was known to be served then, which may be older than what is: a replica of the
//! database stands in for it, or another control plane has just issued something. So it is compared once more with the
//! plan of now, before a pointer is issued anew for a whole project's sake.

use std::num::NonZeroU64;
use std::sync::Arc;

use super::hub::{Hub, Unwritten};
use crate::domain::error::Error;
use crate::domain::id::{DataPlaneId, DeploymentId, ProjectId};
use crate::domain::label::Labels;
use crate::domain::plan::Plan;

/// One that was ahead of a deployment's pointer when it spoke.
#[derive(Debug, Clone)]
pub(super) struct Ahead {
    /// What the next pointer has to be above.
    pub(super) serial: NonZeroU64,
    pub(super) project: ProjectId,
    pub(super) data_plane: DataPlaneId,
    /// What selectors chose it by.
    pub(super) labels: Arc<Labels>,
}

impl Ahead {
    /// Whether it is to follow that deployment, and is ahead of its pointer, by this plan, too.
    fn is_so(&self, plan: &Plan, deployment: DeploymentId) -> bool {
        let wanted = plan.wanted(self.data_plane, &self.labels);
        wanted.is_some_and(|entry| entry.deployment == deployment && entry.pointer.serial() < self.serial)
    }
}

impl Unwritten {
    /// Of those that are ahead of one deployment's pointer, the furthest is remembered.
    pub(super) fn is_ahead(&mut self, deployment: DeploymentId, ahead: Ahead) {
        let furthest = self.floors.entry(deployment).or_insert_with(|| ahead.clone());
        if ahead.serial > furthest.serial {
            *furthest = ahead;
        }
    }
}

impl Hub {
    /// Has the next pointer of a deployment be above what this one has taken, where it still is to follow that.
    pub(super) async fn raise_floor(&self, deployment: DeploymentId, ahead: &Ahead) -> Result<(), Error> {
        let plan = self.store.plan(ahead.project).await?;
        if ahead.is_so(&plan, deployment) { self.store.raise_floor(deployment, ahead.serial).await } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::{Reached, entry};

    #[test]
    fn whoever_follows_something_else_by_now_raises_nothing() {
        let (project, data_plane) = (ProjectId::new(), DataPlaneId::new());
        let serial = NonZeroU64::new(7).unwrap();
        let ahead = Ahead { serial, project, data_plane, labels: Arc::default() };
        let check = |newest: Option<(u64, Reached)>, own: u64, expected: bool| {
            let before = entry(own, "", Reached::Everyone);
            let deployment = before.deployment;
            let newest = newest.map(|(serial, reached)| entry(serial, "", reached));
            let plan = Plan { entries: newest.into_iter().chain([before]).collect(), ..Plan::empty(project) };
            assert_eq!(ahead.is_so(&plan, deployment), expected, "{plan:?}");
        };
        // The database has lost what it took.
        check(None, 5, true);
        check(Some((6, Reached::Only([DataPlaneId::new()].into()))), 5, true);
        // It took what was not known where it spoke: of the same deployment, or of a newer one.
        check(None, 7, false);
        check(None, 8, false);
        check(Some((7, Reached::Only([data_plane].into()))), 5, false);
        check(Some((7, Reached::Everyone)), 5, false);
        assert!(!ahead.is_so(&Plan::empty(project), DeploymentId::new()));
    }

    #[test]
    fn the_furthest_is_remembered() {
        let mut unwritten = Unwritten::default();
        let (deployment, project) = (DeploymentId::new(), ProjectId::new());
        for serial in [3, 7, 5] {
            let serial = NonZeroU64::new(serial).unwrap();
            let data_plane = DataPlaneId::new();
            unwritten.is_ahead(deployment, Ahead { serial, project, data_plane, labels: Arc::default() });
        }
        assert_eq!(unwritten.floors[&deployment].serial.get(), 7);
    }
}
