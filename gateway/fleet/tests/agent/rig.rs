//! An agent, and a world that does what it says.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::container::Digest;
use artifact_format::pointer::{Pointer, SignedPointer};
use artifact_format::root::{Root, SignedRoot, Terms};
use artifact_format::signature::SigningKey;
use artifact_format::trust::Trust;
use fleet::agent::record::{Boot, Record};
use fleet::agent::{Agent, Bootstrap, Damaged, Effect, Ended, Event, Failure, Identity, Moment, Start};
use fleet::message::{
    ArtifactAvailable, Formats, FromControlPlane, FromDataPlane, HeartbeatAck, Phase, Rejection, Wanted, Welcome,
};
use uuid::Uuid;
use zeroize::Zeroizing;

pub(crate) const PROJECT: &str = "0199e0b4-6d2e-7c3f-9d3a-6f1f5f0a5b11";
/// When every test begins.
pub(crate) const BEGIN: u64 = 1_800_000_000;
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(30);

/// An agent whose wishes are granted, but for those that are to fail.
pub(crate) struct Rig {
    pub(crate) agent: Agent,
    pub(crate) now: Duration,
    pub(crate) unix_seconds: u64,
    pub(crate) random: u64,
    /// Everything that it wanted done, in order.
    pub(crate) done: Vec<Effect>,
    pub(crate) fetches: Outcome,
    pub(crate) persists: Outcome,
    pub(crate) loads: Outcome,
    /// What the control plane wants, as it said last.
    pub(crate) wants: Option<SignedPointer>,
}

/// What comes of a kind of effect.
pub(crate) enum Outcome {
    Succeeds,
    Fails(Failure),
    /// Nothing is heard of it.
    Hangs,
}

impl Outcome {
    fn result(&self) -> Option<Result<(), Failure>> {
        match self {
            Self::Succeeds => Some(Ok(())),
            Self::Fails(failure) => Some(Err(failure.clone())),
            Self::Hangs => None,
        }
    }
}

pub(crate) fn digest(number: u8) -> Digest {
    Digest([number; 32])
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

pub(crate) fn pinned(seeds: &[u8]) -> Trust {
    Trust::any_of(seeds.iter().map(|seed| key(*seed).public()))
}

pub(crate) fn pointer(serial: u64, artifact: u8) -> Pointer {
    Pointer {
        project: PROJECT.to_owned(),
        group: String::new(),
        serial: NonZeroU64::new(serial).unwrap(),
        previous: None,
        artifact: digest(artifact),
        length: NonZeroU64::new(1000).unwrap(),
        issued_at: BEGIN - 10,
        expires_at: BEGIN + 14 * 24 * 3600,
    }
}

/// A pointer that is good in every way.
pub(crate) fn signed(serial: u64, artifact: u8) -> SignedPointer {
    SignedPointer::new(pointer(serial, artifact)).unwrap().sign(&key(1))
}

/// Version 1 of the root, with these keys, signed by all of them.
pub(crate) fn root(seeds: &[u8]) -> (Root, SignedRoot) {
    let root = Root::first(PROJECT, terms(seeds)).unwrap();
    (root.clone(), sign(root, seeds))
}

pub(crate) fn terms(seeds: &[u8]) -> Terms {
    let keys = seeds.iter().map(|seed| key(*seed).public()).collect();
    Terms { threshold: 1.try_into().unwrap(), keys, issued_at: 1 }
}

pub(crate) fn sign(root: Root, seeds: &[u8]) -> SignedRoot {
    seeds.iter().fold(SignedRoot::new(root), |root, seed| root.sign(&key(*seed)))
}

pub(crate) fn start() -> Start {
    let identity = Identity {
        node_id: Uuid::nil(),
        instance_id: Uuid::nil(),
        name: "edge".to_owned(),
        labels: BTreeMap::new(),
        gateway_host: None,
        formats: Formats { oldest: 1, newest: 1 },
        version: "0.1.0".to_owned(),
    };
    Start {
        identity,
        record: Record::new(PROJECT),
        unwritten: None,
        set_aside: None,
        running: None,
        pinned: pinned(&[1]),
        root: None,
        bootstrap: Bootstrap::Absent,
        alarms: Vec::new(),
        damaged: Damaged::default(),
    }
}

impl Rig {
    pub(crate) fn new(start: Start) -> Self {
        let moment = Moment { now: Duration::ZERO, unix_seconds: BEGIN, random: 0 };
        Self {
            agent: Agent::new(start, moment),
            now: Duration::ZERO,
            unix_seconds: BEGIN,
            random: 0,
            done: Vec::new(),
            fetches: Outcome::Succeeds,
            persists: Outcome::Succeeds,
            loads: Outcome::Succeeds,
            wants: None,
        }
    }

    /// A fresh one, and connected.
    pub(crate) fn connected() -> Self {
        Self::restarted(Record::new(PROJECT), None)
    }

    /// One with a memory, and connected.
    pub(crate) fn restarted(record: Record, running: Option<Digest>) -> Self {
        let mut rig = Self::new(Start { record, running, ..start() });
        rig.connect();
        rig
    }

    /// Lets it connect, and welcomes it with what is wanted.
    pub(crate) fn connect(&mut self) {
        self.until(|effect| matches!(effect, Effect::Connect));
        self.happens(Event::Connected);
        self.hears(FromControlPlane::Welcome(Welcome {
            data_plane: Uuid::nil(),
            now_ms: BEGIN * 1000,
            wanted: wanted(self.wants.clone()),
        }));
        assert!(self.agent.is_connected());
    }

    pub(crate) fn moment(&self) -> Moment {
        let unix_seconds = self.unix_seconds + self.now.as_secs();
        Moment { now: self.now, unix_seconds, random: self.random }
    }

    /// Hands it an event, and grants what it wishes. Returns all that it wished.
    pub(crate) fn happens(&mut self, event: Event) -> Vec<Effect> {
        let mut events = VecDeque::from([event]);
        let mut all = Vec::new();
        while let Some(event) = events.pop_front() {
            for effect in self.agent.handle(event, self.moment()) {
                let answer = match &effect {
                    Effect::Fetch { ticket, .. } => self.fetches.result().map(|result| Event::Fetched(*ticket, result)),
                    Effect::Persist { ticket, .. } => {
                        self.persists.result().map(|result| Event::Persisted(*ticket, result))
                    }
                    Effect::PersistRoot { root } => {
                        self.persists.result().map(|result| Event::RootPersisted(root.version(), result))
                    }
                    Effect::Load { ticket, .. } => self.loads.result().map(|result| Event::Loaded(*ticket, result)),
                    _ => None,
                };
                events.extend(answer);
                all.push(effect);
            }
        }
        self.done.extend(all.iter().cloned());
        all
    }

    pub(crate) fn hears(&mut self, message: FromControlPlane) -> Vec<Effect> {
        self.happens(Event::Received(Box::new(message)))
    }

    /// The control plane acknowledges a heartbeat, and wants this.
    pub(crate) fn is_asked_for(&mut self, pointer: &SignedPointer) -> Vec<Effect> {
        self.wants = Some(pointer.clone());
        self.hears(FromControlPlane::HeartbeatAck(HeartbeatAck { wanted: wanted(self.wants.clone()) }))
    }

    /// The control plane acknowledges a heartbeat, and wants nothing any more.
    pub(crate) fn is_asked_for_nothing(&mut self) -> Vec<Effect> {
        self.wants = None;
        self.hears(FromControlPlane::HeartbeatAck(HeartbeatAck { wanted: wanted(None) }))
    }

    /// The control plane says that there is something new.
    pub(crate) fn is_told_of(&mut self, pointer: &SignedPointer) -> Vec<Effect> {
        self.is_told_within(Duration::ZERO, pointer)
    }

    /// The same, and that others are told, too.
    pub(crate) fn is_told_within(&mut self, within: Duration, pointer: &SignedPointer) -> Vec<Effect> {
        self.wants = Some(pointer.clone());
        let fetch_within_ms = within.as_millis() as u64;
        let available = ArtifactAvailable { pointer: pointer.clone().into(), root_version: None, fetch_within_ms };
        self.hears(FromControlPlane::ArtifactAvailable(available))
    }

    /// Lets so much time pass, while somebody there acknowledges nothing.
    pub(crate) fn passes(&mut self, time: Duration) -> Vec<Effect> {
        let end = self.now + time;
        let mut all = Vec::new();
        while let Some(wakes_at) = self.agent.wakes_at().filter(|wakes_at| *wakes_at <= end) {
            self.now = self.now.max(wakes_at);
            all.extend(self.happens(Event::Tick));
        }
        self.now = end;
        all
    }

    /// Lets time pass until it wants this, and returns how long that took.
    pub(crate) fn until(&mut self, is_it: impl Fn(&Effect) -> bool) -> Duration {
        let begin = self.now;
        for _ in 0..1000 {
            self.now = self.now.max(self.agent.wakes_at().expect("it waits for something"));
            if self.happens(Event::Tick).iter().any(&is_it) {
                return self.now.saturating_sub(begin);
            }
        }
        panic!("it never wants that");
    }

    pub(crate) fn is_disconnected(&mut self, retry_after: Option<Duration>) -> Vec<Effect> {
        self.happens(Event::Disconnected(Ended::Unavailable { retry_after }))
    }

    pub(crate) fn phase(&self) -> Phase {
        self.agent.state().phase
    }

    pub(crate) fn serial(&self) -> Option<u64> {
        self.agent.state().pointer_serial.map(NonZeroU64::get)
    }

    /// The codes of its alarms.
    pub(crate) fn alarms(&self) -> Vec<String> {
        self.agent.alarms(self.moment()).into_iter().map(|alarm| alarm.code).collect()
    }

    /// The code with which it rejects something.
    pub(crate) fn rejects_with(&self) -> Option<String> {
        match self.phase() {
            Phase::Rejected { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether it tries again what it rejects.
    pub(crate) fn tries_again(&self) -> bool {
        matches!(self.phase(), Phase::Rejected { outcome: Rejection::Retrying, .. })
    }

    pub(crate) fn is_active(&self, artifact: u8) -> bool {
        self.agent.running() == Some(digest(artifact))
            && self.phase() == Phase::Active { digest: digest(artifact).to_string() }
    }

    /// How many times it wanted something of this kind done.
    pub(crate) fn count(&self, is_it: impl Fn(&Effect) -> bool) -> usize {
        self.done.iter().filter(|effect| is_it(effect)).count()
    }

    /// What is on disk.
    pub(crate) fn on_disk(&self) -> Record {
        let written = self.done.iter().rev().find_map(|effect| match effect {
            Effect::Persist { record, .. } => Some((**record).clone()),
            _ => None,
        });
        written.expect("something was written")
    }
}

/// A start that finds every artifact where it was, and ends while the first is loaded.
pub(crate) fn dies_at_boot(record: Record) -> Boot {
    let mut boot = record.boot();
    boot.candidates.first().into_iter().for_each(|first| boot.record.boots(*first));
    boot
}

pub(crate) fn wanted(pointer: Option<SignedPointer>) -> Wanted {
    let heartbeat_ms = HEARTBEAT.as_millis() as u64;
    Wanted { heartbeat_ms, pointer: pointer.map(Into::into), root_version: None, fetch_within_ms: 0 }
}

pub(crate) fn is_fetch(effect: &Effect) -> bool {
    matches!(effect, Effect::Fetch { .. })
}

pub(crate) fn is_swap(effect: &Effect) -> bool {
    matches!(effect, Effect::Swap { .. })
}

pub(crate) fn is_load(effect: &Effect) -> bool {
    matches!(effect, Effect::Load { .. })
}

/// The phases that were reported, by their names.
pub(crate) fn reported(effects: &[Effect]) -> Vec<&'static str> {
    let status = |effect: &Effect| match effect {
        Effect::Send(message) => match &**message {
            FromDataPlane::Status(status) => Some(match status.state.phase {
                Phase::Waiting => "waiting",
                Phase::Downloading { .. } => "downloading",
                Phase::Verifying { .. } => "verifying",
                Phase::Loading { .. } => "loading",
                Phase::Active { .. } => "active",
                Phase::Rejected { .. } => "rejected",
                Phase::RolledBack { .. } => "rolled_back",
            }),
            FromDataPlane::Hello(_) | FromDataPlane::Heartbeat(_) => None,
        },
        _ => None,
    };
    effects.iter().filter_map(status).collect()
}
