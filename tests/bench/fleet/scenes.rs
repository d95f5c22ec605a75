//! Everybody comes, everybody is told, everybody comes back.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::wait;

use super::stage::Stage;
use super::{Measured, Plan, Told, soak, table};

/// How long anything may take before the bench gives up.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long everybody sends heartbeats before memory is looked at.
const REST: Duration = Duration::from_mins(1);
/// What counts reads of artifacts from their store.
const STORE_READS: &str = "portcullis_artifact_store_reads_total";

pub(super) async fn play(stage: &mut Stage, plan: Plan) -> Measured {
    let rss_before_bytes = stage.rss_bytes();
    let began = Instant::now();
    stage.swarm.boots();
    let came = stage.swarm.connected(began, PATIENCE).await.expect("all are let in");
    eprintln!("{} connected within {:.1} s", plan.data_planes, came.as_secs_f64());
    wait::pass(REST).await;
    let rss_connected_bytes = stage.rss_bytes();
    eprintln!("RSS {} MiB, before {} MiB", rss_connected_bytes >> 20, rss_before_bytes >> 20);
    let mut told = Vec::new();
    for number in 0..plan.deployments {
        told.push(tell(stage, number).await);
        // Twice the interval between heartbeats: everybody is calm again.
        wait::pass(REST).await;
    }
    let before = stage.swarm.turned_away();
    stage.control.restart().await;
    let came_back = stage.swarm.connected(Instant::now(), PATIENCE).await.expect("all are let in again");
    let turned_away = stage.swarm.turned_away() - before;
    eprintln!("{turned_away} were turned away, all were back within {:.1} s", came_back.as_secs_f64());
    wait::pass(REST).await;
    let rss_peak_bytes = stage.rss_peak_bytes();
    let mut measured = Measured {
        data_planes: plan.data_planes,
        artifact_bytes: stage.artifact_bytes,
        came,
        rss_before_bytes,
        rss_connected_bytes,
        told,
        came_back,
        turned_away,
        rss_peak_bytes,
        soaked: None,
    };
    if !plan.soak.is_zero() {
        // An hour is long, and machines are not always there for as long.
        eprintln!("{}", table::table("before the soak", &measured));
        measured.soaked = Some(soak::run(stage, plan.soak).await);
    }
    measured
}

/// Deploys one of the two artifacts to everybody.
async fn tell(stage: &Stage, number: usize) -> Told {
    let digest = &stage.artifacts[number % 2];
    let reads = stage.metric(STORE_READS).await;
    let began = Instant::now();
    let deployment = stage.project.deploy(&stage.control, digest).await;
    let serial = pointer_serial(stage, &deployment).await;
    let served = stage.swarm.serve(digest, began, PATIENCE).await.expect("all serve it");
    let told = Told {
        after_ms: stage.swarm.told(serial, began),
        served,
        store_reads: stage.metric(STORE_READS).await - reads,
    };
    succeeds(stage, &deployment).await;
    let p99 = crate::pace::percentile(&told.after_ms, 0.99);
    let last = crate::pace::percentile(&told.after_ms, 1.0);
    eprintln!("told: p99 {p99:.0} ms, last {last:.0} ms; all serve after {:.1} s", served.as_secs_f64());
    told
}

/// The serial of a deployment's first pointer, which may not be issued yet when the deployment is answered.
async fn pointer_serial(stage: &Stage, deployment: &Value) -> NonZeroU64 {
    loop {
        let shown = stage.deployment(deployment).await;
        if let Some(serial) = shown["pointer_serial"].as_u64().and_then(NonZeroU64::new) {
            return serial;
        }
        wait::pass(Duration::from_millis(5)).await;
    }
}

/// Waits until a deployment has ended, and wants it to have gone well.
async fn succeeds(stage: &Stage, deployment: &Value) {
    let began = Instant::now();
    loop {
        let shown = stage.deployment(deployment).await;
        match shown["state"].as_str() {
            Some("succeeded") => return,
            Some("scheduled" | "in_progress") if began.elapsed() < PATIENCE => {}
            _ => panic!("the deployment does not succeed: {shown:#}"),
        }
        wait::pass(Duration::from_millis(200)).await;
    }
}
