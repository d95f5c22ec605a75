//! What the hub knows of one connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleet::message::Reason;
use tokio::sync::watch;

use super::orders::Order;
use crate::domain::digest::Digest;
use crate::domain::label::Labels;
use crate::domain::node::{Occasion, Said, Traffic};
use crate::domain::registry::{Alarm, Heard, Instance, InstanceKey, Member};

/// How many changes of phase are remembered until they are written: more than one deployment takes.
const SAID_MAX: usize = 16;

/// One connection.
#[derive(Debug)]
pub(super) struct Seat {
    /// Among those of this process.
    pub(super) number: u64,
    pub(super) key: InstanceKey,
    /// SHA-256 of the secret that it showed.
    pub(super) secret: [u8; 32],
    /// How often its data plane had been asked to connect anew.
    pub(super) disconnects: i64,
    pub(super) since: Instant,
    /// What somebody should look at for as long as it is connected.
    pub(super) alarm: Option<Alarm>,
    pub(super) standing: watch::Sender<Standing>,
    told: Mutex<Told>,
}

/// What is to be done about a connection.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// What selectors choose it by.
    pub(super) labels: Arc<Labels>,
    /// In which state of its data plane that was so.
    pub(super) version: i64,
    /// It is to connect to another control plane within so long.
    pub(super) drain: Option<Duration>,
    /// It is to end.
    pub(super) end: Option<End>,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) reason: Reason,
    pub(super) detail: &'static str,
}

/// What a data plane said.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) instance: Instance,
    /// Changes that are not written yet.
    pub(super) said: Vec<Said>,
    /// What traffic came to that is not written yet.
    pub(super) traffic: BTreeMap<Digest, Traffic>,
}

impl End {
    pub(super) const REMOVED: Self = Self { reason: Reason::Removed, detail: "this data plane was removed" };
    pub(super) const UNAUTHORIZED: Self =
        Self { reason: Reason::Unauthorized, detail: "the API key has expired, was replaced or was revoked" };
    pub(super) const DISCONNECTED: Self =
        Self { reason: Reason::Disconnected, detail: "somebody asked that this data plane connects anew" };
    pub(super) const ENDING: Self =
        Self { reason: Reason::Ending, detail: "this control plane ends: connect to another one" };
    pub(super) const SILENT: Self = Self { reason: Reason::Silent, detail: "nothing was heard for too long" };
}

impl Seat {
    pub(super) fn new(
        number: u64,
        member: Member,
        secret: [u8; 32],
        (instance, alarm): (Instance, Option<Alarm>),
    ) -> Self {
        let key = InstanceKey { data_plane: member.id, instance: instance.id };
        let standing = Standing { labels: Arc::new(member.labels), version: member.version, drain: None, end: None };
        let told = Told { instance, said: Vec::new(), traffic: BTreeMap::new() };
        Self {
            number,
            key,
            secret,
            disconnects: member.disconnects,
            since: Instant::now(),
            alarm,
            standing: watch::Sender::new(standing),
            told: Mutex::new(told),
        }
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is to be kept of it.
    pub(super) fn take_heard(&self) -> Heard {
        let mut told = self.told();
        Heard { key: self.key, instance: told.instance.clone(), said: std::mem::take(&mut told.said) }
    }

    /// It was not kept: it is to be taken again, before what was said since.
    pub(super) fn put_back(&self, heard: Heard) {
        let mut told = self.told();
        let later = std::mem::replace(&mut told.said, heard.said);
        told.said.extend(later);
        told.forget_the_oldest();
    }

    /// Takes what its traffic came to.
    pub(super) fn take_traffic(&self) -> BTreeMap<Digest, Traffic> {
        std::mem::take(&mut self.told().traffic)
    }

    /// Adds what traffic came to.
    pub(super) fn add_traffic(&self, artifact: Digest, traffic: Traffic) {
        self.told().add(artifact, traffic);
    }

    /// Takes over what the process said on an earlier connection, and is not kept yet.
    pub(super) fn succeed(&self, earlier: &Self) {
        self.put_back(earlier.take_heard());
        for (artifact, traffic) in earlier.take_traffic() {
            self.add_traffic(artifact, traffic);
        }
    }

    /// Has the connection end, if it is not about to already.
    pub(super) fn end(&self, end: End) {
        self.standing.send_if_modified(|standing| {
            let is_new = standing.end.is_none();
            standing.end.get_or_insert(end);
            is_new
        });
    }
}

impl Told {
    /// Remembers what phase it says it is in now, for what becomes of deployments: of this one, where it is about the same
    /// artifact.
    pub(super) fn note(&mut self, occasion: Occasion, order: &Order) {
        let phase = self.instance.phase.clone();
        let deployment = order.deployment.filter(|_| order.artifact == phase.artifact());
        self.said.push(Said { phase, deployment, occasion });
        self.forget_the_oldest();
    }

    /// The latest say most.
    fn forget_the_oldest(&mut self) {
        let surplus = self.said.len().saturating_sub(SAID_MAX);
        self.said.drain(..surplus);
    }

    /// Adds what traffic came to.
    pub(super) fn add(&mut self, artifact: Digest, traffic: Traffic) {
        let all = self.traffic.entry(artifact).or_default();
        *all = all.plus(traffic);
    }
}
