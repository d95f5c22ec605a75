//! Who reads what a project's data planes are to serve: of ten thousand that come at once, one, and the others have it
//! then. Nobody waits for another project's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::domain::id::ProjectId;

/// Whose turn it is to read, of each project that is being read.
#[derive(Debug, Default)]
pub(super) struct Loading(Mutex<HashMap<ProjectId, Arc<tokio::sync::Mutex<()>>>>);

impl Loading {
    /// Waits for a turn. It lasts until it is dropped.
    pub(super) async fn turn(&self, project: ProjectId) -> OwnedMutexGuard<()> {
        self.of(project).lock_owned().await
    }

    fn of(&self, project: ProjectId) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody has, or waits for.
        all.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(all.entry(project).or_default())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_of_each_project_and_nobody_waits_for_another_one() {
        let (loading, [one, other]) = (Loading::default(), [ProjectId::new(), ProjectId::new()]);
        let slow = loading.turn(one).await;
        assert!(loading.turn(one).now_or_never().is_none());
        assert!(loading.turn(other).now_or_never().is_some());
        drop(slow);
        assert!(loading.turn(one).now_or_never().is_some());
        let _turn = loading.turn(other).await;
        assert_eq!(loading.0.lock().unwrap().len(), 1, "what was read is forgotten");
    }
}
