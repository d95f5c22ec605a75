//! A gateway that is told to end finishes what it began.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use http_body_util::BodyExt;
use rustix::process::Signal;
use tests::load::Load;
use tests::upstream::drain;
use tests::{Answer, Api, Client, Gateway, Upstream, client, wait};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_answered_and_then_it_ends_well() {
    let (upstream, gate) = Upstream::held().await;
    let mut gateway = Gateway::serving(&Api::at(&upstream).get("/slow")).set("--drain-timeout", "20s").start().await;
    let mut under_way = JoinSet::new();
    for number in 0..40 {
        let address = gateway.address();
        under_way.spawn(async move {
            let mut client = if number % 2 == 0 { Client::http1(address).await } else { Client::http2(address).await };
            client.get("/slow").await
        });
    }
    wait::until("all of them are under way", async || upstream.requests() == 40).await;

    gateway.signal(Signal::TERM);
    wait::until("no new connection is accepted", async || Client::try_http1(gateway.address()).await.is_err()).await;
    gate.open();
    let answers = under_way.join_all().await;
    let late = |answer: &Answer| answer.status == 200 && answer.body == "late";
    assert!(answers.len() == 40 && answers.iter().all(late));
    assert_eq!(gateway.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_under_way_is_finished() {
    const LENGTH: u64 = 64 << 20;
    let upstream = Upstream::zeros(LENGTH).await;
    let mut gateway = Gateway::serving(&Api::at(&upstream).get("/file")).set("--drain-timeout", "20s").start().await;
    let mut client = Client::http1(gateway.address()).await;
    let request = client.request("GET", "/file", client::empty());
    let mut response = client.begin(request).await.unwrap();
    let first = response.frame().await.unwrap().unwrap().into_data().unwrap();
    gateway.signal(Signal::TERM);
    wait::until("no new connection is accepted", async || Client::try_http1(gateway.address()).await.is_err()).await;
    assert_eq!(first.len() as u64 + drain(response.into_body()).await, LENGTH);
    assert_eq!(gateway.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_nothing_is_dropped() {
    let upstream = Upstream::fixed(b"steady").await;
    let setup = Gateway::serving(&Api::at(&upstream).get("/steady")).set("--drain-delay", "500ms");
    let mut gateway = setup.set("--drain-timeout", "10s").start().await;
    let load = Load::start(16, gateway.address(), "/steady");
    wait::until("the load is on", async || load.answered() > 500).await;

    gateway.signal(Signal::TERM);
    let ready = async || match Client::try_http1(gateway.admin()).await {
        Ok(mut client) => client.get("/readyz").await.status == 200,
        Err(_) => false,
    };
    wait::until("it is not ready any more", async || !ready().await).await;
    let outcome = load.finish().await;
    println!("{} requests answered", outcome.answered);
    assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 16));
    assert_eq!(gateway.ended().await.code(), Some(0));
}

#[tokio::test]
async fn idle_connections_do_not_hold_it_up() {
    let upstream = Upstream::fixed(b"steady").await;
    let mut gateway = Gateway::serving(&Api::at(&upstream).get("/steady")).set("--drain-timeout", "60s").start().await;
    let mut idle = Client::http1(gateway.address()).await;
    assert_eq!(idle.get("/steady").await.status, 200);
    let fresh = tests::raw::Raw::connect(gateway.address()).await;
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ended().await.code(), Some(0));
    drop((idle, fresh));
}

#[tokio::test]
async fn what_never_ends_is_cut_off_at_the_time_limit() {
    let (upstream, gate) = Upstream::held().await;
    let mut gateway = Gateway::serving(&Api::at(&upstream).get("/slow")).set("--drain-timeout", "300ms").start().await;
    let mut client = Client::http1(gateway.address()).await;
    let request = client.request("GET", "/slow", client::empty());
    let under_way = tokio::spawn(async move { client.try_send(request).await });
    wait::until("the request is under way", async || upstream.requests() == 1).await;
    gateway.signal(Signal::TERM);
    gateway.ended().await;
    assert!(under_way.await.unwrap().is_err());
    drop(gate);
}
