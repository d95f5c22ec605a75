//! A data plane's part of the conversation, as a machine without clock, sockets, disk or dice.
//!
//! Whoever runs it hands it every [`Event`] with the [`Moment`] at which it came, does what the [`Effect`]s say in their
//! order, and gives it [`Event::Tick`] when [`Agent::wakes_at`] has come. The same events give the same effects: so a
//! gateway, a simulator of a fleet and a simulation of bad luck all run the same rules.
//!
//! - `event`: what happens, and what is to be done about it; `start`: what it begins with;
//! - `connection`: when to connect, when to say that one lives, when to give up on whoever is silent;
//! - `later`: when to look at what is new, where many are told of it;
//! - `target`: which pointer to follow, and the way from there to an artifact that serves;
//! - [`record`]: what outlives the process, and what to start with;
//! - `roots`: whom to believe.

mod backoff;
mod connection;
mod event;
mod later;
pub mod record;
mod roots;
mod start;
mod target;

use std::time::Duration;

use artifact_format::container::Digest;
use artifact_format::pointer::SignedPointer;

use self::backoff::Backoff;
pub use self::connection::{ASKED_MAX, Ended};
use self::connection::{Connection, Due, Opened};
pub use self::event::{Effect, Event, Failure, FailureKind, Moment, Offer, Source, Ticket};
use self::later::{Later, moment_within};
use self::record::Record;
use self::roots::{Change, Roots};
pub use self::start::{Bootstrap, Damaged, Identity, Start};
pub use self::target::SETTLES_AFTER;
use self::target::Target;
use crate::message::{Alarm, FromControlPlane, FromDataPlane, Hello, Offered, State, Status, Wanted, Welcome};

/// Clocks that are further apart than this are worth a word.
const SKEW_MAX: Duration = Duration::from_mins(5);

/// When to ask the place to start from.
#[derive(Debug)]
enum Asking {
    Never,
    At(Duration, Backoff),
    Waiting(Backoff),
}

/// A pointer that was offered.
#[derive(Debug, Clone)]
struct Considered {
    pointer: SignedPointer,
    source: Source,
    judged: Judged,
}

/// Whether somebody said already if a pointer is to be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    Yes,
    /// A newer trust root is on its way, and the pointer may be signed by a key that only that one names.
    NotYet,
}

/// The control plane's clock: what it said, and when that was.
#[derive(Debug, Clone, Copy)]
struct Clock {
    said_seconds: u64,
    at: Duration,
}

impl Clock {
    /// How far this machine's is ahead of it, in seconds.
    fn skew(self, moment: Moment) -> i128 {
        let theirs = self.said_seconds.saturating_add(moment.now.saturating_sub(self.at).as_secs());
        i128::from(moment.unix_seconds) - i128::from(theirs)
    }
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
            Event::Loaded(ticket, loaded) => self.target.loaded(ticket, loaded, (moment, &mut effects)),
            Event::Judged(ticket, judged) => self.judged(ticket, judged),
            Event::RootPersisted(version, persisted) => {
                self.damaged.root = self.damaged.root.take().filter(|_| persisted.is_err());
                self.roots.persisted(version, persisted, moment);
            }
            Event::RootFetched(version, fetched) => {
                let fetched = fetched.map(|root| *root);
                let change = self.roots.fetched(version, fetched, (moment, &mut effects));
                self.believes(change, moment, &mut effects);
            }
            Event::Bootstrapped(answer) => self.bootstrapped(answer, moment, &mut effects),
            Event::Rekeyed { pinned } => {
                self.roots.pin(pinned);
                self.connection.hopes(moment);
                self.believes(Change::Believed, moment, &mut effects);
            }
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

    /// What it is and serves now.
    pub fn state(&self) -> State {
        State {
            running_digest: self.target.running().map(|digest| digest.to_string()),
            pointer_serial: self.target.record().taken.map(|taken| taken.floor.serial),
            root_version: self.roots.version(),
            phase: self.target.phase(),
        }
    }

    /// What somebody should look at now.
    pub fn alarms(&self, moment: Moment) -> Vec<Alarm> {
        let alarm = |code: &str, detail: String| Alarm { code: code.to_owned(), detail };
        let mut alarms = self.alarms.clone();
        alarms.extend(self.damaged.record.iter().chain(&self.damaged.root).cloned());
        if let Some(taken) = self.target.record().taken.filter(|taken| taken.expires_at <= moment.unix_seconds) {
            let serial = taken.floor.serial;
            let detail = format!("pointer {serial} has expired, or this machine's clock is wrong: what runs goes on");
            alarms.push(alarm("pointer_expired", detail));
        }
        let skew = self.clock.map(|clock| clock.skew(moment));
        if let Some(skew) = skew.filter(|skew| skew.unsigned_abs() > u128::from(SKEW_MAX.as_secs())) {
            let detail = format!("this machine's clock is {skew} seconds ahead of the control plane's");
            alarms.push(alarm("clock_skew", detail));
        }
        if let Some(failure) = self.target.unwritten().or(self.roots.unwritten()) {
            alarms.push(alarm(failure.code, failure.detail.clone()));
        }
        alarms.extend(self.unreadable.clone());
        if let Some((code, detail)) = self.connection.unwanted() {
            alarms.push(alarm(code, detail.clone()));
        }
        if let Some(detail) = &self.untrusted {
            alarms.push(alarm("running_untrusted", format!("what serves is not believed any more: {detail}")));
        }
        if let Some(version) = self.roots.lost() {
            let detail =
                format!("trust root {version} was believed and is lost: no pointer is taken until it is there");
            alarms.push(alarm("root_lost", detail));
        }
        if let Some(Failure { code, detail, .. }) = self.roots.failure() {
            alarms.push(alarm("root_unavailable", format!("the newest trust root does not come ({code}): {detail}")));
        }
        if let Some(error) = self.roots.refusal() {
            alarms.push(alarm("root_refused", error.to_string()));
        }
        alarms
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
                    self.clock = Some(Clock { said_seconds: now_ms / 1000, at: moment.now });
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
                self.roots.told(available.root_version, effects);
                let within = Duration::from_millis(available.fetch_within_ms);
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

    fn wants(&mut self, wanted: Wanted, moment: Moment, effects: &mut Vec<Effect>) {
        self.roots.told(wanted.root_version, effects);
        match wanted.pointer {
            Some(pointer) => self.reads(pointer, Duration::from_millis(wanted.fetch_within_ms), (moment, effects)),
            // It is not wanted any more.
            None => self.later = None,
        }
    }

    /// The control plane wants this to be followed, within so long.
    fn reads(&mut self, offered: Offered, within: Duration, (moment, effects): (Moment, &mut Vec<Effect>)) {
        self.unreadable = None;
        let before = self.later.take();
        let unreadable = match offered {
            Offered::Readable(pointer) if within.is_zero() || !self.target.can_wait(pointer.artifact()) => {
                return self.consider(*pointer, Source::ControlPlane, (moment, effects));
            }
            Offered::Readable(pointer) => {
                // Whoever says it again does not put it off.
                let at = before.filter(|later| later.pointer.artifact() == pointer.artifact()).map(|later| later.at);
                let at = at.unwrap_or_else(|| moment_within(within, moment));
                self.later = Some(Later { at, pointer: *pointer });
                return;
            }
            Offered::Unreadable(unreadable) => unreadable,
        };
        let (code, detail) = (unreadable.code(), format!("the pointer cannot be read: {}", unreadable.detail));
        if let Some(artifact) = unreadable.artifact() {
            self.target.refuse(artifact, Failure::refused(code, detail.clone()));
        }
        self.unreadable = Some(Alarm { code: code.to_owned(), detail });
    }

    /// Looks whether a pointer is to be followed: at once, or when it is known whom to believe.
    fn consider(&mut self, pointer: SignedPointer, source: Source, (moment, effects): (Moment, &mut Vec<Effect>)) {
        let judged = if self.roots.is_unsettled() { Judged::NotYet } else { Judged::Yes };
        self.offered = Some(Considered { pointer: pointer.clone(), source, judged });
        if judged == Judged::NotYet {
            return;
        }
        let artifact = pointer.artifact();
        match pointer.verify(&self.roots.of_pointers(), &self.target.record().project) {
            Ok(pointer) => self.target.take(&pointer, source, (moment, effects)),
            Err(error) => self.target.refuse(artifact, Failure::from(&error)),
        }
    }

    /// Others may be believed now, or nobody else will be for a while: what was offered is looked at again.
    fn believes(&mut self, change: Change, moment: Moment, effects: &mut Vec<Effect>) {
        if change == Change::Believed {
            self.target.reconsiders();
            self.target.believed(self.roots.version(), effects);
            self.judging = self.target.deployed().map(|digest| {
                let ticket = self.target.ticket();
                effects.push(Effect::Judge { ticket, digest, trust: self.roots.of_artifacts() });
                ticket
            });
        }
        let Some(Considered { pointer, source, judged }) = self.offered.clone() else { return };
        if change == Change::Believed || judged == Judged::NotYet {
            self.consider(pointer, source, (moment, effects));
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

    fn bootstrapped(&mut self, answer: Result<Box<Offer>, Failure>, moment: Moment, effects: &mut Vec<Effect>) {
        let Asking::Waiting(mut backoff) = std::mem::replace(&mut self.asking, Asking::Never) else { return };
        self.asking = Asking::At(moment.now + backoff.pause(moment.random).max(Duration::from_millis(100)), backoff);
        let Ok(offer) = answer else { return };
        let Offer { pointer, roots } = *offer;
        let change = self.roots.offered(roots, effects);
        if change == Change::Believed {
            self.target.believed(self.roots.version(), effects);
        }
        // Whoever is served by now, or asked by now, knows better.
        if self.target.running().is_none() && !self.target.is_busy() {
            self.target.is_offered(pointer.artifact(), Source::Bootstrap, moment);
            self.consider(pointer, Source::Bootstrap, (moment, effects));
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
