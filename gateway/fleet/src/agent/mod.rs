//! A data plane's part of the conversation, as a machine without clock, sockets, disk or dice.
//!
//! Whoever runs it hands it every [`Event`] with the [`Moment`] at which it came, does what the [`Effect`]s say in their
//! order, and gives it [`Event::Tick`] when [`Agent::wakes_at`] has come. The same events give the same effects: so a
//! gateway, a simulator of a fleet and a simulation of bad luck all run the same rules.
//!
//! - `connection`: when to connect, when to say that one lives, when to give up on whoever is silent;
//! - `target`: which pointer to follow, and the way from there to an artifact that serves;
//! - [`record`]: what outlives the process, and what to start with;
//! - `roots`: whom to believe.

mod backoff;
mod connection;
pub mod record;
mod roots;
mod target;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::container::Digest;
use artifact_format::pointer::{self, SignedPointer};
use artifact_format::root::{Root, SignedRoot};
use artifact_format::trust::Trust;
use uuid::Uuid;

use self::backoff::Backoff;
pub use self::connection::{ASKED_MAX, Ended};
use self::connection::{Connection, Due, Opened};
use self::record::Record;
use self::roots::{Change, Roots};
pub use self::target::SETTLES_AFTER;
use self::target::Target;
use crate::message::{Alarm, Formats, FromControlPlane, FromDataPlane, Hello, Offered, State, Status, Wanted, Welcome};

/// Clocks that are further apart than this are worth a word.
const SKEW_MAX: Duration = Duration::from_mins(5);

/// When something happened. Two readings of clocks and a random number, since the machine has neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since the process began, by a clock that only goes forward.
    pub now: Duration,
    /// Seconds since 1970-01-01T00:00:00Z, by whatever clock there is.
    pub unix_seconds: u64,
    /// Another one each time, evenly spread.
    pub random: u64,
}

/// Names something that was asked for, so that its outcome is not taken for another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// Where a pointer came from, and where its artifact is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The control plane.
    ControlPlane,
    /// The folder or bucket to start from while there is none.
    Bootstrap,
}

/// Why something that was asked for did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, in a word that stays the same.
    pub code: &'static str,
    /// Why, for people.
    pub detail: String,
    /// What that means.
    pub kind: FailureKind,
    /// How long it is not to be tried again, at least.
    pub retry_after: Option<Duration>,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Trying again changes nothing: the artifact is not believed, or cannot be served here.
    Refused,
    /// Something else came than was promised: worth another try, and worth telling.
    Damaged,
    /// The network or the disk: worth another try.
    Unavailable,
}

impl Failure {
    /// For good.
    pub fn refused(code: &'static str, detail: String) -> Self {
        Self { code, detail, kind: FailureKind::Refused, retry_after: None }
    }

    /// What came is not what was promised.
    pub fn damaged(code: &'static str, detail: String) -> Self {
        Self { code, detail, kind: FailureKind::Damaged, retry_after: None }
    }

    /// For now.
    pub fn unavailable(code: &'static str, detail: String) -> Self {
        Self { code, detail, kind: FailureKind::Unavailable, retry_after: None }
    }
}

impl From<&pointer::Error> for Failure {
    fn from(error: &pointer::Error) -> Self {
        Self::refused(error.code(), error.to_string())
    }
}

/// What a place to start from has.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What to serve.
    pub pointer: SignedPointer,
    /// Trust roots, oldest first, from the version after the one that is believed, or from the first.
    pub roots: Vec<SignedRoot>,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// Time passed.
    Tick,
    /// The socket that [`Effect::Connect`] asked for is open.
    Connected,
    /// It could not be opened, or it is closed.
    Disconnected(Ended),
    /// A message came.
    Received(Box<FromControlPlane>),
    /// A sign of life that says nothing: a ping, or a message that this program does not know.
    Heard,
    /// What became of [`Effect::Fetch`].
    Fetched(Ticket, Result<(), Failure>),
    /// What became of [`Effect::Persist`].
    Persisted(Ticket, Result<(), Failure>),
    /// What became of [`Effect::Load`].
    Loaded(Ticket, Result<(), Failure>),
    /// What became of [`Effect::Judge`].
    Judged(Ticket, Result<(), Failure>),
    /// What became of [`Effect::PersistRoot`], by the root's version.
    RootPersisted(NonZeroU64, Result<(), Failure>),
    /// What became of [`Effect::FetchRoot`].
    RootFetched(NonZeroU64, Result<Box<SignedRoot>, Failure>),
    /// What became of [`Effect::AskBootstrap`].
    Bootstrapped(Result<Box<Offer>, Failure>),
    /// Keys and credentials were read anew.
    Rekeyed {
        /// The keys to believe, where no root says otherwise.
        pinned: Trust,
    },
    /// An artifact is served that came with the command line.
    Serves(Digest),
    /// The process is about to end in order.
    Stop,
}

/// What is to be done, in the order in which it is said.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Open a socket to the control plane.
    Connect,
    /// Close it, or stop trying to open it. No [`Event::Disconnected`] is expected.
    Disconnect,
    /// Say this.
    Send(Box<FromDataPlane>),
    /// Say that this data plane is alive, and how traffic fares.
    Heartbeat {
        /// What it is and serves now.
        state: State,
        /// What somebody should look at.
        alarms: Vec<Alarm>,
    },
    /// Have the artifact in the state folder, whole.
    Fetch {
        /// To be named by [`Event::Fetched`].
        ticket: Ticket,
        /// Which artifact.
        digest: Digest,
        /// Its length in bytes.
        length: NonZeroU64,
        /// Where it is to be had.
        source: Source,
    },
    /// Nobody waits for it any more.
    CancelFetch {
        /// As it was named.
        ticket: Ticket,
    },
    /// Verify the artifact in the state folder and build everything. One is under way at a time.
    Load {
        /// To be named by [`Event::Loaded`].
        ticket: Ticket,
        /// Which artifact.
        digest: Digest,
        /// Whom to believe.
        trust: Trust,
    },
    /// Say whether the artifact in the state folder is believed. It serves whatever comes of it.
    Judge {
        /// To be named by [`Event::Judged`].
        ticket: Ticket,
        /// Which artifact.
        digest: Digest,
        /// Whom to believe.
        trust: Trust,
    },
    /// Serve what was loaded last. Where this does not follow upon [`Event::Loaded`], it is not wanted any more.
    Swap {
        /// Which artifact.
        digest: Digest,
    },
    /// Write the record, after those that were given out before.
    Persist {
        /// To be named by [`Event::Persisted`].
        ticket: Ticket,
        /// All of it.
        record: Box<Record>,
    },
    /// Ask the control plane for a version of the trust root.
    FetchRoot {
        /// Which.
        version: NonZeroU64,
    },
    /// Write the trust root that is believed. To be told by [`Event::RootPersisted`].
    PersistRoot {
        /// All of it.
        root: Box<SignedRoot>,
    },
    /// Ask the place to start from.
    AskBootstrap {
        /// The version of the root that is believed.
        after: Option<NonZeroU64>,
    },
    /// Remove artifacts that are none of these.
    Collect {
        /// Those that are of use.
        needed: Vec<Digest>,
    },
}

/// Who a data plane is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The same for as long as its state folder is.
    pub node_id: Uuid,
    /// Of this process.
    pub instance_id: Uuid,
    /// What people call it.
    pub name: String,
    /// For selectors.
    pub labels: BTreeMap<String, String>,
    /// Where clients find it.
    pub gateway_host: Option<String>,
    /// The artifact formats that it reads.
    pub formats: Formats,
    /// Of the program.
    pub version: String,
}

/// What an agent starts with.
#[derive(Debug)]
pub struct Start {
    /// Who it is.
    pub identity: Identity,
    /// What was remembered, after [`Record::boot`].
    pub record: Record,
    /// Why that is not on the disk, where it is not.
    pub unwritten: Option<Failure>,
    /// What was set aside by it.
    pub set_aside: Option<Digest>,
    /// What is served already.
    pub running: Option<Digest>,
    /// The keys to believe, where no root says otherwise.
    pub pinned: Trust,
    /// The root that was remembered.
    pub root: Option<Root>,
    /// Whether there is a place to start from.
    pub bootstrap: Bootstrap,
    /// What somebody should look at, for as long as the process runs until an artifact is put to work.
    pub alarms: Vec<Alarm>,
    /// What was damaged when the process began.
    pub damaged: Damaged,
}

/// Whether there is a place to start from while there is no control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrap {
    /// There is.
    Available,
    /// There is none.
    Absent,
}

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

/// What is damaged in the state folder, until it is written anew.
#[derive(Debug, Default)]
pub struct Damaged {
    /// The record.
    pub record: Option<Alarm>,
    /// The trust root.
    pub root: Option<Alarm>,
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
        let Start { identity, record, unwritten, set_aside, running, pinned, root, bootstrap, alarms, damaged } = start;
        let roots = Roots::new(&record.project, pinned, root);
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
        let others = [self.connection.wakes_at(), self.target.wakes_at(), self.roots.wakes_at(), asks_at];
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
            FromControlPlane::Welcome(Welcome { now_ms, wanted, .. }) => {
                if self.connection.welcomed(&wanted, moment) {
                    self.clock = Some(Clock { said_seconds: now_ms / 1000, at: moment.now });
                    self.target.hurries(moment);
                    self.wants(wanted, moment, effects);
                }
            }
            FromControlPlane::HeartbeatAck(ack) if self.connection.is_established() => {
                self.connection.paced(&ack.wanted, moment);
                self.wants(ack.wanted, moment, effects);
            }
            FromControlPlane::ArtifactAvailable(available) if self.connection.is_established() => {
                self.roots.told(available.root_version, effects);
                self.reads(available.pointer, (moment, effects));
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
        if let Some(pointer) = wanted.pointer {
            self.reads(pointer, (moment, effects));
        }
    }

    /// The control plane wants this to be followed.
    fn reads(&mut self, offered: Offered, (moment, effects): (Moment, &mut Vec<Effect>)) {
        self.unreadable = None;
        let unreadable = match offered {
            Offered::Readable(pointer) => return self.consider(*pointer, Source::ControlPlane, (moment, effects)),
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
        self.roots.offered(roots, effects);
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
