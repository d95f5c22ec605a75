//! The admin port: health, metrics, and what is being served. On loopback unless told otherwise; it tells much and
//! asks for no credential.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;

use crate::metrics::{self, Metrics};
use crate::worker::{Phase, Shared};

mod artifact;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// How long a client of the admin port may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// The admin port.
pub struct Admin {
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    state: State,
}

#[derive(Clone)]
struct State {
    shared: Arc<Shared>,
    metrics: Arc<Metrics>,
    phase: watch::Receiver<Phase>,
}

impl Admin {
    /// On a bound socket.
    pub fn new(
        listener: TcpListener,
        shared: Arc<Shared>,
        metrics: Arc<Metrics>,
        phase: watch::Receiver<Phase>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self { listener, address, state: State { shared, metrics, phase } })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until dropped.
    pub async fn run(self) {
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _peer)) => stream,
                Err(error) => {
                    tracing::error!(%error, "the admin port cannot accept connections");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let state = self.state.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let response = state.answer(&request);
                    async move { Ok::<_, Infallible>(response) }
                });
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                    tracing::debug!(%error, "admin connection ended");
                }
            });
        }
    }
}

impl State {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "ok\n"),
            "/readyz" | "/healthz" => self.readiness(is_verbose(request)),
            "/metrics" => match self.metrics.exposition() {
                Ok(metrics) => respond(StatusCode::OK, metrics::CONTENT_TYPE, metrics),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
            },
            "/artifact" => match artifact::describe(&self.shared.snapshot.load()) {
                Some(Ok(description)) => respond(StatusCode::OK, JSON, description),
                None => text(StatusCode::NOT_FOUND, "nothing was deployed to this gateway yet\n"),
                Some(Err(error)) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
            },
            _ => text(StatusCode::NOT_FOUND, "try /livez, /readyz, /readyz?verbose, /healthz, /metrics or /artifact\n"),
        }
    }

    fn readiness(&self, detail: Detail) -> Response<Full<Bytes>> {
        let (status, word) = match *self.phase.borrow() {
            Phase::Serving if self.shared.snapshot.load().origin.is_none() => {
                (StatusCode::SERVICE_UNAVAILABLE, "nothing deployed yet")
            }
            Phase::Serving => (StatusCode::OK, "ready"),
            Phase::Leaving | Phase::Draining | Phase::Closing => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        };
        match detail {
            Detail::Brief => text(status, &format!("{word}\n")),
            Detail::Verbose => {
                let control_plane = self.metrics.control_plane().clone();
                let report = serde_json::to_string_pretty(&self.metrics.reloads().report(word, control_plane.as_ref()))
                    .unwrap_or_default();
                respond(status, JSON, report + "\n")
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Detail {
    Brief,
    Verbose,
}

fn is_verbose(request: &Request<Incoming>) -> Detail {
    let has_it = request
        .uri()
        .query()
        .is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("verbose")));
    if has_it { Detail::Verbose } else { Detail::Brief }
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, TEXT, text.to_owned())
}

fn respond(status: StatusCode, media_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
