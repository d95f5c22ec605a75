//! What the command line must say.

use tests::scripted_control::PROJECT;
use tests::{Gateway, ScriptedControl, Upstream};

use crate::{assert_runs, version};

async fn is_refused(setup: tests::gateway::Setup, code: i32, what: &str) {
    let refusal = setup.start_refused().await;
    assert_eq!(refusal.status.code(), Some(code), "{}", refusal.said);
    assert!(refusal.said.contains(what), "{what}: {}", refusal.said);
}

#[tokio::test]
async fn what_cannot_be_meant_is_said() {
    let nothing = Gateway::serving_nothing;
    is_refused(nothing(), 2, "--artifact FILE").await;
    let url = "http://127.0.0.1:9";
    is_refused(nothing().set("--control-plane", url), 2, "--project-id").await;
    let project = || nothing().set("--control-plane", url).set("--project-id", PROJECT);
    is_refused(project(), 2, "--api-key-file").await;
    is_refused(nothing().set("--project-id", PROJECT), 2, "--control-plane").await;
    is_refused(project().set("--api-key", "two words"), 2, "a key has").await;
    is_refused(project().set("--api-key", "k").set("--label", "prod"), 2, "KEY=VALUE").await;
    is_refused(project().set("--api-key", "k").set("--label", "env=a/b"), 2, "KEY=VALUE").await;
    is_refused(project().set("--api-key", "k").set("--name", "a b"), 2, "not a name").await;
    is_refused(project().set("--api-key", "k"), 2, "--state-dir").await;
    is_refused(nothing().set("--control-plane", "ftp://there").set("--project-id", PROJECT), 2, "https").await;
}

/// Standard error is somebody's log.
#[tokio::test]
async fn what_may_be_secret_is_not_repeated() {
    let check = async |setup: tests::gateway::Setup, what: &str| {
        let refusal = setup.start_refused().await;
        assert_eq!(refusal.status.code(), Some(2), "{}", refusal.said);
        assert!(refusal.said.contains(what) && !refusal.said.contains("letmein"), "{}", refusal.said);
    };
    let project = || Gateway::serving_nothing().set("--project-id", PROJECT);
    let there = || project().set("--control-plane", "https://there");
    check(there().set("--api-key", "letmein key"), "a key has").await;
    check(there().variable("PORTCULLIS_API_KEY", "letmein key"), "a key has").await;
    let with_password = "https://user:letmein@there";
    check(project().set("--control-plane", with_password), "a URL with a password").await;
    check(project().variable("PORTCULLIS_CONTROL_PLANE", with_password), "a URL with a password").await;
    check(there().set("--api-key", "k").set("--bootstrap", with_password), "a URL with a password").await;
    check(there().set("--api-key", "k").variable("PORTCULLIS_BOOTSTRAP", with_password), "a URL with a password").await;
}

#[tokio::test]
async fn whoever_believes_nobody_is_told_before_it_serves() {
    let state = tempfile::tempdir().unwrap();
    let setup = Gateway::serving_nothing().set("--control-plane", "http://127.0.0.1:9").set("--project-id", PROJECT);
    let setup = setup.set("--api-key", "k").set("--state-dir", state.path().to_str().unwrap()).trusting(&[]);
    is_refused(setup, 1, "--trusted-key").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_certificate_authorities_is_connected_over_http() {
    let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    control.deploys(&version(&upstream, 1));
    let (state, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let nowhere = empty.path().display().to_string();
    let setup = Gateway::connected(&control, state.path()).variable("SSL_CERT_DIR", &nowhere);
    let gateway = setup.variable("SSL_CERT_FILE", &format!("{nowhere}/none.pem")).start().await;
    assert_runs(&gateway, &version(&upstream, 1)).await;
    let said = gateway.logs().iter().any(|entry| entry.to_string().contains("--control-plane-ca"));
    assert!(said, "{:?}", gateway.logs());
}
