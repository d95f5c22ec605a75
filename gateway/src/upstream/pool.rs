//! Kept connections to one target, of one worker: no lock, no look-up by name on the request path.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use artifact_format::model::{Target, UpstreamScheme};
use http::HeaderValue;
use http::header::InvalidHeaderValue;
use hyper::client::conn::http1::SendRequest;

use super::RequestBody;

/// How many unused connections are kept to a target.
const KEPT_MAX: usize = 256;

/// How long an unused connection is kept.
const KEPT_FOR: Duration = Duration::from_secs(50);

/// Kept connections to one target.
#[derive(Debug)]
pub struct Pool {
    host: String,
    port: u16,
    base_path: String,
    authority: HeaderValue,
    kept: RefCell<Vec<Kept>>,
    in_flight: Cell<usize>,
}

#[derive(Debug)]
struct Kept {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

/// Where a connection is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Made for this request.
    Fresh,
    /// Used before.
    Kept,
}

/// A connection in use, which goes back to its pool once the exchange is over and in order.
#[derive(Debug)]
pub struct Lease {
    pool: Rc<Pool>,
    sender: SendRequest<RequestBody>,
    /// Where it is from.
    pub origin: Origin,
    _in_flight: InFlight,
}

/// Counts a request under way for as long as it lives.
#[derive(Debug)]
pub struct InFlight(Rc<Pool>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
    }
}

impl Pool {
    /// An empty pool.
    pub fn new(target: &Target) -> Result<Self, InvalidHeaderValue> {
        let default_port = match target.scheme {
            UpstreamScheme::Http => 80,
            UpstreamScheme::Https => 443,
        };
        let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
        let authority = if target.port == default_port { host } else { format!("{host}:{}", target.port) };
        Ok(Self {
            host: target.host.clone(),
            port: target.port,
            base_path: target.base_path.clone(),
            authority: HeaderValue::try_from(authority)?,
            kept: RefCell::default(),
            in_flight: Cell::new(0),
        })
    }

    /// The target's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The target's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, for people.
    pub fn target(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What is put before every path.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// What `Host` says.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// Requests under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.get()
    }

    /// Counts a request under way.
    pub fn begin(self: &Rc<Self>) -> InFlight {
        self.in_flight.set(self.in_flight.get() + 1);
        InFlight(self.clone())
    }

    /// The connection used last, if one is kept and still open.
    pub fn take(self: &Rc<Self>) -> Option<Lease> {
        let mut kept = self.kept.borrow_mut();
        let open = std::iter::from_fn(|| kept.pop()).find(|kept| !kept.sender.is_closed());
        open.map(|kept| self.lease(kept.sender, Origin::Kept))
    }

    /// A lease of a connection.
    pub fn lease(self: &Rc<Self>, sender: SendRequest<RequestBody>, origin: Origin) -> Lease {
        Lease { pool: self.clone(), sender, origin, _in_flight: self.begin() }
    }

    fn sweep(&self, now: Instant) {
        let lasting = |kept: &Kept| !kept.sender.is_closed() && now.saturating_duration_since(kept.since) < KEPT_FOR;
        self.kept.borrow_mut().retain(lasting);
    }
}

impl Lease {
    /// The target.
    pub fn pool(&self) -> &Rc<Pool> {
        &self.pool
    }

    /// The connection.
    pub fn sender(&mut self) -> &mut SendRequest<RequestBody> {
        &mut self.sender
    }

    /// Gives the connection back: both messages of the exchange have ended.
    pub fn give_back(self, now: Instant) {
        let mut kept = self.pool.kept.borrow_mut();
        if !self.sender.is_closed() && kept.len() < KEPT_MAX {
            kept.push(Kept { sender: self.sender, since: now });
        }
    }
}

/// Every pool of a worker. Pools outlive artifacts, so a reload keeps its connections.
#[derive(Debug, Default)]
pub struct Pools {
    pools: RefCell<HashMap<PoolKey, Weak<Pool>>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PoolKey {
    scheme: UpstreamScheme,
    host: String,
    port: u16,
    base_path: String,
}

impl Pools {
    /// The pool of a target: the same one as long as anyone holds it.
    pub fn of(&self, target: &Target) -> Result<Rc<Pool>, InvalidHeaderValue> {
        let Target { scheme, host, port, base_path, weight: _ } = target.clone();
        let mut pools = self.pools.borrow_mut();
        let key = PoolKey { scheme, host, port, base_path };
        if let Some(known) = pools.get(&key).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let new = Rc::new(Pool::new(target)?);
        pools.insert(key, Rc::downgrade(&new));
        Ok(new)
    }

    /// Closes what has lain unused for long.
    pub fn sweep(&self, now: Instant) {
        self.pools.borrow_mut().retain(|_, pool| pool.strong_count() > 0);
        self.pools.borrow().values().filter_map(Weak::upgrade).for_each(|pool| pool.sweep(now));
    }
}
