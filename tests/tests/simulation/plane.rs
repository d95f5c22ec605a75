//! A data plane: the real machine, over a disk and a network that are not.

mod artifacts;
mod disk;

use std::collections::BTreeMap;
use std::time::Duration;

use artifact_format::container::Digest;
use artifact_format::trust::Trust;
use fastrand::Rng;
use fleet::agent::record::Record;
use fleet::agent::{Agent, Bootstrap, Damaged, Effect, Ended, Event, Failure, Identity, Start, Ticket};
use fleet::message::{Formats, FromDataPlane, Health, Heartbeat, Phase};
use uuid::Uuid;

use self::disk::Disk;
use crate::Planted;
use crate::control::{Kind, PROJECT, key, kind_of};
use crate::world::{Connection, Happening, Process, World};

/// So many processes have to end while an artifact is on trial before it may be set aside.
const ENDS_MIN: u32 = 2;
/// How long an artifact is on trial after it was loaded, or put to work: until it has served for ten seconds, and that is
/// written down.
const TRIAL_MAX: Duration = Duration::from_secs(13);

/// A data plane.
pub(crate) struct Plane {
    pub(crate) number: usize,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) disk: Disk,
    /// Seconds.
    pub(crate) clock_ahead: i64,
    pub(crate) process: Option<Running>,
    lives: u32,
    /// The highest serial that was ever on its disk.
    pub(crate) floor: u64,
    /// How many of its processes ended while each artifact was on trial, and its disk knew.
    ended_by: BTreeMap<Digest, u32>,
}

/// A process.
pub(crate) struct Running {
    pub(crate) id: Process,
    pub(crate) agent: Agent,
    born: Duration,
    instance: Uuid,
    pub(crate) serving: Option<Digest>,
    /// How many trials the disk knew of when it began.
    trials: BTreeMap<Digest, u32>,
    /// When each artifact was put to work last: loaded, or served.
    at_work: BTreeMap<Digest, Duration>,
    connection: Option<Connection>,
    loading: Option<Ticket>,
    /// When it will be woken next.
    wakes_at: Option<Duration>,
    /// When the last write that was asked for will be done: they are done in their order.
    written_at: Duration,
}

impl Plane {
    pub(crate) fn new(number: usize, rng: &mut Rng) -> Self {
        let label = if rng.bool() { "a" } else { "b" };
        let labels = [("ring".to_owned(), label.to_owned())].into();
        Self {
            number,
            labels,
            disk: Disk::default(),
            clock_ahead: 0,
            process: None,
            lives: 0,
            floor: 0,
            ended_by: BTreeMap::new(),
        }
    }

    /// Whether this is the connection of the process that runs.
    pub(crate) fn is_at(&self, process: Process, connection: Connection) -> bool {
        self.process.as_ref().is_some_and(|running| running.id == process && running.connection == Some(connection))
    }

    fn identity(&self, number: usize, instance_id: Uuid) -> Identity {
        Identity {
            node_id: Uuid::from_u128(number as u128 + 1),
            instance_id,
            name: format!("plane-{number}"),
            labels: self.labels.clone(),
            gateway_host: None,
            formats: Formats { oldest: 1, newest: 1 },
            version: "0.1.0".to_owned(),
        }
    }

    /// What is set aside from now on, with how few processes that ended on trial of it.
    fn sets_aside_too_soon(&self, before: &Record, after: &Record) -> Vec<(Digest, u32)> {
        let set_aside = after.quarantined.iter().filter(|digest| !before.quarantined.contains(digest));
        let ends = set_aside.map(|digest| (*digest, self.ended_by.get(digest).copied().unwrap_or_default()));
        ends.filter(|(_, ends)| *ends < ENDS_MIN).collect()
    }

    pub(crate) fn boots(world: &mut World, number: usize) {
        if world.planes[number].process.is_some() {
            return;
        }
        let instance = Uuid::from_u128(world.rng.u128(..));
        let born = world.now;
        let plane = &mut world.planes[number];
        plane.lives += 1;
        let id = Process { plane: number, life: plane.lives };
        let before = plane.disk.record.clone().unwrap_or_else(|| Record::new(PROJECT));
        let trials = before.trials.clone();
        plane.ended_by.retain(|digest, _| trials.contains_key(digest));
        let boot = before.clone().boot();
        let too_soon = plane.sets_aside_too_soon(&before, &boot.record);
        let mut at_work = BTreeMap::new();
        let (mut record, mut serving) = (boot.record, None);
        let has_current = record.current.is_some_and(|current| plane.disk.is_good(current));
        // As a gateway does: what is not there is not tried, and what was refused in order is doubted as it was.
        for candidate in &boot.candidates {
            if !plane.disk.artifacts.contains(candidate) {
                record.misses(*candidate);
                continue;
            }
            record.boots(*candidate);
            plane.disk.writes(&record, born);
            plane.disk.tried.insert(*candidate);
            at_work.insert(*candidate, born);
            if plane.disk.is_good(*candidate) {
                serving = Some(*candidate);
                break;
            }
            record.boots_without(*candidate);
        }
        record.booted(serving);
        plane.disk.writes(&record, born);
        let root_version = plane.disk.root_version;
        let innocent = record.quarantined.iter().find(|digest| !plane.disk.tried.contains(*digest)).copied();
        let unwritten = plane.disk.is_full.then(|| Failure::unavailable("disk", "no space left".to_owned()));
        let start = Start {
            identity: plane.identity(number, instance),
            record,
            unwritten,
            set_aside: boot.set_aside,
            running: serving,
            pinned: Trust::any_of([key(1).public()]),
            root: root_version.and_then(|version| world.control.database.root(version)).map(|(root, _)| root.clone()),
            bootstrap: Bootstrap::Absent,
            alarms: Vec::new(),
            damaged: Damaged::default(),
        };
        if let Some(digest) = innocent {
            world.find(|| format!("plane {number} sets {digest} aside, which it never had"));
        }
        for (digest, ends) in too_soon {
            world.find(|| format!("plane {number} sets {digest} aside, and {ends} processes ended on trial of it"));
        }
        if has_current && serving.is_none() {
            world.find(|| format!("plane {number} has an artifact to serve and boots without any"));
        }
        let moment = world.moment(number, born);
        let agent = Agent::new(start, moment);
        world.planes[number].process = Some(Running {
            id,
            agent,
            born,
            instance,
            serving,
            trials,
            at_work,
            connection: None,
            loading: None,
            wakes_at: None,
            written_at: born,
        });
        world.tell(|| format!("plane {number} boots, serving {serving:?}"));
        if serving.is_some_and(|digest| matches!(kind_of(digest), Kind::Poison | Kind::PoisonAtLoad)) {
            let pause = world.within(Duration::from_secs(4));
            world.after(pause, Happening::Dies(id));
        }
        Self::takes(world, id, Event::Tick);
    }

    /// A process is gone, as by SIGKILL: what it had not written yet may or may not be there.
    pub(crate) fn dies(world: &mut World, process: Process) {
        let now = world.now;
        let plane = &mut world.planes[process.plane];
        let Some(ended) = plane.process.take_if(|running| running.id == process) else { return };
        let known = plane.disk.record.as_ref().map(|record| record.trials.clone()).unwrap_or_default();
        for (digest, trials) in known {
            let is_new = trials > ended.trials.get(&digest).copied().unwrap_or_default();
            let is_on_trial = ended.at_work.get(&digest).is_some_and(|since| now <= *since + TRIAL_MAX);
            if is_new && (is_on_trial || plane.disk.is_behind(now)) {
                *plane.ended_by.entry(digest).or_default() += 1;
            }
        }
        if world.planted == Planted::FloorForgotten
            && let Some(record) = &mut plane.disk.record
        {
            record.taken = None;
        }
        world.tell(|| format!("plane {} dies", process.plane));
        let connections: Vec<_> = world
            .connections
            .iter()
            .filter(|(_, (own, _))| *own == process)
            .map(|(connection, _)| *connection)
            .collect();
        for connection in connections {
            // The kernel says so, or a power cut does not.
            if world.rng.bool() {
                let pause = world.within(Duration::from_millis(200));
                world.after(pause, Happening::LostByControl(connection));
            }
        }
        let pause = world.within(Duration::from_secs(20));
        world.after(pause, Happening::Boots(process.plane));
    }

    pub(crate) fn takes(world: &mut World, process: Process, event: Event) {
        let Some(running) = &world.planes[process.plane].process else { return };
        if running.id != process {
            return;
        }
        let born = running.born;
        let moment = world.moment(process.plane, born);
        let Some(running) = &mut world.planes[process.plane].process else { return };
        let effects = running.agent.handle(event, moment);
        if matches!(running.agent.state().phase, Phase::Rejected { code, .. } if code == "pointer_untrusted") {
            // A root that was told with it, or before, names whoever signed it.
            world.find(|| format!("plane {} refuses a pointer that is to be believed", process.plane));
        }
        for effect in effects {
            Self::does(world, process, effect);
            if world.planes[process.plane].process.is_none() {
                return;
            }
        }
        Self::sleeps(world, process);
    }

    /// To be woken when the machine asks for it, unless that will be anyway.
    fn sleeps(world: &mut World, process: Process) {
        let now = world.now;
        let Some(running) = &mut world.planes[process.plane].process else { return };
        let Some(wakes_at) = running.agent.wakes_at() else { return };
        let at = (running.born + wakes_at).max(now + Duration::from_millis(1));
        if running.wakes_at.is_none_or(|sooner| sooner <= now || at < sooner) {
            running.wakes_at = Some(at);
            world.after(at.saturating_sub(now), Happening::Wake(process));
        }
    }

    fn does(world: &mut World, process: Process, effect: Effect) {
        match effect {
            Effect::Connect => Self::connects(world, process),
            Effect::Disconnect => Self::hangs_up(world, process),
            Effect::Send(message) => Self::says(world, process, *message),
            Effect::Heartbeat { state, alarms } => {
                let heartbeat = Heartbeat { state, health: Health::default(), alarms };
                Self::says(world, process, FromDataPlane::Heartbeat(heartbeat));
            }
            Effect::Fetch { ticket, digest, .. } => Self::fetches(world, process, (ticket, digest)),
            Effect::Load { ticket, digest, .. } => Self::loads(world, process, (ticket, digest)),
            Effect::Swap { digest } => Self::swaps(world, process, digest),
            Effect::Persist { ticket, record } => Self::persists(world, process, (ticket, record)),
            Effect::FetchRoot { version } => Self::fetches_root(world, process, version),
            Effect::PersistRoot { root } => Self::persists_root(world, process, root.version()),
            Effect::Collect { needed } => {
                world.planes[process.plane].disk.artifacts.retain(|digest| needed.contains(digest));
            }
            Effect::CancelFetch { .. } => Self::calls_off(world, process),
            Effect::Judge { .. } | Effect::AskBootstrap { .. } => {}
        }
    }

    fn connects(world: &mut World, process: Process) {
        let connection = world.connection();
        let replica = world.rng.usize(0..world.control.replicas.len());
        if let Some(running) = &mut world.planes[process.plane].process {
            running.connection = Some(connection);
        }
        let pause = world.within(Duration::from_millis(400));
        let happening = if world.rng.u8(0..100) < world.luck.lost {
            Happening::Unreachable(process, connection)
        } else {
            Happening::Opens(process, connection, replica)
        };
        world.after(pause, happening);
    }

    fn hangs_up(world: &mut World, process: Process) {
        let Some(connection) =
            world.planes[process.plane].process.as_mut().and_then(|running| running.connection.take())
        else {
            return;
        };
        if world.rng.u8(0..100) >= world.luck.lost {
            let pause = world.within(Duration::from_millis(100));
            world.after(pause, Happening::LostByControl(connection));
        }
    }

    /// The network says that there is no connection.
    pub(crate) fn loses(world: &mut World, process: Process, connection: Connection) {
        if !world.planes[process.plane].is_at(process, connection) {
            return;
        }
        if let Some(running) = &mut world.planes[process.plane].process {
            running.connection = None;
        }
        Self::takes(world, process, Event::Disconnected(Ended::Unavailable { retry_after: None }));
    }

    fn says(world: &mut World, process: Process, message: FromDataPlane) {
        let connection = world.planes[process.plane].process.as_ref().and_then(|running| running.connection);
        if let Some(connection) = connection {
            world.says(connection, message);
        }
    }

    /// The id of the process that runs, which control planes see.
    pub(crate) fn instance(&self) -> Option<Uuid> {
        self.process.as_ref().map(|running| running.instance)
    }
}
