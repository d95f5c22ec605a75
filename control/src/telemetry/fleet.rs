//! What is counted of data planes.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::node::Phase;
use crate::domain::registry::DRIFT_GRACE_SECONDS;
use crate::domain::time::now;

/// Upper bounds of the buckets of notifications, in seconds.
const NOTIFIED_SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// What is counted of data planes.
#[derive(Debug)]
pub struct FleetMetrics {
    connected: Family<StatusLabels, Gauge>,
    drifting: Gauge,
    refused: Family<ReasonLabels, Counter>,
    notifications: Counter,
    notified: Histogram,
    /// Projects whose pointers this control plane cannot issue anew.
    pub pointers_overdue: Gauge,
    /// Artifacts that were read from their store for data planes and others.
    pub artifact_reads: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl Default for FleetMetrics {
    fn default() -> Self {
        Self {
            connected: Family::default(),
            drifting: Gauge::default(),
            refused: Family::default(),
            notifications: Counter::default(),
            notified: Histogram::new(NOTIFIED_SECONDS),
            pointers_overdue: Gauge::default(),
            artifact_reads: Counter::default(),
        }
    }
}

impl FleetMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Processes of data planes that are connected to this control plane, by what they do";
        registry.register("portcullis_fleet_connected_data_planes", help, self.connected.clone());
        let help = "Of them, those that have served something else than they are to serve for more than two minutes";
        registry.register("portcullis_fleet_drifting_data_planes", help, self.drifting.clone());
        let help = "Data planes that were not let in, by why";
        registry.register("portcullis_fleet_refusals", help, self.refused.clone());
        let help = "Notices that something else is to be served";
        registry.register("portcullis_fleet_notifications", help, self.notifications.clone());
        let help = "From when this control plane learned what is to be served to the notice to a data plane";
        registry.register_with_unit("portcullis_fleet_notification", help, Unit::Seconds, self.notified.clone());
        let help = "Projects whose pointers this control plane could not issue anew when it last tried";
        registry.register("portcullis_pointers_overdue", help, self.pointers_overdue.clone());
        let help = "Artifacts that were read from their store, to be sent";
        registry.register("portcullis_artifact_store_reads", help, self.artifact_reads.clone());
    }

    /// Somebody was not let in.
    pub fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// A notice went out, so long after it was known that there was something to say.
    pub fn notified(&self, after: Duration) {
        self.notifications.inc();
        self.notified.observe(after.as_secs_f64());
    }

    /// Who is connected: what each does, and since when it has served something else than it is to serve.
    pub fn connected(&self, all: Vec<(Phase, Option<jiff::Timestamp>)>) {
        let (mut deploying, mut online, mut drifting) = (0, 0, 0);
        let now = now();
        for (phase, drift_since) in all {
            match phase {
                Phase::Downloading { .. } | Phase::Verifying { .. } | Phase::Loading { .. } => deploying += 1,
                Phase::Waiting | Phase::Active { .. } | Phase::Rejected { .. } | Phase::RolledBack { .. } => {
                    online += 1;
                }
            }
            let lasts = drift_since.map(|since| now.duration_since(since).as_secs());
            drifting += i64::from(lasts.is_some_and(|seconds| seconds > DRIFT_GRACE_SECONDS));
        }
        for (status, count) in [("deploying", deploying), ("online", online)] {
            self.connected.get_or_create(&StatusLabels { status }).set(count);
        }
        self.drifting.set(drifting);
    }
}
