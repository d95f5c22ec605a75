//! Several control planes on one PostgreSQL, and data planes that go from one to another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fleet::message::Reason;
use tests::control_plane::Setup;
use tests::postgres::{Database, Postgres};
use tests::{ControlPlane, Follower, Project, wait};

/// Two control planes on one database.
async fn two(url: &str) -> (ControlPlane, ControlPlane) {
    let setup = on(url);
    let first = setup.clone().start().await;
    // One folder: one master key, one store of artifacts.
    let second = setup.clone().in_folder_of(&setup).with_token(first.token()).start().await;
    (first, second)
}

fn on(url: &str) -> Setup {
    let setup = ControlPlane::empty();
    let options =
        [("--database-url", url), ("--heartbeat-interval", "1s"), ("--return-time", "4s"), ("--drain-timeout", "3s")];
    options.into_iter().fold(setup, |setup, (option, value)| setup.set(option, value))
}

/// So many data planes, each of which goes on at whichever of these control planes lets it in.
fn fleet(project: &Project, count: usize, addresses: &[SocketAddr]) -> Vec<Follower> {
    (0..count).map(|number| project.data_plane(&format!("edge-{number}")).follow(addresses)).collect()
}

async fn all(followers: &[Follower], what: &str, holds: impl Fn(&tests::data_plane::Seen) -> bool) {
    wait::until(what, async || followers.iter().all(|one| holds(&one.seen()))).await;
}

async fn are_online(control_plane: &ControlPlane, project: &Project, count: usize) {
    wait::until("all are shown as online", async || project.fleet(control_plane).await["online"] == count).await;
}

/// Looks, all the while, whether any data plane is said to be offline.
struct Watch {
    offline: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn over(address: SocketAddr, token: &str, project: &Project) -> Self {
        let offline = Arc::new(AtomicBool::new(false));
        let (seen, token, target) = (Arc::clone(&offline), token.to_owned(), project.path("fleet"));
        let task = tokio::spawn(async move {
            loop {
                if let Some(fleet) = look(address, &token, &target).await
                    && fleet["offline"].as_i64().is_none_or(|offline| offline > 0)
                {
                    println!("said to be offline: {fleet}");
                    seen.store(true, Ordering::Relaxed);
                }
                wait::pass(Duration::from_millis(20)).await;
            }
        });
        Self { offline, task }
    }

    /// Nobody was.
    fn saw_nobody_offline(&self) {
        assert!(!self.offline.load(Ordering::Relaxed), "a data plane was said to be offline");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is counted; nothing where nobody answers, or says that the database is away.
async fn look(address: SocketAddr, token: &str, target: &str) -> Option<serde_json::Value> {
    let mut client = tests::Client::try_http1(address).await.ok()?;
    let mut request = client.request("GET", target, tests::client::empty());
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let answer = tokio::time::timeout(wait::PATIENCE, client.try_send(request)).await.ok()?.ok()?;
    (answer.status == 200).then(|| answer.json())
}

/// Control-plane replica dies: the other one takes over, and nobody was ever offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_plane_replica_dies() {
    let database = Database::create().await;
    let (mut first, second) = two(&database.url()).await;
    let project = Project::on(&first).await;
    let followers = fleet(&project, 20, &[first.address(), second.address()]);
    all(&followers, "all are connected", |seen| seen.connected_to.is_some()).await;
    are_online(&second, &project, 20).await;
    let watch = Watch::over(second.address(), second.token(), &project);
    first.kill();
    let address = second.address();
    all(&followers, "the other one takes over", |seen| seen.connected_to == Some(address)).await;
    // Longer than the one that is gone is waited for, and than whoever it held has to come back.
    let gone = async || database.run("select count(*) from replicas") == "1";
    assert!(wait::within(Duration::from_secs(40), gone).await, "the replica is never given up");
    wait::pass(Duration::from_secs(6)).await;
    watch.saw_nobody_offline();
    let before: Vec<_> = followers.iter().map(|one| one.seen().acks).collect();
    let go_on = async || followers.iter().zip(&before).all(|(one, before)| one.seen().acks > *before);
    wait::until("all go on", go_on).await;
}

/// Control-plane replica dies: the other one notifies of what is deployed then, and of what was deployed before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_on_one_replica_is_announced_by_all() {
    let database = Database::create().await;
    let (mut first, second) = two(&database.url()).await;
    let project = Project::on(&first).await;
    let followers = fleet(&project, 20, &[first.address(), second.address()]);
    all(&followers, "all are connected", |seen| seen.connected_to.is_some()).await;
    let artifact = project.push(&first, "/a").await;
    let began = Instant::now();
    project.deploy(&first, &artifact).await;
    all(&followers, "all were told", |seen| seen.serial.is_some()).await;
    println!("told after {:?}", began.elapsed());
    let told = followers[0].seen().serial;
    first.kill();
    let artifact = project.push(&second, "/b").await;
    project.deploy(&second, &artifact).await;
    all(&followers, "all were told by the one that is left", |seen| seen.serial > told).await;
    project.shows(&second, "edge-7", |plane| plane["artifact"] == *artifact).await;
}

/// Database down: cached state served; no false offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_down() {
    let mut postgres = Postgres::start().await;
    let control_plane = on(&postgres.url()).start().await;
    let project = Project::on(&control_plane).await;
    let artifact = project.push(&control_plane, "/a").await;
    let followers = fleet(&project, 5, &[control_plane.address()]);
    all(&followers, "all are connected", |seen| seen.connected_to.is_some()).await;
    project.deploy(&control_plane, &artifact).await;
    all(&followers, "all were told", |seen| seen.serial.is_some()).await;
    are_online(&control_plane, &project, 5).await;
    let watch = Watch::over(control_plane.address(), control_plane.token(), &project);
    postgres.kill().await;
    let before: Vec<_> = followers.iter().map(|one| one.seen().acks).collect();
    // Longer than a silent data plane would have.
    wait::pass(Duration::from_secs(8)).await;
    for (follower, before) in followers.iter().zip(before) {
        let seen = follower.seen();
        assert!(seen.acks > before + 4, "{} answers in 8 seconds", seen.acks - before);
        assert_eq!((seen.welcomes, seen.goodbyes.len()), (1, 0));
    }
    postgres.restart().await;
    are_online(&control_plane, &project, 5).await;
    let written = || postgres.run("select max(last_seen) from processes");
    let before = written();
    wait::until("what is heard is written again", async || written() != before).await;
    wait::pass(Duration::from_secs(6)).await;
    watch.saw_nobody_offline();
    // And whoever is gone then is still found out.
    drop(followers);
    project.shows(&control_plane, "edge-1", |plane| plane["status"] == "offline").await;
}

/// Rolling restart: everybody is sent to the other one, and nobody was ever offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_restart() {
    let database = Database::create().await;
    let (mut first, second) = two(&database.url()).await;
    let project = Project::on(&first).await;
    let followers = fleet(&project, 20, &[first.address(), second.address()]);
    all(&followers, "all are connected", |seen| seen.connected_to.is_some()).await;
    are_online(&second, &project, 20).await;
    let watch = Watch::over(second.address(), second.token(), &project);
    assert!(first.terminate().await.success());
    let address = second.address();
    all(&followers, "all are at the other one", |seen| seen.connected_to == Some(address)).await;
    assert!(followers.iter().any(|one| one.seen().drains > 0), "nobody was asked to go");
    wait::pass(Duration::from_secs(6)).await;
    watch.saw_nobody_offline();
}

#[tokio::test]
async fn a_key_that_is_revoked_on_one_replica_ends_connections_on_the_other() {
    let database = Database::create().await;
    let (first, second) = two(&database.url()).await;
    let project = Project::on(&first).await;
    let mut edge = project.data_plane("edge-1").joins(second.address()).await;
    let began = Instant::now();
    let target = project.path(&format!("api-keys/{}", project.key_id));
    assert_eq!(first.send("DELETE", &target, None).await.status, 204);
    assert_eq!(edge.goodbye().await.reason, Reason::Unauthorized);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // It may be known there for a moment.
    let refused = async || project.data_plane("edge-1").open(second.address()).await.is_err();
    assert!(wait::within(Duration::from_secs(4), refused).await);
}

#[tokio::test]
async fn a_data_plane_that_is_removed_on_one_replica_is_parted_with_by_the_other() {
    let database = Database::create().await;
    let (first, second) = two(&database.url()).await;
    let project = Project::on(&first).await;
    let mut edge = project.data_plane("edge-1").joins(second.address()).await;
    let target = project.path(&format!("data-planes/{}", edge.welcome.data_plane));
    assert_eq!(first.send("DELETE", &target, None).await.status, 204);
    assert_eq!(edge.goodbye().await.reason, Reason::Removed);
}

/// Lost notifications: what nobody was told of is found by looking.
#[tokio::test]
async fn lost_notifications() {
    let database = Database::create().await;
    let control_plane = on(&database.url()).start().await;
    let project = Project::on(&control_plane).await;
    let mut edge = project.data_plane("edge-1").joins(control_plane.address()).await;
    // Past every control plane: nobody says anything.
    database.run(&format!("update api_keys set revoked_at = 1 where id = '{}'", project.key_id));
    let began = Instant::now();
    assert_eq!(edge.goodbye().await.reason, Reason::Unauthorized);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}
