//! Several control planes on one PostgreSQL, and data planes that go from one to another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod database;
mod fail_over;
mod news;
mod regional;
mod restarts;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tests::control_plane::Setup;
use tests::postgres::{Postgres, Replica};
use tests::{ControlPlane, Follower, Project, wait};

/// Two control planes that are set up alike, on one database.
async fn two(setup: &Setup) -> (ControlPlane, ControlPlane) {
    let first = setup.clone().start().await;
    // One folder: one master key, one store of artifacts.
    let second = setup.clone().in_folder_of(setup).with_token(first.token()).start().await;
    (first, second)
}

/// Parts after three seconds with whoever says nothing: for followers, who send heartbeats.
fn on(url: &str) -> Setup {
    let options = [("--heartbeat-interval", "1s"), ("--return-time", "4s"), ("--drain-timeout", "3s")];
    options.into_iter().fold(patient(url), |setup, (option, value)| setup.set(option, value))
}

/// Bears silence for longer than a test lasts.
fn patient(url: &str) -> Setup {
    ControlPlane::empty().set("--database-url", url)
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

/// Looks, all the while, how many data planes are said to be offline.
struct Watch {
    offline: Arc<AtomicI64>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn over(address: SocketAddr, token: &str, project: &Project) -> Self {
        let offline = Arc::new(AtomicI64::new(0));
        let (seen, token, target) = (Arc::clone(&offline), token.to_owned(), project.path("fleet"));
        let task = tokio::spawn(async move {
            loop {
                if let Some(fleet) = look(address, &token, &target).await {
                    let offline = fleet["offline"].as_i64().expect("a count");
                    if seen.fetch_max(offline, Ordering::Relaxed) < offline {
                        println!("said to be offline: {fleet}");
                    }
                }
                wait::pass(Duration::from_millis(20)).await;
            }
        });
        Self { offline, task }
    }

    /// Nobody was.
    fn saw_nobody_offline(&self) {
        self.saw_offline_at_most(0);
    }

    /// So many were at once.
    fn saw_offline_at_most(&self, most: i64) {
        let offline = self.offline.load(Ordering::Relaxed);
        assert!(offline <= most, "{offline} data planes were said to be offline");
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

/// Waits until the replica has all that there is now.
async fn catches_up(primary: &Postgres, replica: &Replica) {
    let position = primary.run("select pg_current_wal_lsn()");
    let reached = format!("select pg_last_wal_replay_lsn() >= '{position}'");
    wait::until("the replica has it", async || replica.run(&reached) == "t").await;
}
