//! One request to an upstream, and its answer.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, Uri};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::body::Progress;
use super::{BodyFault, Error, Lease, Origin, Pool, ReceivedBody, RequestBody, UpstreamTargets};
use crate::worker::Worker;

/// An upstream's answer.
#[derive(Debug)]
pub struct Answer {
    /// Its response.
    pub response: Response<ReceivedBody>,
    /// The connection it came on.
    pub lease: Lease,
    /// What became of the request's body.
    pub sent: Rc<Progress>,
}

/// Sends a request to one of an upstream's targets and waits for the head of its response.
///
/// Dropping the future breaks the exchange off and closes its connection.
///
/// # Errors
/// See [`Error`]. A target that cannot be connected to is passed over while others are left; a request is sent
/// again only where a kept connection had been closed and no harm can come of it (RFC 9110 section 9.2.2).
pub async fn send(
    worker: &Worker,
    upstream: &UpstreamTargets,
    mut request: Box<Request<RequestBody>>,
) -> Result<Answer, Error> {
    let sent = request.body().progress();
    let limit = Duration::from_millis(upstream.timeouts().request_ms);
    let mut lease = any_connection(worker, upstream).await?;
    let mut asked = None;
    loop {
        address(&mut request, &mut asked, lease.pool());
        let (origin, spare) = (lease.origin, Spare::of(&request, &lease));
        let silence = worker.settings().limits.request_timeout;
        request = match exchange(lease, request, &sent, Patience { answer: limit, client: silence }).await {
            Ok((response, lease)) => {
                return Ok(Answer { response: response.map(ReceivedBody::Streamed), lease, sent });
            }
            Err(Failure::NotSent(request, _)) if origin == Origin::Kept => request,
            Err(Failure::Broken(error)) => match (spare, sent.fault()) {
                (_, Some(fault)) => return Err(Error::RequestBody(fault)),
                (Some(spare), None) => spare.into_request(sent.clone()),
                (None, None) => return Err(error),
            },
            Err(Failure::NotSent(_, error) | Failure::Timeout(error)) => return Err(error),
        };
        worker.counters().upstream_retried();
        lease = fresh_connection(worker, upstream).await?;
    }
}

/// A kept connection to the next target, else a fresh one to any.
async fn any_connection(worker: &Worker, upstream: &UpstreamTargets) -> Result<Lease, Error> {
    let next = upstream.choose(&[]).ok_or(Error::NoTarget)?;
    match next.take() {
        Some(lease) => Ok(lease),
        None => connect(worker, upstream, next).await,
    }
}

async fn fresh_connection(worker: &Worker, upstream: &UpstreamTargets) -> Result<Lease, Error> {
    let next = upstream.choose(&[]).ok_or(Error::NoTarget)?;
    connect(worker, upstream, next).await
}

/// Connects to `first`, else to the other targets in turn, each once.
async fn connect(worker: &Worker, upstream: &UpstreamTargets, first: Rc<Pool>) -> Result<Lease, Error> {
    let limit = Duration::from_millis(upstream.timeouts().connect_ms);
    let mut tried = vec![first.clone()];
    let mut pool = first;
    loop {
        match worker.connector().connect(&pool, limit).await {
            Ok(lease) => {
                worker.counters().upstream_connection_opened();
                return Ok(lease);
            }
            Err(error) => {
                worker.counters().upstream_connection_failed();
                let Some(next) = upstream.choose(&tried) else { return Err(error) };
                tracing::warn!(%error, "upstream target passed over");
                tried.push(next.clone());
                pool = next;
            }
        }
    }
}

/// Puts the target's name and base path into the request. `asked` keeps the path without one.
fn address(request: &mut Request<RequestBody>, asked: &mut Option<Uri>, pool: &Pool) {
    request.headers_mut().insert(HOST, pool.authority().clone());
    if pool.base_path().is_empty() && asked.is_none() {
        return;
    }
    let asked = asked.get_or_insert_with(|| request.uri().clone());
    let path = asked.path_and_query().map_or("/", PathAndQuery::as_str);
    if let Ok(uri) = Uri::try_from(format!("{}{path}", pool.base_path())) {
        *request.uri_mut() = uri;
    }
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For the upstream's answer, while the upstream is the one to act.
    answer: Duration,
    /// For the next piece of the body, while the client is.
    client: Duration,
}

impl Patience {
    /// How long to wait before looking whose silence it is.
    fn step(self, sent: &Progress) -> Duration {
        if sent.is_finished() { self.answer } else { self.answer.min(self.client) }
    }
}

enum Failure {
    /// The connection was closed before anything was written.
    NotSent(Box<Request<RequestBody>>, Error),
    /// The connection broke, or what came is not HTTP.
    Broken(Error),
    /// Nothing came in time.
    Timeout(Error),
}

async fn exchange(
    mut lease: Lease,
    request: Box<Request<RequestBody>>,
    sent: &Progress,
    patience: Patience,
) -> Result<(Response<Incoming>, Lease), Failure> {
    let pool = lease.pool().clone();
    let broken = |source| Error::Exchange { target: pool.target(), source };
    let sender = lease.sender();
    if let Err(error) = sender.ready().await {
        return Err(Failure::NotSent(request, broken(error)));
    }
    let mut response = pin!(sender.try_send_request(*request));
    let mut silence = Duration::ZERO;
    loop {
        let (before, step) = (sent.frames(), patience.step(sent));
        match timeout(step, &mut response).await {
            Ok(Ok(response)) => return Ok((response, lease)),
            Ok(Err(mut error)) => {
                let request = error.take_message().map(Box::new);
                let error = broken(error.into_error());
                return Err(match request {
                    Some(request) => Failure::NotSent(request, error),
                    None => Failure::Broken(error),
                });
            }
            Err(_elapsed) => silence = if sent.frames() == before { silence + step } else { Duration::ZERO },
        }
        if sent.awaits_client() && silence >= patience.client {
            return Err(Failure::Timeout(Error::RequestBody(BodyFault::Stalled)));
        }
        if !sent.awaits_client() && silence >= patience.answer {
            return Err(Failure::Timeout(Error::ResponseTimeout { target: pool.target(), limit: patience.answer }));
        }
    }
}

/// What it takes to send a request once more.
struct Spare {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Spare {
    /// Only on a kept connection, which its other end may be closing this very moment (it restarts, or has kept it for
    /// long enough), and only of a request that may be repeated. Copying the head of a usual GET costs about a
    /// thousand instructions, 1 % of a proxied request; without it every restart of an upstream is a burst of 502s.
    fn of(request: &Request<RequestBody>, lease: &Lease) -> Option<Self> {
        let may_repeat = request.body().is_empty() && request.method().is_idempotent();
        (lease.origin == Origin::Kept && may_repeat).then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    fn into_request(self, progress: Rc<Progress>) -> Box<Request<RequestBody>> {
        let mut request = Box::new(Request::new(RequestBody::empty(progress)));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}
