//! Many deployments.

use http::Response;
use http_body_util::BodyExt;
use tests::load::Load;
use tests::{Client, Upstream, client, upstream};

use crate::Stage;

/// How much a process may seem to grow for reasons of its allocator alone.
const SLACK_BYTES: u64 = 8 << 20;
/// Long enough that most of it is still to come after the last deployment.
const STREAM_BYTES: u64 = 256 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_reloads_under_load_with_long_streams() {
    let server = Upstream::answering(|request| async move {
        let is_stream = request.uri().path() == "/stream";
        upstream::drain(request.into_body()).await;
        Response::new(if is_stream { upstream::zeros(STREAM_BYTES) } else { upstream::full("steady") })
    });
    let stage = Stage::before(server.await).await;
    let mut reader = Client::http1(stage.gateway.address()).await;
    let request = reader.request("GET", "/stream", client::empty());
    let mut stream = reader.begin(request).await.unwrap().into_body();
    let mut received = 0;
    let more = Load::start(2, stage.gateway.address(), "/steady");
    let mut warm = 0;
    let versions: Vec<Vec<u8>> = (0..20).map(|number| stage.version(number)).collect();
    for round in 1..=1000 {
        let next = &versions[round % versions.len()];
        stage.control.deploys(next);
        stage.control.sees_active(next).await;
        let piece = stream.frame().await.expect("it goes on").unwrap();
        received += piece.into_data().unwrap().len() as u64;
        if round == 200 {
            warm = stage.gateway.rss_bytes();
        }
    }
    let grown = stage.gateway.rss_bytes().saturating_sub(warm);
    assert!(received < STREAM_BYTES);
    while let Some(piece) = stream.frame().await {
        received += piece.unwrap().into_data().unwrap().len() as u64;
    }
    assert_eq!(received, STREAM_BYTES, "the stream that began before the first deployment");
    println!("after 200 reloads {warm} bytes resident, after 1000 {grown} more");
    let outcome = more.stop().await;
    println!("{} requests answered meanwhile", outcome.answered);
    assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 0));
    assert!(grown < SLACK_BYTES, "{grown} bytes more than after 200 reloads");
    stage.ends_well().await;
}
