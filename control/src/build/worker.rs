//! Takes builds out of the queue, so many at a time, until it is told to stop.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::attempt::{Setback, Workshop};
use crate::domain::build::{Claim, Ending, Held, LEASE, Verdict};

/// How often a lease is extended: often enough to miss two.
const BEAT: Duration = Duration::from_secs(LEASE.as_secs() / 3);

/// How often the queue is looked at, whether anybody says that it changed or not.
const POLL: Duration = Duration::from_secs(2);

/// Builds what is queued.
#[derive(Clone)]
pub struct Worker {
    workshop: Workshop,
    /// How many at a time.
    at_once: NonZeroUsize,
}

impl Worker {
    /// One that is not at work yet.
    pub fn new(workshop: Workshop, at_once: NonZeroUsize) -> Self {
        Self { workshop, at_once }
    }

    /// As many at a time as there are cores, and two at most: a build may take gigabytes.
    pub fn usual_at_once() -> NonZeroUsize {
        let two = NonZeroUsize::MIN.saturating_add(1);
        std::thread::available_parallelism().map_or(NonZeroUsize::MIN, |cores| cores.min(two))
    }

    /// Works until `stop`, then gives back what it has not finished.
    pub async fn run(self, stop: CancellationToken) {
        let store = &self.workshop.store;
        // For whoever looks into the database.
        let claimant = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7());
        let mut changes = store.build_changes();
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            while running.len() < self.at_once.get() {
                match store.claim_build(&claimant).await {
                    Ok(Some(claim)) => running.spawn(self.workshop.clone().attend(claim, stop.clone())),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(%error, "cannot look for builds");
                        break;
                    }
                };
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Some(_) = running.join_next() => {}
                Ok(()) = changes.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        while running.join_next().await.is_some() {}
    }
}

impl Workshop {
    /// Builds, as long as the claim is held and nobody says stop.
    async fn attend(self, claim: Claim, stop: CancellationToken) {
        tracing::info!(build = %claim.build, attempt = claim.attempt, "building");
        let began = Instant::now();
        let mut building = pin!(self.build(claim));
        let mut changes = self.store.build_changes();
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ended = &mut building => return self.end((claim, began), ended).await,
                () = stop.cancelled() => return self.give_back(claim).await,
                _ = beats.tick() => {}
                // It may have been cancelled.
                Ok(()) = changes.changed() => {}
            }
            match self.store.extend_build(claim).await {
                Ok(Held::Yes) => {}
                Ok(Held::No) => {
                    tracing::info!(build = %claim.build, attempt = claim.attempt, "nobody waits for this build any more");
                    return;
                }
                // The lease may last until the database is back; if not, somebody else builds it as well.
                Err(error) => tracing::warn!(%error, build = %claim.build, "cannot extend the lease of a build"),
            }
        }
    }

    async fn end(&self, (claim, began): (Claim, Instant), ended: Result<Ending, Setback>) {
        let (build, attempt) = (claim.build, claim.attempt);
        let state = match &ended {
            Ok(Ending { verdict: Verdict::Artifact(_), .. }) => "succeeded",
            Ok(_) => "failed",
            Err(_) => "abandoned",
        };
        self.metrics.build_ended(state, began.elapsed());
        let said = match ended {
            Ok(ending) => {
                tracing::info!(%build, attempt, verdict = ending.verdict.name(), "built");
                self.store.finish_build(claim, ending).await
            }
            Err(setback) => {
                tracing::error!(%build, attempt, error = %setback, "a build came to nothing; it is tried again");
                self.store.abandon_build(claim, &setback.told()).await
            }
        };
        match said {
            Ok(Held::Yes) => {}
            Ok(Held::No) => tracing::info!(%build, attempt, "somebody else has this build, or nobody wants it"),
            Err(error) => tracing::error!(%error, %build, attempt, "cannot say how a build ended; it is tried again"),
        }
    }

    async fn give_back(&self, claim: Claim) {
        match self.store.give_back_build(claim).await {
            Ok(_) => tracing::info!(build = %claim.build, "gave a build back: this control plane is stopping"),
            Err(error) => tracing::warn!(%error, build = %claim.build, "cannot give a build back; its lease will end"),
        }
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("at_once", &self.at_once).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Workshop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workshop").field("runner", &self.runner).finish_non_exhaustive()
    }
}
