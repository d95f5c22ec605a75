//! A worker: one thread, one runtime, its own listeners, connections and pools. Nothing on the request path is
//! shared with another worker but the immutable snapshot.

mod clock;
mod connection;
mod connections;
mod framing;
mod io;
mod listen;
mod request_id;
mod run;
mod view;

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;

pub use connection::{Client, Connection, Waiting};
pub use framing::FramingFault;
pub use listen::{ListenError, Listeners, listen};
pub use run::{Phase, run};
pub use view::View;

use crate::config::Limits;
use crate::metrics::WorkerCounters;
use crate::snapshot::Snapshot;
use crate::upstream::{Connector, Pools};
use clock::Clock;
use connections::Connections;
use request_id::RequestIds;

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    /// The artifact being served, swapped whole.
    pub snapshot: ArcSwap<Snapshot>,
    /// What the command line says.
    pub settings: Settings,
}

/// What the command line says of connections and requests.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bounds on one request and one connection.
    pub limits: Limits,
    /// Proxies whose word is taken for who the client is.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// How many workers there are.
    pub workers: usize,
    /// How much a refusal says.
    pub errors: contract::Detail,
}

/// Room to judge in, used again from one request to the next. Judging never waits, so one is enough.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For parameters.
    pub parameters: contract::parameter::Scratch,
    /// For bodies.
    pub body: contract::body::Scratch,
}

/// One worker's own state. Lives on its thread.
pub struct Worker {
    id: usize,
    shared: Arc<Shared>,
    counters: Arc<WorkerCounters>,
    view: RefCell<Rc<View>>,
    pools: Pools,
    connector: Connector,
    connections: Connections,
    clock: Clock,
    request_ids: RequestIds,
    scratch: RefCell<Scratch>,
    /// Millionths of a response that are due to be looked at.
    sample_due_ppm: Cell<u32>,
    is_draining: Cell<bool>,
}

impl Worker {
    /// A worker without connections.
    pub fn new(id: usize, shared: Arc<Shared>, counters: Arc<WorkerCounters>) -> Rc<Self> {
        let pools = Pools::default();
        let view = RefCell::new(Rc::new(View::new(shared.snapshot.load_full(), &pools)));
        Rc::new(Self {
            id,
            shared,
            counters,
            view,
            pools,
            connector: Connector::default(),
            connections: Connections::default(),
            clock: Clock::default(),
            request_ids: RequestIds::default(),
            scratch: RefCell::default(),
            sample_due_ppm: Cell::new(0),
            is_draining: Cell::new(false),
        })
    }

    /// Its number, from 0.
    pub fn id(&self) -> usize {
        self.id
    }

    /// What the command line says.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The artifact being served, as this worker sees it. Made anew when the artifact was swapped.
    pub fn view(&self) -> Rc<View> {
        let current = self.shared.snapshot.load();
        let mut view = self.view.borrow_mut();
        if !Arc::ptr_eq(&current, view.snapshot()) {
            *view = Rc::new(View::new(Arc::clone(&current), &self.pools));
        }
        view.clone()
    }

    /// Its counters.
    pub fn counters(&self) -> &WorkerCounters {
        &self.counters
    }

    /// Makes its connections to upstreams.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Reads the clock.
    pub fn tick(&self) -> Instant {
        self.clock.tick()
    }

    /// What the clock said when it was last read: at the latest, when the request under way began.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Room to judge in. Not to be kept across an `await`.
    pub fn scratch(&self) -> RefMut<'_, Scratch> {
        self.scratch.borrow_mut()
    }

    /// Whether this response is one of those that are looked at: so many of a million, evenly spread.
    pub fn samples(&self, ppm: u32) -> bool {
        const ALL_PPM: u32 = 1_000_000;
        let due = self.sample_due_ppm.get() + ppm.min(ALL_PPM);
        self.sample_due_ppm.set(due % ALL_PPM);
        due >= ALL_PPM
    }

    /// Whether clients are being asked to go elsewhere.
    pub fn is_draining(&self) -> bool {
        self.is_draining.get()
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("id", &self.id).finish_non_exhaustive()
    }
}
