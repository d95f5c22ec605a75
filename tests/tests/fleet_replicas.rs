//! Several control planes on one PostgreSQL, and data planes that go from one to another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use artifact_format::container;
use artifact_format::pointer::SignedPointer;
use fleet::message::{Health, Offered, Phase, Reason, Rejection};
use serde_json::{Value, json};
use tests::control_plane::Setup;
use tests::data_plane::Refusal;
use tests::postgres::{Database, Postgres, Replica};
use tests::{ControlPlane, Follower, Project, Relay, project, wait};
use uuid::Uuid;

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

/// Control-plane replica dies: the other one takes over, and nobody was ever offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_plane_replica_dies() {
    let database = Database::create().await;
    let (mut first, second) = two(&database.url()).await;
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

/// Lost notifications: what nobody was told of is found by looking.
#[tokio::test]
async fn lost_notifications_of_a_revoked_key() {
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
    let (first, second) = two(&database.url()).await;
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
}

/// Waits until the replica has all that there is now.
async fn catches_up(primary: &Postgres, replica: &Replica) {
    let position = primary.run("select pg_current_wal_lsn()");
    let reached = format!("select pg_last_wal_replay_lsn() >= '{position}'");
    wait::until("the replica has it", async || replica.run(&reached) == "t").await;
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

    let told = followers[0].seen().serial;
    let next = pair.project.push(&pair.control_plane, "/b").await;
    pair.project.deploy(&pair.control_plane, &next).await;
    all(&followers, "all were told of the next", |seen| seen.serial > told).await;
    for number in 0..5 {
        pair.project.shows(&pair.control_plane, &format!("edge-{number}"), |plane| plane["artifact"] == *next).await;
    }
    wait::pass(Duration::from_secs(6)).await;
    watch.saw_nobody_offline();
    assert!(followers.iter().all(|one| (one.seen().welcomes, one.seen().goodbyes.len()) == (1, 0)));
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
    let waiting = "select count(distinct relation) from pg_locks where not granted";
    wait::until("everything is under way", async || pair.primary.run(waiting) == "3").await;
    catches_up(&pair.primary, &pair.replica).await;
    pair.relay.falls_silent();
    let watch = Watch::over(pair.control_plane.address(), pair.control_plane.token(), &pair.project);
    pair.fails_over();

    let told = followers[0].seen().serial;
    let next = pair.project.push(&pair.control_plane, "/b").await;
    pair.project.deploy(&pair.control_plane, &next).await;
    let are_told = async || followers.iter().all(|one| one.seen().serial > told);
    assert!(wait::within(Duration::from_mins(1), are_told).await, "what was under way is waited for");
    for number in 0..5 {
        pair.project.shows(&pair.control_plane, &format!("edge-{number}"), |plane| plane["artifact"] == *next).await;
    }
    wait::pass(Duration::from_secs(6)).await;
    watch.saw_nobody_offline();
    assert!(followers.iter().all(|one| (one.seen().welcomes, one.seen().goodbyes.len()) == (1, 0)));
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

/// Regional control plane without its primary: what the replica beside it has is shown, and data planes that are known are
/// let in, told what they are to serve, and given it. What they say is written when the primary is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regional_control_plane_without_its_primary() {
    let mut primary = Postgres::start().await;
    let replica = primary.replica().await;
    let setup = on(&primary.url());
    let home = setup.clone().start().await;
    let regional = setup.clone().in_folder_of(&setup).with_token(home.token());
    let regional = regional.set("--database-read-url", &replica.url()).start().await;
    let project = Project::on(&home).await;
    let artifact = project.push(&home, "/a").await;
    // One is known at home only: the regional one has nothing of it in its memory. Another one is connected there.
    drop(project.data_plane("edge-0").joins(home.address()).await);
    let other = Project::named("other", &home).await;
    let connected = other.data_plane("edge-1").follow(&[regional.address()]);
    wait::until("one is connected", async || connected.seen().connected_to.is_some()).await;
    let deployment = project.deploy(&home, &artifact).await;
    let id = project::text(&deployment["id"]);
    let is_out = async || home.get(&format!("/api/v1/deployments/{id}")).await.json()["pointer_serial"].is_number();
    wait::until("there is a pointer", is_out).await;
    catches_up(&primary, &replica).await;
    primary.kill().await;

    let health = async || regional.get("/readyz?verbose").await;
    let is_late = async || health().await.json()["read_replica"] == "late";
    wait::until("it is found out that the primary is away", is_late).await;
    let degraded = health().await;
    let said = ["status", "database"].map(|field| degraded.json()[field].clone());
    assert_eq!(
        (degraded.status, said),
        (200, [json!("degraded"), json!("unreachable")]),
        "it is not taken out of service"
    );
    let own = format!("/api/v1/projects/{}", project.id);
    let others =
        ["artifacts", "data-planes", "deployments", "fleet", "api-keys", "trust-root"].map(|of| project.path(of));
    let more = [format!("deployments/{id}"), format!("deployments/{id}/history"), format!("artifacts/{artifact}")];
    let more = more.map(|rest| format!("/api/v1/{rest}"));
    for target in ["/api/v1/projects".to_owned(), own].into_iter().chain(others).chain(more) {
        let shown = regional.get(&target).await;
        assert_eq!(shown.status, 200, "{target}: {}", String::from_utf8_lossy(&shown.body));
    }
    let refused = regional.post(&project.path("deploy"), &json!({ "artifact": artifact })).await;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("unavailable")));

    let process = project.data_plane("edge-0").follow(&[regional.address()]);
    wait::until("a new process is told its pointer", async || process.seen().serial.is_some()).await;
    let bytes = download(regional.address(), &project.key, &artifact).await;
    assert_eq!(container::digest(&bytes).to_string(), artifact);
    let before = [&process, &connected].map(|one| one.seen().acks);
    let answered = async || process.seen().acks > before[0] + 2 && connected.seen().acks > before[1] + 2;
    wait::until("heartbeats are answered", answered).await;
    // Whom nobody knows would have to be written down.
    let unknown = project.data_plane("edge-2").connect(regional.address()).await;
    assert!(matches!(&unknown, Err(Refusal::Goodbye(goodbye)) if goodbye.reason == Reason::Ending), "{unknown:?}");

    primary.restart().await;
    let serves = |digest: String| move |plane: &Value| plane["status"] == "online" && plane["artifact"] == *digest;
    project.shows(&home, "edge-0", serves(artifact)).await;
    let next = project.push(&home, "/b").await;
    project.deploy(&home, &next).await;
    project.shows(&home, "edge-0", serves(next)).await;
    for one in [process, connected] {
        assert_eq!((one.seen().welcomes, one.seen().goodbyes.len()), (1, 0));
    }
}

/// What a data plane is given that wants this artifact.
async fn download(address: SocketAddr, key: &str, artifact: &str) -> bytes::Bytes {
    let mut client = tests::Client::http1(address).await;
    let mut request = client.request("GET", &format!("/api/v1/artifacts/{artifact}/download"), tests::client::empty());
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    let answer = client.send(request).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.body
}
