//! What is seen of one request: a span, a line, a count and a time, from its head to the end of its response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::{Extensions, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::metrics::{Ended, Metrics};
use super::request_id::{RequestId, X_REQUEST_ID};
use super::trace;
use crate::server::ClientAddress;

/// Finds the template of the route that was chosen, such as `/projects/{id}`, in what the router left behind.
pub type Route = fn(&Extensions) -> Option<&str>;

/// Makes every request seen. Stands inside the router's choice of a route, and outside of everything else.
#[derive(Debug, Clone)]
pub struct Observe {
    metrics: Arc<Metrics>,
    route: Route,
}

impl Observe {
    /// Into these metrics.
    pub fn new(metrics: Arc<Metrics>, route: Route) -> Self {
        Self { metrics, route }
    }
}

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed { inner, observe: self.clone() }
    }
}

/// A service whose every request is seen.
#[derive(Debug, Clone)]
pub struct Observed<S> {
    inner: S,
    observe: Observe,
}

impl<S, A, B> Service<Request<A>> for Observed<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<ObservedBody<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let mut exchange = Exchange::begin(&self.observe, &request);
        request.extensions_mut().insert(exchange.id.clone());
        // The handler's own preparations belong to the request as well.
        let answering = exchange.span.in_scope(|| self.inner.call(request)).instrument(exchange.span.clone());
        Box::pin(async move {
            let mut response = answering.await?;
            exchange.answered(response.status());
            if let Some(id) = exchange.id.to_header() {
                response.headers_mut().insert(X_REQUEST_ID, id);
            }
            Ok(response.map(|body| ObservedBody { body, exchange }))
        })
    }
}

/// One request and its response. Whatever becomes of them, they are counted once, when this is dropped.
struct Exchange {
    metrics: Arc<Metrics>,
    started: Instant,
    span: Span,
    id: RequestId,
    method: Method,
    route: Option<String>,
    /// Without the query, which may hold secrets.
    path: String,
    client: Option<ClientAddress>,
    status: Option<StatusCode>,
    bytes: u64,
}

impl Exchange {
    fn begin<A>(observe: &Observe, request: &Request<A>) -> Self {
        let id = RequestId::of(request.headers());
        let route = (observe.route)(request.extensions()).map(str::to_owned);
        let method = request.method();
        let name = route.as_ref().map_or_else(|| method.to_string(), |route| format!("{method} {route}"));
        let span = tracing::info_span!(
            "request",
            otel.name = name,
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = %method,
            http.route = route,
            http.response.status_code = Empty,
            url.path = request.uri().path(),
            request_id = %id,
            trace_id = Empty,
        );
        trace::continue_from(&span, request.headers());
        span.record("trace_id", trace::trace_id(&span));
        Self {
            metrics: observe.metrics.clone(),
            started: Instant::now(),
            span,
            id,
            method: method.clone(),
            route,
            path: request.uri().path().to_owned(),
            client: request.extensions().get().copied(),
            status: None,
            bytes: 0,
        }
    }

    fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
        self.span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let status = self.status.map(|status| status.as_u16());
        self.metrics.request(&Ended { method: &self.method, route: self.route.as_deref(), status, took });
        let client = self.client.map(|ClientAddress(address)| tracing::field::display(address));
        // No status: the client left before there was an answer.
        self.span.in_scope(|| {
            tracing::info!(
                method = %self.method,
                route = self.route,
                path = self.path,
                status,
                bytes = self.bytes,
                client,
                duration_ms = took.as_secs_f64() * 1e3,
                "request"
            );
        });
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exchange").field(&self.id).finish()
    }
}

/// A response's body, whose end is the request's.
#[derive(Debug)]
pub struct ObservedBody<B> {
    body: B,
    exchange: Exchange,
}

impl<B: Body + Unpin> Body for ObservedBody<B>
where
    B::Data: bytes::Buf,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let bytes = u64::try_from(bytes::Buf::remaining(data)).unwrap_or(u64::MAX);
            self.exchange.bytes = self.exchange.bytes.saturating_add(bytes);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
