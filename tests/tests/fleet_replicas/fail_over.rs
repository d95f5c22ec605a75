//! A database whose replica takes over.

use std::time::Duration;

use tests::postgres::{Postgres, Replica};
use tests::{ControlPlane, Follower, Project, Relay, wait};

use crate::{Watch, all, are_online, catches_up, fleet, on};

/// A database, one that follows it, and a control plane that goes to whichever of them it is led to.
struct Pair {
    primary: Postgres,
    replica: Replica,
    relay: Relay,
    control_plane: ControlPlane,
    project: Project,
}

impl Pair {
    async fn set() -> Self {
        let primary = Postgres::start().await;
        let replica = primary.replica().await;
        let relay = Relay::to(port(&primary.url())).await;
        let url =
            primary.url().replace(&format!(":{}/", port(&primary.url())), &format!(":{}/", relay.address().port()));
        let control_plane = on(&url).start().await;
        let project = Project::on(&control_plane).await;
        Self { primary, replica, relay, control_plane, project }
    }

    /// The replica takes over.
    fn fails_over(&self) {
        assert_eq!(self.replica.run("select pg_promote()"), "t");
        self.relay.leads_to(port(&self.replica.url()));
    }

    /// The next deployment reaches all of them on the connections that they had, and nobody was seen offline.
    async fn goes_on(&self, followers: &[Follower], watch: Watch) {
        let told = followers[0].seen().serial;
        let next = self.project.push(&self.control_plane, "/b").await;
        self.project.deploy(&self.control_plane, &next).await;
        let are_told = async || followers.iter().all(|one| one.seen().serial > told);
        assert!(wait::within(Duration::from_mins(1), are_told).await, "what was under way is waited for");
        for number in 0..followers.len() {
            let name = format!("edge-{number}");
            self.project.shows(&self.control_plane, &name, |plane| plane["artifact"] == *next).await;
        }
        wait::pass(Duration::from_secs(6)).await;
        watch.saw_nobody_offline();
        assert!(followers.iter().all(|one| (one.seen().welcomes, one.seen().goodbyes.len()) == (1, 0)));
    }
}

fn port(url: &str) -> u16 {
    let (_, rest) = url.rsplit_once(':').unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

/// Database fail-over: nobody notices but whoever wants to change something meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_fail_over() {
    let mut pair = Pair::set().await;
    let followers = fleet(&pair.project, 5, &[pair.control_plane.address()]);
    all(&followers, "all are connected", |seen| seen.connected_to.is_some()).await;
    let artifact = pair.project.push(&pair.control_plane, "/a").await;
    pair.project.deploy(&pair.control_plane, &artifact).await;
    all(&followers, "all were told", |seen| seen.serial.is_some()).await;
    are_online(&pair.control_plane, &pair.project, 5).await;
    let watch = Watch::over(pair.control_plane.address(), pair.control_plane.token(), &pair.project);
    catches_up(&pair.primary, &pair.replica).await;
    pair.primary.kill().await;
    pair.fails_over();
    are_online(&pair.control_plane, &pair.project, 5).await;

    pair.goes_on(&followers, watch).await;
}

/// Database that goes silent: nothing breaks the connections to it, and nobody answers. What was under way is given up, and
/// goes on where the database is by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_that_goes_silent() {
    let pair = Pair::set().await;
    let followers = fleet(&pair.project, 5, &[pair.control_plane.address()]);
    let artifact = pair.project.push(&pair.control_plane, "/a").await;
    pair.project.deploy(&pair.control_plane, &artifact).await;
    all(&followers, "all were told", |seen| seen.serial.is_some()).await;
    are_online(&pair.control_plane, &pair.project, 5).await;
    // That it lives, what is to be served, and what is to be done next is being written and looked for when it goes.
    let holder = control::store::sql::Database::open(&pair.primary.url(), None).await.unwrap();
    let mut lock = holder.begin().await.unwrap();
    let tables = control::store::sql::sql("lock table replicas, plans, deployments in access exclusive mode");
    lock.execute(tables).await.unwrap();
    // Whoever looks what is to be done next waits for either of two tables, as it was caught: waiting connections count.
    let waiting = "select count(distinct pid) from pg_locks where not granted";
    wait::until("everything is under way", async || pair.primary.run(waiting) == "3").await;
    catches_up(&pair.primary, &pair.replica).await;
    pair.relay.falls_silent();
    let watch = Watch::over(pair.control_plane.address(), pair.control_plane.token(), &pair.project);
    pair.fails_over();

    pair.goes_on(&followers, watch).await;
}

/// Database fail-over: the last deployment is not known any more, and data planes have taken it. They go back to the one
/// before, and take the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_fail_over_that_loses_the_last_deployment() {
    let mut pair = Pair::set().await;
    let followers = fleet(&pair.project, 5, &[pair.control_plane.address()]);
    let artifacts =
        [pair.project.push(&pair.control_plane, "/a").await, pair.project.push(&pair.control_plane, "/b").await];
    pair.project.deploy(&pair.control_plane, &artifacts[0]).await;
    all(&followers, "all were told", |seen| seen.serial.is_some()).await;
    let first = followers[0].seen().serial;
    are_online(&pair.control_plane, &pair.project, 5).await;
    // The deployment before the last was made long ago: nothing about it looks new where it is wanted again.
    pair.primary.run("update plans set changed_at = 1");
    catches_up(&pair.primary, &pair.replica).await;
    pair.replica.kill().await;
    pair.project.deploy(&pair.control_plane, &artifacts[1]).await;
    all(&followers, "all were told of the last", |seen| seen.serial > first).await;
    let lost = followers[0].seen().serial;
    pair.primary.kill().await;
    pair.replica.restart().await;
    pair.fails_over();
    // What is wanted by what is known is said once more, in a pointer that they take.
    all(&followers, "all go back", |seen| seen.serial > lost).await;
    pair.project.shows(&pair.control_plane, "edge-0", |plane| plane["artifact"] == *artifacts[0]).await;
    let again = followers.iter().filter_map(|one| one.seen().serial).max();

    let next = pair.project.push(&pair.control_plane, "/c").await;
    pair.project.deploy(&pair.control_plane, &next).await;
    all(&followers, "all take the next", |seen| seen.serial > again).await;
    for number in 0..5 {
        pair.project.shows(&pair.control_plane, &format!("edge-{number}"), |plane| plane["artifact"] == *next).await;
    }
}
