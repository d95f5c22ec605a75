//! A client's connection: who it is, what it is doing, and since when.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::clock::Clock;
use super::framing::Framing;
use super::{FramingFault, Settings, Worker};
use crate::stage::REQUEST_ID;

/// A client's connection.
#[derive(Debug)]
pub struct Connection {
    worker: Rc<Worker>,
    listener: usize,
    client: Client,
    is_trusted_proxy: bool,
    framing: RefCell<Framing>,
    requests: Cell<u64>,
    under_way: Cell<u32>,
    /// The beat of the last sign of life in a request: a byte either way, or over HTTP/2, where pings are bytes
    /// too, a piece of a body.
    alive: Cell<u32>,
    /// The beat at which the last request ended.
    idle_since: Cell<u32>,
    /// Requests that wait for something which has time limits of its own: an upstream, or a body that is held.
    waiting: Cell<u32>,
    /// The beat at which the head being read began.
    head_began: Cell<Option<u32>>,
    /// The beat at which we began to wait for the client to stop sending.
    lingering: Cell<Option<u32>>,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
}

/// Who the client is, in the words of the header fields that say so.
#[derive(Debug)]
pub struct Client {
    address: HeaderValue,
    forwarded: HeaderValue,
}

/// How long a client that was told to stop may go on sending.
const LINGER: Duration = Duration::from_secs(2);

/// Says, for as long as it lives, that a request waits for its upstream.
#[derive(Debug)]
pub struct Waiting(Rc<Connection>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
        self.0.is_alive();
    }
}

/// What a connection is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Go on.
    Continue,
    /// End after the request under way.
    Finish,
    /// End now.
    Close,
}

impl Client {
    fn new(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        // RFC 7239 section 6: an IPv6 address is bracketed and quoted.
        let forwarded = match ip {
            IpAddr::V4(ip) => format!("for={ip};proto=http"),
            IpAddr::V6(ip) => format!("for=\"[{ip}]\";proto=http"),
        };
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"));
        Self { address: value(ip.to_string()), forwarded: value(forwarded) }
    }

    /// For `X-Forwarded-For`.
    pub fn address(&self) -> &HeaderValue {
        &self.address
    }

    /// For `Forwarded`.
    pub fn forwarded(&self) -> &HeaderValue {
        &self.forwarded
    }
}

impl Connection {
    pub(super) fn new(worker: Rc<Worker>, listener: usize, peer: SocketAddr) -> Rc<Self> {
        let Settings { trusted_proxies, .. } = worker.settings();
        let ip = peer.ip().to_canonical();
        Rc::new(Self {
            listener,
            client: Client::new(ip),
            is_trusted_proxy: trusted_proxies.iter().any(|network| network.contains(&ip)),
            framing: RefCell::default(),
            requests: Cell::new(0),
            under_way: Cell::new(0),
            alive: Cell::new(worker.clock.beats()),
            idle_since: Cell::new(worker.clock.beats()),
            waiting: Cell::new(0),
            head_began: Cell::new(None),
            lingering: Cell::new(None),
            order: Cell::new(Order::Continue),
            waker: RefCell::default(),
            worker,
        })
    }

    /// The worker that serves it.
    pub fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    /// Which of the process's listeners it came in by.
    pub fn listener(&self) -> usize {
        self.listener
    }

    /// Who is at the other end.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the other end's word is taken for who the client is.
    pub fn is_trusted_proxy(&self) -> bool {
        self.is_trusted_proxy
    }

    /// A request's id: a trusted proxy's, if it is a plausible one, else a new one.
    pub fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let theirs = if self.is_trusted_proxy { headers.get(&REQUEST_ID) } else { None };
        let is_plausible =
            |id: &&HeaderValue| (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
        theirs.filter(is_plausible).cloned().unwrap_or_else(|| self.worker.request_ids.next())
    }

    /// Counts a request, and says which one it is, from 1.
    pub fn request_began(&self) -> u64 {
        self.is_alive();
        self.under_way.set(self.under_way.get() + 1);
        self.requests.set(self.requests.get() + 1);
        self.requests.get()
    }

    /// A request and its response have ended.
    pub fn request_ended(&self) {
        self.under_way.set(self.under_way.get() - 1);
        self.idle_since.set(self.worker.clock.beats());
    }

    /// A request's body is awaited, with a time limit of its own, for as long as this lives.
    pub fn waits_for_body(self: &Rc<Self>) -> Waiting {
        self.waits_for_upstream()
    }

    /// A request waits for its upstream for as long as this lives.
    pub fn waits_for_upstream(self: &Rc<Self>) -> Waiting {
        self.waiting.set(self.waiting.get() + 1);
        Waiting(self.clone())
    }

    /// What is wrong with the head of the request with this number.
    pub fn framing_fault(&self, request: u64) -> Option<FramingFault> {
        self.framing.borrow().fault(request)
    }

    /// A request shows a sign of life.
    pub fn is_alive(&self) {
        self.alive.set(self.worker.clock.beats());
    }

    pub(super) fn sent(&self) {
        if !self.framing.borrow().is_opaque() {
            self.is_alive();
        }
    }

    pub(super) fn received(&self, bytes: &[u8]) {
        self.sent();
        let mut framing = self.framing.borrow_mut();
        framing.observe(bytes);
        if !framing.is_in_head() {
            self.head_began.set(None);
        } else if self.head_began.get().is_none() {
            self.head_began.set(Some(self.worker.clock.beats()));
        }
    }

    /// Whether it has been silent for longer than it may.
    pub(super) fn is_overdue(&self) -> bool {
        let limits = &self.worker.settings().limits;
        let since = |beat: u32| self.worker.clock.beats().wrapping_sub(beat);
        if let Some(began) = self.lingering.get() {
            return since(began) > Clock::beats_in(LINGER);
        }
        if self.waiting.get() > 0 {
            return false;
        }
        if self.under_way.get() > 0 {
            return since(self.alive.get()) > Clock::beats_in(limits.request_timeout);
        }
        match self.head_began.get() {
            Some(began) => since(began) > Clock::beats_in(limits.header_read_timeout),
            None => since(self.idle_since.get()) > Clock::beats_in(limits.idle_timeout),
        }
    }

    /// Whether to wait, for a while, until the client stops sending a body that nobody wants.
    pub(super) fn lingers(&self) -> bool {
        let began = self.lingering.get().unwrap_or_else(|| self.worker.clock.beats());
        let lingers = self.framing.borrow().is_in_body()
            && self.worker.clock.beats().wrapping_sub(began) <= Clock::beats_in(LINGER);
        self.lingering.set(lingers.then_some(began));
        lingers
    }

    /// Tells it what to do, and wakes it.
    pub(super) fn tell(&self, order: Order) {
        self.order.set(order);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Takes what it was told, and remembers whom to wake.
    pub(super) fn listen(&self, cx: &Context<'_>) -> Order {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.order.replace(Order::Continue)
    }
}
