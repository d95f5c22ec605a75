//! What is logged.

use super::*;

#[tokio::test]
async fn a_request_is_one_line() {
    let seen = Seen::new("info", otlp::Settings::default());
    let request = request("/projects/7?token=secret").header("traceparent", CALLER).header("x-request-id", "r-1");
    let response = seen.ask(request.extension(crate::server::ClientAddress([192, 0, 2, 1].into()))).await;
    assert_eq!(response.headers()["x-request-id"], "r-1");
    let line = seen.sink.line("request");
    for (name, value) in [
        ("level", "INFO"),
        ("target", "control::telemetry::request"),
        ("request_id", "r-1"),
        ("trace_id", TRACE_ID),
        ("method", "GET"),
        ("route", "/projects/{id}"),
        ("path", "/projects/7"),
        ("client", "192.0.2.1"),
    ] {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    assert_eq!(line["status"], 200);
    assert_eq!(line["bytes"], response.body().len());
    assert!(line["duration_ms"].as_f64().is_some_and(|took| took >= 0.0), "{line}");
    assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
    assert!(!seen.sink.text().contains("secret"));
    let names: Vec<&String> = line.as_object().unwrap().keys().take(4).collect();
    assert_eq!(names, ["timestamp", "level", "target", "message"]);
}

#[tokio::test]
async fn what_is_said_within_a_request_carries_its_ids_whatever_the_filter() {
    let seen = Seen::new("warn", otlp::Settings::default());
    let response = seen.ask(request("/projects/7").header("x-request-id", "not sound")).await;
    let line = seen.sink.line("worked");
    assert_eq!(seen.sink.lines().len(), 1);
    assert_eq!(line["request_id"], response.headers()["x-request-id"].to_str().unwrap());
    assert_ne!(line["request_id"], "not sound");
    assert_eq!(line["trace_id"], response.body().split('-').nth(1).unwrap());
    assert_eq!((&line["build_id"], &line["rows"]), (&"b1".into(), &3.into()));
}

#[tokio::test]
async fn a_request_that_is_given_up_is_a_line_too() {
    let seen = Seen::new("info", otlp::Settings::default());
    let asked = async {
        let mut answer = std::pin::pin!(seen.ask(request("/never")));
        assert!(futures_util::poll!(answer.as_mut()).is_pending());
    };
    asked.with_subscriber(seen.dispatch.clone()).await;
    // It was dropped within its own subscriber, as it is where there is but one.
    let line = seen.sink.line("request");
    assert_eq!((&line["path"], &line["status"]), (&"/never".into(), &Value::Null));
}

#[test]
fn a_filter_that_is_none_is_refused() {
    let settings = Settings { format: log::Format::Text, filter: "a=b=c".into(), traces: otlp::Settings::default() };
    let error = Telemetry::new(&settings, io::sink).unwrap_err();
    assert!(error.to_string().contains("`a=b=c`"), "{error}");
}
