//! Writes what data planes said, many at a time, and decides who is gone.
//!
//! Nobody is declared gone by a look at a clock: a database that was away makes every time in it old. A replica is gone
//! when another one, which has reached the database all the while, has seen it write nothing for [`REPLICA_LEASE`]; a process
//! whose time to come back is over is gone when the replica that says so has reached the database for as long as data
//! planes may take to come back. A process that was started anew is gone as soon as its successor has come.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::hub::{Hub, Unwritten};
use super::seat::{End, Seat};
use crate::domain::error::Error;
use crate::domain::node::Measured;
use crate::domain::registry::{DRIFT_GRACE_SECONDS, Grounds, Heard, Lease, Replica};
use crate::domain::time::now;

/// How often what was heard is written.
const WRITTEN_EVERY: Duration = Duration::from_secs(2);
/// How long to gather, where something should be written soon.
const GATHERED_FOR: Duration = Duration::from_millis(100);
/// How long a replica may write nothing: several of its times to write.
const REPLICA_LEASE: Duration = Duration::from_secs(15);
/// How often it is looked for who drifts.
const DRIFT_EVERY: Duration = Duration::from_secs(30);
/// How often it is looked for what is too old.
const FORGOTTEN_EVERY: Duration = Duration::from_hours(1);
/// How long processes that are gone are remembered.
const INSTANCES_REMEMBERED: Duration = Duration::from_hours(24);

/// Writes what data planes said.
#[derive(Debug)]
pub struct Scribe {
    hub: Arc<Hub>,
    /// Since when the database was reached every time.
    healthy_since: Option<Instant>,
    /// What each replica last wrote, and since when that is known.
    replicas: HashMap<Uuid, (i64, Instant)>,
    drift_at: Option<Instant>,
    forgotten_at: Option<Instant>,
}

impl Scribe {
    /// Of a hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub, healthy_since: None, replicas: HashMap::new(), drift_at: None, forgotten_at: None }
    }

    /// Writes until `stop`, and once more then: what is left says that nobody is connected here any more.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(WRITTEN_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            let turn = tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => self.turn().await,
                () = self.hub.hurry.notified() => {
                    sleep(GATHERED_FOR).await;
                    self.hub.write().await
                }
            };
            match turn {
                Ok(()) => {
                    self.healthy_since.get_or_insert_with(Instant::now);
                }
                Err(error) => {
                    tracing::warn!(%error, "what data planes said is not written yet");
                    self.healthy_since = None;
                    self.replicas.clear();
                    // Not at every word of ten thousand.
                    sleep(WRITTEN_EVERY).await;
                }
            }
        }
        if let Err(error) = self.end().await {
            tracing::warn!(%error, "what data planes said last is not written; they have time to come back elsewhere");
        }
    }

    /// Writes what is left, and that this control plane holds nobody any more: no other one has to find out.
    async fn end(&self) -> Result<(), Error> {
        self.hub.write().await?;
        let known = self.hub.store.replicas().await?;
        if let Some(own) = known.into_iter().find(|replica| replica.id == self.hub.replica) {
            self.hub.store.bury_replica(own, self.hub.times.return_time).await?;
        }
        Ok(())
    }

    async fn turn(&mut self) -> Result<(), Error> {
        self.hub.write().await?;
        self.hub.count();
        self.bury().await?;
        self.hub.declare_gone(Grounds::Replaced).await?;
        if self.drift_at.is_none_or(|at| at.elapsed() >= DRIFT_EVERY) {
            self.hub.note_drift().await?;
            self.drift_at = Some(Instant::now());
        }
        let time = self.hub.times.return_time;
        if self.healthy_since.is_some_and(|since| since.elapsed() >= time) {
            self.hub.declare_gone(Grounds::Overdue).await?;
            if self.forgotten_at.is_none_or(|at| at.elapsed() >= FORGOTTEN_EVERY) {
                self.hub.forget().await?;
                self.forgotten_at = Some(Instant::now());
            }
        }
        Ok(())
    }

    /// Gives up replicas that have written nothing for too long.
    async fn bury(&mut self) -> Result<(), Error> {
        let known = self.hub.store.replicas().await?;
        self.replicas.retain(|id, _| known.iter().any(|replica| replica.id == *id));
        for replica in known.into_iter().filter(|replica| replica.id != self.hub.replica) {
            let Replica { id, flushed_at } = replica;
            let seen = self.replicas.entry(id).or_insert((flushed_at, Instant::now()));
            if seen.0 != flushed_at {
                *seen = (flushed_at, Instant::now());
            } else if seen.1.elapsed() >= REPLICA_LEASE {
                match self.hub.store.bury_replica(replica, self.hub.times.return_time).await? {
                    // One that holds nobody writes nothing.
                    0 => tracing::debug!(replica = %id, "a control plane holds nobody any more"),
                    left => tracing::warn!(
                        replica = %id, data_planes = left,
                        "a control plane is gone; its data planes have time to come back"
                    ),
                }
            }
        }
        Ok(())
    }
}

impl Hub {
    /// Writes what is not written. What fails is written the next time.
    async fn write(&self) -> Result<(), Error> {
        let taken = std::mem::take(&mut *self.unwritten());
        if taken.heard.is_empty() && taken.left.is_empty() && taken.floors.is_empty() && self.is_empty() {
            // A control plane that holds nobody is missed by nobody.
            return Ok(());
        }
        let written = self.write_these(&taken).await;
        if written.is_err() {
            self.put_back(taken);
        }
        written
    }

    async fn write_these(&self, Unwritten { heard, left, floors }: &Unwritten) -> Result<(), Error> {
        let here = heard.iter().filter(|(key, _)| !left.contains_key(key)).map(|(_, seat)| seat);
        let (here, gone): (Vec<_>, Vec<_>) = (here.collect(), left.values().collect());
        let kept = taking(&here, async |rows| self.store.keep_heard(self.replica, rows).await).await?;
        for seat in here.iter().filter(|seat| kept.missing.contains(&seat.key)) {
            seat.end(End::REMOVED);
        }
        if kept.lease == Lease::Begun {
            // It was given up, with everybody whom it holds: whoever says nothing new would stay away.
            let mut unwritten = self.unwritten();
            for seat in self.seats() {
                unwritten.heard.entry(seat.key).or_insert(seat);
            }
        }
        let absence = self.times.absence();
        taking(&gone, async |rows| self.store.let_go(self.replica, rows, absence).await).await?;
        self.write_traffic(heard.values().chain(left.values())).await?;
        for (deployment, ahead) in floors {
            match self.raise_floor(*deployment, ahead).await {
                Ok(()) => {}
                Err(error @ (Error::Unavailable { .. } | Error::Unsettled(_))) => return Err(error),
                Err(error) => {
                    let serial = ahead.serial;
                    tracing::warn!(%error, %deployment, %serial, "data planes are ahead of their pointer");
                }
            }
        }
        Ok(())
    }

    async fn write_traffic<'s>(&self, seats: impl Iterator<Item = &'s Arc<Seat>>) -> Result<(), Error> {
        let taken: Vec<_> = seats
            .flat_map(|seat| seat.take_traffic().into_iter().map(move |(artifact, traffic)| (seat, artifact, traffic)))
            .collect();
        if taken.is_empty() {
            return Ok(());
        }
        let measured = taken.iter().map(|(seat, artifact, traffic)| Measured {
            data_plane: seat.key.data_plane,
            artifact: *artifact,
            traffic: *traffic,
        });
        let written = self.store.record_health(&measured.collect::<Vec<_>>()).await;
        if written.is_err() {
            for (seat, artifact, traffic) in taken {
                seat.add_traffic(artifact, traffic);
            }
        }
        written
    }

    fn put_back(&self, taken: Unwritten) {
        let mut unwritten = self.unwritten();
        for (key, seat) in taken.heard {
            match unwritten.heard.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(seat);
                }
                Entry::Occupied(newer) if newer.get().number > seat.number => newer.get().succeed(&seat),
                Entry::Occupied(_) => {}
            }
        }
        for (key, seat) in taken.left {
            match unwritten.heard.get(&key).filter(|newer| newer.number > seat.number) {
                // It has come back.
                Some(newer) => newer.succeed(&seat),
                None => {
                    unwritten.left.entry(key).or_insert(seat);
                }
            }
        }
        for (deployment, ahead) in taken.floors {
            unwritten.is_ahead(deployment, ahead);
        }
    }

    /// Those that do not come back.
    async fn declare_gone(&self, grounds: Grounds) -> Result<(), Error> {
        loop {
            match self.store.declare_gone(grounds).await? {
                0 => return Ok(()),
                processes => tracing::info!(processes, ?grounds, "data planes did not come back"),
            }
        }
    }

    async fn forget(&self) -> Result<(), Error> {
        if let Some(before) = earlier(INSTANCES_REMEMBERED) {
            while self.store.forget_instances(before).await? > 0 {}
        }
        if let Some(before) = self.times.remembered.and_then(earlier) {
            while self.store.forget_data_planes(before).await? > 0 {}
        }
        Ok(())
    }

    async fn note_drift(&self) -> Result<(), Error> {
        let Some(before) = earlier(Duration::from_secs(DRIFT_GRACE_SECONDS.unsigned_abs())) else { return Ok(()) };
        let count = self.store.note_drift(self.replica, before).await?;
        if count > 0 {
            tracing::warn!(
                data_planes = count,
                "data planes do not serve what they are to serve; see their deployments' history"
            );
        }
        Ok(())
    }

    /// Counts who is connected, for those who look at metrics.
    fn count(&self) {
        let seats = self.seats();
        let phases = seats.iter().map(|seat| {
            let told = seat.told();
            (told.instance.phase.clone(), told.instance.drift_since)
        });
        self.metrics.fleet.connected(phases.collect());
    }
}

/// Writes what these said. What is not written is taken again the next time.
async fn taking<T>(seats: &[&Arc<Seat>], write: impl AsyncFnOnce(&[Heard]) -> Result<T, Error>) -> Result<T, Error> {
    let rows: Vec<_> = seats.iter().map(|seat| seat.take_heard()).collect();
    let written = write(&rows).await;
    if written.is_err() {
        seats.iter().zip(rows).for_each(|(seat, heard)| seat.put_back(heard));
    }
    written
}

fn earlier(time: Duration) -> Option<Timestamp> {
    now().checked_sub(SignedDuration::try_from(time).ok()?).ok()
}
