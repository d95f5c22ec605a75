//! The databases that other tests lean on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::time::Duration;
use std::{fs, process};

use rustix::process::{Pid, Signal, kill_process};
use tests::postgres::{Database, Postgres};
use tests::process::is_running;
use tests::wait;

/// The process of the server whose cluster is in this folder.
fn server_of(cluster: &Path) -> u32 {
    let file = fs::read_to_string(cluster.join("data/postmaster.pid")).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn each_database_is_empty_and_all_are_in_one_cluster() {
    let (first, second) = tokio::join!(Database::create(), Database::create());
    assert_eq!(first.cluster(), second.cluster());
    first.run("CREATE TABLE pets (name text); INSERT INTO pets VALUES ('Rex'), ('Tom')");
    assert_eq!(first.run("SELECT name, length(name) FROM pets ORDER BY name"), "Rex|3\nTom|3");
    second.run("CREATE TABLE pets (name text)");
    assert_eq!(second.run("SELECT count(*) FROM pets"), "0");
}

#[tokio::test]
async fn a_database_is_gone_when_it_is_dropped() {
    let witness = Database::create().await;
    let database = Database::create().await;
    let name = database.url().rsplit_once('/').unwrap().1.to_owned();
    let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(witness.run(&count), "1");
    drop(database);
    assert_eq!(witness.run(&count), "0");
}

#[tokio::test]
async fn texts_are_in_the_order_of_a_language() {
    let database = Database::create().await;
    assert_eq!(database.run("SELECT 'a' < 'B' AND 'B' < 'c'"), "t");
}

#[tokio::test]
async fn a_shared_cluster_ends_when_nobody_uses_it() {
    let state = tempfile::tempdir().unwrap();
    let first = Database::create_in(state.path(), Duration::from_secs(1)).await;
    let second = Database::create_in(state.path(), Duration::from_secs(1)).await;
    let (server, cluster) = (server_of(first.cluster()), first.cluster().to_owned());
    assert_eq!(second.cluster(), cluster);
    drop(first);
    wait::pass(Duration::from_secs(3)).await;
    assert_eq!(second.run("SELECT 1"), "1");
    drop(second);
    wait::until("the server ends", async || !is_running(server)).await;
    wait::until("its files are gone", async || !cluster.exists()).await;
}

#[tokio::test]
async fn a_shared_cluster_whose_keeper_was_killed_is_replaced() {
    let state = tempfile::tempdir().unwrap();
    let database = Database::create_in(state.path(), Duration::from_secs(1)).await;
    let (server, cluster) = (server_of(database.cluster()), database.cluster().to_owned());
    let status = fs::read_to_string(format!("/proc/{server}/status")).unwrap();
    let keeper = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap();
    assert_ne!(keeper, i32::try_from(process::id()).unwrap());
    kill_process(Pid::from_raw(keeper).unwrap(), Signal::KILL).unwrap();
    wait::until("the server ends", async || !is_running(server)).await;
    let next = Database::create_in(state.path(), Duration::from_secs(1)).await;
    assert_eq!(next.run("SELECT 1"), "1");
    assert_ne!(next.cluster(), cluster);
    assert!(!cluster.exists());
}

#[tokio::test]
async fn what_was_committed_survives_a_kill_which_leaves_no_process_behind() {
    let mut postgres = Postgres::start().await;
    postgres.run("CREATE TABLE pets (name text); INSERT INTO pets VALUES ('Rex')");
    let mut processes = Vec::new();
    // The one that served the statement may be about to end.
    wait::until("only processes that stay are left", async || {
        processes = postgres.processes();
        processes.len() > 3 && processes.iter().all(|&pid| is_running(pid))
    })
    .await;
    postgres.kill().await;
    assert!(!processes.iter().any(|&pid| is_running(pid)));

    let url = postgres.url();
    postgres.restart().await;
    assert_eq!((postgres.url(), postgres.run("SELECT name FROM pets").as_str()), (url, "Rex"));
    let (processes, folder) = (postgres.processes(), postgres.folder().to_owned());
    drop(postgres);
    assert!(!processes.iter().any(|&pid| is_running(pid)) && !folder.exists());
}

#[tokio::test]
async fn a_server_that_is_dropped_after_a_kill_leaves_no_shared_memory() {
    let mut postgres = Postgres::start().await;
    let file = fs::read_to_string(postgres.folder().join("data/postmaster.pid")).unwrap();
    let segment = file.lines().nth(6).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let exists = || {
        let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap();
        segments.lines().any(|line| line.split_whitespace().nth(1) == Some(&segment))
    };
    postgres.kill().await;
    assert!(exists());
    drop(postgres);
    assert!(!exists());
}

#[tokio::test]
async fn a_replica_follows_unless_it_is_paused() {
    let postgres = Postgres::start().await;
    postgres.run("CREATE TABLE pets (name text)");
    let replica = postgres.replica().await;
    let count = async |wanted: &str| replica.run("SELECT count(*) FROM pets") == wanted;
    postgres.run("INSERT INTO pets VALUES ('Rex')");
    wait::until("the replica has the row", async || count("1").await).await;

    replica.pause_replay().await;
    postgres.run("INSERT INTO pets VALUES ('Tom')");
    let received = postgres.run("SELECT pg_current_wal_lsn()");
    let has_received = format!("SELECT pg_last_wal_receive_lsn() >= '{received}'");
    wait::until("the replica has heard of the row", async || replica.run(&has_received) == "t").await;
    assert!(count("1").await);
    replica.resume_replay();
    wait::until("the replica has both rows", async || count("2").await).await;
    assert_eq!(replica.run("SELECT pg_is_in_recovery()"), "t");
}
