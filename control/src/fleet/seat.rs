//! What the hub knows of one connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleet::message::Reason;
use tokio::sync::watch;

use crate::domain::digest::Digest;
use crate::domain::label::Labels;
use crate::domain::node::{Occasion, Presence, Said, Traffic};
use crate::domain::registry::{Instance, InstanceKey, Member};

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
    pub(super) standing: watch::Sender<Standing>,
    /// Whether the database knows of it.
    pub(super) is_written: AtomicBool,
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
    pub(super) fn new(number: u64, (member, secret): (Member, [u8; 32]), instance: Instance) -> Self {
        let key = InstanceKey { data_plane: member.id, instance: instance.id };
        let standing = Standing { labels: Arc::new(member.labels), version: member.version, drain: None, end: None };
        let mut told = Told { instance, said: Vec::new(), traffic: BTreeMap::new() };
        told.note(key, Occasion::Presence);
        Self {
            number,
            key,
            secret,
            disconnects: member.disconnects,
            since: Instant::now(),
            standing: watch::Sender::new(standing),
            is_written: AtomicBool::new(false),
            told: Mutex::new(told),
        }
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the connection end, if it is not about to already.
    pub(super) fn end(&self, end: End) {
        self.standing.send_if_modified(|standing| {
            let is_new = standing.end.is_none();
            standing.end.get_or_insert(end);
            is_new
        });
    }

    /// Whether the database is known to know of it.
    pub(super) fn is_written(&self) -> bool {
        self.is_written.load(Ordering::Relaxed)
    }
}

impl Told {
    /// Remembers what it says now for what becomes of deployments.
    pub(super) fn note(&mut self, key: InstanceKey, occasion: Occasion) {
        if self.said.len() >= SAID_MAX {
            // The latest say most.
            self.said.remove(0);
        }
        let serial = self.instance.pointer_serial.and_then(|serial| u64::try_from(serial).ok()?.try_into().ok());
        self.said.push(Said {
            data_plane: key.data_plane,
            instance: key.instance,
            presence: Presence::Here,
            running: self.instance.artifact,
            pointer_serial: serial,
            phase: self.instance.phase.clone(),
            occasion,
        });
    }
}
