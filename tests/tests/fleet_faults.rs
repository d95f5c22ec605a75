//! Real gateways that a real control plane leads, and what may go wrong between the two while clients ask on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::sync::Arc;

use artifact_format::model::{Spec, SpecFormat, SpecRole};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tests::api::test_key;
use tests::load::Load;
use tests::project::text;
use tests::{Api, Company, Gateway, compiled, wait};

async fn runs(gateway: &Gateway, digest: &str) {
    wait::until(&format!("{digest} runs"), async || gateway.running().await == digest).await;
}

/// Nobody asks any more, and nobody was refused anything.
async fn went_well(load: Load) {
    wait::until("somebody was answered", async || load.answered() > 10).await;
    let outcome = load.stop().await;
    assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 0));
}

/// A gateway that serves what was deployed, and where it remembers.
async fn serving(company: &Company, name: &str, digest: &str) -> (Gateway, TempDir) {
    let state = tempfile::tempdir().unwrap();
    let gateway = company.gateway(name, state.path()).start().await;
    runs(&gateway, digest).await;
    (gateway, state)
}

/// A company whose `edge-1` serves what was deployed first, and somebody who asks it all the while.
struct Stage {
    company: Company,
    first: String,
    gateway: Gateway,
    state: TempDir,
    load: Load,
}

impl Stage {
    async fn set() -> Self {
        let company = Company::begins().await;
        let first = company.builds(&["/steady"], &company.upstream);
        company.command.succeeds(&["deploy", &first]);
        let (gateway, state) = serving(&company, "edge-1", &first).await;
        let load = Load::start(2, gateway.address(), "/steady");
        Self { company, first, gateway, state, load }
    }
}

/// Another key signs from now on. Returns the id of the one before.
async fn rotates(company: &Company, name: &str) -> String {
    let keys = company.control_plane.get(&company.path("signing-keys")).await.json();
    let active = keys["items"].as_array().unwrap().iter().find(|key| key["state"] == "active").unwrap();
    let before = text(&active["id"]);
    let rotate = company.path(&format!("signing-keys/{before}/rotate"));
    let rotated = company.control_plane.post(&rotate, &json!({ "kind": "generated", "name": name })).await;
    assert_eq!(rotated.status, 201, "{}", rotated.json());
    before
}

async fn shows(company: &Company, name: &str, digest: &str) {
    wait::until(&format!("{name} is shown with {digest}"), async || {
        let shown = company.shown(name).await;
        shown["status"] == "online" && shown["artifact"] == digest
    })
    .await;
}

/// An artifact that takes a while to come.
fn large(company: &Company) -> Vec<u8> {
    let mut model = Api::at(&company.upstream).get("/steady").get("/large").model();
    "shop".clone_into(&mut model.project);
    let text = std::iter::repeat_with(fastrand::alphanumeric).take(40 << 20).collect();
    model.specs.specs =
        vec![Spec { path: "test.yaml".to_owned(), role: SpecRole::Entry, format: SpecFormat::Yaml, text }];
    compiled::signed(&model)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn control_plane_killed_mid_download() {
    let Stage { mut company, first: small, gateway, state, load } = Stage::set().await;

    let artifact = large(&company);
    company.command.succeeds(&["signing-key", "trust", &test_key().public().to_base64()]);
    company.command.write("large.bca", &artifact);
    let large = text(&company.command.json(&["artifact", "push", "large.bca"])["digest"]);
    company.command.succeeds(&["deploy", &large]);
    let part = state.path().join("artifacts").join(format!("{large}.part"));
    let came = || fs::metadata(&part).map_or(0, |part| part.len());
    wait::until("some of it came", async || came() > 0).await;
    let control_plane = Pid::from_raw(i32::try_from(company.control_plane.pid()).unwrap()).unwrap();
    kill_process(control_plane, Signal::STOP).unwrap();
    assert!(came() < artifact.len() as u64, "all of it came");
    company.control_plane.kill();
    runs(&gateway, &small).await;
    let before = load.answered();
    wait::until("requests go on", async || load.answered() > before + 100).await;

    company.control_plane.restart().await;
    runs(&gateway, &large).await;
    let resumed = gateway.messages("goes on with an artifact that came in part");
    assert!(resumed.iter().any(|entry| entry["received"].as_u64() > Some(0)), "{resumed:?}");
    assert_eq!(gateway.get("/large").await.status, 200);
    shows(&company, "edge-1", &large).await;
    went_well(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn poison_artifact_that_kills_the_process() {
    let company = Arc::new(Company::begins().await);
    let good = company.builds(&["/steady"], &company.upstream);
    company.command.succeeds(&["deploy", &good]);
    let mut fleet = [serving(&company, "edge-0", &good).await, serving(&company, "edge-1", &good).await];
    for (number, (gateway, state)) in fleet.iter_mut().enumerate() {
        // What served in peace and ended in order is not doubted.
        gateway.signal(Signal::TERM);
        gateway.ended().await;
        *gateway = company.gateway(&format!("edge-{number}"), state.path()).start().await;
        shows(&company, &format!("edge-{number}"), &good).await;
    }
    let poison = company.builds(&["/steady", "/poison"], &company.upstream);
    let (own, digest) = (Arc::clone(&company), poison.clone());
    let deploying = tokio::task::spawn_blocking(move || {
        own.command.fails(&["deploy", &digest, "--canary", "1", "--gate-bake", "10m", "--wait"], 8)
    });
    let mut canary = None;
    wait::until("a canary runs it", async || {
        for (number, (gateway, _)) in fleet.iter().enumerate() {
            canary = canary.or((gateway.running().await == poison).then_some(number));
        }
        canary.is_some()
    })
    .await;
    let canary = canary.unwrap();
    let load = Load::start(2, fleet[1 - canary].0.address(), "/steady");
    let name = format!("edge-{canary}");
    for _ in 0..2 {
        let (gateway, state) = &mut fleet[canary];
        runs(gateway, &poison).await;
        let is_written = async || {
            let state = fs::read_to_string(state.path().join("state")).unwrap_or_default();
            state.contains(&format!("\"current\":\"{poison}\""))
        };
        wait::until("it is written down", is_written).await;
        gateway.signal(Signal::KILL);
        gateway.ended().await;
        *gateway = company.gateway(&name, state.path()).start().await;
    }
    let (gateway, state) = &fleet[canary];
    runs(gateway, &good).await;
    let remembered = fs::read_to_string(state.path().join("state")).unwrap();
    assert!(remembered.contains(&format!("\"quarantined\":[\"{poison}\"]")), "{remembered}");
    let asking = Load::start(1, gateway.address(), "/steady");
    let said = deploying.await.unwrap();
    assert!(said.contains("refuse") || said.contains("reject") || said.contains("rolled"), "{said}");
    let loaded = fleet[1 - canary].0.logs().iter().any(|entry| entry["sha256"] == *poison);
    assert!(!loaded, "the other one was given it");
    shows(&company, "edge-0", &good).await;
    shows(&company, "edge-1", &good).await;
    went_well(asking).await;
    went_well(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bad_update_then_a_good_one() {
    let Stage { company, first, gateway, state: _state, load } = Stage::set().await;
    shows(&company, "edge-1", &first).await;

    let lines = "x-portcullis: { listeners: [internal] }\n";
    let bad = company.builds_with(lines, &["/steady", "/bad"], &company.upstream);
    company.command.fails(&["deploy", &bad, "--wait"], 8);
    assert_eq!(gateway.running().await, first);
    assert!(gateway.logs().iter().any(|entry| entry["rejected"] == *bad), "it was never looked at");
    let good = company.builds(&["/steady", "/good"], &company.upstream);
    company.command.succeeds(&["deploy", &good, "--wait"]);
    runs(&gateway, &good).await;
    assert_eq!(gateway.rejected().await, "");
    assert_eq!(gateway.get("/good").await.status, 200);
    shows(&company, "edge-1", &good).await;
    went_well(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn revoked_signing_key() {
    let Stage { company, first: old, gateway, state, load } = Stage::set().await;

    let first = rotates(&company, "next").await;
    let newest = async || company.control_plane.get(&company.path("trust-root")).await.json()["version"].clone();
    let believes = async |gateway: &Gateway| gateway.status().await["control_plane"]["root_version"] == newest().await;
    wait::until("the new key is believed", async || believes(&gateway).await).await;
    let new = company.builds(&["/steady", "/new"], &company.upstream);
    company.command.succeeds(&["deploy", &new, "--wait"]);
    runs(&gateway, &new).await;
    let retired =
        company.control_plane.send("POST", &company.path(&format!("signing-keys/{first}/retire")), None).await;
    assert_eq!(retired.status, 200, "{}", retired.json());
    wait::until("the key is not believed any more", async || believes(&gateway).await).await;
    assert_eq!(gateway.running().await, new);

    // What only the old key signed is not served again, whoever says so, and what serves goes on.
    let again = company.command.run(&["deploy", &old, "--wait"]);
    assert!(!again.status.success());
    runs(&gateway, &new).await;
    went_well(load).await;

    // Its command line names the old key still.
    drop(gateway);
    let gateway = company.gateway("edge-1", state.path()).start().await;
    assert_eq!(gateway.running().await, new);
    let fresh = tempfile::tempdir().unwrap();
    let second = company.gateway("edge-2", fresh.path()).start().await;
    runs(&second, &new).await;
    wait::until("it believes the newest root", async || believes(&second).await).await;
}

/// Nobody waits between the two: what the new key signs is not refused by whoever has not heard of it yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deployment_right_after_a_rotation() {
    let Stage { company, gateway, state: _state, load, .. } = Stage::set().await;
    for number in 0..3 {
        let next = company.builds(&["/steady", &format!("/{number}")], &company.upstream);
        let deploy = company.path("deploy");
        rotates(&company, &format!("next-{number}")).await;
        let deployed = company.control_plane.post(&deploy, &json!({ "artifact": next })).await;
        assert_eq!(deployed.status, 202, "{}", deployed.json());
        let deployment = format!("/api/v1/deployments/{}", text(&deployed.json()["id"]));
        wait::until("it succeeds", async || {
            let deployment = company.control_plane.get(&deployment).await.json();
            assert_ne!(deployment["state"], "rolled_back", "{deployment:#}");
            deployment["state"] == "succeeded"
        })
        .await;
        runs(&gateway, &next).await;
    }
    went_well(load).await;
}
