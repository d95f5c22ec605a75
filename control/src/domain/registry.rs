//! Data planes as they come, go on and go: which of their processes are there, and what was last heard of each.
//!
//! That a process is there is a lease. The control plane that holds its connection says so, for as long as that control
//! plane itself is alive; a process that nobody holds is away, and has time to come back, here or elsewhere, before it
//! is gone. A data plane is offline when none of its processes is connected or away.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::digest::Digest;
use super::id::{DataPlaneId, ProjectId, TeamId};
use super::label::Labels;
use super::name::Name;
use super::node::{Phase, Presence, Said};

/// How long a data plane may serve something else than it is to serve before that is drift: time to fetch and load it.
pub const DRIFT_GRACE_SECONDS: i64 = 120;

/// A process of a data plane, as it was last heard of.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = DataPlaneInstance)]
pub struct Instance {
    /// Of this process: two processes never share it.
    pub id: Uuid,
    /// The same for as long as its state folder is; two that share it run from copies of one.
    pub node: Uuid,
    /// Whether it is there.
    pub presence: Presence,
    /// Of the program.
    pub version: String,
    /// What it says of itself, for selectors.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: Labels,
    /// Where its connection came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Digest>,
    /// What it was last told to serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Digest>,
    /// Since when those two differ; where nothing is wanted any more, since when it goes on with what was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_since: Option<Timestamp>,
    /// The newest pointer that it ever took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer_serial: Option<i64>,
    /// The newest trust root that it believes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_version: Option<i64>,
    /// What it does about what it is to serve.
    pub phase: Phase,
    /// How its traffic fared, by its last heartbeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// What somebody should look at.
    pub alarms: Vec<Alarm>,
    /// Since when it is connected, or was.
    pub connected_at: Timestamp,
    /// When it last said anything.
    pub last_seen: Timestamp,
}

/// How traffic fared in the time before a heartbeat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DataPlaneHealth)]
pub struct Health {
    /// How long that is.
    pub window_ms: u64,
    /// Requests answered in that time.
    pub requests: u64,
    /// Of them, with a status of 500 and above.
    pub server_errors: u64,
    /// The 99th percentile of how long they took; none without requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// Resident memory of the process.
    pub memory_bytes: u64,
    /// How long the process has run.
    pub uptime_seconds: u64,
}

/// What somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DataPlaneAlarm)]
pub struct Alarm {
    /// In a word that stays the same.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// A process, among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey {
    /// Which data plane it is of.
    pub data_plane: DataPlaneId,
    /// Which of its processes.
    pub instance: Uuid,
}

/// A process that has connected and said who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Which project its key is for.
    pub project: ProjectId,
    /// Whose that is.
    pub team: TeamId,
    /// What its data plane is called.
    pub name: Name,
    /// What it says of itself, for selectors.
    pub labels: Labels,
    /// Where clients find it.
    pub gateway_host: Option<String>,
    /// Which of its processes it is.
    pub instance: Uuid,
    /// How many data planes its project may have, before one that is new is turned away.
    pub remembered_max: u64,
}

/// A data plane that a process was registered as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub id: DataPlaneId,
    /// What selectors choose it by.
    pub labels: Labels,
    /// How often somebody asked that it connects anew.
    pub disconnects: i64,
    /// Its state: another one where anything of this changed.
    pub version: i64,
}

/// What was heard of a process, to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Which.
    pub key: InstanceKey,
    /// As it is to be shown.
    pub instance: Instance,
    /// The phases that it said it is in since this was last kept, in their order. The last one is what it is in now.
    pub said: Vec<Said>,
}

/// What came of keeping what was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The processes whose data plane is not there any more.
    pub missing: Vec<InstanceKey>,
    /// Whether the control plane was taken for dead in between, and its processes were given time to come back.
    pub lease: Lease,
}

/// The lease that a control plane has on the processes that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// It went on.
    Held,
    /// It began just now: nothing that was kept before says any more that a process is here.
    Begun,
}

/// What decides whether a project's connections stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// SHA-256 of every secret that is good now.
    pub secrets: Vec<[u8; 32]>,
    /// The newest version of its trust root; none: the project is not there any more.
    pub root_version: Option<NonZeroU64>,
    /// Another one where a data plane came, went or was changed: how many there are, and what they were changed to last.
    pub members: (i64, i64, i64),
}

impl Instance {
    /// Whether it serves something else than it is to serve. Where nothing is deployed for it, that is whatever it serves
    /// that had ever been told what to: it goes on with that, and never goes dark. Who was only given a file has that.
    pub fn departs_from(&self, wanted: Option<Digest>) -> bool {
        match wanted {
            Some(_) => self.artifact != wanted,
            None => self.artifact.is_some() && self.pointer_serial.is_some(),
        }
    }

    /// Holds it to what it is to serve by now, and says whether it serves something else. It does so since now, where
    /// it was to serve something else until now, too: from that it has not departed yet.
    pub fn is_held_to(&mut self, wanted: Option<Digest>, at: Timestamp) -> bool {
        if self.wanted != wanted {
            self.drift_since = None;
        }
        self.wanted = wanted;
        let departs = self.departs_from(wanted);
        self.drift_since = departs.then(|| self.drift_since.unwrap_or(at));
        departs
    }
}

impl Terms {
    /// How many data planes there are.
    pub fn data_planes(&self) -> u32 {
        u32::try_from(self.members.0).unwrap_or(u32::MAX)
    }
}

/// Why a process that is away does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    /// Its time to do so is over.
    Overdue,
    /// Another process of the same data plane has connected later from the same state folder, which one process at a time
    /// has: this one has ended.
    Replaced,
}

/// A control plane that holds data planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replica {
    /// Which.
    pub id: Uuid,
    /// When it last wrote what it had heard: a number that rises for as long as it lives.
    pub flushed_at: i64,
}

/// A project's data planes, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FleetSummary {
    /// How many there are.
    pub data_planes: i64,
    /// Of them, those that serve what they are to serve, or go on with what they have.
    pub online: i64,
    /// Of them, those that go over to another artifact.
    pub deploying: i64,
    /// Of them, those of which nothing was heard for too long, or never.
    pub offline: i64,
    /// How many processes are connected.
    pub connected_instances: i64,
    /// Of those that are there, how many have served something else than they are to serve for more than two minutes.
    pub drifting_instances: i64,
    /// Of those that are there, how many have something that somebody should look at.
    pub alarmed_instances: i64,
    /// How many of those that are there serve which artifact. Those that serve none are not in it.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub artifacts: BTreeMap<String, i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest([byte; 32])
    }

    /// One that serves this, and has taken that pointer.
    fn instance(artifact: Option<u8>, pointer_serial: Option<i64>) -> Instance {
        Instance {
            id: Uuid::from_u128(1),
            node: Uuid::from_u128(1),
            presence: Presence::Connected,
            version: String::new(),
            labels: Labels::new(),
            address: None,
            artifact: artifact.map(digest),
            wanted: None,
            drift_since: None,
            pointer_serial,
            root_version: None,
            phase: Phase::Waiting,
            health: None,
            alarms: Vec::new(),
            connected_at: Timestamp::UNIX_EPOCH,
            last_seen: Timestamp::UNIX_EPOCH,
        }
    }

    /// Whether one departs that serves the first, and has taken a pointer or none, where the second is wanted.
    fn check((artifact, pointer_serial): (Option<u8>, Option<i64>), wanted: Option<u8>, expected: bool) {
        let departs = instance(artifact, pointer_serial).departs_from(wanted.map(digest));
        assert_eq!(departs, expected, "{artifact:?}, {pointer_serial:?}, {wanted:?}");
    }

    #[test]
    fn who_goes_on_with_what_was_withdrawn_departs() {
        check((Some(1), Some(7)), Some(1), false);
        check((Some(1), Some(7)), Some(2), true);
        check((None, None), Some(2), true);
        check((Some(1), Some(7)), None, true);
        // It was given a file, and told nothing.
        check((Some(1), None), None, false);
        check((None, Some(7)), None, false);
        check((None, None), None, false);
    }

    #[test]
    fn whoever_is_to_serve_something_else_has_not_departed_from_it_yet() {
        let mut instance = instance(Some(1), Some(7));
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mut check = |wanted: Option<u8>, second: i64, since: Option<i64>| {
            let departs = instance.is_held_to(wanted.map(digest), at(second));
            assert_eq!((departs, instance.drift_since), (since.is_some(), since.map(at)), "{wanted:?} at {second}");
            assert_eq!(instance.wanted, wanted.map(digest));
        };
        check(Some(1), 1, None);
        check(Some(2), 2, Some(2));
        check(Some(2), 3, Some(2));
        // It refused that for an hour, and something else is deployed.
        check(Some(3), 3600, Some(3600));
        check(None, 3700, Some(3700));
        check(Some(3), 3800, Some(3800));
        check(Some(1), 3900, None);
    }
}
