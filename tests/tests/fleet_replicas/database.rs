//! A database that is away, or busy.

use std::time::Duration;

use artifact_format::pointer::SignedPointer;
use fleet::message::{Health, Offered, Phase, Reason, Rejection};
use serde_json::json;
use tests::data_plane::Refusal;
use tests::postgres::{Database, Postgres};
use tests::{Project, project, wait};

use crate::{Watch, all, are_online, fleet, on};

/// Database down: cached state served; no false offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_down() {
    let mut postgres = Postgres::start().await;
    let control_plane = on(&postgres.url()).start().await;
    let project = Project::on(&control_plane).await;
    let artifact = project.push(&control_plane, "/a").await;
    let followers = fleet(&project, 5, &[control_plane.address()]);
    all(&followers, "all are connected", |seen| seen.connected_to.is_some()).await;
    let deployment = project.deploy(&control_plane, &artifact).await;
    all(&followers, "all were told", |seen| seen.serial.is_some()).await;
    are_online(&control_plane, &project, 5).await;
    let watch = Watch::over(control_plane.address(), control_plane.token(), &project);
    let mut edge = project.data_plane("edge-9").joins(control_plane.address()).await;
    let known = edge.welcome.wanted.pointer.clone();
    assert_eq!(known.as_ref().and_then(Offered::pointer).map(SignedPointer::serial), followers[0].seen().serial);
    postgres.kill().await;
    // What was known is said, what is said is kept, and what cannot be kept is refused.
    assert_eq!(edge.heartbeat(Health::default()).await.pointer, known);
    let (code, outcome) = ("said_meanwhile".to_owned(), Rejection::Refused);
    edge.is_in(Phase::Rejected { digest: artifact.clone(), code, detail: String::new(), outcome }).await;
    drop(edge);
    let refused = control_plane.post(&project.path("deploy"), &json!({ "artifact": artifact })).await;
    assert_eq!(refused.status, 503, "{}", String::from_utf8_lossy(&refused.body));
    let before: Vec<_> = followers.iter().map(|one| one.seen().acks).collect();
    // Longer than a silent data plane would have.
    wait::pass(Duration::from_secs(8)).await;
    for (follower, before) in followers.iter().zip(before) {
        let seen = follower.seen();
        assert!(seen.acks > before + 4, "{} answers in 8 seconds", seen.acks - before);
        assert_eq!((seen.welcomes, seen.goodbyes.len()), (1, 0));
    }
    watch.saw_nobody_offline();
    postgres.restart().await;
    let history = format!("/api/v1/deployments/{}/history", project::text(&deployment["id"]));
    let is_shown = async || {
        let history = control_plane.get(&history).await;
        String::from_utf8_lossy(&history.body).contains("said_meanwhile")
    };
    wait::until("what was said meanwhile is shown", is_shown).await;
    are_online(&control_plane, &project, 5).await;
    let written = || postgres.run("select max(last_seen) from processes");
    let before = written();
    wait::until("what is heard is written again", async || written() != before).await;
    wait::pass(Duration::from_secs(6)).await;
    // The one that left.
    watch.saw_offline_at_most(1);
    // And whoever is gone then is still found out.
    drop(followers);
    project.shows(&control_plane, "edge-1", |plane| plane["status"] == "offline").await;
}

/// Nothing that it says is read meanwhile, so it does not wait for as long as a statement may take.
#[tokio::test]
async fn a_data_plane_that_is_not_registered_in_time_is_sent_elsewhere() {
    let database = Database::create().await;
    let control_plane = on(&database.url()).start().await;
    let project = Project::on(&control_plane).await;
    let holder = control::store::sql::Database::open(&database.url(), None).await.unwrap();
    let mut lock = holder.begin().await.unwrap();
    lock.execute(control::store::sql::sql("lock table data_planes in exclusive mode")).await.unwrap();
    let refused = project.data_plane("edge-1").connect(control_plane.address()).await;
    assert!(matches!(&refused, Err(Refusal::Goodbye(goodbye)) if goodbye.reason == Reason::Ending), "{refused:?}");
    drop(lock);
    project.data_plane("edge-1").joins(control_plane.address()).await;
}
