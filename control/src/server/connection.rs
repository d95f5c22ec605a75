//! One client's connection, over HTTP/1.1 or HTTP/2, with what it may cost.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tower::{Service, ServiceExt};
use tower_http::timeout::TimeoutBody;

use super::activity::{Activity, Noticed};
use super::client::ClientAddress;
use super::explained::Explained;
use super::lifecycle::{Phase, reached};
use super::options::Limits;

/// A request's body: reading it fails when the client leaves it unsent for longer than `--idle-timeout`.
pub type RequestBody = TimeoutBody<Incoming>;

/// How long a client has to take note that its connection ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// The most requests at a time on one connection of HTTP/2 (RFC 9113 section 5.1.2).
const STREAMS_MAX: u32 = 100;

/// The most requests that a client may have opened and reset before their handlers noticed.
const RESETS_MAX: usize = 20;

/// The most header fields of a request.
const HEADERS_MAX: usize = 100;

/// What every connection of a server has in common.
#[derive(Debug)]
pub(super) struct Shared<S> {
    pub(super) service: S,
    pub(super) limits: Limits,
    pub(super) trusted_proxies: Vec<IpNet>,
}

impl<S, B> Shared<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// Serves until the client leaves, falls silent, or is sent away: after what is under way once the server drains,
    /// at once when it closes.
    pub(super) async fn converse<I>(self: Arc<Self>, stream: I, peer: IpAddr, mut phases: watch::Receiver<Phase>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::new();
        let io = TokioIo::new(Explained::new(Noticed::new(stream, activity.clone()), peer, activity.clone()));
        let builder = protocols(&self.limits);
        let service = service_fn(|request: Request<Incoming>| self.clone().answer(request, peer, activity.clone()));
        // Whoever goes over to another protocol leaves with the stream: the conversation here is over then.
        let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
        let mut awaited = Phase::Draining;
        loop {
            let beat = Instant::now() + Activity::beat(&self.limits);
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, error, "a connection ended badly");
                    }
                    return;
                }
                () = reached(&mut phases, awaited) => {
                    if awaited == Phase::Closing {
                        return;
                    }
                    awaited = Phase::Closing;
                    connection.as_mut().graceful_shutdown();
                }
                () = sleep_until(beat) => {
                    if activity.deadline(&self.limits).is_some_and(|deadline| deadline <= Instant::now()) {
                        tracing::debug!(%peer, "a connection was silent for too long");
                        connection.as_mut().graceful_shutdown();
                        let _silent_still = timeout(FAREWELL, connection).await;
                        return;
                    }
                }
            }
        }
    }

    /// One request. The response's body carries the proof that the request is under way.
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: IpAddr,
        activity: Arc<Activity>,
    ) -> Result<Response<impl Body<Data = B::Data, Error = B::Error> + use<S, B>>, Infallible> {
        let (handled, under_way) = activity.request(request.version());
        let mut request = request.map(|body| TimeoutBody::new(self.limits.idle_timeout, body));
        let client = ClientAddress::of(peer, request.headers(), &self.trusted_proxies);
        request.extensions_mut().insert(client);
        let response = self.service.clone().oneshot(request).await;
        drop(handled);
        response.map(|response| {
            response.map(|body| {
                body.map_err(move |error| {
                    let _held = &under_way;
                    error
                })
            })
        })
    }
}

fn protocols(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let header_max_bytes = usize::try_from(limits.header_max_bytes).unwrap_or(usize::MAX);
    // How long a head may take is watched over by `Activity`: this timeout would end idle connections as well.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(header_max_bytes)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_header_list_size(limits.header_max_bytes);
    builder
}
