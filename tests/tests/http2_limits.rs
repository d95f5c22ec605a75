//! Over HTTP/2 a client is bounded as it is over HTTP/1.1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::time::Duration;

use tests::raw::Raw;
use tests::{Api, Client, Gateway, Upstream, client, process, wait};

#[tokio::test]
async fn header_fields_are_counted() {
    let upstream = Upstream::echo().await;
    let api = Api::at(&upstream).get("/pets");
    let gateway = Gateway::serving(&api).set("--headers-max", "50").start().await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        let mut request = client.request("GET", "/pets", client::empty());
        (0..60).for_each(|_| {
            request.headers_mut().append("x", "y".parse().unwrap());
        });
        assert_eq!(client.send(request).await.status, 431);
    }
    assert_eq!(upstream.requests(), 0);
}

/// The client preface, an empty SETTINGS frame, and the answer to ours (RFC 9113 sections 3.4 and 6.5).
const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0";

/// An unasked PING (RFC 9113 section 6.7).
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0abcdefgh";

#[tokio::test]
async fn pings_do_not_keep_an_idle_connection_open() {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::serving(&Api::at(&upstream).get("/pets")).set("--idle-timeout", "1s").start().await;
    let mut raw = Raw::connect(gateway.address()).await;
    assert!(raw.say(OPENING).await);
    let pinged = wait::within(Duration::from_secs(8), async || {
        raw.say(PING).await && raw.is_closed_within(Duration::from_millis(100)).await
    });
    assert!(pinged.await, "still open");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_never_read_cost_a_bounded_buffer_each() {
    const STREAMS: u64 = 100;
    const EACH_BYTES: u64 = 256 << 10;
    let upstream = Upstream::zeros(64 << 20).await;
    let gateway = Gateway::serving(&Api::at(&upstream).get("/file")).start().await;
    let before = gateway.rss_bytes();
    let mut client = Client::http2(gateway.address()).await;
    let mut unread = Vec::new();
    for _ in 0..STREAMS {
        let request = client.request("GET", "/file", client::empty());
        unread.push(client.begin(request).await.unwrap());
    }
    wait::until("all of them are asked for", async || upstream.requests() == STREAMS).await;
    // The buffers are full when the gateway has nothing to do any more: then the memory is what it will be.
    let mut last = None;
    wait::until("nothing moves any more", async || {
        let before = last.replace(process::processor_time(gateway.pid()));
        wait::pass(Duration::from_millis(300)).await;
        before.is_some() && before == last
    })
    .await;
    let each = gateway.rss_bytes().saturating_sub(before) / STREAMS;
    println!("{each} bytes resident for a stream that is never read");
    assert!(each < EACH_BYTES, "{each} bytes each");
    assert_eq!(Client::http1(gateway.address()).await.get("/nothing").await.status, 404);
}
