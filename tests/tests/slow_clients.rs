//! Clients that are slow, or say nothing, or never read: bounded memory, and nobody else waits for them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tests::raw::{Raw, statuses};
use tests::{Api, Client, Gateway, Upstream, process, wait};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What a connection that says nothing may cost, in bytes. Stated in `docs/reference/limits.md`.
const IDLE_CONNECTION_BYTES: u64 = 16 << 10;
/// What one that was answered once and is kept may cost.
const KEPT_CONNECTION_BYTES: u64 = 32 << 10;
/// What one may cost that never reads its answer: the buffers between the upstream and it.
const UNREAD_CONNECTION_BYTES: u64 = 768 << 10;

async fn steady() -> (Upstream, Api) {
    let upstream = Upstream::fixed(b"steady").await;
    let api = Api::at(&upstream).get("/steady").post("/steady");
    (upstream, api)
}

/// Asks a few times and asserts that nobody had to wait.
async fn assert_prompt(address: SocketAddr) {
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(Client::http1(address).await.get("/steady").await.status, 200);
        assert!(began.elapsed() < Duration::from_secs(2), "it took {:?}", began.elapsed());
    }
}

/// Allows this process, and the gateway it starts, as many open files as the system does.
fn raise_open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, all).unwrap();
    usize::try_from(limit.maximum.unwrap_or(u64::MAX)).unwrap_or(usize::MAX)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_byte_by_byte_is_cut_off_in_time() {
    let (_upstream, api) = steady().await;
    let gateway = Gateway::serving(&api).set("--header-read-timeout", "1s").start().await;
    let mut slow = JoinSet::new();
    let began = Instant::now();
    for _ in 0..50 {
        let mut raw = Raw::connect(gateway.address()).await;
        slow.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            for byte in
                b"GET /steady HTTP/1.1\r\nhost: a\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".iter().cycle()
            {
                ticks.tick().await;
                if !raw.say([*byte]).await {
                    break;
                }
            }
            began.elapsed()
        });
    }
    assert_prompt(gateway.address()).await;
    let ended = wait::patiently("the slow ones' end", slow.join_all()).await;
    let last = ended.into_iter().max().unwrap();
    assert!(last < Duration::from_secs(5), "the last slow client was cut off after {last:?}");
}

#[tokio::test]
async fn a_head_that_is_slow_but_within_the_time_limit_is_served() {
    let (_upstream, api) = steady().await;
    let gateway = Gateway::serving(&api).set("--header-read-timeout", "15s").start().await;
    let mut raw = Raw::connect(gateway.address()).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    for byte in b"GET /steady HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n" {
        ticks.tick().await;
        assert!(raw.say([*byte]).await);
    }
    assert_eq!(statuses(&String::from_utf8(raw.rest().await).unwrap()), [200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_ends_with_the_request_time_limit() {
    let (_upstream, api) = steady().await;
    let gateway = Gateway::serving(&api).set("--request-timeout", "500ms").start().await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.say("POST /steady HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
    let said = String::from_utf8(raw.rest().await).unwrap();
    assert_eq!(statuses(&said), [408], "{said}");
    assert_prompt(gateway.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_never_reads_costs_a_bounded_buffer() {
    const CLIENTS: u64 = 40;
    let upstream = Upstream::zeros(256 << 20).await;
    let steady = Upstream::fixed(b"steady").await;
    let gateway = Gateway::serving(&Api::at(&upstream).get("/file")).start().await;
    let other = Gateway::serving(&Api::at(&steady).get("/steady")).start().await;
    assert_prompt(other.address()).await;
    let before = gateway.rss_bytes();
    let mut never_reading = Vec::new();
    for _ in 0..CLIENTS {
        let mut raw = Raw::connect(gateway.address()).await;
        raw.say("GET /file HTTP/1.1\r\nhost: a\r\n\r\n").await;
        never_reading.push(raw);
    }
    wait::until("all of them are asked for", async || upstream.requests() == CLIENTS).await;
    // The buffers are full when nothing moves any more: then the memory is what it will be.
    wait::until("nothing moves any more", async || {
        let before = process::processor_time(gateway.pid());
        wait::pass(Duration::from_millis(300)).await;
        process::processor_time(gateway.pid()) == before
    })
    .await;
    let each = gateway.rss_bytes().saturating_sub(before) / CLIENTS;
    println!("{each} bytes resident for a client that never reads");
    assert!(each < UNREAD_CONNECTION_BYTES, "{each} bytes each");
    let mut reading = Client::http1(gateway.address()).await;
    let request = reading.request("GET", "/file", tests::client::empty());
    let response = reading.begin(request).await.unwrap();
    assert_eq!(tests::upstream::drain(response.into_body()).await, 256 << 20);
    drop(never_reading);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_idle_connections_cost_little_and_nobody_waits_for_them() {
    const CONNECTIONS: u64 = 5_000;
    let open_files = raise_open_files();
    if open_files < 6_000 {
        println!("skipped: this system allows {open_files} open files");
        return;
    }
    let (_upstream, api) = steady().await;
    let gateway = Gateway::serving(&api).set("--connections-max", "20000").start().await;
    assert_prompt(gateway.address()).await;
    let before = gateway.rss_bytes();

    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        idle.push(TcpStream::connect(gateway.address()).await.unwrap());
    }
    let accepted = idle.len();
    wait::until("all are accepted", async || process::open_files(gateway.pid()) > accepted).await;
    let each = gateway.rss_bytes().saturating_sub(before) / CONNECTIONS;
    println!("{each} bytes resident for a connection that says nothing");
    assert!(each < IDLE_CONNECTION_BYTES, "{each} bytes each");
    assert_prompt(gateway.address()).await;
    drop(idle);
    wait::until("all are closed", async || process::open_files(gateway.pid()) < 200).await;

    let before = gateway.rss_bytes();
    let mut kept = Vec::new();
    for _ in 0..CONNECTIONS / 5 {
        let mut client = Client::http1(gateway.address()).await;
        assert_eq!(client.get("/steady").await.status, 200);
        kept.push(client);
    }
    let each = gateway.rss_bytes().saturating_sub(before) / (CONNECTIONS / 5);
    println!("{each} bytes resident for a connection that is kept");
    assert!(each < KEPT_CONNECTION_BYTES, "{each} bytes each");
    assert_prompt(gateway.address()).await;
}

#[tokio::test]
async fn a_kept_connection_is_closed_when_it_is_idle_for_too_long() {
    let (_upstream, api) = steady().await;
    let gateway = Gateway::serving(&api).set("--idle-timeout", "300ms").start().await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.say("GET /steady HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(statuses(&raw.head().await), [200]);
    assert!(raw.is_closed_within(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_room() {
    let (_upstream, api) = steady().await;
    let gateway = Gateway::serving(&api).set("--connections-max", "8").set("--workers", "1").start().await;
    let mut taken = Vec::new();
    for _ in 0..8 {
        let mut client = Client::http1(gateway.address()).await;
        assert_eq!(client.get("/steady").await.status, 200);
        taken.push(client);
    }
    let mut beyond = Raw::connect(gateway.address()).await;
    beyond.say("GET /steady HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(beyond.is_silent_for(Duration::from_millis(300)).await, "there is no room for it");
    drop(taken);
    assert_eq!(statuses(&beyond.head().await), [200], "it waited for room");
    assert_prompt(gateway.address()).await;
    assert_eq!(gateway.admin_get("/readyz").await.status, 200);
}
