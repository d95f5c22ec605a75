//! What an end without warning may do.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use artifact_format::container::digest;
use fleet::message::Phase;
use rustix::process::Signal;
use tests::wait;

use crate::{Stage, alarms};

/// A restart at whatever moment it happens.
#[tokio::test(flavor = "multi_thread")]
async fn crash_between_activating_and_persisting() {
    let mut stage = Stage::set().await;
    for round in 1..=16 {
        let next = stage.version(round);
        stage.rests().await;
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
    stage.ends_well().await;
}

/// The moment itself: the new version serves, and nothing of that is on the disk.
#[tokio::test(flavor = "multi_thread")]
async fn crash_exactly_between_activating_and_persisting() {
    let mut stage = Stage::set().await;
    let slow = stage.has_slowly(1);
    stage.control.deploys(&stage.version(1));
    stage.is_loading(&slow).await;
    // What is tried is written down; whatever is written next meets a full disk.
    symlink("/dev/full", stage.file("state.new")).unwrap();
    slow.is_fed().await;
    stage.runs(1).await;
    wait::until("it says so", async || alarms(&stage.gateway).await == ["state_unwritable"]).await;
    stage.is_killed().await;
    fs::remove_file(stage.file("state.new")).unwrap();
    slow.heals();

    stage.control.dies();
    stage.starts_again().await;
    stage.runs(0).await;
    wait::until("all is well", async || alarms(&stage.gateway).await.is_empty()).await;
    stage.control.comes_back().await;
    stage.control.sees_active(&stage.version(1)).await;
    stage.runs(1).await;
    stage.ends_well().await;
}

impl Stage {
    /// It was set aside, and whoever deployed it knows. Nobody tries it again.
    async fn is_rid_of(&self, poison: usize) {
        self.runs(0).await;
        let (file, name) = (self.version(poison), digest(&self.version(poison)).to_string());
        wait::until("it is told", async || {
            let is_it = |phase: &Phase| matches!(phase, Phase::RolledBack { digest, .. } if *digest == name);
            self.control.state().is_some_and(|state| is_it(&state.phase))
        })
        .await;
        let downloads = self.control.downloads().len();
        let loads = self.gateway.messages("loading").len();
        let again = self.control.deploys(&file);
        wait::until("it is taken note of", async || {
            self.control.state().is_some_and(|state| state.pointer_serial == Some(again.serial()))
        })
        .await;
        self.runs(0).await;
        assert_eq!((self.control.downloads().len(), self.gateway.messages("loading").len()), (downloads, loads));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_artifact_that_kills_the_process_while_it_is_loaded() {
    let mut stage = Stage::set().await;
    // What served in peace and ended in order is not doubted.
    stage.is_ended().await;
    stage.starts_again().await;
    let slow = stage.has_slowly(1);
    stage.control.deploys(&stage.version(1));
    for _ in 0..2 {
        stage.is_loading(&slow).await;
        stage.runs(0).await;
        stage.is_killed().await;
        stage.starts_again().await;
    }
    stage.is_rid_of(1).await;
    stage.moves_to(2).await;
    stage.ends_well().await;
}

impl Stage {
    /// Ends twice without warning soon after this version was put to work.
    async fn is_killed_while_it_serves(&mut self, number: usize) {
        self.is_ended().await;
        self.starts_again().await;
        self.control.deploys(&self.version(number));
        for _ in 0..2 {
            self.control.sees_active(&self.version(number)).await;
            self.runs(number).await;
            // That it serves is written down.
            self.remembers(&self.version(number)).await;
            self.is_killed().await;
            self.starts_again().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_artifact_that_kills_the_process_while_it_serves() {
    let mut stage = Stage::set().await;
    stage.is_killed_while_it_serves(1).await;
    stage.is_rid_of(1).await;
    stage.moves_to(2).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_innocent_artifact_that_was_set_aside_is_tried_again_on_sighup() {
    let mut stage = Stage::set().await;
    stage.is_killed_while_it_serves(1).await;
    stage.is_rid_of(1).await;
    stage.gateway.signal(Signal::HUP);
    stage.control.sees_active(&stage.version(1)).await;
    stage.runs(1).await;
    assert_eq!(stage.gateway.messages("not set aside any more").len(), 1);
    stage.ends_well().await;
}
