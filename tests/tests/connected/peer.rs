//! What the other end of the socket may do.

use std::fs;

use artifact_format::container::digest;
use artifact_format::pointer::SignedPointer;
use fleet::message::{Phase, Reason};
use rustix::process::Signal;
use tests::api::key;
use tests::scripted_control::{API_KEY, Manners, PROJECT, pointer};
use tests::{Gateway, ScriptedControl, Upstream, process, wait};

use crate::{Stage, alarms, assert_runs, version};

#[tokio::test(flavor = "multi_thread")]
async fn peer_that_never_answers() {
    let stage = Stage::set().await;
    stage.control.is(Manners::Mute);
    wait::until("it is noticed", async || stage.gateway.metric("portcullis_control_plane_connected").await < 0.5).await;
    stage.runs(0).await;
    assert_eq!(stage.gateway.admin_get("/readyz").await.status, 200);
    stage.control.is(Manners::Polite);
    wait::until("it is back", async || stage.control.connected() == 2).await;
    stage.moves_to(1).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_that_never_reads() {
    let stage = Stage::set().await;
    let connections = || process::connections_to(stage.control.address().port());
    let before = connections();
    // What it says all the while shows that it lives, and has a lot to answer.
    let strangers: Vec<_> = (100..116).map(key).collect();
    let [one, other] = [1, 2].map(|number| {
        let unsigned = SignedPointer::new(pointer(9, &stage.version(number))).unwrap();
        strangers.iter().fold(unsigned, SignedPointer::sign)
    });
    stage.control.is(Manners::Deaf);
    let noticed = async || {
        for pointer in [&one, &other].into_iter().cycle().take(16) {
            stage.control.announces(pointer);
        }
        stage.gateway.metric("portcullis_control_plane_connected").await < 0.5
    };
    wait::until("it is noticed", noticed).await;
    stage.control.is(Manners::Polite);
    wait::until("it is back", async || stage.control.connected() >= 2).await;
    wait::until("nobody waits for it any more", async || connections() <= before).await;
    stage.moves_to(1).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_reordered_lost_notifications() {
    let stage = Stage::set().await;
    let first = stage.control.points_to(&stage.version(1));
    let second = stage.control.points_to(&stage.version(2));
    stage.control.wants(&second);
    for pointer in [&second, &second, &first, &second, &first, &second] {
        stage.control.announces(pointer);
    }
    stage.control.sees_active(&stage.version(2)).await;
    // Nobody is told; the next heartbeat's answer says it.
    let lost = stage.control.points_to(&stage.version(3));
    stage.control.wants(&lost);
    stage.control.sees_active(&stage.version(3)).await;
    stage.runs(3).await;
    let of_second = stage
        .control
        .downloads()
        .into_iter()
        .filter(|download| download.artifact == digest(&stage.version(2)).to_string());
    assert_eq!(of_second.count(), 1);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_during_a_reload() {
    let stage = Stage::set().await;
    let slow = stage.has_slowly(1);
    stage.control.deploys(&stage.version(1));
    stage.is_loading(&slow).await;
    for number in 2..=20 {
        stage.control.deploys(&stage.version(number));
    }
    let says = |message: &str, number: usize| {
        let name = digest(&stage.version(number)).to_string();
        stage.gateway.messages(message).iter().any(|entry| entry["sha256"] == name)
    };
    // For as long as the first one is loaded, through several heartbeats.
    let waits = Phase::Verifying { digest: digest(&stage.version(20)).to_string() };
    let is_told = async || stage.control.states().iter().filter(|state| state.phase == waits).count() >= 4;
    wait::until("the last one waits", is_told).await;
    assert!(!says("loading", 20), "two are loaded at once");
    stage.runs(0).await;
    slow.is_fed().await;
    stage.control.sees_active(&stage.version(20)).await;
    stage.runs(20).await;
    assert!(!says("serving what was deployed", 1), "the one that is not wanted any more was put to work");
    assert!(
        stage.control.states().iter().all(|state| state.running_digest != Some(digest(&stage.version(1)).to_string()))
    );
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_update_then_a_good_one() {
    let stage = Stage::set().await;
    for number in 1..=5 {
        let mut bad = stage.version(number);
        let at = bad.len() / 2;
        bad[at] ^= 1;
        stage.control.deploys(&bad);
        // Whether or not there was time to look at the bad one.
        if number % 2 == 1 {
            stage.control.sees_rejected("section_mismatch").await;
            stage.runs(number - 1).await;
        }
        stage.control.deploys(&stage.version(number));
        stage.control.sees_active(&stage.version(number)).await;
        stage.runs(number).await;
    }
    assert_eq!(stage.gateway.rejected().await, "");
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_drains_is_left_and_found_again() {
    let stage = Stage::set().await;
    stage.control.drains(100);
    wait::until("it is back", async || stage.control.connected() == 2).await;
    stage.moves_to(1).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_api_key_and_its_successor() {
    let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, format!("{API_KEY}\n")).unwrap();
    control.deploys(&version(&upstream, 0));
    let setup = Gateway::serving_nothing().set("--control-plane", &control.url()).set("--project-id", PROJECT);
    let setup = setup.set("--api-key-file", file.to_str().unwrap());
    let gateway = setup.set("--state-dir", folder.path().join("state").to_str().unwrap()).start().await;
    control.sees_active(&version(&upstream, 0)).await;

    control.lets_in("pdk_another");
    control.dismisses(Reason::Unauthorized);
    wait::until("it is known", async || alarms(&gateway).await == ["unauthorized"]).await;
    let said = gateway.messages("the control plane ends the connection");
    assert!(said.iter().any(|entry| entry["reason"] == "Unauthorized"), "{said:?}");
    assert_eq!(gateway.admin_get("/readyz").await.status, 200);
    fs::write(&file, "pdk_another").unwrap();
    gateway.signal(Signal::HUP);
    wait::until("it is back", async || control.connected() == 2).await;
    control.deploys(&version(&upstream, 1));
    assert_runs(&gateway, &version(&upstream, 1)).await;
    let logs = gateway.logs().iter().map(ToString::to_string).collect::<String>();
    assert!(!logs.contains(API_KEY) && !logs.contains("pdk_another"), "the key is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_say_how_traffic_fares() {
    let stage = Stage::set().await;
    wait::until("figures come", async || {
        stage.control.heard().iter().any(|message| match message {
            fleet::message::FromDataPlane::Heartbeat(beat) => {
                beat.health.requests > 0 && beat.health.p99_ms.is_some() && beat.health.memory_bytes > 1 << 20
            }
            fleet::message::FromDataPlane::Hello(_) | fleet::message::FromDataPlane::Status(_) => false,
        })
    })
    .await;
    let hello = stage.control.hellos().remove(0);
    assert!(!hello.name.is_empty() && hello.node_id != hello.instance_id);
    stage.ends_well().await;
}
