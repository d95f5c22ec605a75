//! Ends that are nobody's fault: whatever was being put to work is not blamed for them.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use artifact_format::container::digest;
use rustix::process::Signal;
use tests::scripted_control::{API_KEY, Delivery, PROJECT};
use tests::{Gateway, ScriptedControl, Upstream, wait};

use crate::{Stage, alarms, assert_runs, version};

#[tokio::test(flavor = "multi_thread")]
async fn what_never_came_is_not_set_aside() {
    let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    let (state, wanted) = (tempfile::tempdir().unwrap(), version(&upstream, 1));
    control.delivers(Delivery::CutAfter(0));
    control.deploys(&wanted);
    for signal in [Signal::KILL, Signal::KILL, Signal::KILL, Signal::TERM, Signal::KILL] {
        let mut gateway = Gateway::connected(&control, state.path()).start_unready().await;
        let name = digest(&wanted).to_string();
        wait::until("it is to be served", async || gateway.status().await["control_plane"]["desired"] == name).await;
        let is_noted = || fs::read_to_string(state.path().join("state")).is_ok_and(|text| text.contains(&name));
        wait::until("that is written down", async || is_noted()).await;
        gateway.signal(signal);
        gateway.ended().await;
    }
    control.delivers(Delivery::Whole);
    let gateway = Gateway::connected(&control, state.path()).start().await;
    assert_runs(&gateway, &wanted).await;
    control.sees_active(&wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_not_the_artifacts_fault() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    // One end without warning: one more would be its last.
    stage.gateway.signal(Signal::KILL);
    stage.gateway.ended().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for _ in 0..3 {
        let setup = Gateway::connected(&stage.control, stage.state.path()).set("--listen", &address);
        let refusal = setup.start_refused().await;
        assert_eq!(refusal.status.code(), Some(1), "{}", refusal.said);
    }
    stage.gateway = Gateway::connected(&stage.control, stage.state.path()).start().await;
    stage.runs(1).await;
}

/// Nothing that was deployed has a listener of that name, and nobody is there to ask.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_serve_what_served_last_does_not_forget_it() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    stage.is_ended().await;
    stage.control.dies();
    let connected = || Gateway::connected(&stage.control, stage.state.path()).set("--listen", "typo=127.0.0.1:0");
    let mut gateway = connected().start_unready().await;
    let is_told = async || alarms(&gateway).await.contains(&"unknown_listener".to_owned());
    wait::until("it is told", is_told).await;
    gateway.signal(Signal::TERM);
    assert!(gateway.ended().await.success());

    // Nor where the file of the command line cannot be served either.
    let refusal = connected().and_file(stage.version(2)).start_refused().await;
    assert!(refusal.said.contains("typo"), "{}", refusal.said);
    stage.starts_again().await;
    stage.runs(1).await;
    stage.ends_well().await;
}

/// What was deployed last cannot be read by one process, which serves the one before.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_can_serve_only_the_one_before_does_not_forget_what_was_deployed() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    stage.is_ended().await;
    stage.control.dies();
    let (artifact, kept) = (stage.artifact(1), stage.file("kept"));
    fs::rename(&artifact, &kept).unwrap();
    // Nobody reads a folder as a file.
    fs::create_dir(&artifact).unwrap();
    stage.starts_again().await;
    stage.runs(0).await;
    assert_eq!(alarms(&stage.gateway).await, ["state_unreadable"]);
    stage.is_ended().await;

    fs::remove_dir(&artifact).unwrap();
    fs::rename(&kept, &artifact).unwrap();
    stage.starts_again().await;
    stage.runs(1).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_does_not_stop_what_was_deployed() {
    let mut stage = Stage::set().await;
    stage.rests().await;
    stage.gateway.signal(Signal::TERM);
    assert!(stage.gateway.ended().await.success());
    let connected = || Gateway::connected(&stage.control, stage.state.path()).set("--artifact", "/nowhere/api.bca");
    let gateway = connected().start().await;
    assert_runs(&gateway, &stage.version(0)).await;
    drop(gateway);

    let empty = tempfile::tempdir().unwrap();
    let setup = Gateway::connected(&stage.control, empty.path()).set("--artifact", "/nowhere/api.bca");
    let refusal = setup.start_refused().await;
    assert!(refusal.status.code() == Some(1) && refusal.said.contains("/nowhere"), "{}", refusal.said);
}

/// The key is needed to talk to the control plane, and not to serve what was deployed.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_key_serves_what_was_deployed() {
    let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    let (state, fresh, folder) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = folder.path().join("data-plane.key");
    fs::write(&key, API_KEY).unwrap();
    let setup = |state: &Path| {
        let setup = Gateway::serving_nothing().set("--control-plane", &control.url()).set("--project-id", PROJECT);
        setup.set("--api-key-file", key.to_str().unwrap()).set("--state-dir", state.to_str().unwrap())
    };
    control.deploys(&version(&upstream, 1));
    let mut gateway = setup(state.path()).start().await;
    control.sees_active(&version(&upstream, 1)).await;
    let unusable: [&dyn Fn(); 2] = [&|| fs::write(&key, "").unwrap(), &|| fs::remove_file(&key).unwrap()];
    for make_unusable in unusable {
        gateway.signal(Signal::TERM);
        assert!(gateway.ended().await.success());
        make_unusable();
        // Whoever has nothing yet is told at once.
        let refusal = setup(fresh.path()).start_refused().await;
        assert_eq!(refusal.status.code(), Some(1), "{}", refusal.said);
        assert!(refusal.said.contains("data-plane.key"), "{}", refusal.said);

        let connections = control.connected();
        gateway = setup(state.path()).start().await;
        assert_runs(&gateway, &version(&upstream, 1)).await;
        wait::until("it is told", async || alarms(&gateway).await == ["api_key"]).await;
        assert_eq!(control.connected(), connections);
        fs::write(&key, API_KEY).unwrap();
        gateway.signal(Signal::HUP);
        wait::until("it is connected", async || control.connected() > connections).await;
        wait::until("that has an end", async || alarms(&gateway).await.is_empty()).await;
    }
}
