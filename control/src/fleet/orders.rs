//! What a project's data planes are to serve, as frames: each is written once, and sent to all whom it is for.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use artifact_format::pointer::SignedPointer;
use bytes::Bytes;
use fleet::message::{ArtifactAvailable, FromControlPlane, HeartbeatAck, Wanted, write};
use jiff::Timestamp;

use super::{HEARTBEAT_UNDER_WAY, SPACING};
use crate::domain::digest::Digest;
use crate::domain::id::{DataPlaneId, DeploymentId};
use crate::domain::label::Labels;
use crate::domain::plan::{Entry, Pace, Plan, Reached};

/// So few do the same at once without anybody noticing.
const FEW: usize = 100;

/// What a project's data planes are to serve, at some moment.
#[derive(Debug)]
pub struct Orders {
    basis: Basis,
    /// When this process learned of it.
    pub known_at: Timestamp,
    written: Mutex<HashMap<Option<NonZeroU64>, Arc<Order>>>,
}

/// What orders are made from.
#[derive(Debug)]
pub struct Basis {
    /// What is to be served.
    pub plan: Plan,
    /// The newest version of the project's trust root.
    pub root_version: Option<NonZeroU64>,
    /// How many data planes may do the same at once.
    pub data_planes: usize,
    /// How long they wait between two heartbeats in calm times.
    pub calm: Duration,
}

/// What one data plane is to serve.
#[derive(Debug)]
pub struct Order {
    /// Its pointer's serial; none: nothing was deployed for it.
    pub serial: Option<NonZeroU64>,
    /// Which artifact that names.
    pub artifact: Option<Digest>,
    /// Which deployment.
    pub deployment: Option<DeploymentId>,
    /// The same, as it is said.
    pub wanted: Wanted,
    /// The answer to a heartbeat.
    pub ack: Bytes,
    /// The notice that something else is to be served; none where nothing is.
    pub notice: Option<Bytes>,
}

impl Orders {
    /// As of now.
    pub fn new(basis: Basis) -> Self {
        Self { basis, known_at: Timestamp::now(), written: Mutex::default() }
    }

    /// Of which revision.
    pub fn revision(&self) -> i64 {
        self.basis.plan.revision
    }

    /// Whether they still say everything.
    pub fn is_of(&self, revision: i64, root_version: Option<NonZeroU64>) -> bool {
        self.basis.plan.revision == revision && self.basis.root_version == root_version
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.basis.plan
    }

    /// Whether they are good for so many data planes, too: there are neither twice as many nor half as many.
    pub fn are_for(&self, data_planes: usize) -> bool {
        let (own, other) = (self.basis.data_planes.max(FEW), data_planes.max(FEW));
        own < other.saturating_mul(2) && other < own.saturating_mul(2)
    }

    /// What one data plane is to serve.
    pub fn of(&self, data_plane: DataPlaneId, labels: &Labels) -> Arc<Order> {
        let entry = self.basis.plan.wanted(data_plane, labels);
        let serial = entry.map(|entry| entry.pointer.serial());
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // As many as there are deployments, and one.
        Arc::clone(written.entry(serial).or_insert_with(|| Arc::new(self.write(entry))))
    }

    /// Within how long those who follow something, or nothing, may all do the same: fetch it, fetch a trust root, or send a
    /// heartbeat.
    fn turn(&self, entry: Option<&Entry>) -> Duration {
        let count = match entry.map(|entry| &entry.reached) {
            Some(Reached::Only(few)) => few.len().min(self.basis.data_planes),
            Some(Reached::Everyone) | None => self.basis.data_planes,
        };
        SPACING.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX)).min(self.basis.calm)
    }

    fn heartbeat(&self, entry: &Entry) -> Duration {
        match entry.pace {
            Pace::Calm => self.basis.calm,
            Pace::UnderWay => self.turn(Some(entry)).max(HEARTBEAT_UNDER_WAY).min(self.basis.calm),
        }
    }

    fn write(&self, entry: Option<&Entry>) -> Order {
        let (pointer, root_version) = (entry.map(|entry| (*entry.pointer).clone()), self.basis.root_version);
        let heartbeat_ms = milliseconds(entry.map_or(self.basis.calm, |entry| self.heartbeat(entry)));
        let fetch_within_ms = milliseconds(self.turn(entry));
        let wanted = Wanted { heartbeat_ms, pointer: pointer.clone().map(Into::into), root_version, fetch_within_ms };
        let notice = |pointer: SignedPointer| {
            let pointer = pointer.into();
            FromControlPlane::ArtifactAvailable(ArtifactAvailable { pointer, root_version, fetch_within_ms })
        };
        Order {
            serial: entry.map(|entry| entry.pointer.serial()),
            artifact: entry.map(|entry| entry.artifact),
            deployment: entry.map(|entry| entry.deployment),
            ack: frame(&FromControlPlane::HeartbeatAck(HeartbeatAck { wanted: wanted.clone() })),
            notice: pointer.map(|pointer| frame(&notice(pointer))),
            wanted,
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// As it is sent. What we say is shorter than what is read: a pointer has 16 KiB at most.
pub fn frame(message: &FromControlPlane) -> Bytes {
    match write(message) {
        Ok(text) => text.into(),
        Err(error) => {
            tracing::error!(%error, "a message cannot be written");
            Bytes::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ProjectId;
    use crate::domain::plan::entry;
    use crate::fleet::Times;

    fn orders(plan: Plan, data_planes: usize) -> Orders {
        Orders::new(Basis { plan, root_version: None, data_planes, calm: Times::default().heartbeat })
    }

    /// Within how long one of so many fetches what has reached these, and how often they send heartbeats while it is under way.
    fn check((count, reached): (usize, Reached), data_plane: DataPlaneId, (expected_ms, heartbeat_ms): (u64, u64)) {
        let of = |pace| {
            let entry = Entry { pace, ..entry(1, "", reached.clone()) };
            let plan = Plan { entries: vec![entry], ..Plan::empty(ProjectId::new()) };
            orders(plan, count).of(data_plane, &Labels::new())
        };
        assert_eq!(of(Pace::Calm).wanted.heartbeat_ms, 30_000);
        let order = of(Pace::UnderWay);
        assert_eq!((order.wanted.fetch_within_ms, order.wanted.heartbeat_ms), (expected_ms, heartbeat_ms));
        for frame in [Some(order.ack.clone()), order.notice.clone()] {
            let text = String::from_utf8(frame.unwrap().to_vec()).unwrap();
            assert!(text.contains(&format!("\"fetch_within_ms\":{expected_ms}")), "{text}");
        }
    }

    #[test]
    fn the_more_there_are_the_longer_they_take_and_never_longer_than_a_heartbeat() {
        let any = DataPlaneId::new();
        check((0, Reached::Everyone), any, (0, 5_000));
        check((3, Reached::Everyone), any, (6, 5_000));
        check((10_000, Reached::Everyone), any, (20_000, 20_000));
        check((1_000_000, Reached::Everyone), any, (30_000, 30_000));
    }

    /// All of them are told of a newer trust root.
    #[test]
    fn who_is_to_serve_nothing_fetches_in_turn_as_well() {
        let order = orders(Plan::empty(ProjectId::new()), 10_000).of(DataPlaneId::new(), &Labels::new());
        assert_eq!((order.wanted.fetch_within_ms, order.wanted.pointer.is_none()), (20_000, true));
    }

    #[test]
    fn orders_are_written_anew_for_twice_or_half_as_many() {
        let of = |own| orders(Plan::empty(ProjectId::new()), own);
        for (own, other) in [(0, 0), (0, 199), (199, 0), (1000, 501), (1000, 1999)] {
            assert!(of(own).are_for(other), "{own} {other}");
        }
        for (own, other) in [(0, 200), (200, 0), (1000, 500), (1000, 2000), (10_000, 0)] {
            assert!(!of(own).are_for(other), "{own} {other}");
        }
    }

    #[test]
    fn a_canary_does_not_wait_for_everybody() {
        let canary = DataPlaneId::new();
        check((10_000, Reached::Only([canary].into())), canary, (2, 5_000));
        let other = orders(Plan::empty(ProjectId::new()), 10_000);
        assert_eq!(
            other.of(canary, &Labels::new()).wanted.heartbeat_ms,
            30_000,
            "who does not follow it is left alone"
        );
    }
}
