//! One request, seen in every way there is.

mod lines;
mod numbers;
mod traces;

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::routing::get;
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use super::*;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What was logged.
#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn line(&self, message: &str) -> Value {
        let mut lines = self.lines().into_iter().filter(|line| line["message"] == message);
        let line = lines.next().unwrap_or_else(|| panic!("no {message}: {}", self.text()));
        assert!(lines.next().is_none(), "{message} was said twice: {}", self.text());
        line
    }
}

/// Telemetry that is nobody else's.
struct Seen {
    dispatch: Dispatch,
    telemetry: Telemetry,
    sink: Sink,
    metrics: Arc<Metrics>,
}

impl Seen {
    fn new(filter: &str, traces: otlp::Settings) -> Self {
        let sink = Sink::default();
        let writer = sink.clone();
        let settings = Settings { format: log::Format::Json, filter: filter.to_owned(), traces };
        let (dispatch, telemetry) = Telemetry::new(&settings, move || writer.clone()).unwrap();
        Self { dispatch, telemetry, sink, metrics: Arc::default() }
    }

    /// Has a request answered, to the end of its body.
    async fn ask(&self, request: http::request::Builder) -> Response<String> {
        let answer = async {
            let response = self.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let (parts, body) = response.into_parts();
            let text = body.collect().await.unwrap().to_bytes();
            Response::from_parts(parts, String::from_utf8(text.to_vec()).unwrap())
        };
        answer.with_subscriber(self.dispatch.clone()).await
    }

    fn router(&self) -> Router {
        let observe = Observe::new(self.metrics.clone(), |extensions| extensions.get().map(MatchedPath::as_str));
        Router::new()
            .route("/projects/{id}", get(project))
            .route("/fails", get(async || http::StatusCode::INTERNAL_SERVER_ERROR))
            .route("/never", get(std::future::pending::<()>))
            .layer(observe)
    }
}

async fn project() -> String {
    let database = tracing::info_span!("database", otel.kind = "client");
    async {
        tracing::warn!(build_id = "b1", rows = 3, "worked");
        async {}.instrument(tracing::info_span!("build")).await;
    }
    .instrument(database)
    .await;
    let mut headers = http::HeaderMap::new();
    trace::tell(&mut headers);
    headers["traceparent"].to_str().unwrap().to_owned()
}

fn request(path: &str) -> http::request::Builder {
    Request::get(path)
}
