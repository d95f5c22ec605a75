//! Time, what happens in it, and the network.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use fastrand::Rng;
use fleet::agent::record::Record;
use fleet::agent::{Event, Failure, Moment, Ticket};
use fleet::message::{FromControlPlane, FromDataPlane};

use crate::Planted;
use crate::control::Control;
use crate::fate;
use crate::plane::Plane;

/// Bad luck lasts so long.
pub(crate) const CHAOS: Duration = Duration::from_mins(20);
/// After that, everything is to be well within this time: the longest pauses of everybody, one after the other.
pub(crate) const SETTLING: Duration = Duration::from_mins(8);
/// When the simulation begins, in seconds since 1970-01-01T00:00:00Z.
const EPOCH: u64 = 1_800_000_000;
/// How much of what happened is told when something is found.
const TOLD: usize = 60;

/// Names a connection; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Connection(pub u64);

/// A process of a data plane: its number, and which of its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pub(crate) plane: usize,
    pub(crate) life: u32,
}

/// What happens at some time.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A data plane's machine asked to be woken.
    Wake(Process),
    /// A socket that was asked for is open, at a control plane.
    Opens(Process, Connection, usize),
    /// It could not be opened.
    Unreachable(Process, Connection),
    /// A message arrives at a control plane.
    Said(Connection, Box<FromDataPlane>),
    /// A message arrives at a data plane.
    Told(Connection, Box<FromControlPlane>),
    /// A data plane notices that a connection is gone.
    LostByPlane(Process, Connection),
    /// A control plane notices that a connection is gone.
    LostByControl(Connection),
    /// Bytes are there, or not.
    Fetched(Process, Ticket, artifact_format::container::Digest, Option<Failure>),
    /// A trust root is there, or not.
    RootFetched(Process, NonZeroU64, Option<Failure>),
    /// A trust root is on disk, or not.
    RootPersisted(Process, NonZeroU64, Option<Failure>),
    /// A record is on disk, or not.
    Persisted(Process, Ticket, Box<Record>, Option<Failure>),
    /// An artifact was built, or refused, or it killed the process.
    Loaded(Process, Ticket, artifact_format::container::Digest),
    /// A process ends without a word.
    Dies(Process),
    /// A process starts.
    Boots(usize),
    /// A control plane looks whether anything changed.
    Polls(usize),
    /// A control plane is told that something changed.
    Notified(usize),
    /// Whoever deploys does something.
    Operates,
    /// Whoever deployed thinks better of it.
    Withdraws,
    /// Something goes wrong, or is put right.
    Strikes,
}

/// What the network and the machines are like now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Luck {
    /// Of a hundred messages, so many are lost.
    pub(crate) lost: u8,
    /// Of a hundred, so many come twice.
    pub(crate) repeated: u8,
    /// The longest time that a message takes, in milliseconds.
    pub(crate) latency_ms: u64,
    /// Data planes that reach no control plane, and are not reached: (data plane, control plane).
    pub(crate) apart: Vec<(usize, usize)>,
}

/// Something that must not be.
pub(crate) struct Fault {
    pub(crate) seed: u64,
    pub(crate) what: String,
    story: Vec<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.what)?;
        self.story.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// Everything there is.
pub(crate) struct World {
    seed: u64,
    pub(crate) planted: Planted,
    pub(crate) rng: Rng,
    pub(crate) now: Duration,
    coming: BTreeMap<(Duration, u64), Happening>,
    numbers: u64,
    pub(crate) luck: Luck,
    pub(crate) planes: Vec<Plane>,
    pub(crate) control: Control,
    /// Both ends of each connection, until one of them is told that it is gone.
    pub(crate) connections: BTreeMap<Connection, (Process, usize)>,
    story: VecDeque<String>,
    tells: bool,
    /// What was found.
    pub(crate) found: Option<String>,
    steps: u64,
    hash: u64,
}

impl World {
    pub(crate) fn new(seed: u64, planted: Planted) -> Self {
        let mut rng = Rng::with_seed(seed);
        let planes = (0..rng.usize(2..=4)).map(|number| Plane::new(number, &mut rng)).collect();
        let control = Control::new(rng.usize(1..=3), &mut rng);
        let luck = Luck { latency_ms: 50, ..Luck::default() };
        let mut world = Self {
            seed,
            planted,
            rng,
            now: Duration::ZERO,
            coming: BTreeMap::new(),
            numbers: 0,
            luck,
            planes,
            control,
            connections: BTreeMap::new(),
            story: VecDeque::new(),
            tells: false,
            found: None,
            steps: 0,
            hash: 0,
        };
        fate::begin(&mut world);
        world
    }

    /// The same, and all that happens is printed.
    pub(crate) fn told(mut self) -> Self {
        self.tells = true;
        self
    }

    /// Lives through bad luck and the time after it.
    pub(crate) fn live(&mut self) {
        let mut is_calm = false;
        while self.found.is_none() {
            let next = self.coming.first_key_value().map(|((at, _), _)| *at);
            if !is_calm && next.is_none_or(|at| at >= CHAOS) {
                is_calm = true;
                self.now = CHAOS;
                fate::relent(self);
                continue;
            }
            if next.is_none_or(|at| at >= CHAOS + SETTLING) {
                break;
            }
            let Some(((at, _), happening)) = self.coming.pop_first() else { break };
            self.now = at;
            self.steps += 1;
            self.happens(happening);
        }
    }

    /// Lives, and says what is wrong.
    pub(crate) fn run(mut self) -> Result<(), Fault> {
        self.live();
        let found = self.found.take().or_else(|| crate::truth::at_the_end(&self));
        match found {
            Some(what) => Err(Fault { seed: self.seed, what, story: self.story.into() }),
            None => Ok(()),
        }
    }

    /// Tells one life from another.
    pub(crate) fn fingerprint(&self) -> (u64, u64) {
        (self.steps, self.hash)
    }

    fn happens(&mut self, happening: Happening) {
        self.tell(|| format!("{happening:?}"));
        match happening {
            Happening::Wake(process) => self.give(process, Event::Tick),
            Happening::Opens(process, connection, replica) => self.opens(process, connection, replica),
            Happening::Unreachable(process, connection) | Happening::LostByPlane(process, connection) => {
                Plane::loses(self, process, connection);
            }
            Happening::Said(connection, message) => Control::hears(self, connection, *message),
            Happening::Told(connection, message) => {
                let Some((process, _)) = self.connections.get(&connection).copied() else { return };
                if self.planes[process.plane].is_at(process, connection) {
                    self.give(process, Event::Received(message));
                }
            }
            Happening::LostByControl(connection) => Control::loses(self, connection),
            Happening::Fetched(process, ticket, digest, failure) => {
                Plane::fetched(self, process, (ticket, digest, failure));
            }
            Happening::RootFetched(process, version, failure) => Plane::root_fetched(self, process, (version, failure)),
            Happening::RootPersisted(process, version, failure) => {
                Plane::root_persisted(self, process, (version, failure));
            }
            Happening::Persisted(process, ticket, record, failure) => {
                Plane::persisted(self, process, (ticket, *record, failure));
            }
            Happening::Loaded(process, ticket, digest) => Plane::loaded(self, process, (ticket, digest)),
            Happening::Dies(process) => Plane::dies(self, process),
            Happening::Boots(plane) => Plane::boots(self, plane),
            Happening::Polls(replica) => Control::polls(self, replica),
            Happening::Notified(replica) => Control::looks(self, replica),
            // What was about to happen when bad luck ended does not.
            Happening::Operates | Happening::Withdraws | Happening::Strikes if self.now >= CHAOS => {}
            Happening::Operates => fate::operate(self),
            Happening::Withdraws => fate::withdraw(self),
            Happening::Strikes => fate::strike(self),
        }
    }

    fn opens(&mut self, process: Process, connection: Connection, replica: usize) {
        if !self.planes[process.plane].is_at(process, connection) {
            return;
        }
        if !self.control.replicas[replica].is_up || self.is_apart(process.plane, replica) {
            // Nobody is there: the connection is refused, or nothing is heard of it.
            if self.rng.bool() {
                Plane::loses(self, process, connection);
            }
            return;
        }
        self.connections.insert(connection, (process, replica));
        self.give(process, Event::Connected);
    }

    /// Hands an event to a data plane's machine, if it is the process that it is meant for.
    pub(crate) fn give(&mut self, process: Process, event: Event) {
        Plane::takes(self, process, event);
    }

    /// When it is now, for a data plane: by its own clock.
    pub(crate) fn moment(&mut self, plane: usize, born: Duration) -> Moment {
        let unix = EPOCH.saturating_add(self.now.as_secs()).saturating_add_signed(self.planes[plane].clock_ahead);
        Moment { now: self.now.saturating_sub(born), unix_seconds: unix, random: self.rng.u64(..) }
    }

    /// Seconds since 1970-01-01T00:00:00Z, by whoever has the time right.
    pub(crate) fn unix(&self) -> u64 {
        EPOCH + self.now.as_secs()
    }

    /// Whether a data plane gets through to any control plane.
    pub(crate) fn can_reach(&self, plane: usize) -> bool {
        let mut all = self.control.replicas.iter().enumerate();
        all.any(|(number, replica)| replica.is_up && !self.is_apart(plane, number))
    }

    pub(crate) fn is_apart(&self, plane: usize, replica: usize) -> bool {
        self.luck.apart.contains(&(plane, replica))
    }

    /// Something will happen, after some time.
    pub(crate) fn after(&mut self, pause: Duration, happening: Happening) {
        self.numbers += 1;
        self.coming.insert((self.now + pause, self.numbers), happening);
    }

    /// A time between none and this one.
    pub(crate) fn within(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.rng.u64(0..=u64::try_from(longest.as_micros()).unwrap()))
    }

    pub(crate) fn connection(&mut self) -> Connection {
        self.numbers += 1;
        Connection(self.numbers)
    }

    /// What a data plane says goes on its way.
    pub(crate) fn says(&mut self, connection: Connection, message: FromDataPlane) {
        for message in self.copies(message) {
            let pause = self.travel();
            self.carry(connection, pause, Happening::Said(connection, Box::new(message)));
        }
    }

    /// What a control plane says goes on its way.
    pub(crate) fn tells(&mut self, connection: Connection, message: FromControlPlane) {
        for message in self.copies(message) {
            let pause = self.travel();
            self.carry(connection, pause, Happening::Told(connection, Box::new(message)));
        }
    }

    fn travel(&mut self) -> Duration {
        self.within(Duration::from_millis(self.luck.latency_ms)) + Duration::from_micros(200)
    }

    /// As many of it as arrive.
    fn copies<M: Clone>(&mut self, message: M) -> Vec<M> {
        if self.rng.u8(0..100) < self.luck.lost {
            return Vec::new();
        }
        if self.rng.u8(0..100) < self.luck.repeated { vec![message.clone(), message] } else { vec![message] }
    }

    fn carry(&mut self, connection: Connection, pause: Duration, happening: Happening) {
        let Some((process, replica)) = self.connections.get(&connection).copied() else { return };
        if !self.is_apart(process.plane, replica) {
            self.after(pause, happening);
        }
    }

    /// Something that must not be.
    pub(crate) fn find(&mut self, what: impl FnOnce() -> String) {
        if self.found.is_none() {
            self.found = Some(format!("after {:.1} s: {}", self.now.as_secs_f64(), what()));
        }
    }

    /// What happened, for whoever reads of a fault.
    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        let line = format!("{:>9.3} {}", self.now.as_secs_f64(), what());
        self.hash = line.bytes().fold(self.hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        if self.tells {
            println!("{line}");
        }
        if self.story.len() == TOLD {
            self.story.pop_front();
        }
        self.story.push_back(line);
    }
}
