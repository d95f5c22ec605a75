//! Real gateways that a real control plane leads, as somebody sees it who types commands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use http::{Response, StatusCode};
use rustix::process::Signal;
use tests::load::Load;
use tests::project::text;
use tests::{Company, Gateway, Upstream, wait};

async fn runs(gateway: &Gateway, digest: &str) {
    wait::until(&format!("{digest} runs"), async || gateway.running().await == digest).await;
}

/// Nobody asks any more, and nobody was refused anything.
async fn went_well(load: Load) {
    let outcome = load.stop().await;
    assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 0));
    assert!(outcome.answered > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_gateway_serves_what_was_deployed_whether_or_not_the_control_plane_is_there() {
    let mut company = Company::begins().await;
    let first = company.builds(&["/steady"], &company.upstream);
    let state = tempfile::tempdir().unwrap();
    let gateway = company.gateway("edge-1", state.path()).start_unready().await;
    assert_eq!(gateway.admin_get("/readyz").await.status, 503);

    let deployed = company.command.json(&["deploy", &first, "--wait"]);
    assert_eq!(deployed["state"], "succeeded");
    runs(&gateway, &first).await;
    let shown = company.shown("edge-1").await;
    assert_eq!((&shown["status"], &shown["artifact"]), (&"online".into(), &first.clone().into()));
    let load = Load::start(2, gateway.address(), "/steady");
    let second = company.builds(&["/steady", "/new"], &company.upstream);
    company.command.succeeds(&["deploy", &second, "--wait"]);
    assert_eq!(gateway.get("/new").await.status, 200);

    company.control_plane.kill();
    let before = load.answered();
    wait::until("requests go on", async || load.answered() > before + 100).await;
    went_well(load).await;

    drop(gateway);
    let gateway = company.gateway("edge-1", state.path()).start().await;
    assert_eq!(gateway.running().await, second, "what was deployed, without anybody to ask");
    assert_eq!(gateway.get("/new").await.status, 200);

    let load = Load::start(2, gateway.address(), "/steady");
    company.control_plane.restart().await;
    wait::until("the control plane sees it again", async || {
        let shown = company.shown("edge-1").await;
        shown["status"] == "online" && shown["artifact"] == second
    })
    .await;
    company.command.succeeds(&["rollback", "--wait"]);
    runs(&gateway, &first).await;
    assert_eq!(gateway.get("/new").await.status, 404);
    went_well(load).await;
}

/// Longer than the longest pause before a gateway connects again.
const RETURNS_WITHIN: Duration = Duration::from_secs(90);
/// Of heartbeats every 30 seconds, the second comes 27 seconds after the first at the soonest.
const BEFORE_THE_SECOND_HEARTBEAT: Duration = Duration::from_secs(25);

/// Whoever lost the connection has to come back first. From then on both sides are right within one heartbeat, since
/// `hello` says what is served and `welcome` what is wanted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_an_outage_both_sides_are_right_within_one_heartbeat() {
    let mut company = Company::with(&[("--heartbeat-interval", "30s"), ("--return-time", "90s")]).await;
    let first = company.builds(&["/steady"], &company.upstream);
    let second = company.builds(&["/steady", "/new"], &company.upstream);
    let state = tempfile::tempdir().unwrap();
    let mut gateway = company.gateway("edge-1", state.path()).start_unready().await;
    company.command.succeeds(&["deploy", &first, "--wait"]);
    runs(&gateway, &first).await;
    let how = ["--canary", "1", "--promotion", "manual", "--gate-bake", "0s"];
    company.command.succeeds(&[&["deploy", &second][..], &how].concat());
    runs(&gateway, &second).await;

    // What is wanted changes while the gateway is away, and no deployment is under way, in which heartbeats come
    // sooner.
    gateway.signal(Signal::TERM);
    assert!(gateway.ended().await.success());
    assert_eq!(company.command.json(&["deployment", "abort", "2"])["state"], "aborted");
    company.control_plane.kill();
    let gateway = company.gateway("edge-1", state.path()).start().await;
    assert_eq!(gateway.running().await, second, "what served last");
    company.control_plane.restart().await;

    let is_connected = async || gateway.status().await["control_plane"]["connected"] == true;
    assert!(wait::within(RETURNS_WITHIN, is_connected).await, "it does not come back");
    let are_right = async || {
        let shown = company.shown("edge-1").await;
        gateway.running().await == first && shown["status"] == "online" && shown["artifact"] == first
    };
    let in_time = wait::within(BEFORE_THE_SECOND_HEARTBEAT, are_right).await;
    let shown = company.shown("edge-1").await;
    assert!(in_time, "{shown:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_canary_that_answers_5xx_is_taken_back_and_the_others_never_see_it() {
    let company = Company::begins().await;
    let good = company.builds(&["/steady"], &company.upstream);
    let mut fleet = Vec::new();
    for number in 0..3 {
        let state = tempfile::tempdir().unwrap();
        let gateway = company.gateway(&format!("edge-{number}"), state.path()).start_unready().await;
        fleet.push((gateway, state));
    }
    company.command.succeeds(&["deploy", &good, "--wait"]);
    let mut loads = Vec::new();
    for (gateway, _) in &fleet {
        runs(gateway, &good).await;
        loads.push(Load::start(1, gateway.address(), "/steady"));
    }

    let broken = Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).body("").unwrap();
    let broken = Upstream::responding(broken).await;
    let bad = company.builds(&["/steady", "/bad"], &broken);
    let gates = ["--gate-max-error-rate", "5%", "--gate-min-requests", "20", "--gate-bake", "10m"];
    let said = company.command.fails(&[&["deploy", &bad, "--canary", "1", "--wait"][..], &gates].concat(), 8);
    assert!(said.contains("error"), "{said}");

    let reached: Vec<bool> = fleet.iter().map(|(gateway, _)| has_loaded(gateway, &bad)).collect();
    assert_eq!(reached.iter().filter(|reached| **reached).count(), 1, "{reached:?}");
    for (gateway, _) in &fleet {
        runs(gateway, &good).await;
    }
    for (load, reached) in loads.into_iter().zip(reached) {
        let outcome = load.stop().await;
        // What the canary's clients saw is what the server behind it said.
        let failures = outcome.failures.iter().filter(|failure| !(reached && *failure == "status 500"));
        assert_eq!((failures.count(), outcome.refused), (0, 0), "{:?}", outcome.failures.first());
    }
    // It is not deployed again by a pipeline that does not know.
    company.command.fails(&["deploy", &bad, "--ci"], 4);
}

/// The control plane is away in the middle of it for longer than a command asks again: whoever waits goes on waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiting_for_a_deployment_outlives_a_restart_of_the_control_plane() {
    let mut company = Company::begins().await;
    let digest = company.builds(&["/steady"], &company.upstream);
    let state = tempfile::tempdir().unwrap();
    let gateway = company.gateway("edge-1", state.path()).start_unready().await;
    let how = ["--canary", "1", "--promotion", "manual", "--gate-bake", "0s", "--wait", "--timeout", "2m"];
    let mut waiting = company.command.begins(&[&["deploy", &digest][..], &how].concat());
    let said = company.command.path("said");
    let mut says = async |what: &str| {
        let text = || std::fs::read_to_string(&said).unwrap();
        let said = async || {
            assert!(waiting.try_wait().unwrap().is_none(), "it has ended: {}", text());
            text().contains(what)
        };
        assert!(wait::within(wait::PATIENCE, said).await, "{what}: {}", text());
    };
    says("is paused").await;
    company.control_plane.kill();
    says("the control plane is away").await;
    company.control_plane.restart().await;
    company.command.succeeds(&["deployment", "promote", "1"]);
    runs(&gateway, &digest).await;
    wait::until("the deployment has ended", async || waiting.try_wait().unwrap().is_some()).await;
    let status = waiting.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{}", std::fs::read_to_string(&said).unwrap());
}

fn has_loaded(gateway: &Gateway, digest: &str) -> bool {
    gateway.logs().iter().any(|entry| entry["message"] != "artifact rejected" && entry["sha256"] == digest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_gateway_starts_from_a_folder_that_the_control_plane_keeps_while_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let from = format!("file://{}", folder.path().display());
    let mut company = Company::with(&[("--bootstrap-store", &from)]).await;
    let everybody = company.builds(&["/steady"], &company.upstream);
    let production = company.builds(&["/steady", "/production"], &company.upstream);
    company.command.succeeds(&["deploy", &everybody]);
    company.command.succeeds(&["deploy", &production, "--selector", "env=prod"]);
    let project = text(&company.command.json(&["project", "get", "shop"])["id"]);
    let folders = [(project.clone(), &everybody), (format!("{project}/env=prod"), &production)];
    for (own, artifact) in &folders {
        let pointer = folder.path().join(own).join("pointer.json");
        let is_written = async || {
            let text = std::fs::read_to_string(&pointer).unwrap_or_default();
            text.contains(artifact.as_str())
        };
        wait::until(&format!("{own} is written"), is_written).await;
    }

    company.control_plane.kill();
    for (own, artifact) in folders {
        let state = tempfile::tempdir().unwrap();
        let setup = company.gateway("edge-9", state.path()).set("--bootstrap", &format!("{from}/{own}"));
        let gateway = setup.start().await;
        assert_eq!(gateway.running().await, *artifact);
        assert_eq!(gateway.get("/steady").await.status, 200);
    }
}
