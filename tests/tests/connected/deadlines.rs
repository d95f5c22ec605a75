//! Servers that take what is asked and say nothing.

use std::time::Duration;

use tests::scripted_control::Delivery;
use tests::wait;

use crate::Stage;

/// Longer than a server may say nothing.
const PATIENCE: Duration = Duration::from_secs(50);

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_never_answered_is_asked_for_again() {
    let stage = Stage::set().await;
    stage.control.delivers(Delivery::Never);
    stage.control.deploys(&stage.version(1));
    wait::until("it asked", async || stage.control.downloads().len() == 2).await;
    stage.control.delivers(Delivery::Whole);
    let again = wait::within(PATIENCE, async || stage.control.downloads().len() == 3).await;
    assert!(again, "it waits for ever");
    stage.control.sees_active(&stage.version(1)).await;
    stage.runs(1).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_does_not_hold_up_the_end() {
    let mut stage = Stage::set().await;
    // Whoever opens a pipe to write waits until somebody reads.
    let pipe = stage.state.path().join("state.new");
    wait::until("nothing is being written", async || {
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).is_ok()
    })
    .await;
    stage.control.deploys(&stage.version(1));
    wait::until("it is written", async || {
        stage.gateway.status().await["control_plane"]["phase"]["name"] == "verifying"
    })
    .await;
    stage.runs(0).await;
    stage.rests().await;
    stage.gateway.signal(rustix::process::Signal::TERM);
    assert!(stage.gateway.ended().await.success());
}
