//! What is known of one request and its response from beginning to end, and is counted at the end.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use http::{HeaderValue, Method, Request, StatusCode, Version};
use hyper::body::Incoming;

use crate::fault::Fault;
use crate::snapshot::{Endpoint, EndpointId};
use crate::worker::{Connection, View, Worker};

/// nginx's name for a client that left before it was answered; not a registered status, so it cannot be confused.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// One request and its response. Counted when dropped, which is when the response's last byte was handed over or
/// the client left.
#[derive(Debug)]
pub struct Exchange {
    connection: Rc<Connection>,
    view: Rc<View>,
    started: Instant,
    version: Version,
    is_head: bool,
    request_id: HeaderValue,
    /// Which of the connection's requests this is, from 1.
    number: u64,
    endpoint: Option<EndpointId>,
    status: u16,
    refusal: OnceCell<Refusal>,
}

/// Why a body was refused while it passed; empty unless one was.
pub(super) type Refusal = Rc<RefCell<Option<Fault>>>;

impl Exchange {
    /// Begins with the request's head. Loads the snapshot that the request is judged by: this one, whole.
    pub fn begin(connection: Rc<Connection>, request: &Request<Incoming>) -> Self {
        let worker = connection.worker();
        let (view, started) = (worker.view(), worker.tick());
        let number = connection.request_began();
        let request_id = connection.request_id(request.headers());
        let (version, is_head) = (request.version(), request.method() == Method::HEAD);
        let status = CLIENT_CLOSED_REQUEST;
        Self {
            connection,
            view,
            started,
            version,
            is_head,
            request_id,
            number,
            endpoint: None,
            status,
            refusal: OnceCell::new(),
        }
    }

    /// The connection it came on.
    pub fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// The worker that serves it.
    pub fn worker(&self) -> &Rc<Worker> {
        self.connection.worker()
    }

    /// The artifact that it is judged by.
    pub fn view(&self) -> &Rc<View> {
        &self.view
    }

    /// The version of HTTP it came in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether only the head of a response is asked for.
    pub fn is_head(&self) -> bool {
        self.is_head
    }

    /// Its id.
    pub fn request_id(&self) -> &HeaderValue {
        &self.request_id
    }

    /// Which of the connection's requests this is, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// It is on this operation and route.
    pub fn is_on(&mut self, endpoint: EndpointId) {
        self.endpoint = Some(endpoint);
    }

    /// The operation and route that it is on, once that is known.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.map(|endpoint| self.view.snapshot().endpoint(endpoint))
    }

    /// Where whoever looks at the body while it passes puts why it is refused.
    pub(super) fn refusal(&self) -> &Refusal {
        self.refusal.get_or_init(Refusal::default)
    }

    /// Why the body was refused while it passed.
    pub fn refused(&self) -> Option<Fault> {
        self.refusal.get().and_then(|refusal| refusal.borrow_mut().take())
    }

    /// It is answered with this status.
    pub fn is_answered(&mut self, status: StatusCode) {
        self.status = status.as_u16();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let worker = self.connection.worker();
        let took = worker.tick().saturating_duration_since(self.started);
        let snapshot = self.view.snapshot();
        let metrics = self.endpoint().map_or(&snapshot.unmatched, |endpoint| &endpoint.metrics);
        metrics.record(worker.id(), self.status, took);
        // To the account of what judged it: something else may serve by now.
        snapshot.traffic.record(worker.id(), self.status, took);
        self.connection.request_ended();
    }
}
