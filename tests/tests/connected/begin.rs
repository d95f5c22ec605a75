//! How a data plane begins where there is little to begin with.

use std::fs;
use std::path::Path;
use std::time::Duration;

use artifact_format::container::digest;
use rustix::process::Signal;
use tests::scripted_control::{Delivery, pointer, signed};
use tests::{Gateway, ScriptedControl, Upstream, wait};

use crate::{Stage, assert_runs, version};

#[tokio::test(flavor = "multi_thread")]
async fn fresh_data_plane_control_plane_down() {
    let (upstream, mut control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    control.dies();
    let state = tempfile::tempdir().unwrap();
    let gateway = Gateway::connected(&control, state.path()).start_unready().await;
    assert_eq!(gateway.admin_get("/livez").await.status, 200);
    assert_eq!(gateway.admin_get("/readyz").await.status, 503);
    assert_eq!(gateway.admin_get("/artifact").await.status, 404);
    for target in ["/", "/steady", "/anything?at=all"] {
        let answer = gateway.get(target).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{target}");
        assert_eq!(answer.json()["code"], "nothing-deployed");
    }
    let status = gateway.status().await;
    assert_eq!((&status["control_plane"]["connected"], &status["running"]), (&false.into(), &serde_json::Value::Null));

    control.comes_back().await;
    control.deploys(&version(&upstream, 1));
    assert_runs(&gateway, &version(&upstream, 1)).await;
    assert_eq!(gateway.admin_get("/readyz").await.status, 200);
    assert_eq!(gateway.get("/version-1").await.status, 200);
    assert_eq!(gateway.get("/nowhere").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_served_until_something_was_deployed() {
    let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    let state = tempfile::tempdir().unwrap();
    let gateway = Gateway::connected(&control, state.path()).and_file(version(&upstream, 1)).start().await;
    assert_runs(&gateway, &version(&upstream, 1)).await;
    gateway.replace(&version(&upstream, 2));
    assert_runs(&gateway, &version(&upstream, 2)).await;
    let running = Some(digest(&version(&upstream, 2)).to_string());
    wait::until("it is told", async || control.state().is_some_and(|state| state.running_digest == running)).await;

    control.deploys(&version(&upstream, 3));
    control.sees_active(&version(&upstream, 3)).await;
    gateway.replace(&version(&upstream, 4));
    // Longer than it takes to notice a file.
    wait::pass(Duration::from_millis(800)).await;
    let reloaded = gateway.messages("artifact reloaded");
    let file = digest(&version(&upstream, 4)).to_string();
    assert!(reloaded.iter().all(|entry| entry["sha256"] != file), "the file counts no more");
    assert_runs(&gateway, &version(&upstream, 3)).await;
    control.deploys(&version(&upstream, 5));
    control.sees_active(&version(&upstream, 5)).await;
    assert_runs(&gateway, &version(&upstream, 5)).await;
}

/// The first deployment is taken back while this gateway still fetches it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_wanted_any_more_does_not_come_to_serve() {
    let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    let state = tempfile::tempdir().unwrap();
    let [file, bad] = [version(&upstream, 1), version(&upstream, 2)];
    let connected = || Gateway::connected(&control, state.path()).and_file(file.clone());
    let mut gateway = connected().start().await;
    control.delivers(Delivery::HeldAfter(bad.len() / 2));
    let pointer = control.deploys(&bad);
    wait::until("it is on its way", async || control.is_holding()).await;
    control.wants_nothing();
    let is_withdrawn = async || gateway.status().await["control_plane"]["desired"].is_null();
    wait::until("it is not wanted any more", is_withdrawn).await;
    control.delivers(Delivery::Whole);
    let is_noted = |text: String| text.contains(r#""withdrawn":true"#);
    wait::until("that is written down", async || fs::read_to_string(state.path().join("state")).is_ok_and(is_noted))
        .await;
    gateway.signal(Signal::KILL);
    gateway.ended().await;

    // Were it there whole, the next process could begin with it.
    fs::write(state.path().join("artifacts").join(digest(&bad).to_string()), &bad).unwrap();
    let gateway = connected().start().await;
    assert_runs(&gateway, &file).await;
    control.wants(&pointer);
    control.sees_active(&bad).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_not_shown_any_more_once_it_is_not_wanted() {
    let stage = Stage::set().await;
    let mut bad = stage.version(1);
    let at = bad.len() / 2;
    bad[at] ^= 1;
    stage.control.deploys(&bad);
    let is_shown = async || stage.gateway.rejected().await == digest(&bad).to_string();
    wait::until("it is refused", is_shown).await;
    let has_metric = async || {
        let metrics = stage.gateway.admin_get("/metrics").await;
        String::from_utf8_lossy(&metrics.body).contains("portcullis_artifact_rejected_info{")
    };
    assert!(has_metric().await);

    stage.control.wants_nothing();
    wait::until("nobody is told of it", async || stage.gateway.rejected().await.is_empty()).await;
    assert!(!has_metric().await);
    let serving = digest(&stage.version(0)).to_string();
    let says = || stage.gateway.messages("serving what was deployed before");
    let is_said = async || says().iter().any(|entry| entry["sha256"] == serving);
    wait::until("it says what it goes on with", is_said).await;
    stage.runs(0).await;
    stage.ends_well().await;
}

/// A folder to start from.
fn bootstrap(folder: &Path, serial: u64, artifact: &[u8]) {
    fs::create_dir_all(folder.join("artifacts")).unwrap();
    fs::write(folder.join("artifacts").join(digest(artifact).to_string()), artifact).unwrap();
    let pointer = serde_json::to_vec(&signed(pointer(serial, artifact))).unwrap();
    fs::write(folder.join("pointer.json"), pointer).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_data_plane_starts_from_a_folder() {
    let (upstream, mut control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    control.dies();
    let (state, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    bootstrap(folder.path(), 5, &version(&upstream, 1));
    let from = format!("file://{}", folder.path().display());
    let gateway = Gateway::connected(&control, state.path()).set("--bootstrap", &from).start().await;
    assert_runs(&gateway, &version(&upstream, 1)).await;

    // The floor holds: what is older than the folder's is not taken from the control plane either.
    control.comes_back().await;
    control.deploys(&version(&upstream, 2));
    control.sees_rejected("pointer_older").await;
    let newer = signed(pointer(6, &version(&upstream, 2)));
    control.wants(&newer);
    control.sees_active(&version(&upstream, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_folder_has_is_judged_like_anything_else() {
    let (upstream, mut control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    control.dies();
    let (state, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    bootstrap(folder.path(), 5, &version(&upstream, 1));
    let path = folder.path().join("artifacts").join(digest(&version(&upstream, 1)).to_string());
    let mut bytes = fs::read(&path).unwrap();
    bytes[50] ^= 1;
    fs::write(&path, bytes).unwrap();
    let from = format!("file://{}", folder.path().display());
    let gateway = Gateway::connected(&control, state.path()).set("--bootstrap", &from).start_unready().await;
    wait::until("it is refused", async || {
        gateway.status().await["rejected"]["code"].as_str() == Some("digest_mismatch")
    })
    .await;
    assert_eq!(gateway.admin_get("/readyz").await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_not_share_a_folder() {
    let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    let state = tempfile::tempdir().unwrap();
    control.deploys(&version(&upstream, 1));
    let _first = Gateway::connected(&control, state.path()).start().await;
    let second = Gateway::connected(&control, state.path()).start_refused().await;
    assert_eq!(second.status.code(), Some(1));
    assert!(second.said.contains("--state-dir"), "{}", second.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_never_ends_well_leaves_it_waiting() {
    let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    control.delivers(Delivery::CutAfter(0));
    control.deploys(&version(&upstream, 1));
    let state = tempfile::tempdir().unwrap();
    let gateway = Gateway::connected(&control, state.path()).start_unready().await;
    wait::until("it is told", async || gateway.status().await["rejected"]["code"].as_str() == Some("unreachable"))
        .await;
    assert_eq!(gateway.get("/steady").await.status, 503);
}
