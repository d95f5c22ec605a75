//! Requests that end long after what judged them was replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use artifact_format::container::digest;
use fleet::message::{FromDataPlane, Heartbeat};
use http::Response;
use tests::{Client, Upstream, upstream, wait};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Stage;

/// How many requests wait for an answer.
const LATE: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_late_is_not_charged_to_the_next_artifact() {
    let (gate, opened) = watch::channel(false);
    let waiting = Arc::new(AtomicUsize::new(0));
    let counter = waiting.clone();
    let server = Upstream::answering(move |request| {
        let (mut opened, waiting) = (opened.clone(), counter.clone());
        async move {
            let is_late = request.uri().path() == "/stream";
            upstream::drain(request.into_body()).await;
            if !is_late {
                return Response::new(upstream::full("steady"));
            }
            waiting.fetch_add(1, Ordering::Relaxed);
            let _ = opened.wait_for(|is_open| *is_open).await;
            Response::builder().status(504).body(upstream::full("late")).unwrap()
        }
    });
    let stage = Stage::before(server.await).await;
    let address = stage.gateway.address();
    let ask = |_| async move { Client::http1(address).await.get("/stream").await.status };
    let asked: JoinSet<u16> = (0..LATE).map(ask).collect();
    wait::until("all of them wait", async || waiting.load(Ordering::Relaxed) == LATE).await;
    stage.moves_to(1).await;
    gate.send_replace(true);
    assert_eq!(asked.join_all().await, [504; LATE]);
    let ended = "http_server_request_duration_seconds_count\
                 {http_request_method=\"GET\",http_response_status_code=\"504\",http_route=\"/stream\"}";
    wait::until("all of them are counted", async || stage.gateway.metric(ended).await > 19.5).await;

    let new = digest(&stage.version(1)).to_string();
    let heartbeats = || {
        let of_new = |message| match message {
            FromDataPlane::Heartbeat(Heartbeat { state, health, .. }) => {
                (state.running_digest.as_ref() == Some(&new)).then_some(health)
            }
            FromDataPlane::Hello(_) | FromDataPlane::Status(_) => None,
        };
        stage.control.heard().into_iter().filter_map(of_new).collect::<Vec<_>>()
    };
    let before = heartbeats().len();
    wait::until("they would have been told of", async || heartbeats().len() >= before + 2).await;
    let told = heartbeats();
    assert!(told.iter().any(|health| health.requests > 0), "{told:?}");
    assert!(told.iter().all(|health| health.server_errors == 0), "{told:?}");
    stage.ends_well().await;
}
