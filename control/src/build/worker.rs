//! Takes builds out of the queue, so many at a time, until it is told to stop.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::attempt::{Setback, Workshop};
use crate::domain::build::{Claim, Ending, Held, LEASE, Verdict};
use crate::domain::error::{Dependency, Error};
use crate::telemetry::trace;

/// How often a lease is extended: often enough to miss two.
const BEAT: Duration = Duration::from_secs(LEASE.as_secs() / 3);

/// How often the queue is looked at, whether anybody says that it changed or not.
const POLL: Duration = Duration::from_secs(2);

/// How long it is tried to say how a build ended: as long as a database takes that restarts. Whose lease runs out
/// meanwhile has lost only if somebody else has begun.
const SAYING: Duration = Duration::from_mins(1);
/// How long it is waited between two tries, first and at most.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Builds what is queued.
#[derive(Clone)]
pub struct Worker {
    workshop: Workshop,
    /// How many at a time.
    at_once: NonZeroUsize,
    /// When the queue was last looked at.
    pulse: watch::Sender<Instant>,
}

impl Worker {
    /// One that is not at work yet.
    pub fn new(workshop: Workshop, at_once: NonZeroUsize) -> Self {
        Self { workshop, at_once, pulse: watch::Sender::new(Instant::now()) }
    }

    /// When it last looked at the queue, now and from now on.
    pub fn pulse(&self) -> watch::Receiver<Instant> {
        self.pulse.subscribe()
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
            self.pulse.send_replace(Instant::now());
            while running.len() < self.at_once.get() {
                match store.claim_build(&claimant).await {
                    Ok(Some(claim)) => {
                        let attending = self.workshop.clone().attend(claim, stop.clone());
                        running.spawn(attending.instrument(span(&claim)))
                    }
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
                ended = &mut building => return self.end((claim, began), ended, &stop).await,
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

    async fn end(&self, (claim, began): (Claim, Instant), ended: Result<Ending, Setback>, stop: &CancellationToken) {
        let (build, attempt) = (claim.build, claim.attempt);
        let state = match &ended {
            Ok(Ending { verdict: Verdict::Artifact(_), .. }) => "succeeded",
            Ok(_) => "failed",
            Err(_) => "abandoned",
        };
        self.metrics.build_ended(state, began.elapsed());
        Span::current().record("outcome", state);
        if ended.is_err() {
            Span::current().record("otel.status_code", "ERROR");
        }
        let said = match ended {
            Ok(ending) => {
                tracing::info!(%build, attempt, verdict = ending.verdict.name(), "built");
                self.finish(claim, ending, stop).await
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

    /// Says how it ended: more than once where the database is away, so that what is built need not be built again. Whoever
    /// says stop gets one last try.
    async fn finish(&self, claim: Claim, ending: Ending, stop: &CancellationToken) -> Result<Held, Error> {
        let (began, mut pause) = (Instant::now(), PAUSE);
        loop {
            let said = self.store.finish_build(claim, ending.clone()).await;
            let Err(
                error @ (Error::Unavailable { dependency: Dependency::Database, .. }
                | Error::Unsettled(_)
                | Error::Refused(_)),
            ) = said
            else {
                return said;
            };
            if stop.is_cancelled() || began.elapsed() >= SAYING {
                return Err(error);
            }
            tracing::warn!(%error, build = %claim.build, "cannot say how a build ended; it is said again");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => pause = PAUSE_MAX.min(pause * 2),
            }
            // If the database has no time for an ending, it may have time for this.
            if let Ok(Held::No) = self.store.extend_build(claim).await {
                return Ok(Held::No);
            }
        }
    }

    async fn give_back(&self, claim: Claim) {
        match self.store.give_back_build(claim).await {
            Ok(_) => tracing::info!(build = %claim.build, "gave a build back: this control plane is stopping"),
            Err(error) => tracing::warn!(%error, build = %claim.build, "cannot give a build back; its lease will end"),
        }
    }
}

/// The span of one attempt, in the trace of the request that asked for the build: its lines have the same `trace_id`,
/// whichever control plane writes them.
fn span(claim: &Claim) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "build",
        otel.kind = "consumer",
        otel.status_code = Empty,
        build = %claim.build,
        attempt = claim.attempt,
        outcome = Empty,
        trace_id = Empty,
    );
    if let Some(cause) = claim.trace_parent {
        trace::continue_later(&span, cause);
    }
    span.record("trace_id", trace::trace_id(&span));
    span
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
