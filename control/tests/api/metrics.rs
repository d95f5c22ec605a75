//! What is counted moves when it happens.
#![allow(clippy::float_cmp, reason = "counts, which are whole")]

use std::collections::BTreeMap;

use serde_json::json;
use tests::wait;

use crate::served::{Served, text};

/// Every series, with its value.
async fn scrape(served: &Served) -> BTreeMap<String, f64> {
    let answer = served.ask("GET", "/metrics").send().await;
    assert_eq!(answer.status, 200);
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    let series = body.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    series.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

/// How far a series moved.
fn moved(name: &str, (before, after): (&BTreeMap<String, f64>, &BTreeMap<String, f64>)) -> f64 {
    let value = |series: &BTreeMap<String, f64>| series.get(name).copied().unwrap_or_default();
    value(after) - value(before)
}

#[tokio::test]
async fn every_metric_moves() {
    let served = Served::start().await;
    let before = scrape(&served).await;
    assert_eq!(before["portcullis_active_tokens"], 1.0);
    for state in ["queued", "running"] {
        assert_eq!(before[&format!("portcullis_builds{{state=\"{state}\"}}")], 0.0, "{state}");
    }
    assert!(before["process_resident_memory_bytes"] > 1e6);
    assert_eq!(before[concat!("portcullis_control_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}")], 1.0);

    let token = served.make("/api/v1/tokens", &json!({ "name": "another" })).await;
    let both = (&before, &scrape(&served).await);
    for (name, by) in [
        ("portcullis_active_tokens", 1.0),
        ("portcullis_audit_log_writes_total", 1.0),
        (r#"http_requests_total{method="POST",route="/api/v1/tokens",status="201"}"#, 1.0),
        (r#"http_request_duration_seconds_count{method="POST",route="/api/v1/tokens",status="201"}"#, 1.0),
    ] {
        assert_eq!(moved(name, both), by, "{name}");
    }
    let duration = r#"http_request_duration_seconds_sum{method="POST",route="/api/v1/tokens",status="201"}"#;
    assert!(moved(duration, both) > 0.0);

    let id = text(&token["token"]["id"]);
    assert_eq!(served.ask("DELETE", &format!("/api/v1/tokens/{id}")).status().await, 204);
    assert_eq!(moved("portcullis_active_tokens", (&before, &scrape(&served).await)), 0.0, "at once");
}

#[tokio::test]
async fn connections_to_the_database_are_counted() {
    let served = Served::start().await;
    let opened = scrape(&served).await["portcullis_db_connection_pool_size"];
    assert!(opened >= 2.0, "one writes, and one reads");
    // Who asks at the same time needs more of them, up to four that read; what looks after data planes may have them open.
    wait::until("all are open", async || {
        let asking: Vec<_> = (0..16).map(|_| served.ask("GET", "/api/v1/projects").status()).collect();
        futures_util::future::join_all(asking).await;
        scrape(&served).await["portcullis_db_connection_pool_size"] >= 5.0
    })
    .await;
}
