//! A collector of traces, which keeps what it is sent: OTLP over HTTP, as JSON.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use crate::upstream::{self, Body, Upstream};

/// A collector. Ends when it is dropped.
#[derive(Debug)]
pub struct Collector {
    server: Upstream,
    spans: Arc<Mutex<Vec<Span>>>,
}

/// A span that somebody sent.
#[derive(Debug, Clone)]
pub struct Span {
    /// What it is called.
    pub name: String,
    /// Of which trace: 32 hexadecimal digits.
    pub trace: String,
    /// Its own 16.
    pub id: String,
    /// Those of the span that it is part of; empty where it is of none.
    pub parent: String,
    /// Of which kind, as OTLP counts them.
    pub kind: u64,
    /// Whether it says that it failed.
    pub is_error: bool,
    /// What else it says; numbers as text.
    pub attributes: BTreeMap<String, String>,
    /// What its process says of itself.
    pub resource: BTreeMap<String, String>,
}

/// [`Span::kind`] of something within a process.
pub const INTERNAL: u64 = 1;
/// [`Span::kind`] of a request that is answered.
pub const SERVER: u64 = 2;
/// [`Span::kind`] of a request that is made.
pub const CLIENT: u64 = 3;
/// [`Span::kind`] of something that is taken out of a queue.
pub const CONSUMER: u64 = 5;

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&spans);
        let server = Upstream::answering(move |request| keep(request, Arc::clone(&kept))).await;
        Self { server, spans }
    }

    /// What tells a program to send its spans here.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", self.server.address())),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json".to_owned()),
        ]
    }

    /// What was sent so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    /// What was sent so far of one trace.
    pub fn trace(&self, trace: &str) -> Vec<Span> {
        self.spans().into_iter().filter(|span| span.trace == trace).collect()
    }
}

async fn keep(request: Request<Incoming>, kept: Arc<Mutex<Vec<Span>>>) -> Response<Body> {
    assert_eq!(request.uri().path(), "/v1/traces");
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let sent: Value = serde_json::from_slice(&body).expect("JSON");
    for process in items(&sent["resourceSpans"]) {
        let resource = attributes(&process["resource"]["attributes"]);
        for scope in items(&process["scopeSpans"]) {
            let spans = items(&scope["spans"]).iter().map(|span| read(span, &resource));
            kept.lock().unwrap().extend(spans);
        }
    }
    Response::builder().header("content-type", "application/json").body(upstream::full("{}")).unwrap()
}

fn read(span: &Value, resource: &BTreeMap<String, String>) -> Span {
    let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
    Span {
        name: text("name"),
        trace: text("traceId"),
        id: text("spanId"),
        parent: text("parentSpanId"),
        kind: span["kind"].as_u64().unwrap_or_default(),
        is_error: span["status"]["code"] == 2,
        attributes: attributes(&span["attributes"]),
        resource: resource.clone(),
    }
}

fn attributes(list: &Value) -> BTreeMap<String, String> {
    let pair = |attribute: &Value| {
        let value = attribute["value"].as_object().and_then(|value| value.values().next().cloned()).unwrap_or_default();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (attribute["key"].as_str().unwrap_or_default().to_owned(), text)
    };
    items(list).iter().map(pair).collect()
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}
