//! The swap, wherever an artifact came from.

use std::sync::Arc;
use std::time::Instant;

use artifact_format::container::Digest;

use super::Rejected;
use crate::metrics::{Metrics, Traffic};
use crate::snapshot::Snapshot;
use crate::worker::Shared;

/// Puts snapshots to work, and remembers what became of them.
#[derive(Debug, Clone)]
pub struct Swap {
    shared: Arc<Shared>,
    metrics: Arc<Metrics>,
}

impl Swap {
    /// Of what all workers share.
    pub fn new(shared: Arc<Shared>, metrics: Arc<Metrics>) -> Self {
        Self { shared, metrics }
    }

    /// What runs; none where nothing was deployed yet.
    pub fn running(&self) -> Option<Digest> {
        self.shared.snapshot.load().digest()
    }

    /// How the traffic of what runs fares.
    pub fn traffic(&self) -> Arc<Traffic> {
        self.shared.snapshot.load().traffic.clone()
    }

    /// What was refused since.
    pub fn rejected(&self) -> Option<Rejected> {
        self.metrics.reloads().rejected.clone()
    }

    /// From now on this is served. Requests under way keep what they began with.
    pub fn accept(&self, snapshot: Snapshot, started: Instant) {
        let Some(digest) = snapshot.digest() else { return };
        self.shared.snapshot.store(Arc::new(snapshot));
        self.metrics.reloads().accept(digest);
        let took_ms = started.elapsed().as_secs_f64() * 1e3;
        tracing::info!(sha256 = %digest, took_ms, "artifact reloaded");
    }

    /// What runs was found again.
    pub fn confirm(&self) {
        self.metrics.reloads().confirm();
    }

    /// What runs goes on running.
    pub fn refuse(&self, rejected: Rejected) {
        let running = self.running().map(|digest| digest.to_string());
        let refused = rejected.digest.map(|digest| digest.to_string());
        let (code, reason) = (&rejected.code, &rejected.message);
        tracing::error!(running, rejected = refused, code = &**code, reason, "artifact refused; what runs goes on");
        self.metrics.reloads().reject(rejected);
    }
}
