//! A gibibyte each way, in constant memory; and bodies that are too large.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use tests::client::Body;
use tests::upstream::{drain, zeros};
use tests::{Api, Client, Gateway, Upstream, process};

const LENGTH: u64 = 1 << 30;
/// What a stream may add to the resident memory: buffers of both connections, and the allocator's own.
const SLACK_BYTES: u64 = 12 << 20;

async fn in_front_of(upstream: &Upstream) -> Gateway {
    let api = Api::at(upstream).get("/file").post("/file");
    Gateway::serving(&api).set("--body-max-bytes", &(2 * LENGTH).to_string()).set("--workers", "1").start().await
}

/// How far memory rises while `work` goes on.
async fn growth(gateway: &Gateway, work: impl Future<Output = ()>) -> u64 {
    assert_eq!(gateway.get("/nothing").await.status, 404);
    process::growth_bytes(gateway.pid(), work).await
}

async fn download(mut client: Client) {
    let request = client.request("GET", "/file", tests::client::empty());
    let response = client.begin(request).await.unwrap();
    assert_eq!(drain(response.into_body()).await, LENGTH);
}

async fn upload(mut client: Client, body: Body) {
    let answer = client.begin(client.request("POST", "/file", body)).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-received-bytes"].as_bytes()),
        (200, LENGTH.to_string().as_bytes())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_comes_down_in_constant_memory() {
    let upstream = Upstream::zeros(LENGTH).await;
    let gateway = in_front_of(&upstream).await;
    assert!(growth(&gateway, download(Client::http1(gateway.address()).await)).await < SLACK_BYTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_goes_up_in_constant_memory() {
    let upstream = Upstream::zeros(0).await;
    let gateway = in_front_of(&upstream).await;
    assert!(growth(&gateway, upload(Client::http1(gateway.address()).await, zeros(LENGTH))).await < SLACK_BYTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_over_http2() {
    let upstream = Upstream::zeros(LENGTH).await;
    let gateway = in_front_of(&upstream).await;
    assert!(growth(&gateway, download(Client::http2(gateway.address()).await)).await < SLACK_BYTES);
    let upstream = Upstream::zeros(0).await;
    let gateway = in_front_of(&upstream).await;
    assert!(growth(&gateway, upload(Client::http2(gateway.address()).await, zeros(LENGTH))).await < SLACK_BYTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_413_whether_it_says_so_or_not() {
    let upstream = Upstream::zeros(0).await;
    let api = Api::at(&upstream).post("/file");
    let gateway = Gateway::serving(&api).set("--body-max-bytes", "1000").start().await;
    let announced = Client::http1(gateway.address()).await.send_body("POST", "/file", vec![0; 1001]).await;
    assert_eq!((announced.status, upstream.requests()), (413, 0));
    assert_eq!(announced.header("content-type"), "application/problem+json");
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        let request = client.request("POST", "/file", zeros(100 << 20));
        assert_eq!(client.begin(request).await.unwrap().status(), 413);
    }
    let mut client = Client::http1(gateway.address()).await;
    assert_eq!(client.send_body("POST", "/file", vec![0; 1000]).await.status, 200);
    let request = client.request("POST", "/file", zeros(1000));
    assert_eq!(client.send(request).await.status, 200);
}
