//! Messages: one JSON object in a WebSocket text frame, with its `type`.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::codec::{Error, Heard, Message, read, write};
pub use crate::offered::{Offered, Unreadable};

/// What a data plane says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromDataPlane {
    /// First, and once.
    Hello(Hello),
    /// Every so often, as the control plane asks.
    Heartbeat(Heartbeat),
    /// At once, whenever the phase changes.
    Status(Status),
}

/// What a control plane says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromControlPlane {
    /// The answer to [`Hello`].
    Welcome(Welcome),
    /// The answer to [`Heartbeat`].
    HeartbeatAck(HeartbeatAck),
    /// There is something to look at now.
    ArtifactAvailable(ArtifactAvailable),
    /// This control plane ends: connect to another one.
    Drain(Drain),
    /// The connection ends, and why.
    Goodbye(Goodbye),
}

/// Who a data plane is, and what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The same for as long as its state folder is.
    pub node_id: Uuid,
    /// Of this process: two processes never share it.
    pub instance_id: Uuid,
    /// What people call it; unique in its team.
    pub name: String,
    /// For selectors.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where clients find it: a host, with a port if it is not the scheme's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_host: Option<String>,
    /// The artifact formats that it reads.
    pub formats: Formats,
    /// Of the program.
    pub version: String,
    /// What it is and serves now.
    pub state: State,
}

/// The artifact formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formats {
    /// The oldest.
    pub oldest: u32,
    /// The newest.
    pub newest: u32,
}

/// What a data plane has, at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The artifact that it serves, by SHA-256 in hexadecimal; none while it serves nothing.
    pub running_digest: Option<String>,
    /// The newest pointer that it ever took: no older one will be taken.
    pub pointer_serial: Option<NonZeroU64>,
    /// The newest trust root that it believes; none where only keys are pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_version: Option<NonZeroU64>,
    /// What it is doing.
    pub phase: Phase,
}

/// What a data plane is doing about the artifact that it is to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Phase {
    /// Nobody has said yet what to serve.
    Waiting,
    /// It fetches the artifact.
    Downloading {
        /// Which.
        digest: String,
    },
    /// It compares hashes and signatures.
    Verifying {
        /// Which.
        digest: String,
    },
    /// It builds routers and validators, beside what it serves.
    Loading {
        /// Which.
        digest: String,
    },
    /// It serves what it is to serve.
    Active {
        /// Which.
        digest: String,
    },
    /// It goes on serving what it served before.
    Rejected {
        /// What was refused.
        digest: String,
        /// Why, in a word that stays the same: of a pointer, of the artifact's format, or of building it.
        code: String,
        /// Why, for people.
        detail: String,
        /// What follows.
        #[serde(default)]
        outcome: Rejection,
    },
    /// What it was to serve ended the process more than once: it serves what it served before.
    RolledBack {
        /// What is set aside.
        digest: String,
        /// Why, for people.
        detail: String,
    },
}

/// What follows where something is rejected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// It is tried again without being asked for: the network, a disk, or bytes that came to harm.
    Retrying,
    /// Nothing, until something changes; or what this program does not know.
    #[default]
    #[serde(other)]
    Refused,
}

/// The phase changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What it is and serves now.
    pub state: State,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// What it is and serves now.
    pub state: State,
    /// How the traffic fared.
    pub health: Health,
    /// What somebody should look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Alarm>,
}

/// How traffic fared with the running artifact: since the last heartbeat, or since it runs, whichever is later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
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

/// What somebody should look at. It lasts for as long as it is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// In a word that stays the same.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// A data plane is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// As which data plane.
    pub data_plane: Uuid,
    /// The control plane's clock, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: u64,
    /// What is wanted of it.
    pub wanted: Wanted,
}

/// A heartbeat arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatAck {
    /// What is wanted of it.
    pub wanted: Wanted,
}

/// What is wanted of a data plane, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// How long to wait until the next heartbeat.
    pub heartbeat_ms: u64,
    /// What to serve. None: nothing was deployed for it, and it goes on with what it has.
    pub pointer: Option<Offered>,
    /// The project's newest trust root, to be fetched where it is newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_version: Option<NonZeroU64>,
    /// To fetch what is new at a random moment within so long: others fetch it, too. Not with a welcome to whoever serves nothing.
    #[serde(default)]
    pub fetch_within_ms: u64,
}

/// Something else is to be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactAvailable {
    /// What.
    pub pointer: Offered,
    /// The project's newest trust root, as in [`Wanted`]: the pointer may be signed by a key that only this one names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_version: Option<NonZeroU64>,
    /// To fetch it at a random moment within so long, as in [`Wanted`].
    #[serde(default)]
    pub fetch_within_ms: u64,
}

/// This control plane is about to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Reconnect at a random moment within so long.
    pub within_ms: u64,
}

/// The connection ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goodbye {
    /// Why.
    pub reason: Reason,
    /// Why, for people.
    pub detail: String,
}

/// Why a control plane ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The key was revoked or ran out: without another one there is no use in coming back.
    Unauthorized,
    /// Somebody removed this data plane.
    Removed,
    /// Somebody asked that it connects anew.
    Disconnected,
    /// It says what it must not.
    Protocol,
    /// It was silent for too long.
    Silent,
    /// This control plane ends.
    Ending,
    /// A reason that this program does not know.
    #[serde(other)]
    Other,
}
