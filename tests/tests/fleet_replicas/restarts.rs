//! A control plane that dies, and control planes that are restarted one after the other.

use std::time::{Duration, Instant};

use fleet::message::Reason;
use tests::postgres::Database;
use tests::{Project, wait};
use uuid::Uuid;

use crate::{Watch, all, are_online, fleet, on, two};

/// Control-plane replica dies: the other one takes over, and nobody was ever offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_plane_replica_dies() {
    let database = Database::create().await;
    let (mut first, second) = two(&on(&database.url())).await;
    let project = Project::on(&first).await;
    let addresses = [first.address(), second.address()];
    let mut followers = fleet(&project, 10, &addresses);
    // Half of them take longer than who is parted with has to come back.
    let slow = (10..20).map(|number| project.data_plane(&format!("edge-{number}")));
    followers.extend(slow.map(|edge| edge.follow_after(&addresses, Duration::from_secs(8))));
    let lost = project.data_plane("lost").follow(&addresses[..1]);
    all(&followers, "all are connected", |seen| seen.connected_to.is_some()).await;
    assert!(followers[10..].iter().any(|one| one.seen().connected_to == Some(first.address())));
    are_online(&second, &project, 21).await;
    let watch = Watch::over(second.address(), second.token(), &project);
    first.kill();
    let address = second.address();
    all(&followers, "the other one takes over", |seen| seen.connected_to == Some(address)).await;
    watch.saw_nobody_offline();
    // Longer than the one that is gone is waited for, and than whoever it held has to come back.
    let gone = async || database.run("select count(*) from replicas") == "1";
    assert!(wait::within(Duration::from_secs(40), gone).await, "the replica is never given up");
    project.shows(&second, "lost", |plane| plane["status"] == "offline").await;
    wait::pass(Duration::from_secs(6)).await;
    watch.saw_offline_at_most(1);
    assert_eq!(project.fleet(&second).await["online"], 20);
    drop(lost);
    let before: Vec<_> = followers.iter().map(|one| one.seen().acks).collect();
    let go_on = async || followers.iter().zip(&before).all(|(one, before)| one.seen().acks > *before);
    wait::until("all go on", go_on).await;
}

/// Control-plane replica dies: the other one notifies of what is deployed then, and of what was deployed before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_on_one_replica_is_announced_by_all() {
    let database = Database::create().await;
    let (mut first, second) = two(&on(&database.url())).await;
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

/// Rolling restart: everybody is sent to the other one, and nobody was ever offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_restart() {
    let database = Database::create().await;
    // Addresses of their own, which nobody else takes while they are away.
    let [one, other, ..] = Uuid::new_v4().into_bytes();
    let at = |host: u8| format!("127.{}.{other}.{host}:9090", one.max(1));
    let setup = on(&database.url());
    let mut first = setup.clone().set("--listen", &at(77)).start().await;
    let second = setup.clone().in_folder_of(&setup).with_token(first.token()).set("--listen", &at(78));
    let mut second = second.start().await;
    let project = Project::on(&first).await;
    let addresses = [first.address(), second.address()];
    let followers = fleet(&project, 20, &addresses);
    all(&followers, "all are connected", |seen| seen.connected_to.is_some()).await;
    are_online(&second, &project, 20).await;
    let watches = [&first, &second].map(|one| Watch::over(one.address(), one.token(), &project));

    assert!(first.terminate().await.success());
    all(&followers, "all are at the second", |seen| seen.connected_to == Some(addresses[1])).await;
    assert!(followers.iter().any(|one| one.seen().drains > 0), "nobody was asked to go");
    first.restart().await;
    let artifact = project.push(&first, "/a").await;
    project.deploy(&first, &artifact).await;
    all(&followers, "all were told", |seen| seen.serial.is_some()).await;

    assert!(second.terminate().await.success());
    all(&followers, "all are at the first", |seen| seen.connected_to == Some(addresses[0])).await;
    second.restart().await;
    let told = followers[0].seen().serial;
    project.deploy(&second, &project.push(&second, "/b").await).await;
    all(&followers, "all were told again", |seen| seen.serial > told).await;
    are_online(&second, &project, 20).await;
    wait::pass(Duration::from_secs(6)).await;
    watches.iter().for_each(Watch::saw_nobody_offline);
    assert!(followers.iter().all(|one| one.seen().goodbyes.iter().all(|goodbye| goodbye.reason == Reason::Ending)));
}
