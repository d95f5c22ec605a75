//! What a disk may do.

use std::fs;
use std::os::unix::fs::symlink;

use artifact_format::container::digest;
use fleet::message::Phase;
use tests::gateway::Setup;
use tests::scripted_control::Delivery;
use tests::{Gateway, ScriptedControl, Upstream, wait};

use crate::{Stage, alarms, assert_runs, version};

impl Stage {
    /// Both sides know that something is wrong.
    async fn is_alarmed(&self, code: &str) {
        wait::until(code, async || self.control.alarms().iter().any(|alarm| alarm == code)).await;
        assert!(alarms(&self.gateway).await.iter().any(|alarm| alarm == code));
    }

    /// Nobody tried to serve it.
    fn is_never_loaded(&self, number: usize) -> bool {
        let name = digest(&self.version(number)).to_string();
        self.gateway.messages("loading").iter().all(|entry| entry["sha256"] != name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_where_the_record_is_written() {
    let stage = Stage::set().await;
    // Whatever is written there meets a full disk.
    wait::until("nothing is being written", async || symlink("/dev/full", stage.file("state.new")).is_ok()).await;
    stage.control.deploys(&stage.version(1));
    stage.is_alarmed("state_unwritable").await;
    stage.runs(0).await;
    fs::remove_file(stage.file("state.new")).unwrap();
    stage.control.sees_active(&stage.version(1)).await;
    wait::until("all is well", async || stage.control.alarms().is_empty()).await;
    stage.ends_well().await;
}

/// Whatever writes more than a few kilobytes is told that it cannot.
#[tokio::test(flavor = "multi_thread")]
async fn disk_full_or_i_o_error_at_write() {
    let stage = Stage::with(Setup::minding_limits).await;
    assert!(stage.version(1).len() > 8192, "it would fit");
    stage.gateway.files_at_most(Some(8192));
    stage.control.deploys(&stage.version(1));
    stage.control.sees_rejected("state_unwritable").await;
    stage.runs(0).await;
    assert!(stage.is_never_loaded(1));
    stage.gateway.files_at_most(None);
    stage.control.sees_active(&stage.version(1)).await;
    stage.runs(1).await;
    stage.ends_well().await;
}

/// `/dev/null` takes whatever is written, and cannot be synced.
#[tokio::test(flavor = "multi_thread")]
async fn i_o_error_at_fsync() {
    let stage = Stage::set().await;
    wait::until("nothing is being written", async || symlink("/dev/null", stage.file("state.new")).is_ok()).await;
    stage.control.deploys(&stage.version(1));
    stage.is_alarmed("state_unwritable").await;
    stage.runs(0).await;
    assert!(stage.is_never_loaded(1));
    fs::remove_file(stage.file("state.new")).unwrap();
    stage.control.sees_active(&stage.version(1)).await;
    wait::until("all is well", async || stage.control.alarms().is_empty()).await;

    let part = stage.artifact(2).with_extension("part");
    symlink("/dev/null", &part).unwrap();
    stage.control.deploys(&stage.version(2));
    stage.control.sees_rejected("state_unwritable").await;
    stage.runs(1).await;
    assert!(stage.is_never_loaded(2));
    fs::remove_file(part).unwrap();
    stage.control.sees_active(&stage.version(2)).await;
    stage.runs(2).await;
    stage.ends_well().await;
}

/// A file cannot be renamed over a folder.
#[tokio::test(flavor = "multi_thread")]
async fn i_o_error_at_rename() {
    let stage = Stage::set().await;
    // The record, whose file nobody reads before the next start. It may be written once more until then.
    let in_its_place = async || {
        let _it_may_be_gone = fs::remove_file(stage.file("state"));
        fs::create_dir(stage.file("state")).is_ok()
    };
    wait::until("there is a folder in its place", in_its_place).await;
    stage.control.deploys(&stage.version(1));
    stage.is_alarmed("state_unwritable").await;
    stage.runs(0).await;
    assert!(stage.is_never_loaded(1));
    fs::remove_dir(stage.file("state")).unwrap();
    stage.control.sees_active(&stage.version(1)).await;
    wait::until("all is well", async || stage.control.alarms().is_empty()).await;

    // An artifact: the folder comes in its place while it is on its way.
    let next = stage.version(2);
    stage.control.delivers(Delivery::HeldAfter(next.len() / 2));
    stage.control.deploys(&next);
    wait::until("it is on its way", async || stage.control.is_holding()).await;
    fs::create_dir(stage.artifact(2)).unwrap();
    stage.control.delivers(Delivery::Whole);
    stage.control.sees_rejected("state_unwritable").await;
    stage.runs(1).await;
    assert!(stage.is_never_loaded(2));
    fs::remove_dir(stage.artifact(2)).unwrap();
    stage.control.sees_active(&next).await;
    stage.runs(2).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_artifacts_place_is_no_artifact() {
    let stage = Stage::set().await;
    fs::create_dir(stage.artifact(1)).unwrap();
    stage.control.deploys(&stage.version(1));
    stage.control.sees_rejected("state_unwritable").await;
    stage.runs(0).await;
    fs::remove_dir(stage.artifact(1)).unwrap();
    stage.control.sees_active(&stage.version(1)).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_at_boot() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    stage.remembers(&stage.version(1)).await;
    stage.is_killed().await;
    symlink("/dev/full", stage.file("state.new")).unwrap();
    stage.control.dies();
    stage.starts_again().await;
    stage.runs(1).await;
    assert_eq!(alarms(&stage.gateway).await, ["state_unwritable"]);
    fs::remove_file(stage.file("state.new")).unwrap();
    stage.control.comes_back().await;
    stage.moves_to(2).await;
    wait::until("all is well", async || alarms(&stage.gateway).await.is_empty()).await;
    stage.ends_well().await;
}

/// As after a disk was mounted anew, to be read only: nothing has to be written to begin.
#[tokio::test(flavor = "multi_thread")]
async fn read_only_at_boot() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    stage.is_ended().await;
    // What a folder is in the place of cannot be opened for writing.
    fs::remove_file(stage.file("lock")).unwrap();
    fs::create_dir(stage.file("lock")).unwrap();
    symlink("/dev/full", stage.file("state.new")).unwrap();
    stage.control.dies();
    stage.starts_again().await;
    stage.runs(1).await;
    assert_eq!(alarms(&stage.gateway).await, ["state_unwritable"]);
    fs::remove_file(stage.file("state.new")).unwrap();
    wait::until("all is well", async || alarms(&stage.gateway).await.is_empty()).await;
    stage.control.comes_back().await;
    stage.moves_to(2).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_at_the_first_boot() {
    let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    let state = tempfile::tempdir().unwrap();
    let full = ["node-id.new", "state.new"].map(|name| state.path().join(name));
    for file in &full {
        symlink("/dev/full", file).unwrap();
    }
    let gateway = Gateway::connected(&control, state.path()).and_file(version(&upstream, 1)).start().await;
    assert_runs(&gateway, &version(&upstream, 1)).await;
    wait::until("it is told", async || alarms(&gateway).await == ["state_unwritable"]).await;
    for file in &full {
        fs::remove_file(file).unwrap();
    }
    control.deploys(&version(&upstream, 2));
    control.sees_active(&version(&upstream, 2)).await;
    wait::until("all is well", async || alarms(&gateway).await.is_empty()).await;
    let node = fs::read_to_string(state.path().join("node-id")).unwrap();
    assert_eq!(node.trim(), control.hellos().remove(0).node_id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_cache() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    stage.is_ended().await;
    let mut bytes = fs::read(stage.artifact(1)).unwrap();
    bytes[100] ^= 1;
    fs::write(stage.artifact(1), bytes).unwrap();
    stage.control.dies();
    stage.starts_again().await;
    stage.runs(0).await;
    assert_eq!(alarms(&stage.gateway).await, ["state_damaged"]);

    stage.control.comes_back().await;
    stage.control.sees_active(&stage.version(1)).await;
    stage.runs(1).await;
    wait::until("all is well", async || alarms(&stage.gateway).await.is_empty()).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_record() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    let old = stage.control.points_to(&stage.version(2));
    stage.moves_to(3).await;
    stage.is_ended().await;
    fs::write(stage.file("state"), "half of wh").unwrap();
    stage.control.wants(&old);
    stage.starts_again().await;
    stage.runs(3).await;
    stage.control.sees_rejected("pointer_older").await;
    assert!(alarms(&stage.gateway).await.is_empty(), "it is written anew");
    stage.ends_well().await;
}

/// As after a start by another user, whose files this one may not read: here folders, which nobody reads as files.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_is_not_written_anew() {
    let mut stage = Stage::set().await;
    let old = stage.control.points_to(&stage.version(2));
    stage.moves_to(3).await;
    stage.is_ended().await;
    let kept = |name: &str| stage.file(&format!("{name}.kept"));
    for name in ["state", "state.copy"] {
        fs::rename(stage.file(name), kept(name)).unwrap();
        fs::create_dir(stage.file(name)).unwrap();
    }
    let refusal = Gateway::connected(&stage.control, stage.state.path()).start_refused().await;
    let file = stage.file("state").display().to_string();
    assert!(refusal.status.code() == Some(1) && refusal.said.contains(&file), "{}", refusal.said);
    for name in ["state", "state.copy"] {
        fs::remove_dir(stage.file(name)).unwrap();
        fs::rename(kept(name), stage.file(name)).unwrap();
    }
    stage.control.wants(&old);
    stage.starts_again().await;
    stage.control.sees_rejected("pointer_older").await;
    stage.runs(3).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_with_the_control_plane_down() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    stage.remembers(&stage.version(1)).await;
    stage.control.dies();
    stage.is_killed().await;
    stage.starts_again().await;
    stage.runs(1).await;
    assert_eq!(stage.gateway.admin_get("/readyz").await.status, 200);
    stage.control.comes_back().await;
    stage.moves_to(2).await;
    stage.ends_well().await;
}

/// A gateway that refuses everything does not fill its disk with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_makes_room() {
    let mut stage = Stage::set().await;
    let mut refused = Vec::new();
    for number in 1..=3 {
        let mut bad = stage.version(number);
        let at = bad.len() / 2;
        bad[at] ^= 1;
        stage.control.deploys(&bad);
        let name = digest(&bad).to_string();
        let is_it = |phase: &Phase| matches!(phase, Phase::Rejected { digest, .. } if *digest == name);
        wait::until("it is refused", async || stage.control.state().is_some_and(|state| is_it(&state.phase))).await;
        refused.push(stage.file("artifacts").join(&name));
    }
    wait::until("there is room", async || !refused[0].exists()).await;
    assert!(refused[2].exists(), "what is wanted may be believed yet");
    stage.runs(0).await;
    stage.is_ended().await;
    // Whatever was left by a process that ended without warning.
    fs::write(&refused[0], "").unwrap();
    stage.starts_again().await;
    wait::until("there is room", async || !refused[0].exists()).await;
    stage.runs(0).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_of_use_is_kept() {
    let stage = Stage::set().await;
    for number in 1..=3 {
        stage.moves_to(number).await;
    }
    wait::until("the oldest are gone", async || {
        let mut left: Vec<_> =
            fs::read_dir(stage.file("artifacts")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let mut expected = vec![stage.artifact(2), stage.artifact(3)];
        left.sort();
        expected.sort();
        left == expected
    })
    .await;
    stage.ends_well().await;
}
