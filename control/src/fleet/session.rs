//! One conversation with a data plane: what it says is noted, and what it is to know is said.
//!
//! It has no queue: what changes is in `watch` channels, so a data plane that reads slowly misses what was wanted in
//! between and gets what is wanted now.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fleet::message::{self, Drain, FromControlPlane, FromDataPlane, Goodbye, Heard, Reason, Welcome, read};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::admission::Place;
use super::ahead::Ahead;
use super::arrival::{alarms, health, take_state};
use super::hub::{Group, Hub};
use super::orders::{Order, Orders, frame};
use super::seat::{End, Seat, Standing};
use super::vigil::{Due, Vigil};
use crate::domain::node::{FORKED, Occasion, Phase, Traffic};
use crate::domain::plan::FLOOR_RISE_MAX;
use crate::domain::registry::Alarm;
use crate::domain::time::now;

/// How many messages a data plane may send in [`WINDOW`].
const MESSAGES_MAX: u32 = 200;
const WINDOW: Duration = Duration::from_secs(10);

/// The alarm of a data plane that says it has taken pointers that nobody can have issued.
const TOO_HIGH: &str = "pointer_serial_too_high";
/// The alarm of a data plane that goes on with what it was told to serve, now that nothing is deployed for it.
const WITHDRAWN: &str = "withdrawn";

/// A conversation. It ends when this is dropped.
#[derive(Debug)]
pub struct Session {
    hub: Arc<Hub>,
    group: Arc<Group>,
    seat: Arc<Seat>,
    orders: watch::Receiver<Arc<Orders>>,
    standing: watch::Receiver<Standing>,
    order: Arc<Order>,
    vigil: Vigil,
    was_drained: Drained,
    window: (Instant, u32),
    _place: Place,
}

/// Whether it was told to connect elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drained {
    No,
    Yes,
}

/// What is to be done now.
#[derive(Debug)]
pub enum Step {
    /// Send this frame.
    Say(Bytes),
    /// Send a ping: nothing was heard for a while.
    Ping,
    /// Send this frame, and close.
    Leave(Bytes),
}

/// A farewell, as it is sent.
pub fn goodbye(reason: Reason, detail: &str) -> Bytes {
    frame(&FromControlPlane::Goodbye(Goodbye { reason, detail: detail.to_owned() }))
}

impl Session {
    pub(super) fn new(hub: Arc<Hub>, group: Arc<Group>, seat: Arc<Seat>, place: Place) -> Self {
        let mut orders = group.orders.subscribe();
        let mut standing = seat.standing.subscribe();
        // An end that was decided on already is to be seen.
        standing.mark_changed();
        let order = orders.borrow_and_update().of(seat.key.data_plane, &standing.borrow().labels);
        let heartbeat = Duration::from_millis(order.wanted.heartbeat_ms);
        let now = Instant::now();
        let session = Self {
            hub,
            group,
            seat,
            orders,
            standing,
            order,
            vigil: Vigil::new(heartbeat, now),
            was_drained: Drained::No,
            window: (now, 0),
            _place: place,
        };
        session.seat.told().note(Occasion::Presence, &session.order);
        session.compare();
        session.hub.heard(&session.seat);
        session
    }

    /// The answer to who it is.
    pub fn welcome(&self) -> Bytes {
        frame(&FromControlPlane::Welcome(Welcome {
            data_plane: self.seat.key.data_plane.0,
            now_ms: u64::try_from(now().as_millisecond()).unwrap_or_default(),
            wanted: self.order.wanted.clone(),
        }))
    }

    /// Waits for what is to be done next. Cancel-safe: what was not given back is given back the next time.
    pub async fn next(&mut self) -> Step {
        loop {
            let deadline = self.vigil.deadline();
            tokio::select! {
                biased;
                // Neither sender is dropped while this is here.
                _ = self.standing.changed() => {
                    if let Some(step) = self.stand() {
                        return step;
                    }
                }
                _ = self.orders.changed() => {}
                () = sleep_until(deadline) => return self.has_been_silent(),
            }
            if let Some(notice) = self.look() {
                return Step::Say(notice);
            }
        }
    }

    /// What somebody decided about it.
    fn stand(&mut self) -> Option<Step> {
        let (end, drain) = {
            let standing = self.standing.borrow_and_update();
            (standing.end, standing.drain)
        };
        if let Some(End { reason, detail }) = end {
            return Some(Step::Leave(goodbye(reason, detail)));
        }
        let within = drain.filter(|_| self.was_drained == Drained::No)?;
        self.was_drained = Drained::Yes;
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        // Whatever else changed is seen by the control plane that it goes to.
        Some(Step::Say(frame(&FromControlPlane::Drain(Drain { within_ms }))))
    }

    /// What there is to say: that something else is to be served than was said last, that heartbeats are to come sooner, or
    /// that there is a newer trust root.
    fn look(&mut self) -> Option<Bytes> {
        let orders = Arc::clone(&self.orders.borrow_and_update());
        let order = orders.of(self.seat.key.data_plane, &self.standing.borrow().labels);
        let is_new = order.serial != self.order.serial;
        let has_newer_root = order.wanted.root_version > self.order.wanted.root_version;
        self.order = order;
        if is_new {
            // Written with the next thing that it says: ten thousand that are told do not wait for the database.
            self.compare();
        }
        let heartbeat = Duration::from_millis(self.order.wanted.heartbeat_ms);
        let said = if heartbeat < self.vigil.heartbeat() {
            // With its next heartbeat it would learn of it too late. It says what is to be served, too.
            self.vigil.is_hurried(heartbeat, Instant::now());
            Some(self.order.ack.clone())
        } else if is_new {
            // That nothing is to be served any more has no notice.
            Some(self.order.notice.clone().unwrap_or_else(|| self.order.ack.clone()))
        } else {
            // Before anything is to be served that only a key of that one signed.
            has_newer_root.then(|| self.order.ack.clone())
        };
        if is_new && said.is_some() {
            let known_for = now().duration_since(orders.known_at);
            self.hub.metrics.fleet.notified(known_for.unsigned_abs());
        }
        said
    }

    fn has_been_silent(&mut self) -> Step {
        match self.vigil.is_due(Instant::now()) {
            Due::Ask => Step::Ping,
            Due::Lost => Step::Leave(goodbye(End::SILENT.reason, End::SILENT.detail)),
        }
    }

    /// Something arrived, whatever it is. What to part with, where too much does: a ping has to be answered as well.
    pub fn is_alive(&mut self) -> Result<(), Bytes> {
        self.vigil.hears(Instant::now());
        if self.says_too_much() { Err(goodbye(Reason::Protocol, "too many messages at once")) } else { Ok(()) }
    }

    /// A message arrived. Gives back what to answer, or what to part with.
    pub fn hear(&mut self, text: &str) -> Result<Option<Bytes>, Bytes> {
        let protocol = |detail: &str| goodbye(Reason::Protocol, detail);
        self.vigil.speaks(Instant::now());
        match read(text).map_err(|error| protocol(&error.to_string()))? {
            Heard::Message(FromDataPlane::Heartbeat(heartbeat)) => {
                self.take_heartbeat(heartbeat).map_err(|error| protocol(&error.to_string()))?;
                // The latest, whether it was announced yet or not.
                let announced = self.look();
                drop(announced);
                self.vigil.is_paced(Duration::from_millis(self.order.wanted.heartbeat_ms));
                Ok(Some(self.order.ack.clone()))
            }
            Heard::Message(FromDataPlane::Status(message::Status { state })) => {
                let mut told = self.seat.told();
                take_state(&mut told.instance, state).map_err(|error| protocol(&error.to_string()))?;
                told.note(Occasion::Status, &self.order);
                told.instance.last_seen = now();
                drop(told);
                self.note();
                self.hub.hurry.notify_one();
                Ok(None)
            }
            Heard::Message(FromDataPlane::Hello(_)) => Err(protocol("`hello` comes once")),
            Heard::Unknown { .. } => Ok(None),
        }
    }

    fn take_heartbeat(&self, heartbeat: message::Heartbeat) -> Result<(), super::arrival::Error> {
        let mut told = self.seat.told();
        let before = (told.instance.artifact, told.instance.pointer_serial, told.instance.phase.clone());
        take_state(&mut told.instance, heartbeat.state)?;
        if before != (told.instance.artifact, told.instance.pointer_serial, told.instance.phase.clone()) {
            told.note(Occasion::Presence, &self.order);
        }
        let measured = health(&heartbeat.health);
        if let Some(artifact) = told.instance.artifact {
            let window = Traffic::of_window(measured.requests, measured.server_errors, measured.p99_ms);
            told.add(artifact, window);
        }
        told.instance.health = Some(measured);
        told.instance.alarms = alarms(heartbeat.alarms);
        told.instance.last_seen = now();
        drop(told);
        self.note();
        Ok(())
    }

    /// What it said is new: holds it to what is wanted, and has it written.
    fn note(&self) {
        self.compare();
        self.hub.heard(&self.seat);
    }

    /// Compares what it serves with what it is to serve.
    fn compare(&self) {
        let mut told = self.seat.told();
        let instance = &mut told.instance;
        let drifts = instance.is_held_to(self.order.artifact, now());
        let own = &self.seat.alarm;
        instance
            .alarms
            .retain(|alarm| alarm.code != WITHDRAWN && own.as_ref().is_none_or(|own| own.code != alarm.code));
        instance.alarms.extend(own.clone());
        if drifts && self.order.artifact.is_none() {
            let detail =
                "what it serves was withdrawn, and nothing else is deployed for it: deploy something".to_owned();
            instance.alarms.push(Alarm { code: WITHDRAWN.to_owned(), detail });
        }
        let seen = instance.pointer_serial.and_then(|serial| u64::try_from(serial).ok());
        let (Some(seen), Some(own), Some(deployment)) = (seen, self.order.serial, self.order.deployment) else {
            return;
        };
        if seen > own.get().saturating_add(FLOOR_RISE_MAX) {
            instance.alarms.retain(|alarm| alarm.code != TOO_HIGH);
            instance.alarms.push(Alarm {
                code: TOO_HIGH.to_owned(),
                detail: format!(
                    "it has taken a pointer with serial {seen}, and the one that it is to follow has {own}"
                ),
            });
            return;
        }
        // Another pointer had this serial, in a database that lost it since: one above both is needed.
        let is_forked = seen == own.get() && matches!(&instance.phase, Phase::Rejected { code, .. } if code == FORKED);
        let least = if is_forked { seen.saturating_add(1) } else { seen };
        if let Some(least) = std::num::NonZeroU64::new(least).filter(|least| *least > own) {
            drop(told);
            let labels = Arc::clone(&self.standing.borrow().labels);
            let (project, data_plane) = (self.group.project, self.seat.key.data_plane);
            self.hub.unwritten().is_ahead(deployment, Ahead { serial: least, project, data_plane, labels });
        }
    }

    fn says_too_much(&mut self) -> bool {
        let now = Instant::now();
        if now.duration_since(self.window.0) >= WINDOW {
            self.window = (now, 0);
        }
        self.window.1 += 1;
        self.window.1 > MESSAGES_MAX
    }
}

impl Hub {
    fn heard(&self, seat: &Arc<Seat>) {
        self.unwritten().heard.insert(seat.key, Arc::clone(seat));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.hub.leave(&self.group, &self.seat);
    }
}
