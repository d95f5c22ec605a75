//! What a disk, and an end without warning, may do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use artifact_format::container::digest;
use fleet::message::Phase;
use rustix::process::Signal;
use tests::{Gateway, wait};

use crate::{Stage, alarms};

impl Stage {
    fn file(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    fn artifact(&self, number: usize) -> PathBuf {
        self.file("artifacts").join(digest(&self.version(number)).to_string())
    }

    async fn is_killed(&mut self) {
        self.gateway.signal(Signal::KILL);
        self.gateway.ended().await;
    }

    /// Ends in order.
    async fn is_ended(&mut self) {
        self.gateway.signal(Signal::TERM);
        assert!(self.gateway.ended().await.success());
    }

    async fn starts_again(&mut self) {
        self.gateway = Gateway::connected(&self.control, self.state.path()).start().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_where_the_record_is_written() {
    let stage = Stage::set().await;
    // Whatever is written there meets a full disk.
    wait::until("nothing is being written", async || symlink("/dev/full", stage.file("state.new")).is_ok()).await;
    stage.control.deploys(&stage.version(1));
    wait::until("it says so", async || stage.control.alarms().contains(&"state_unwritable".to_owned())).await;
    stage.runs(0).await;
    assert!(alarms(&stage.gateway).await.contains(&"state_unwritable".to_owned()));
    fs::remove_file(stage.file("state.new")).unwrap();
    stage.control.sees_active(&stage.version(1)).await;
    wait::until("all is well", async || stage.control.alarms().is_empty()).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_where_the_artifact_is_written() {
    let stage = Stage::set().await;
    let part = stage.artifact(1).with_extension("part");
    symlink("/dev/full", &part).unwrap();
    stage.control.deploys(&stage.version(1));
    stage.control.sees_rejected("state_unwritable").await;
    stage.runs(0).await;
    fs::remove_file(part).unwrap();
    stage.control.sees_active(&stage.version(1)).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_o_error_at_rename() {
    let stage = Stage::set().await;
    // A file cannot be renamed over a folder.
    fs::create_dir(stage.artifact(1)).unwrap();
    stage.control.deploys(&stage.version(1));
    stage.control.sees_rejected("state_unwritable").await;
    stage.runs(0).await;
    fs::remove_dir(stage.artifact(1)).unwrap();
    stage.control.sees_active(&stage.version(1)).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_cache() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    stage.rests().await;
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
    assert!(alarms(&stage.gateway).await.is_empty());
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
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_with_the_control_plane_down() {
    let mut stage = Stage::set().await;
    stage.moves_to(1).await;
    stage.control.dies();
    stage.is_killed().await;
    stage.starts_again().await;
    stage.runs(1).await;
    assert_eq!(stage.gateway.admin_get("/readyz").await.status, 200);
    stage.control.comes_back().await;
    stage.moves_to(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_between_activating_and_persisting() {
    let mut stage = Stage::set().await;
    for round in 1..=16 {
        let next = stage.version(round);
        stage.control.deploys(&next);
        // Somewhere between the notice and the time when everything is written.
        wait::pass(Duration::from_micros(2_500 * round as u64)).await;
        stage.is_killed().await;
        stage.control.dies();
        stage.starts_again().await;
        let running = stage.gateway.running().await;
        let complete =
            [round - 1, round].into_iter().find(|number| digest(&stage.version(*number)).to_string() == running);
        let complete = complete.unwrap_or_else(|| panic!("round {round}: {running}"));
        assert_eq!(stage.gateway.get(&format!("/version-{complete}")).await.status, 200);
        stage.control.comes_back().await;
        stage.control.sees_active(&next).await;
        stage.runs(round).await;
        stage.is_ended().await;
        stage.starts_again().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_artifact_that_kills_the_process() {
    let mut stage = Stage::set().await;
    // What served in peace and ended in order is not doubted.
    stage.is_ended().await;
    stage.starts_again().await;
    let poison = stage.version(1);
    let name = digest(&poison).to_string();
    stage.control.deploys(&poison);
    for _ in 0..2 {
        wait::until("it is put to work", async || {
            let loading = stage.gateway.messages("loading");
            loading.iter().any(|entry| entry["sha256"] == name) || stage.gateway.running().await == name
        })
        .await;
        stage.is_killed().await;
        stage.gateway = Gateway::connected(&stage.control, stage.state.path()).start().await;
    }
    stage.runs(0).await;
    wait::until("it is told", async || {
        let is_it = |phase: &Phase| matches!(phase, Phase::RolledBack { digest, .. } if *digest == name);
        stage.control.state().is_some_and(|state| is_it(&state.phase))
    })
    .await;
    let downloads = stage.control.downloads().len();
    stage.control.deploys(&poison);
    stage.runs(0).await;
    assert_eq!(stage.control.downloads().len(), downloads);
    stage.moves_to(2).await;
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
