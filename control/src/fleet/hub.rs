//! All the connections of this control plane.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleet::message::{self, Reason};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::admission::{Admission, Place, Refused, random_below};
use super::ahead::Ahead;
use super::arrival::{self, Arrival};
use super::loading::Loading;
use super::orders::{Basis, Orders};
use super::seat::{End, Seat};
use super::session::{Session, goodbye};
use super::shares::Bound;
use super::{Bounds, REGISTERING, Times};
use crate::domain::act::Act;
use crate::domain::error::Error;
use crate::domain::id::{DeploymentId, ProjectId, TeamId};
use crate::domain::registry::{InstanceKey, Newcomer, Terms};
use crate::domain::store::Store;
use crate::domain::time::now;
use crate::telemetry::Metrics;

/// How long connections have for their goodbyes.
const FAREWELL: Duration = Duration::from_secs(2);

/// All the connections of this control plane.
pub struct Hub {
    /// Of this process: no other control plane has it.
    pub(super) replica: Uuid,
    pub(super) store: Arc<dyn Store>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) times: Times,
    admission: Admission,
    pub(super) groups: Mutex<HashMap<ProjectId, Arc<Group>>>,
    loading: Loading,
    numbers: AtomicU64,
    is_draining: AtomicBool,
    pub(super) unwritten: Mutex<Unwritten>,
    /// There is something that should be written soon.
    pub(super) hurry: Notify,
    /// Whoever waits for the last connection.
    left: Notify,
}

/// What is to be written. As many entries as there are connections, or were since it was last written.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    pub(super) heard: HashMap<InstanceKey, Arc<Seat>>,
    pub(super) left: HashMap<InstanceKey, Arc<Seat>>,
    /// Deployments whose pointers data planes are ahead of.
    pub(super) floors: HashMap<DeploymentId, Ahead>,
}

/// The connections of one project's data planes.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) project: ProjectId,
    since: Instant,
    pub(super) orders: watch::Sender<Arc<Orders>>,
    pub(super) terms: Mutex<Terms>,
    pub(super) seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
pub(super) struct Seats {
    pub(super) by_number: HashMap<u64, Arc<Seat>>,
    /// The newest connection of each process.
    newest: HashMap<InstanceKey, u64>,
}

/// A data plane that was let in, and has not said yet who it is.
#[derive(Debug)]
pub struct Guest {
    hub: Arc<Hub>,
    place: Place,
    group: Arc<Group>,
    team: TeamId,
    secret: [u8; 32],
    act: Act,
    address: Option<String>,
}

/// Why nobody is let in.
#[derive(Debug)]
pub enum Turned {
    /// Too many come at once, or are here: to come back after this time.
    Later(Bound, Duration),
    /// This control plane ends: to go elsewhere.
    Ending(Duration),
    /// The database does not answer, or the project is not there.
    Failed(Error),
}

/// Whose key was shown, from where.
#[derive(Debug)]
pub struct Shown {
    /// The project that the key is for.
    pub project: ProjectId,
    /// Whose that is.
    pub team: TeamId,
    /// SHA-256 of the secret.
    pub secret: [u8; 32],
    /// What the audit log will say.
    pub act: Act,
}

impl Hub {
    /// Nobody is connected yet.
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>, times: Times, bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            replica: Uuid::now_v7(),
            store,
            metrics,
            times,
            admission: Admission::new(bounds),
            groups: Mutex::default(),
            loading: Loading::default(),
            numbers: AtomicU64::default(),
            is_draining: AtomicBool::default(),
            unwritten: Mutex::default(),
            hurry: Notify::new(),
            left: Notify::new(),
        })
    }

    /// Lets a data plane in, before anything is promised to it.
    pub async fn admit(self: &Arc<Self>, shown: Shown) -> Result<Guest, Turned> {
        if self.is_draining.load(Ordering::Relaxed) {
            self.metrics.fleet.refused("ending");
            return Err(Turned::Ending(Duration::from_secs(1 + random_below(5))));
        }
        let place = self.admission.admit(shown.project).map_err(|Refused { bound, after }| {
            self.metrics.fleet.refused(bound.reason());
            Turned::Later(bound, after)
        })?;
        let group = self.group(shown.project).await.map_err(Turned::Failed)?;
        let address = shown.act.address.map(|address| address.to_string());
        let Shown { team, secret, act, .. } = shown;
        Ok(Guest { hub: Arc::clone(self), place, group, team, secret, act, address })
    }

    /// A project's group, with what its data planes are to serve.
    async fn group(&self, project: ProjectId) -> Result<Arc<Group>, Error> {
        let known = || self.groups().get(&project).cloned();
        if let Some(group) = known() {
            return Ok(group);
        }
        let _one_at_a_time = self.loading.turn(project).await;
        if let Some(group) = known() {
            return Ok(group);
        }
        let (plan, terms) = self.store.known_plan(project).await?;
        let data_planes = usize::try_from(terms.data_planes()).unwrap_or(usize::MAX);
        let basis = Basis { plan, root_version: terms.root_version, data_planes, calm: self.times.heartbeat };
        let group = Group {
            project,
            since: Instant::now(),
            orders: watch::Sender::new(Arc::new(Orders::new(basis))),
            terms: Mutex::new(terms),
            seats: Mutex::default(),
        };
        Ok(Arc::clone(self.groups().entry(project).or_insert_with(|| Arc::new(group))))
    }

    pub(super) fn groups(&self) -> MutexGuard<'_, HashMap<ProjectId, Arc<Group>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every connection.
    pub(super) fn seats(&self) -> Vec<Arc<Seat>> {
        let groups: Vec<_> = self.groups().values().cloned().collect();
        groups.iter().flat_map(|group| group.seats().by_number.values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.groups().values().all(|group| group.seats().by_number.is_empty())
    }

    fn sit(&self, group: &Arc<Group>, seat: &Arc<Seat>) -> Arc<Group> {
        let mut groups = self.groups();
        // It may have been forgotten in between, for want of anybody in it.
        let group = Arc::clone(groups.entry(group.project).or_insert_with(|| Arc::clone(group)));
        let mut seats = group.seats();
        seats.by_number.insert(seat.number, Arc::clone(seat));
        seats.newest.insert(seat.key, seat.number);
        drop(seats);
        drop(groups);
        let mut unwritten = self.unwritten();
        let earlier = [unwritten.left.remove(&seat.key), unwritten.heard.insert(seat.key, Arc::clone(seat))];
        drop(unwritten);
        earlier.into_iter().flatten().for_each(|earlier| seat.succeed(&earlier));
        self.hurry.notify_one();
        group
    }

    pub(super) fn leave(&self, group: &Group, seat: &Arc<Seat>) {
        let mut seats = group.seats();
        seats.by_number.remove(&seat.number);
        let newest = seats.newest.get(&seat.key).copied();
        if newest == Some(seat.number) {
            seats.newest.remove(&seat.key);
        }
        let newer = newest.and_then(|number| seats.by_number.get(&number)).cloned();
        drop(seats);
        match newer {
            // A process that has connected anew is still there.
            Some(newer) => newer.succeed(seat),
            None => {
                self.unwritten().left.insert(seat.key, Arc::clone(seat));
            }
        }
        self.left.notify_waiters();
    }

    /// Sends everybody elsewhere, and lets nobody in any more. Returns when all have left, or were left behind after
    /// `patience`.
    pub async fn drain(&self, patience: Duration) {
        self.is_draining.store(true, Ordering::Relaxed);
        let within = patience.mul_f64(0.8);
        for seat in self.seats() {
            seat.standing.send_modify(|standing| standing.drain = Some(within));
        }
        self.until_empty(Instant::now() + patience).await;
        self.seats().iter().for_each(|seat| seat.end(End::ENDING));
        self.until_empty(Instant::now() + FAREWELL).await;
    }

    async fn until_empty(&self, deadline: Instant) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            if self.is_empty() || timeout_at(deadline, left).await.is_err() {
                return;
            }
        }
    }
}

impl Group {
    /// How many data planes are to be reckoned with: those that are connected; and for as long as they have to come back
    /// after a start, all that are known.
    pub(super) fn expected(&self, return_time: Duration) -> usize {
        let connected = self.seats().by_number.len();
        if self.since.elapsed() >= return_time {
            return connected;
        }
        let known = self.terms().data_planes();
        connected.max(usize::try_from(known).unwrap_or(usize::MAX))
    }

    pub(super) fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn terms(&self) -> MutexGuard<'_, Terms> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Registers it as what it says it is. What is given back instead of a session is the frame to part with: in time,
    /// since nothing that it says is read meanwhile.
    pub async fn register(self, hello: message::Hello) -> Result<Session, bytes::Bytes> {
        timeout(REGISTERING, self.begin(hello)).await.unwrap_or_else(|_| {
            tracing::warn!("a data plane cannot be registered in time");
            Err(goodbye(Reason::Ending, "the control plane cannot register anybody right now"))
        })
    }

    async fn begin(self, hello: message::Hello) -> Result<Session, bytes::Bytes> {
        let Self { hub, mut place, group, team, secret, act, address } = self;
        let arrival = Arrival::read(hello, address, now());
        let arrival = arrival.map_err(|arrival::Error::Invalid { member, why }| {
            goodbye(Reason::Protocol, &format!("`hello`: `{member}`: {why}"))
        })?;
        let newcomer = Newcomer {
            project: group.project,
            team,
            name: arrival.name,
            labels: arrival.instance.labels.clone(),
            gateway_host: arrival.gateway_host,
            instance: arrival.instance.id,
            remembered_max: hub.admission.remembered_max,
        };
        let turn = hub.admission.turn().await;
        let member = hub.store.register(&act, &newcomer).await.map_err(|error| refusal(&error))?;
        drop(turn);
        place.is_known();
        let number = hub.numbers.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat::new(number, member, secret, (arrival.instance, arrival.alarm)));
        let group = hub.sit(&group, &seat);
        if hub.is_draining.load(Ordering::Relaxed) {
            seat.end(End::ENDING);
        }
        Ok(Session::new(hub, group, seat, place))
    }
}

/// What a data plane is told that cannot be registered.
fn refusal(error: &Error) -> bytes::Bytes {
    match error {
        Error::NotFound(_) => goodbye(Reason::Removed, "the project is not there any more"),
        Error::Unavailable { .. } | Error::Unsettled(_) | Error::Refused(_) | Error::Damaged(_) => {
            tracing::warn!(%error, "a data plane cannot be registered");
            goodbye(Reason::Ending, "the control plane cannot register anybody right now")
        }
        Error::NameTaken { .. }
        | Error::Conflict(_)
        | Error::QueueFull { .. }
        | Error::Pinned(_)
        | Error::Stale { .. }
        | Error::Invalid(_)
        | Error::MissingScope(_) => goodbye(Reason::Protocol, &error.to_string()),
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("replica", &self.replica).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::Plan;

    #[test]
    fn whoever_is_known_is_reckoned_with_until_it_has_had_time_to_come_back() {
        let (project, calm) = (ProjectId::new(), Duration::from_secs(30));
        let basis = Basis { plan: Plan::empty(project), root_version: None, data_planes: 0, calm };
        let group = Group {
            project,
            since: Instant::now(),
            orders: watch::Sender::new(Arc::new(Orders::new(basis))),
            terms: Mutex::new(Terms { members: (1000, 0, 0), ..Terms::default() }),
            seats: Mutex::default(),
        };
        assert_eq!(group.expected(Duration::from_hours(1)), 1000);
        assert_eq!(group.expected(Duration::ZERO), 0);
    }
}
