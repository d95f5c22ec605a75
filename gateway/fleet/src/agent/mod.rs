//! A data plane's part of the conversation, as a machine without clock, sockets, disk or dice.
//!
//! Whoever runs it hands it every [`Event`] with the [`Moment`] at which it came, does what the [`Effect`]s say in their
//! order, and gives it [`Event::Tick`] when [`Agent::wakes_at`] has come. The same events give the same effects: so a
//! gateway, a simulator of a fleet and a simulation of bad luck all run the same rules.
//!
//! - `event`: what happens, and what is to be done about it; `start`: what it begins with;
//! - `connection`: when to connect, when to say that one lives, when to give up on whoever is silent;
//! - `offers`: pointers that are offered, and by whose keys each is looked at; `later`: when, where many are told of it;
//! - `target`: which pointer to follow, and the way from there to an artifact that serves;
//! - [`record`]: what outlives the process, and what to start with;
//! - `roots`: whom to believe;
//! - `alarms`: what somebody should look at; `clock`: how far it is from the control plane's.

mod alarms;
mod backoff;
mod clock;
mod connection;
mod event;
mod later;
mod offers;
pub mod record;
mod roots;
mod start;
mod target;

use std::time::Duration;

use artifact_format::container::Digest;
use artifact_format::trust::Trust;

use self::backoff::Backoff;
use self::clock::Clock;
pub use self::connection::{ASKED_MAX, Ended};
use self::connection::{Connection, Due, Opened};
pub use self::event::{Effect, Event, Failure, FailureKind, Moment, Offer, Source, Ticket};
use self::later::Later;
use self::offers::Considered;
use self::record::Record;
use self::roots::{Change, Roots};
pub use self::start::{Bootstrap, Damaged, Identity, Start};
pub use self::target::SETTLES_AFTER;
use self::target::Target;
use crate::message::{Alarm, FromControlPlane, FromDataPlane, Hello, State, Status, Welcome};

/// When to ask the place to start from.
#[derive(Debug)]
enum Asking {
    Never,
    At(Duration, Backoff),
    Waiting(Backoff),
}

/// A data plane's part of the conversation.
#[derive(Debug)]
pub struct Agent {
    identity: Identity,
    connection: Connection,
    target: Target,
    roots: Roots,
    asking: Asking,
    /// What was offered last, to be looked at again when others are believed.
    offered: Option<Considered>,
    /// What is offered, and not looked at yet.
    later: Option<Later>,
    /// What was offered last and is no pointer.
    unreadable: Option<Alarm>,
    /// What the control plane knows.
    told: Option<State>,
    clock: Option<Clock>,
    alarms: Vec<Alarm>,
    damaged: Damaged,
    /// What is asked about the artifact that serves: whether it is still believed.
    judging: Option<Ticket>,
    /// Why it is not.
    untrusted: Option<String>,
}

impl Agent {
    /// Ready to connect.
    pub fn new(start: Start, moment: Moment) -> Self {
        let Start { identity, mut record, unwritten, set_aside, running, pinned, root, bootstrap, alarms, damaged } =
            start;
        let roots = Roots::new(&record, pinned, root);
        // A process may have ended between the root and the record of it.
        record.root_version = record.root_version.max(roots.version());
        let mut target = Target::new((record, unwritten), running, moment);
        if let Some(digest) = set_aside {
            target.was_set_aside(digest);
        }
        let asking = match bootstrap {
            Bootstrap::Available => Asking::At(Duration::ZERO, Backoff::default()),
            Bootstrap::Absent => Asking::Never,
        };
        let connection = Connection::new();
        Self {
            identity,
            connection,
            target,
            roots,
            asking,
            offered: None,
            later: None,
            unreadable: None,
            told: None,
            clock: None,
            alarms,
            damaged,
            judging: None,
            untrusted: None,
        }
    }

    /// What is to be done about what happened.
    pub fn handle(&mut self, event: Event, moment: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Tick => self.tick(moment, &mut effects),
            Event::Connected => match self.connection.opened(moment) {
                Opened::Greet => self.greet(&mut effects),
                Opened::Unasked => effects.push(Effect::Disconnect),
            },
            Event::Disconnected(ended) => {
                self.told = None;
                self.connection.ended(ended, moment);
            }
            Event::Received(message) => self.receive(*message, moment, &mut effects),
            Event::Heard => self.connection.heard(moment),
            Event::Fetched(ticket, fetched) => self.target.fetched(ticket, fetched, (moment, &mut effects)),
            Event::Persisted(ticket, persisted) => {
                self.damaged.record = self.damaged.record.take().filter(|_| persisted.is_err());
                if let Some((ticket, digest)) = self.target.persisted(ticket, persisted, moment) {
                    effects.push(Effect::Load { ticket, digest, trust: self.roots.of_artifacts() });
                }
            }
            Event::Loaded(ticket, loaded) => {
                let loaded = loaded.map_err(|failure| self.excuses(failure));
                self.target.loaded(ticket, loaded, (moment, &mut effects));
            }
            Event::Judged(ticket, judged) => self.judged(ticket, judged),
            Event::RootPersisted(version, persisted) => {
                self.damaged.root = self.damaged.root.take().filter(|_| persisted.is_err());
                self.roots.persisted(version, persisted, moment);
            }
            Event::RootFetched(version, fetched) => {
                let fetched = fetched.map(|root| *root);
                let change = self.roots.fetched(version, fetched, (moment, &mut effects));
                if change == Change::Believed {
                    // What failed for want of it.
                    self.target.hurries(moment);
                }
                self.believes(change, moment, &mut effects);
            }
            Event::Bootstrapped(answer) => self.bootstrapped(answer, moment, &mut effects),
            Event::Rekeyed { pinned } => {
                self.roots.pin(pinned);
                self.connection.hopes(moment);
                self.believes(Change::Believed, moment, &mut effects);
            }
            Event::Pardoned => self.target.pardon(&mut effects),
            Event::Serves(digest) => self.target.serves(digest),
            Event::Stop => {
                self.later = None;
                self.target.stop(&mut effects);
                self.roots.stop(&mut effects);
                self.connection.stop();
                effects.push(Effect::Disconnect);
            }
        }
        if effects.iter().any(|effect| matches!(effect, Effect::Swap { .. })) {
            self.alarms.clear();
            (self.judging, self.untrusted) = (None, None);
        }
        self.tell(&mut effects);
        effects
    }

    /// When to give it [`Event::Tick`], at the latest; by the clock of [`Moment::now`].
    pub fn wakes_at(&self) -> Option<Duration> {
        let asks_at = match &self.asking {
            Asking::At(at, _) if self.needs_bootstrap() => Some(*at),
            Asking::At(..) | Asking::Waiting(_) | Asking::Never => None,
        };
        let looks_at = self.later.as_ref().map(|later| later.at);
        let others = [self.connection.wakes_at(), self.target.wakes_at(), self.roots.wakes_at(), asks_at, looks_at];
        others.into_iter().flatten().min()
    }

    /// Whether the control plane knows this data plane now.
    pub fn is_connected(&self) -> bool {
        self.connection.is_established()
    }

    /// What is remembered beyond the end of the process.
    pub fn record(&self) -> &Record {
        self.target.record()
    }

    /// What is served.
    pub fn running(&self) -> Option<Digest> {
        self.target.running()
    }

    /// What is served of what was deployed, and not of what came with the command line.
    pub fn deployed(&self) -> Option<Digest> {
        self.target.deployed()
    }

    /// Whom to believe about artifacts, wherever they come from, where a trust root says so.
    pub fn root_trust(&self) -> Option<Trust> {
        self.roots.of_root()
    }

    /// What it is and serves now.
    pub fn state(&self) -> State {
        State {
            running_digest: self.target.running().map(|digest| digest.to_string()),
            pointer_serial: self.target.record().taken.map(|taken| taken.floor.serial),
            root_version: self.roots.version(),
            phase: self.target.phase(),
        }
    }

    fn tick(&mut self, moment: Moment, effects: &mut Vec<Effect>) {
        match self.connection.tick(moment, effects) {
            Due::Nothing => {}
            Due::Heartbeat => {
                let state = self.state();
                self.told = Some(state.clone());
                effects.push(Effect::Heartbeat { state, alarms: self.alarms(moment) });
            }
            Due::Lost => self.told = None,
        }
        if let Some(Later { pointer, .. }) = self.later.take_if(|later| later.at <= moment.now) {
            self.consider(pointer, Source::ControlPlane, (moment, effects));
        }
        self.target.tick(moment, effects);
        self.roots.tick(moment, effects);
        let needs_bootstrap = self.needs_bootstrap();
        if let Asking::At(at, backoff) = &self.asking
            && *at <= moment.now
            && needs_bootstrap
        {
            self.asking = Asking::Waiting(*backoff);
            effects.push(Effect::AskBootstrap { after: self.roots.version() });
        }
    }

    /// Nothing is served, nothing is on its way, and nobody is there to ask.
    fn needs_bootstrap(&self) -> bool {
        self.target.running().is_none() && !self.target.is_busy() && self.connection.is_failing()
    }

    fn greet(&mut self, effects: &mut Vec<Effect>) {
        let Identity { node_id, instance_id, name, labels, gateway_host, formats, version } = self.identity.clone();
        let state = self.state();
        self.told = Some(state.clone());
        let hello = Hello { node_id, instance_id, name, labels, gateway_host, formats, version, state };
        effects.push(Effect::Send(Box::new(FromDataPlane::Hello(hello))));
    }

    fn receive(&mut self, message: FromControlPlane, moment: Moment, effects: &mut Vec<Effect>) {
        self.connection.heard(moment);
        match message {
            FromControlPlane::Welcome(Welcome { now_ms, mut wanted, .. }) => {
                if self.connection.welcomed(&wanted, moment) {
                    self.clock = Some(Clock::said(now_ms, moment));
                    self.target.hurries(moment);
                    if self.target.running().is_none() {
                        // Whoever comes with nothing comes alone: the others have it, or are let in one after the other.
                        wanted.fetch_within_ms = 0;
                    }
                    self.wants(wanted, moment, effects);
                }
            }
            FromControlPlane::HeartbeatAck(ack) if self.connection.is_established() => {
                self.connection.paced(&ack.wanted, moment);
                self.wants(ack.wanted, moment, effects);
            }
            FromControlPlane::ArtifactAvailable(available) if self.connection.is_established() => {
                let within = Duration::from_millis(available.fetch_within_ms);
                self.roots.told(available.root_version, within, (moment, effects));
                self.reads(available.pointer, within, (moment, effects));
            }
            FromControlPlane::Drain(drain) => self.connection.drains(Duration::from_millis(drain.within_ms), moment),
            FromControlPlane::Goodbye(goodbye) => {
                self.told = None;
                effects.push(Effect::Disconnect);
                self.connection.dismissed(goodbye, moment);
            }
            // Before its turn: whoever says it is confused, and will be found silent.
            FromControlPlane::HeartbeatAck(_) | FromControlPlane::ArtifactAvailable(_) => {}
        }
    }

    /// What serves goes on serving; somebody should deploy what is believed.
    fn judged(&mut self, ticket: Ticket, judged: Result<(), Failure>) {
        if self.judging.take_if(|judging| *judging == ticket).is_none() {
            return;
        }
        match judged {
            Ok(()) => self.untrusted = None,
            Err(Failure { kind: FailureKind::Refused, detail, .. }) => self.untrusted = Some(detail),
            // It was not read, so nobody knows.
            Err(Failure { kind: FailureKind::Damaged | FailureKind::Unavailable, .. }) => {}
        }
    }

    /// Says at once what changed.
    fn tell(&mut self, effects: &mut Vec<Effect>) {
        if !self.connection.is_established() {
            return;
        }
        let state = self.state();
        if self.told.as_ref() != Some(&state) {
            self.told = Some(state.clone());
            effects.push(Effect::Send(Box::new(FromDataPlane::Status(Status { state }))));
        }
    }
}
