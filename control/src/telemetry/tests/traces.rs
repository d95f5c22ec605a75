//! What a collector is sent.

use axum::Json;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// A collector that understands `http/json`, and what it is sent.
async fn collector() -> (otlp::Settings, mpsc::UnboundedReceiver<(http::HeaderMap, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = mpsc::unbounded_channel();
    let receive = post(async move |headers: http::HeaderMap, Json(body): Json<Value>| {
        sender.send((headers, body)).unwrap();
        Json(serde_json::json!({}))
    });
    let router = Router::new().route("/v1/traces", receive);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (settings(&format!("http://{address}/")), received)
}

fn settings(endpoint: &str) -> otlp::Settings {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b"),
        ("OTEL_SERVICE_NAME", "under-test"),
    ];
    let value = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into());
    otlp::Settings::read(value).unwrap()
}

#[tokio::test]
async fn a_trace_goes_on_through_the_request_to_what_it_causes() {
    let (settings, mut received) = collector().await;
    let seen = Seen::new("off", settings);
    let response = seen.ask(request("/projects/7").header("traceparent", CALLER)).await;
    seen.ask(request("/fails")).await;
    timeout(LONG, seen.telemetry.finish()).await.unwrap();
    let (headers, body) = timeout(LONG, received.recv()).await.unwrap().unwrap();
    assert_eq!(headers["api-key"], "a b");
    let resource = body["resourceSpans"][0]["resource"].to_string();
    assert!(resource.contains("under-test") && resource.contains("service.version"), "{resource}");
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let span = |name: &str| spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("{name}: {body}"));
    let (root, database, build) = (span("GET /projects/{id}"), span("database"), span("build"));
    assert_eq!(spans.len(), 4);
    for own in [root, database, build] {
        assert_eq!(own["traceId"], TRACE_ID);
    }
    assert_eq!(root["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(database["parentSpanId"], root["spanId"]);
    assert_eq!(build["parentSpanId"], database["spanId"]);
    assert_eq!(root["kind"], 2, "a server's");
    let attributes = root["attributes"].to_string();
    assert!(attributes.contains("http.response.status_code") && attributes.contains("http.route"), "{attributes}");
    // Whoever the handler calls is told of the request's span.
    let expected = format!("00-{TRACE_ID}-{}-01", root["spanId"].as_str().unwrap());
    assert_eq!(response.body(), &expected);
    let failed = span("GET /fails");
    assert_ne!(failed["traceId"], TRACE_ID);
    assert_eq!(failed["status"]["code"], 2, "{failed}");
}

#[tokio::test]
async fn a_caller_that_is_not_traced_stays_so() {
    let (settings, mut received) = collector().await;
    let seen = Seen::new("info", settings);
    seen.ask(request("/projects/7").header("traceparent", CALLER.replace("-01", "-00"))).await;
    assert_eq!(seen.sink.line("request")["trace_id"], TRACE_ID);
    timeout(LONG, seen.telemetry.finish()).await.unwrap();
    assert!(received.try_recv().is_err());
}

#[tokio::test]
async fn the_finest_spans_are_made_for_a_collector_only() {
    let are_made =
        |seen: &Seen| tracing::dispatcher::with_default(&seen.dispatch, || tracing::span_enabled!(Level::DEBUG));
    let (settings, _received) = collector().await;
    assert!(are_made(&Seen::new("info", settings)));
    assert!(!are_made(&Seen::new("info", otlp::Settings::default())));
}

#[tokio::test]
async fn protobuf_is_what_is_sent_unless_somebody_says_otherwise() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (sender, mut received) = mpsc::unbounded_channel();
    let receive = post(async move |headers: http::HeaderMap, body: bytes::Bytes| {
        sender.send((headers, body)).unwrap();
    });
    let router = Router::new().route("/v1/traces", receive);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let value = |name: &str| (name == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").then(|| endpoint.clone().into());
    let seen = Seen::new("off", otlp::Settings::read(value).unwrap());
    seen.ask(request("/projects/7")).await;
    timeout(LONG, seen.telemetry.finish()).await.unwrap();
    let (headers, body) = timeout(LONG, received.recv()).await.unwrap().unwrap();
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert!(body.windows(8).any(|window| window == b"database"));
}

#[tokio::test]
async fn a_collector_that_is_away_costs_only_spans() {
    let vacant = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let seen = Seen::new("off", settings(&format!("http://{vacant}")));
    for _ in 0..5_000 {
        assert_eq!(seen.ask(request("/projects/7")).await.status(), 200);
    }
    timeout(LONG, seen.telemetry.finish()).await.unwrap();
}
