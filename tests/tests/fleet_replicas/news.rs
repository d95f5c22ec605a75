//! What happens at one control plane, or past all of them, and how the others learn of it.

use std::time::{Duration, Instant};

use fleet::message::Reason;
use tests::postgres::Database;
use tests::{Project, wait};

use crate::{all, fleet, on, patient, two};

#[tokio::test]
async fn a_key_that_is_revoked_on_one_replica_ends_connections_on_the_other() {
    let database = Database::create().await;
    let (first, second) = two(&patient(&database.url())).await;
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
    let (first, second) = two(&patient(&database.url())).await;
    let project = Project::on(&first).await;
    let mut edge = project.data_plane("edge-1").joins(second.address()).await;
    let target = project.path(&format!("data-planes/{}", edge.welcome.data_plane));
    assert_eq!(first.send("DELETE", &target, None).await.status, 204);
    assert_eq!(edge.goodbye().await.reason, Reason::Removed);
}

/// Lost notifications: what nobody was told of is found by looking.
#[tokio::test]
async fn lost_notifications_of_a_revoked_key() {
    let database = Database::create().await;
    let control_plane = patient(&database.url()).start().await;
    let project = Project::on(&control_plane).await;
    let mut edge = project.data_plane("edge-1").joins(control_plane.address()).await;
    // Past every control plane: nobody says anything.
    database.run(&format!("update api_keys set revoked_at = 1 where id = '{}'", project.key_id));
    let began = Instant::now();
    assert_eq!(edge.goodbye().await.reason, Reason::Unauthorized);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

/// Lost notifications: a deployment on the other one is found by looking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_notifications_of_a_deployment() {
    let database = Database::create().await;
    // Whoever says something says it to a counter, and nobody hears it.
    database.run("create sequence public.unheard");
    database.run(
        "create function public.pg_notify(text, text) returns bigint language sql \
         as 'select nextval(''public.unheard'')'",
    );
    database.run(
        "do $$ begin execute format('alter database %I set search_path = public, pg_catalog', current_database()); end $$",
    );
    let (first, second) = two(&on(&database.url())).await;
    let project = Project::on(&first).await;
    let followers = fleet(&project, 10, &[first.address()]);
    all(&followers, "all are connected", |seen| seen.connected_to.is_some()).await;
    let artifact = project.push(&second, "/a").await;
    let unheard = || database.run("select last_value from public.unheard").parse::<u64>().unwrap();
    let before = unheard();
    project.deploy(&second, &artifact).await;
    let told = async || followers.iter().all(|one| one.seen().serial.is_some());
    assert!(wait::within(Duration::from_secs(6), told).await, "the deployment is not found");
    assert!(unheard() > before, "nobody said anything");
}

/// What cannot be read of a project is said once, and looked at again by itself, until it can be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_that_cannot_be_read_is_spoken_of_once() {
    let database = Database::create().await;
    let control_plane = patient(&database.url()).start().await;
    let project = Project::on(&control_plane).await;
    let followers = fleet(&project, 2, &[control_plane.address()]);
    let artifacts = [project.push(&control_plane, "/a").await, project.push(&control_plane, "/b").await];
    project.deploy(&control_plane, &artifacts[0]).await;
    all(&followers, "all were told", |seen| seen.serial.is_some()).await;
    let told = followers[0].seen().serial;
    database.run("update pointers set document = '\"damaged\"'");
    database.run(
        "update plans set revision = revision + 1, \
         changed_at = cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)",
    );
    let said = |what: &str| control_plane.logs().iter().filter(|entry| entry.to_string().contains(what)).count();
    let unreadable = "cannot read this project's data planes, or what they are to serve";
    wait::until("it is said", async || said(unreadable) > 0).await;
    // As long as it takes to look twice more.
    wait::pass(Duration::from_secs(7)).await;
    assert_eq!([said(unreadable), said("they are told what was known before")], [1, 0]);
    // The next deployment takes the place of what is damaged.
    project.deploy(&control_plane, &artifacts[1]).await;
    all(&followers, "all were told of the next", |seen| seen.serial > told).await;
}
