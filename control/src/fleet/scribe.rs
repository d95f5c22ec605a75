//! Writes what data planes said, many at a time, and decides who is gone.
//!
//! Nobody is declared gone by a look at a clock: a database that was away makes every time in it old. A replica is gone
//! when another one, which has reached the database all the while, has seen it write nothing for [`REPLICA_LEASE`]; a process
//! whose time to come back is over is gone when the replica that says so has reached the database for as long as data
//! planes may take to come back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::hub::{Hub, Unwritten};
use super::seat::{End, Seat};
use crate::domain::error::Error;
use crate::domain::node::{Measured, Occasion, Presence, Said};
use crate::domain::registry::{Heard, Overdue, Replica};
use crate::domain::time::now;

/// How often what was heard is written.
const WRITTEN_EVERY: Duration = Duration::from_secs(2);
/// How long to gather, where something should be written soon.
const GATHERED_FOR: Duration = Duration::from_millis(100);
/// How long a replica may write nothing: several of its times to write.
const REPLICA_LEASE: Duration = Duration::from_secs(15);
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
    forgotten_at: Option<Instant>,
}

impl Scribe {
    /// Of a hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub, healthy_since: None, replicas: HashMap::new(), forgotten_at: None }
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
        if let Err(error) = self.hub.write().await {
            tracing::warn!(%error, "what data planes said last is not written; they have time to come back elsewhere");
        }
    }

    async fn turn(&mut self) -> Result<(), Error> {
        self.hub.write().await?;
        self.hub.count();
        self.bury().await?;
        let time = self.hub.times.return_time;
        if self.healthy_since.is_some_and(|since| since.elapsed() >= time) {
            self.hub.declare_gone().await?;
        }
        if self.forgotten_at.is_none_or(|at| at.elapsed() >= FORGOTTEN_EVERY) {
            self.hub.forget().await?;
            self.forgotten_at = Some(Instant::now());
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
                let left = self.hub.store.bury_replica(replica, self.hub.times.return_time).await?;
                tracing::warn!(replica = %id, data_planes = left, "a control plane is gone; its data planes have time to come back");
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
        // Of those who left, only what nobody knows of: somebody else may hold them by now.
        let unknown = left.values().filter(|seat| !seat.is_written() && !heard.contains_key(&seat.key));
        let seats: Vec<&Arc<Seat>> =
            heard.values().filter(|seat| !left.contains_key(&seat.key) || !seat.is_written()).chain(unknown).collect();
        let rows: Vec<_> =
            seats.iter().map(|seat| Heard { key: seat.key, instance: seat.told().instance.clone() }).collect();
        let missing = self.store.keep_heard(self.replica, &rows).await?;
        for seat in seats {
            seat.is_written.store(true, Ordering::Relaxed);
            if missing.contains(&seat.key) {
                seat.end(End::REMOVED);
            }
        }
        let everybody = heard.values().chain(left.values());
        self.write_said(everybody.clone()).await?;
        self.write_traffic(everybody).await?;
        let keys: Vec<_> = left.keys().copied().collect();
        self.store.let_go(self.replica, &keys, self.times.absence()).await?;
        for (deployment, serial) in floors {
            match self.store.raise_floor(*deployment, *serial).await {
                Ok(()) => {}
                Err(error @ Error::Unavailable { .. }) => return Err(error),
                Err(error) => tracing::warn!(%error, %deployment, %serial, "data planes are ahead of their pointer"),
            }
        }
        Ok(())
    }

    async fn write_said<'s>(&self, seats: impl Iterator<Item = &'s Arc<Seat>>) -> Result<(), Error> {
        let mut taken: Vec<(&Arc<Seat>, Vec<Said>)> = Vec::new();
        for seat in seats {
            let said = std::mem::take(&mut seat.told().said);
            if !said.is_empty() {
                taken.push((seat, said));
            }
        }
        let all: Vec<_> = taken.iter().flat_map(|(_, said)| said.iter().cloned()).collect();
        if all.is_empty() {
            return Ok(());
        }
        let written = self.store.record_status(&all).await;
        if written.is_err() {
            for (seat, mut said) in taken {
                let mut told = seat.told();
                said.append(&mut told.said);
                told.said = said;
            }
        }
        written
    }

    async fn write_traffic<'s>(&self, seats: impl Iterator<Item = &'s Arc<Seat>>) -> Result<(), Error> {
        let mut taken = Vec::new();
        for seat in seats {
            let traffic = std::mem::take(&mut seat.told().traffic);
            taken.extend(traffic.into_iter().map(|(artifact, traffic)| (seat, artifact, traffic)));
        }
        if taken.is_empty() {
            return Ok(());
        }
        let measured: Vec<_> = taken
            .iter()
            .map(|(seat, artifact, traffic)| Measured {
                data_plane: seat.key.data_plane,
                artifact: *artifact,
                traffic: *traffic,
            })
            .collect();
        let written = self.store.record_health(&measured).await;
        if written.is_err() {
            for (seat, artifact, traffic) in taken {
                let mut told = seat.told();
                let all = told.traffic.entry(artifact).or_default();
                *all = all.plus(traffic);
            }
        }
        written
    }

    fn put_back(&self, taken: Unwritten) {
        let mut unwritten = self.unwritten();
        for (key, seat) in taken.heard {
            unwritten.heard.entry(key).or_insert(seat);
        }
        for (key, seat) in taken.left {
            // Unless it has come back.
            let is_here = unwritten.heard.get(&key).is_some_and(|newer| newer.number > seat.number);
            if !is_here {
                unwritten.left.entry(key).or_insert(seat);
            }
        }
        for (deployment, serial) in taken.floors {
            let floor = unwritten.floors.entry(deployment).or_insert(serial);
            *floor = serial.max(*floor);
        }
    }

    /// Those whose time to come back is over.
    async fn declare_gone(&self) -> Result<(), Error> {
        loop {
            let overdue = self.store.overdue().await?;
            if overdue.is_empty() {
                return Ok(());
            }
            let keys: Vec<_> = overdue.iter().map(|one| one.key).collect();
            // First for rollouts: whoever stayed there alone would hold one up for ever.
            self.store.record_status(&overdue.into_iter().map(gone).collect::<Vec<_>>()).await?;
            self.store.declare_gone(&keys).await?;
            tracing::info!(processes = keys.len(), "data planes did not come back");
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

fn gone(one: Overdue) -> Said {
    Said {
        data_plane: one.key.data_plane,
        instance: one.key.instance,
        presence: Presence::Gone,
        running: one.running,
        pointer_serial: one.pointer_serial,
        phase: one.phase,
        occasion: Occasion::Presence,
    }
}

fn earlier(time: Duration) -> Option<Timestamp> {
    now().checked_sub(SignedDuration::try_from(time).ok()?).ok()
}
