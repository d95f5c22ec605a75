//! What a gateway refuses to start with, and what survives its start.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use tests::{Api, Gateway, Upstream};

/// Starts with this option and asserts that it is refused with a message that holds `says`.
async fn check_refused(option: &str, value: &str, says: &str) {
    let api = Api::nowhere().get("/pets");
    let refusal = Gateway::serving(&api).set(option, value).start_refused().await;
    assert!(!refusal.status.success());
    assert!(refusal.said.contains(says), "{says} is not in:\n{}", refusal.said);
}

#[tokio::test]
async fn a_name_that_no_listener_has_is_refused() {
    check_refused("--listen", "intrenal=127.0.0.1:0", "no listener `intrenal` (it has default)").await;
}

#[tokio::test]
async fn an_address_that_another_gateway_listens_on_is_refused() {
    let upstream = Upstream::echo().await;
    let first = Gateway::serving(&Api::at(&upstream).get("/pets")).start().await;
    check_refused("--listen", &first.address().to_string(), "cannot listen on").await;
    assert_eq!(first.get("/pets").await.status, 200);
}

#[tokio::test]
async fn a_log_filter_that_is_none_is_refused() {
    check_refused("--log", "gateway=noisy", "no log filter").await;
}

#[tokio::test]
async fn an_operation_on_a_listener_without_an_address_is_warned_about() {
    let upstream = Upstream::echo().await;
    let inner = tests::api::Endpoint::new("GET", "/inner").on_listeners(&["inner"]);
    let gateway = Gateway::serving(&Api::at(&upstream).get("/pets").with(inner)).start().await;
    let warned = gateway.logs().iter().any(|line| line["level"] == "WARN" && line["listener"] == "inner");
    assert!(warned, "{:?}", gateway.logs());
}
