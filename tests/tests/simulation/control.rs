//! Control planes: a database that they share, and what each of them holds of it. What a data plane is to serve is the real
//! [`Plan`]'s decision; the rest is the protocol as its reference page has it.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use artifact_format::container;
use artifact_format::pointer::{Pointer, PointerHash, SignedPointer};
use artifact_format::root::{Root, SignedRoot, Terms};
use artifact_format::signature::SigningKey;
use control::domain::digest::Digest;
use control::domain::id::{DataPlaneId, DeploymentId, ProjectId};
use control::domain::label::{Labels, Selector};
use control::domain::plan::{Entry, Pace, Plan, Reached};
use fastrand::Rng;
use fleet::message::{ArtifactAvailable, FromControlPlane, FromDataPlane, HeartbeatAck, Hello, State, Wanted, Welcome};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Planted;
use crate::world::{Connection, Happening, World};

pub(crate) const PROJECT: &str = "01990000-0000-7000-8000-000000000001";
const HEARTBEAT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_secs(2);
/// The longest time within which data planes fetch what is new, as in a large fleet.
const FETCH_WITHIN_MAX_MS: u64 = 30_000;
/// A pointer is good for two weeks.
const LIFE_SECONDS: u64 = 14 * 24 * 3600;

/// As many versions of the trust root as there are at most: each names one key more.
const ROOTS_MAX: u8 = 12;

/// The key that was made for this version of the trust root, and signs until there is another one.
pub(crate) fn key(version: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([version; 32]))
}

/// A trust root that names the keys of all versions up to this one.
fn terms(version: u8) -> Terms {
    let keys = (1..=version).map(|version| key(version).public()).collect();
    Terms { threshold: NonZeroU16::MIN, keys, issued_at: 1 }
}

/// What an artifact does to whoever serves it: its digest says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Good,
    /// It is refused when it is loaded.
    Refused,
    /// It kills the process that loads it.
    PoisonAtLoad,
    /// It kills the process soon after it is served.
    Poison,
}

pub(crate) fn kind_of(digest: container::Digest) -> Kind {
    match digest.0[0] % 8 {
        5 => Kind::Refused,
        6 => Kind::PoisonAtLoad,
        7 => Kind::Poison,
        _ => Kind::Good,
    }
}

/// Something that was deployed.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    id: DeploymentId,
    artifact: container::Digest,
    selector: Selector,
    pub(crate) reached: Reached,
    pub(crate) is_withdrawn: bool,
    pointer: Arc<SignedPointer>,
}

/// What control planes share.
pub(crate) struct Database {
    pub(crate) is_up: bool,
    pub(crate) plan: Plan,
    serial: u64,
    previous: Option<PointerHash>,
    /// Oldest first.
    pub(crate) deployments: Vec<Deployment>,
    /// Every pointer that was ever issued, and which root was the newest.
    pub(crate) issued: Vec<(SignedPointer, NonZeroU64)>,
    /// Every version of the trust root, oldest first; there is one.
    pub(crate) roots: Vec<(Root, SignedRoot)>,
    /// What each process last said.
    pub(crate) said: BTreeMap<(usize, Uuid), State>,
}

/// A control plane.
pub(crate) struct Replica {
    pub(crate) is_up: bool,
    plan: Plan,
    root_version: NonZeroU64,
    pub(crate) sessions: BTreeMap<Connection, Session>,
    unwritten: BTreeMap<(usize, Uuid), State>,
}

/// A conversation, as a control plane sees it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) plane: usize,
    pub(crate) instance: Uuid,
    labels: Labels,
    told: Option<NonZeroU64>,
    heard_at: Duration,
}

pub(crate) struct Control {
    pub(crate) database: Database,
    pub(crate) replicas: Vec<Replica>,
}

/// A data plane's id: by its number.
pub(crate) fn data_plane(number: usize) -> DataPlaneId {
    DataPlaneId(Uuid::from_u128(number as u128 + 1))
}

pub(crate) fn labels(said: &BTreeMap<String, String>) -> Labels {
    said.iter().map(|(key, value)| (key.parse().unwrap(), value.parse().unwrap())).collect()
}

impl Database {
    /// The newest version of the trust root.
    pub(crate) fn root_version(&self) -> NonZeroU64 {
        self.roots.last().unwrap().0.version()
    }

    /// A version of the trust root, if it was published.
    pub(crate) fn root(&self, version: NonZeroU64) -> Option<&(Root, SignedRoot)> {
        self.roots.iter().find(|(root, _)| root.version() == version)
    }

    /// What was withdrawn last of what was for data planes with these labels.
    fn withdrawn(&self, labels: &Labels) -> Option<SignedPointer> {
        let is_it = |deployment: &&Deployment| deployment.is_withdrawn && deployment.selector.matches(labels);
        self.deployments.iter().rev().find(is_it).map(|deployment| (*deployment.pointer).clone())
    }
}

impl Control {
    pub(crate) fn new(replicas: usize, _: &mut Rng) -> Self {
        let plan = Plan::empty(ProjectId(PROJECT.parse().unwrap()));
        let first = Root::first(PROJECT, terms(1)).unwrap();
        let roots = vec![(first.clone(), SignedRoot::new(first).sign(&key(1)))];
        let replica = || Replica {
            is_up: true,
            plan: plan.clone(),
            root_version: NonZeroU64::MIN,
            sessions: BTreeMap::new(),
            unwritten: BTreeMap::new(),
        };
        let replicas = (0..replicas).map(|_| replica()).collect();
        let database = Database {
            is_up: true,
            plan,
            serial: 0,
            previous: None,
            deployments: Vec::new(),
            issued: Vec::new(),
            roots,
            said: BTreeMap::new(),
        };
        Self { database, replicas }
    }

    /// A new key takes the place of the one that signs, which goes on being believed: a newer trust root names both.
    pub(crate) fn rotates(world: &mut World) {
        let roots = &mut world.control.database.roots;
        let version = u8::try_from(roots.len()).unwrap() + 1;
        if version > ROOTS_MAX {
            return;
        }
        let next = roots.last().unwrap().0.next(terms(version)).unwrap();
        let signed = SignedRoot::new(next.clone()).sign(&key(version - 1)).sign(&key(version));
        roots.push((next, signed));
        world.tell(|| format!("root {version} is published"));
        Self::announces(world);
    }

    /// The plan changed: control planes are told.
    pub(crate) fn changed(world: &mut World) {
        let database = &mut world.control.database;
        let entry = |deployment: &Deployment| Entry {
            deployment: deployment.id,
            selector: deployment.selector.clone(),
            reached: deployment.reached.clone(),
            pointer: Arc::clone(&deployment.pointer),
            artifact: Digest(deployment.artifact.0),
            pace: Pace::Calm,
        };
        let in_effect = database.deployments.iter().rev().filter(|deployment| !deployment.is_withdrawn);
        database.plan.entries = in_effect.map(entry).collect();
        database.plan.revision += 1;
        Self::announces(world);
    }

    /// Control planes are told that something changed, mostly.
    fn announces(world: &mut World) {
        for replica in 0..world.control.replicas.len() {
            if world.rng.u8(0..100) < 80 {
                let pause = world.within(Duration::from_millis(300));
                world.after(pause, Happening::Notified(replica));
            }
        }
    }

    /// Deploys an artifact.
    pub(crate) fn deploys(world: &mut World, artifact: container::Digest, selector: &str, reached: Reached) {
        let selector: Selector = selector.parse().unwrap();
        let pointer = Self::issues(world, artifact, &selector, 0);
        let id = DeploymentId(Uuid::from_u128(u128::from(pointer.serial().get()) << 64));
        let deployment = Deployment { id, artifact, selector, reached, is_withdrawn: false, pointer };
        world.control.database.deployments.push(deployment);
        Self::changed(world);
    }

    /// A deployment gets a new pointer, above this serial.
    pub(crate) fn issues_anew(world: &mut World, at: usize, above: u64) {
        let Deployment { artifact, selector, .. } = world.control.database.deployments[at].clone();
        let pointer = Self::issues(world, artifact, &selector, above);
        world.control.database.deployments[at].pointer = pointer;
    }

    fn issues(world: &mut World, artifact: container::Digest, selector: &Selector, above: u64) -> Arc<SignedPointer> {
        let now = world.unix();
        let database = &mut world.control.database;
        let root_version = database.root_version();
        database.serial = database.serial.max(above) + 1;
        let pointer = Pointer {
            project: PROJECT.to_owned(),
            group: selector.to_string(),
            serial: NonZeroU64::new(database.serial).unwrap(),
            previous: database.previous,
            artifact,
            length: NonZeroU64::new(4096).unwrap(),
            issued_at: now,
            expires_at: now + LIFE_SECONDS,
        };
        database.previous = Some(pointer.hash());
        let signed = SignedPointer::new(pointer).unwrap().sign(&key(u8::try_from(root_version.get()).unwrap()));
        database.issued.push((signed.clone(), root_version));
        Arc::new(signed)
    }

    pub(crate) fn hears(world: &mut World, connection: Connection, message: FromDataPlane) {
        let Some((process, number)) = world.connections.get(&connection).copied() else { return };
        if !world.control.replicas[number].is_up {
            return;
        }
        let now = world.now;
        match message {
            FromDataPlane::Hello(hello) => {
                let Hello { instance_id, labels: said, state, .. } = hello;
                let session = Session {
                    plane: process.plane,
                    instance: instance_id,
                    labels: labels(&said),
                    told: None,
                    heard_at: now,
                };
                world.control.replicas[number].sessions.insert(connection, session);
                Self::notes(world, (number, connection), state);
                let wanted = Self::wants(world, (number, connection));
                let welcome = Welcome { data_plane: data_plane(process.plane).0, now_ms: world.unix() * 1000, wanted };
                world.tells(connection, FromControlPlane::Welcome(welcome));
            }
            FromDataPlane::Heartbeat(heartbeat) => {
                if !world.control.replicas[number].sessions.contains_key(&connection) {
                    return;
                }
                Self::notes(world, (number, connection), heartbeat.state);
                let wanted = Self::wants(world, (number, connection));
                world.tells(connection, FromControlPlane::HeartbeatAck(HeartbeatAck { wanted }));
            }
            FromDataPlane::Status(status) => Self::notes(world, (number, connection), status.state),
        }
    }

    /// What is wanted of a data plane, by what this control plane knows.
    fn wants(world: &mut World, (number, connection): (usize, Connection)) -> Wanted {
        let (planted, fetch_within_ms) = (world.planted, world.rng.u64(0..=FETCH_WITHIN_MAX_MS));
        // More often while a deployment is under way, and less often again.
        let heartbeat_ms = if world.rng.bool() { 5_000 } else { 30_000 };
        let database = &world.control.database;
        let replica = &mut world.control.replicas[number];
        let session = replica.sessions.get(&connection);
        let entry = session.and_then(|session| replica.plan.wanted(data_plane(session.plane), &session.labels));
        let pointer = entry.map(|entry| (*entry.pointer).clone());
        let offers_on = |_: &&Session| planted == Planted::WithdrawnOffered;
        let withdrawn = session.filter(offers_on).and_then(|session| database.withdrawn(&session.labels));
        let pointer = pointer.or(withdrawn);
        if let Some(session) = replica.sessions.get_mut(&connection) {
            session.told = pointer.as_ref().map(SignedPointer::serial);
        }
        let pointer = pointer.filter(|_| planted != Planted::SaidOnce);
        let root_version = Some(replica.root_version);
        Wanted { heartbeat_ms, pointer: pointer.map(Into::into), root_version, fetch_within_ms }
    }

    /// What a data plane says of itself.
    fn notes(world: &mut World, (number, connection): (usize, Connection), state: State) {
        let now = world.now;
        let replica = &mut world.control.replicas[number];
        let Some(session) = replica.sessions.get_mut(&connection) else { return };
        session.heard_at = now;
        let entry = replica.plan.wanted(data_plane(session.plane), &session.labels);
        let behind = entry.filter(|entry| state.pointer_serial.is_some_and(|seen| seen > entry.pointer.serial()));
        let behind = behind.map(|entry| entry.deployment);
        let seen = state.pointer_serial.map_or(0, NonZeroU64::get);
        replica.unwritten.insert((session.plane, session.instance), state);
        Self::writes(world, number);
        if let Some(deployment) = behind
            && world.control.database.is_up
            && world.planted != Planted::OldPointerOffered
        {
            let deployments = &world.control.database.deployments;
            let at = deployments.iter().position(|own| own.id == deployment && own.pointer.serial().get() < seen);
            if let Some(at) = at {
                Self::issues_anew(world, at, seen);
                Self::changed(world);
            }
        }
    }

    /// What was said is written down, if there is where.
    fn writes(world: &mut World, number: usize) {
        if world.control.database.is_up {
            let unwritten = std::mem::take(&mut world.control.replicas[number].unwritten);
            world.control.database.said.extend(unwritten);
        }
    }

    pub(crate) fn polls(world: &mut World, number: usize) {
        world.after(POLL, Happening::Polls(number));
        if !world.control.replicas[number].is_up {
            return;
        }
        Self::writes(world, number);
        Self::looks(world, number);
        if world.planted == Planted::RootLearnedLate && world.control.database.is_up {
            world.control.replicas[number].root_version = world.control.database.root_version();
        }
        if world.planted == Planted::SilenceBorne {
            return;
        }
        let now = world.now;
        let sessions = world.control.replicas[number].sessions.iter();
        let silent = sessions.filter(|(_, session)| session.heard_at + HEARTBEAT * 3 / 2 < now);
        let silent: Vec<_> = silent.map(|(connection, _)| *connection).collect();
        for connection in silent {
            world.tell(|| format!("{connection:?} was silent for too long"));
            world.control.replicas[number].sessions.remove(&connection);
            Self::breaks(world, connection);
        }
    }

    /// The data plane's end of a connection hears that it is gone, mostly.
    pub(crate) fn breaks(world: &mut World, connection: Connection) {
        let Some((process, replica)) = world.connections.get(&connection).copied() else { return };
        if !world.is_apart(process.plane, replica) && world.rng.u8(0..100) >= world.luck.lost {
            let pause = world.within(Duration::from_millis(100));
            world.after(pause, Happening::LostByPlane(process, connection));
        }
    }

    pub(crate) fn loses(world: &mut World, connection: Connection) {
        let Some((process, number)) = world.connections.get(&connection).copied() else { return };
        if !world.is_apart(process.plane, number) {
            world.control.replicas[number].sessions.remove(&connection);
        }
    }

    /// Takes over what is to be served and which root is the newest, and says what changed.
    pub(crate) fn looks(world: &mut World, number: usize) {
        let (database, replica) = (&world.control.database, &world.control.replicas[number]);
        let is_late = world.planted == Planted::RootLearnedLate;
        let root_version = if is_late { replica.root_version } else { database.root_version() };
        let has_newer_root = root_version > replica.root_version;
        if !replica.is_up || !database.is_up || (replica.plan.revision == database.plan.revision && !has_newer_root) {
            return;
        }
        let plan = database.plan.clone();
        let (mut news, mut others) = (Vec::new(), Vec::new());
        let replica = &mut world.control.replicas[number];
        (replica.plan, replica.root_version) = (plan, root_version);
        for (connection, session) in &mut replica.sessions {
            let entry = replica.plan.wanted(data_plane(session.plane), &session.labels);
            let serial = entry.map(|entry| entry.pointer.serial());
            if session.told != serial {
                session.told = serial;
                news.extend(entry.map(|entry| (*connection, (*entry.pointer).clone())));
            } else if has_newer_root {
                others.push(*connection);
            }
        }
        for (connection, pointer) in news {
            let fetch_within_ms = world.rng.u64(0..=FETCH_WITHIN_MAX_MS);
            let (pointer, root_version) = (pointer.into(), Some(root_version));
            let available = ArtifactAvailable { pointer, root_version, fetch_within_ms };
            world.tells(connection, FromControlPlane::ArtifactAvailable(available));
        }
        for connection in others {
            let wanted = Self::wants(world, (number, connection));
            world.tells(connection, FromControlPlane::HeartbeatAck(HeartbeatAck { wanted }));
        }
    }

    /// A control plane ends, as by SIGKILL.
    pub(crate) fn dies(world: &mut World, number: usize) {
        let replica = &mut world.control.replicas[number];
        replica.is_up = false;
        replica.unwritten.clear();
        let connections: Vec<_> = std::mem::take(&mut replica.sessions).into_keys().collect();
        for connection in connections {
            if world.rng.bool() {
                Self::breaks(world, connection);
            }
        }
    }

    /// It starts anew: it knows nothing until it has asked the database.
    pub(crate) fn starts(world: &mut World, number: usize) {
        let plan = world.control.database.plan.clone();
        let root_version = world.control.database.root_version();
        let replica = &mut world.control.replicas[number];
        if !replica.is_up && world.control.database.is_up {
            (replica.plan, replica.root_version) = (plan, root_version);
            replica.is_up = true;
        }
    }
}
