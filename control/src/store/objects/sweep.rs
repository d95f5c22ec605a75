//! Objects that no row names: what a crash between the two left, or a deletion.

use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::domain::artifact::{ArtifactBytes, Leave, REMOVING};
use crate::domain::error::Error;
use crate::domain::store::Store;

/// How old an object is when it is looked at: far older than what is still being written down.
pub const ORPHAN_AGE: SignedDuration = SignedDuration::from_hours(24);

/// How often all are looked at.
const EVERY: Duration = Duration::from_hours(6);

/// Sweeps from time to time, until it is dropped.
pub async fn run(store: &dyn Store, objects: &dyn ArtifactBytes) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Ok(before) = Timestamp::now().checked_sub(ORPHAN_AGE) else { continue };
        match sweep(store, objects, before).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed stored artifacts that nothing names any more"),
            Err(error) => tracing::warn!(%error, "cannot look for stored artifacts that nothing names any more"),
        }
    }
}

/// Removes the objects that were kept before `before` and that no row names. Returns how
/// many, with those that were never finished.
///
/// One that somebody is about to name stays: whoever stores it has leave to keep it, so there is none to remove it. Of
/// one that may be removed still when there is no answer in time, nobody says that it is removed; its lease says when.
pub async fn sweep(store: &dyn Store, objects: &dyn ArtifactBytes, before: Timestamp) -> Result<usize, Error> {
    let mut removed = match objects.remove_unfinished(before).await {
        Ok(removed) => removed,
        Err(error) => {
            tracing::warn!(%error, "cannot remove stored artifacts that were never finished");
            0
        }
    };
    let mut old = objects.older_than(before);
    while let Some(digest) = old.next().await {
        let digest = digest?;
        if store.has_artifact(digest).await? || store.remove_bytes(digest).await? == Leave::Refused {
            continue;
        }
        let removing = timeout(REMOVING / 2, objects.remove(digest, before)).await;
        match removing.map_err(Error::artifact_store).flatten() {
            Ok(()) => {
                store.bytes_are_removed(digest).await?;
                removed += 1;
            }
            // Those after it are not to wait for it.
            Err(error) => {
                tracing::warn!(%error, %digest, "cannot remove a stored artifact that nothing names any more");
            }
        }
    }
    Ok(removed)
}
