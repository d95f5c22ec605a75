//! What the admin port tells.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use artifact_format::container::digest;
use tests::{Api, Client, Gateway, Upstream};

async fn serving() -> (Upstream, Gateway) {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::serving(&Api::at(&upstream).get("/pets/{id}").post("/pets")).start().await;
    (upstream, gateway)
}

#[tokio::test]
async fn it_is_alive_and_ready() {
    let (upstream, gateway) = serving().await;
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(gateway.admin_get(path).await.status, 200, "{path}");
    }
    let expected = digest(&Api::at(&upstream).get("/pets/{id}").post("/pets").to_bytes()).to_string();
    assert_eq!((gateway.running().await, gateway.rejected().await), (expected, String::new()));
}

#[tokio::test]
async fn what_it_does_not_know_is_404_and_what_cannot_be_done_405() {
    let (_upstream, gateway) = serving().await;
    assert_eq!(gateway.admin_get("/nothing").await.status, 404);
    let mut client = Client::http1(gateway.admin()).await;
    assert_eq!(client.send_body("POST", "/metrics", "").await.status, 405);
}

#[tokio::test]
async fn it_is_not_reachable_through_a_listener() {
    let (upstream, gateway) = serving().await;
    for path in ["/livez", "/readyz", "/metrics", "/artifact"] {
        assert_eq!(gateway.get(path).await.status, 404, "{path}");
    }
    assert_eq!(upstream.requests(), 0);
}

#[tokio::test]
async fn requests_are_counted_by_template_and_never_by_path() {
    let (_upstream, gateway) = serving().await;
    for number in 0..5 {
        assert_eq!(gateway.get(&format!("/pets/secret-{number}")).await.status, 200);
    }
    assert_eq!(gateway.get("/unknown-path").await.status, 404);
    let metrics = String::from_utf8(gateway.admin_get("/metrics").await.body.to_vec()).unwrap();
    let sample = |line: &&str| {
        let named = line.starts_with("http_server_request_duration_seconds_count{");
        named && line.contains(r#"http_route="/pets/{id}""#) && line.contains(r#"http_request_method="GET""#)
    };
    let counted: Vec<&str> = metrics.lines().filter(sample).collect();
    assert_eq!(counted.len(), 1, "{metrics}");
    assert!(counted[0].contains(r#"http_response_status_code="200""#) && counted[0].ends_with(" 5"), "{counted:?}");
    assert!(!metrics.contains("secret-") && !metrics.contains("unknown-path"), "{metrics}");
}

#[tokio::test]
async fn an_invented_method_makes_no_metric_of_its_own() {
    let (_upstream, gateway) = serving().await;
    for number in 0..20 {
        let mut client = Client::http1(gateway.address()).await;
        assert_eq!(client.send_body(&format!("INVENTED{number}"), "/pets/1", "").await.status, 405);
    }
    let metrics = gateway.admin_get("/metrics").await;
    assert!(!String::from_utf8_lossy(&metrics.body).contains("INVENTED"));
}

#[tokio::test]
async fn the_metrics_are_valid_exposition_format() {
    let (_upstream, gateway) = serving().await;
    gateway.get("/pets/1").await;
    let metrics = gateway.admin_get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text; version=1.0.0"), "{metrics:?}");
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.ends_with("# EOF\n"));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn the_artifact_lists_its_operations() {
    let (_upstream, gateway) = serving().await;
    let artifact = gateway.admin_get("/artifact").await;
    assert_eq!((artifact.status, artifact.header("content-type")), (200, "application/json"));
    let text = artifact.json().to_string();
    assert!(text.contains("/pets/{id}") && text.contains("POST"), "{text}");
}
