//! Data planes that come all at once: how many are let in, what that costs, and that one project keeps no other one out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tests::data_plane::Refusal;
use tests::drone::{self, Drone};
use tests::{Project, process, wait};

/// 500 data planes come at once: admission limited, all let in, memory bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_data_planes_connect_at_once() {
    let (control_plane, project) = Project::serving(&[("--admission-rate", "100")]).await;
    let address = [control_plane.address()];
    let before = control_plane.rss_bytes();
    let all: Vec<_> = (0..500).map(|number| project.data_plane(&format!("edge-{number}")).follow(&address)).collect();
    let connected = async || all.iter().all(|one| one.seen().connected_to.is_some());
    assert!(wait::within(Duration::from_secs(40), connected).await);
    let refused: u32 = all.iter().map(|one| one.seen().refusals).sum();
    assert!(refused > 0, "nobody was refused");
    let each = control_plane.rss_bytes().saturating_sub(before) / 500;
    println!("{refused} refusals; {each} bytes of RSS for each of 500");
    assert!(each < 50 << 10, "{each} bytes each");
    let counted = async || project.fleet(&control_plane).await["online"] == 500;
    wait::until("all are shown as online", counted).await;
}

/// How many come back.
const DRONES: u32 = 1000;

/// The control plane is killed and started again: a thousand data planes that keep the rules are back within a minute, no
/// more of them at a time than are let in, and its memory stays bounded. (Ten thousand: `bench fleet`.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_planes_reconnect_at_once() {
    // An address of its own, which nobody else takes while it is away.
    let [first, second, ..] = uuid::Uuid::new_v4().into_bytes();
    let listen = format!("127.{}.{second}.77:9090", first.max(1));
    let (mut control_plane, project) = Project::serving(&[("--listen", &listen), ("--admission-rate", "200")]).await;
    let artifact = project.push(&control_plane, "/a").await;
    project.deploy(&control_plane, &artifact).await;
    let site = Arc::new(project.site(&control_plane));
    let mut all: Vec<_> = (0..DRONES).map(|number| Drone::new(&site, format!("edge-{number}"))).collect();
    all.iter_mut().for_each(Drone::boots);
    let connected = async || all.iter().all(|one| one.seen().connected_since.is_some());
    assert!(wait::within(Duration::from_mins(1), connected).await, "they never came");
    let online = async || project.fleet(&control_plane).await["online"] == DRONES;
    wait::until("all are shown as online", online).await;
    let before: Vec<_> = all.iter().map(Drone::seen).collect();

    control_plane.restart().await;
    let began = Instant::now();
    let back = async || {
        let again = |(one, before): (&Drone, &drone::Seen)| {
            let seen = one.seen();
            seen.connected_since.is_some() && seen.connections > before.connections
        };
        all.iter().zip(&before).all(again)
    };
    assert!(wait::within(Duration::from_mins(1), back).await, "they are not back after a minute");
    let took = began.elapsed();
    let turned_away = |seen: &drone::Seen| seen.turned_away;
    let refused: u32 =
        all.iter().map(|one| one.seen().turned_away).sum::<u32>() - before.iter().map(turned_away).sum::<u32>();
    let peak = process::rss_peak_bytes(control_plane.pid());
    println!("{DRONES} are back after {took:?}; {refused} were turned away; {peak} bytes resident at most");
    assert!(refused > 0, "nobody was turned away");
    // 50 KB for each, and what it takes itself.
    assert!(peak < u64::from(DRONES) * (50 << 10) + (128 << 20), "{peak} bytes resident at most");
    let online = async || project.fleet(&control_plane).await["online"] == DRONES;
    wait::until("all are shown as online again", online).await;
}

#[tokio::test]
async fn whoever_is_refused_for_now_is_told_when_to_come_back() {
    let (control_plane, project) = Project::serving(&[("--data-planes-max", "1")]).await;
    let edge = project.data_plane("edge-1").joins(control_plane.address()).await;
    let mut waits = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let refusal = project.data_plane("edge-2").open(control_plane.address()).await.unwrap_err();
        let Refusal::Http { status, headers, code } = refusal else { panic!("{refusal:?}") };
        assert_eq!((status, code.as_str()), (503, "busy"));
        waits.insert(headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap());
    }
    assert!(waits.len() > 3 && waits.iter().all(|wait| (1..=20).contains(wait)), "{waits:?}");
    drop(edge);
    wait::until("there is room", async || project.data_plane("edge-2").open(control_plane.address()).await.is_ok())
        .await;
}

/// One project's data planes come again and again and take every turn that there is. Another one's is refused once: from
/// then on a turn is kept for it, in every second.
#[tokio::test]
async fn a_project_that_storms_does_not_keep_another_one_out() {
    let (control_plane, storming) = Project::serving(&[("--admission-rate", "8")]).await;
    let address = control_plane.address();
    let edge = storming.data_plane("edge-1");
    let storm = tokio::spawn(async move {
        loop {
            let _let_in_or_not = edge.open(address).await;
        }
    });
    let other = Project::named("other", &control_plane).await.data_plane("edge-2");
    for _ in 0..2 {
        let is_busy = async || matches!(other.open(address).await, Err(Refusal::Http { status: 503, .. }));
        wait::until("there is no turn left", is_busy).await;
        // Another second has begun then.
        wait::pass(Duration::from_secs(1)).await;
        other.joins(address).await;
    }
    storm.abort();
}

#[tokio::test]
async fn a_project_has_a_maximum_of_its_own() {
    let (control_plane, project) = Project::serving(&[("--project-data-planes-max", "1")]).await;
    let address = control_plane.address();
    let _first = project.data_plane("edge-1").joins(address).await;
    assert_eq!(project.data_plane("edge-2").open(address).await.unwrap_err().http(), (503, "busy"));
    let other = Project::named("other", &control_plane).await;
    let _third = other.data_plane("edge-3").joins(address).await;
    let metrics = control_plane.get("/metrics").await;
    let text = String::from_utf8_lossy(&metrics.body);
    assert!(text.contains("portcullis_fleet_refusals_total{reason=\"project_busy\"} 1"), "{text}");
}
