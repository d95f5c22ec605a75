//! Metrics: written by one worker each, without a lock, read by whoever scrapes.
//!
//! Names follow the OpenTelemetry semantic conventions in Prometheus spelling. `http_route` is the template, so
//! the number of series is bounded by the artifact and not by what clients send.

mod exposition;
mod histogram;
mod routes;
mod traffic;
mod workers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use exposition::CONTENT_TYPE;
pub use histogram::{BUCKETS_SECONDS, Histogram};
pub use routes::{Examination, RouteMetrics, Routes};
pub use traffic::{Counters, Figures, Traffic};
pub use workers::WorkerCounters;

use crate::connected;
use crate::reload::Reloads;

/// Everything that is measured in a process.
#[derive(Debug)]
pub struct Metrics {
    /// By route.
    pub routes: Routes,
    /// By worker.
    pub workers: Box<[Arc<WorkerCounters>]>,
    reloads: Mutex<Reloads>,
    control_plane: Mutex<Option<connected::Report>>,
}

impl Metrics {
    /// For so many workers.
    pub fn new(workers: usize) -> Self {
        let counters = (0..workers).map(|_| Arc::default()).collect();
        Self {
            routes: Routes::new(workers),
            workers: counters,
            reloads: Mutex::default(),
            control_plane: Mutex::default(),
        }
    }

    /// For the requests of a new snapshot.
    pub fn traffic(&self) -> Arc<Traffic> {
        Arc::new(Traffic::new(self.workers.len()))
    }

    /// What became of the artifacts read so far.
    pub fn reloads(&self) -> MutexGuard<'_, Reloads> {
        self.reloads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands with the control plane; none where there is none.
    pub fn control_plane(&self) -> MutexGuard<'_, Option<connected::Report>> {
        self.control_plane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
