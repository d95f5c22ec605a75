//! Data planes as a rollout sees them: which of their processes are there, what those say of themselves, and how their
//! traffic fares.
//!
//! What a process says comes from the [`registry`](super::registry), what its traffic came to through
//! [`store::Nodes`](super::store::Nodes).

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::digest::Digest;
use super::id::{DataPlaneId, DeploymentId};
use super::label::Labels;
use super::name::Name;

/// The longest code of a refusal that is kept, in bytes.
pub const CODE_MAX_BYTES: usize = 64;
/// The longest detail of a refusal that is kept, in bytes.
pub const DETAIL_MAX_BYTES: usize = 2048;

/// The code of a pointer with the serial of another one that a data plane has taken.
pub const FORKED: &str = "pointer_forked";
/// The codes of a pointer that is behind what a data plane has taken, as after a fail-over that lost the last ones: a newer
/// one is issued, and nothing is wrong with the artifact.
const OVERTAKEN: [&str; 2] = ["pointer_older", FORKED];

/// A data plane, as a rollout sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Which data plane.
    pub id: DataPlaneId,
    /// What it is called.
    pub name: Name,
    /// What selectors choose it by.
    pub labels: Labels,
    /// Its processes that are there now. None: it is offline.
    pub instances: Vec<Instance>,
    /// What its traffic has come to, by artifact: over all its processes, and never less than before.
    pub traffic: BTreeMap<Digest, Traffic>,
    /// What it had come to five minutes ago, or up to ten.
    pub earlier: BTreeMap<Digest, Traffic>,
}

/// A process of a data plane that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Which: no two processes share it.
    pub id: Uuid,
    /// Whether it is connected, or only has time to come back.
    pub presence: Presence,
    /// What it serves.
    pub running: Option<Digest>,
    /// The newest pointer that it ever took.
    pub pointer_serial: Option<NonZeroU64>,
    /// What it does about what it is to serve.
    pub phase: Phase,
    /// When it said so, by the database's clock: since its phase is this one, or since it said so again.
    pub phase_at: Timestamp,
}

/// What a process does about the artifact that it is to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Phase {
    /// Nobody has said yet what to serve.
    Waiting,
    /// It fetches the artifact.
    Downloading {
        /// Which.
        digest: Digest,
    },
    /// It compares hashes and signatures.
    Verifying {
        /// Which.
        digest: Digest,
    },
    /// It builds routers and validators, beside what it serves.
    Loading {
        /// Which.
        digest: Digest,
    },
    /// It serves what it is to serve.
    Active {
        /// Which.
        digest: Digest,
    },
    /// It goes on serving what it served before.
    Rejected {
        /// What was refused.
        digest: Digest,
        /// Why, in a word that stays the same.
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
        digest: Digest,
        /// Why, for people.
        detail: String,
    },
}

/// What follows where something is rejected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// It is tried again without being asked for: the network, a disk, or bytes that came to harm, and not the artifact.
    Retrying,
    /// Nothing, until something changes.
    #[default]
    Refused,
}

/// What traffic has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that were answered.
    pub requests: i64,
    /// Of them, with a status of 500 and above.
    pub server_errors: i64,
    /// The sum, over all windows that were measured, of requests times their 99th percentile in microseconds.
    pub p99_weight: i64,
}

/// A phase that a process said it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which.
    pub phase: Phase,
    /// Because of which deployment, where that is known.
    pub deployment: Option<DeploymentId>,
    /// How it came to say so.
    pub occasion: Occasion,
}

/// Whether a process is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = InstancePresence)]
pub enum Presence {
    /// It is connected to a control plane.
    Connected,
    /// Its connection is lost, and it has time to come back.
    Away,
    /// It did not come back.
    Gone,
}

/// How a process came to say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Its phase changed just now, whatever it was before: it refuses a second pointer as it did the first.
    Status,
    /// It came, or goes on: a phase that it had before is no news.
    Presence,
}

/// What the traffic of a data plane came to in some window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Which data plane.
    pub data_plane: DataPlaneId,
    /// With which artifact.
    pub artifact: Digest,
    /// What is to be added.
    pub traffic: Traffic,
}

impl Presence {
    /// As it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Away => "away",
            Self::Gone => "gone",
        }
    }
}

impl Instance {
    /// Whether it is connected now. Who is not has time to come back.
    pub fn is_connected(&self) -> bool {
        self.presence == Presence::Connected
    }
}

impl Node {
    /// Whether any process of it is there.
    pub fn is_online(&self) -> bool {
        !self.instances.is_empty()
    }

    /// Whether all of its processes that are there serve this, and at least one is.
    pub fn serves(&self, artifact: Digest) -> bool {
        self.is_online() && self.instances.iter().all(|instance| instance.running == Some(artifact))
    }

    /// Who of it refuses this and said so at that time or later, and why. Whoever tries again has not refused it.
    pub fn refusal(&self, artifact: Digest, since: Timestamp) -> Option<Refusal<'_>> {
        self.instances.iter().filter(|instance| instance.phase_at >= since).find_map(|instance| match &instance.phase {
            Phase::Rejected { digest, code, detail, outcome: Rejection::Refused }
                if *digest == artifact && !OVERTAKEN.contains(&code.as_str()) =>
            {
                Some(Refusal { code, detail })
            }
            Phase::RolledBack { digest, detail } if *digest == artifact => {
                Some(Refusal { code: "rolled_back", detail })
            }
            Phase::Waiting
            | Phase::Downloading { .. }
            | Phase::Verifying { .. }
            | Phase::Loading { .. }
            | Phase::Active { .. }
            | Phase::Rejected { .. }
            | Phase::RolledBack { .. } => None,
        })
    }

    /// What its traffic with this has come to.
    pub fn traffic_with(&self, artifact: Digest) -> Traffic {
        self.traffic.get(&artifact).copied().unwrap_or_default()
    }

    /// What that had come to five minutes ago, or up to ten.
    pub fn earlier_with(&self, artifact: Digest) -> Traffic {
        self.earlier.get(&artifact).copied().unwrap_or_default()
    }
}

/// Why a process does not serve what it is to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// In a word that stays the same.
    pub code: &'a str,
    /// For people.
    pub detail: &'a str,
}

impl Phase {
    /// Of which artifact.
    pub fn artifact(&self) -> Option<Digest> {
        match self {
            Self::Waiting => None,
            Self::Downloading { digest }
            | Self::Verifying { digest }
            | Self::Loading { digest }
            | Self::Active { digest }
            | Self::Rejected { digest, .. }
            | Self::RolledBack { digest, .. } => Some(*digest),
        }
    }

    /// The same, short enough to be kept, and without what PostgreSQL's text does not hold.
    #[must_use]
    pub fn kept(self) -> Self {
        match self {
            Self::Rejected { digest, code, detail, outcome } => Self::Rejected {
                digest,
                code: shortened(&code, CODE_MAX_BYTES),
                detail: shortened(&detail, DETAIL_MAX_BYTES),
                outcome,
            },
            Self::RolledBack { digest, detail } => {
                Self::RolledBack { digest, detail: shortened(&detail, DETAIL_MAX_BYTES) }
            }
            Self::Waiting
            | Self::Downloading { .. }
            | Self::Verifying { .. }
            | Self::Loading { .. }
            | Self::Active { .. } => self,
        }
    }
}

fn shortened(text: &str, max_bytes: usize) -> String {
    let text = text.replace('\0', "\u{fffd}");
    let end = (0..=max_bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text[..end].to_owned()
}

impl Traffic {
    /// One window: so many requests, of which so many ended with a status of 500 and above, with this 99th percentile in
    /// milliseconds.
    pub fn of_window(requests: u64, server_errors: u64, p99_ms: Option<f64>) -> Self {
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        // Not a number is no time at all; a cast saturates.
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and below zero nothing is measured")]
        let micros = (p99_ms.unwrap_or_default().clamp(0.0, 1e9) * 1000.0) as i64;
        Self {
            requests: count(requests),
            server_errors: count(server_errors.min(requests)),
            p99_weight: micros.saturating_mul(count(requests)),
        }
    }

    /// Both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            server_errors: self.server_errors.saturating_add(other.server_errors),
            p99_weight: self.p99_weight.saturating_add(other.p99_weight),
        }
    }

    /// What came since it was that much.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        let more = |now: i64, before: i64| now.saturating_sub(before).max(0);
        Self {
            requests: more(self.requests, before.requests),
            server_errors: more(self.server_errors, before.server_errors),
            p99_weight: more(self.p99_weight, before.p99_weight),
        }
    }

    /// The larger one, of each sum.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            requests: self.requests.max(other.requests),
            server_errors: self.server_errors.max(other.server_errors),
            p99_weight: self.p99_weight.max(other.p99_weight),
        }
    }

    /// Which share of the requests ended with a status of 500 and above, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share of large numbers is as good as one of theirs, rounded")]
    pub fn error_share(&self) -> f64 {
        if self.requests > 0 { self.server_errors as f64 / self.requests as f64 } else { 0.0 }
    }

    /// The 99th percentile, averaged over all requests that were measured, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "rounded, a time is as good")]
    pub fn p99_ms(&self) -> f64 {
        if self.requests > 0 { self.p99_weight as f64 / self.requests as f64 / 1000.0 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_cut_between_characters() {
        let (code, detail, outcome) = ("é".repeat(40), "a\0b".into(), Rejection::Refused);
        let phase = Phase::Rejected { digest: Digest([1; 32]), code, detail, outcome };
        let Phase::Rejected { code, detail, .. } = phase.kept() else { panic!("another phase") };
        assert_eq!((code, detail.as_str()), ("é".repeat(32), "a\u{fffd}b"));
        let odd = shortened(&format!("a{}", "é".repeat(40)), CODE_MAX_BYTES);
        assert_eq!(odd.len(), 63);
    }

    /// One that says this of the artifact that it is to serve.
    fn saying(phase: Phase) -> Node {
        let instance = Instance {
            presence: Presence::Connected,
            id: Uuid::from_u128(1),
            running: None,
            pointer_serial: None,
            phase,
            phase_at: Timestamp::UNIX_EPOCH,
        };
        Node {
            id: DataPlaneId::new(),
            name: "edge".parse().unwrap(),
            labels: Labels::new(),
            instances: vec![instance],
            traffic: BTreeMap::new(),
            earlier: BTreeMap::new(),
        }
    }

    /// Whatever a data plane tries again says nothing about the artifact, whichever its code; nor does what it took before.
    #[test]
    fn what_is_tried_again_is_no_refusal() {
        let refuses = |code: &str, outcome: Rejection| {
            let (digest, code, detail) = (Digest([1; 32]), code.to_owned(), String::new());
            let node = saying(Phase::Rejected { digest, code, detail, outcome });
            node.refusal(digest, Timestamp::UNIX_EPOCH).is_some()
        };
        for code in ["digest_mismatch", "busy", "quarantined", "internal", "whatever"] {
            assert_eq!(
                [Rejection::Retrying, Rejection::Refused].map(|then| refuses(code, then)),
                [false, true],
                "{code}"
            );
        }
        assert!(!OVERTAKEN.into_iter().any(|code| refuses(code, Rejection::Refused)));
    }

    /// As it is kept of a data plane that did not say what follows.
    #[test]
    fn a_rejection_is_a_refusal_where_it_does_not_say_otherwise() {
        let digest = Digest([1; 32]);
        let kept = serde_json::json!({"name": "rejected", "digest": digest, "code": "untrusted", "detail": ""});
        let phase: Phase = serde_json::from_value(kept).unwrap();
        assert!(saying(phase).refusal(digest, Timestamp::UNIX_EPOCH).is_some());
    }

    #[test]
    fn windows_add_up() {
        let traffic = Traffic::of_window(100, 1, Some(10.0)).plus(Traffic::of_window(300, 0, Some(20.0)));
        assert_eq!((traffic.requests, traffic.server_errors), (400, 1));
        assert!((traffic.p99_ms() - 17.5).abs() < 0.01 && (traffic.error_share() - 0.0025).abs() < 1e-9);
        assert_eq!(traffic.since(Traffic::of_window(400, 400, None)).server_errors, 0);
        // What cannot be is as near as it comes.
        assert_eq!(Traffic::of_window(1, 2, Some(f64::NAN)), Traffic { requests: 1, server_errors: 1, p99_weight: 0 });
        assert_eq!(Traffic::of_window(u64::MAX, 0, Some(f64::INFINITY)).p99_weight, i64::MAX);
    }
}
