//! What a client is told when the upstream fails, and what is tried again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use artifact_format::model::Timeouts;
use http_body_util::BodyExt;
use tests::{Api, Client, Gateway, Scripted, Upstream, client};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const IMPATIENT: Timeouts = Timeouts { connect_ms: 300, request_ms: 300 };
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn in_front_of(api: Api) -> Gateway {
    Gateway::serving(&api.get("/pets").post("/pets")).start().await
}

/// Asserts a status and that the answer explains itself (RFC 9457).
async fn check(gateway: &Gateway, status: u16) {
    let answer = gateway.get("/pets").await;
    assert_eq!(answer.status, status, "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["status"], status);
}

async fn unused_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn refused_is_502() {
    let gateway = in_front_of(Api::at(unused_address().await)).await;
    check(&gateway, 502).await;
}

#[tokio::test]
async fn a_connection_that_is_never_made_is_504() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    // Fills the queue of connections that nobody accepts, until the kernel lets another one wait.
    let mut fillers = Vec::new();
    while let Ok(filler) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        fillers.push(filler);
        assert!(fillers.len() < 32, "the queue never fills");
    }
    let gateway = in_front_of(Api::at(address).timeouts(IMPATIENT)).await;
    check(&gateway, 504).await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_504() {
    let (upstream, _gate) = Upstream::held().await;
    let gateway = in_front_of(Api::at(&upstream).timeouts(IMPATIENT)).await;
    check(&gateway, 504).await;
}

#[tokio::test]
async fn a_close_instead_of_an_answer_is_502() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    check(&gateway, 502).await;
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_502() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    check(&gateway, 502).await;
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn an_answer_with_two_lengths_is_502() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!").await;
        peer.wait_for_close().await;
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    check(&gateway, 502).await;
    assert_eq!(upstream.connections(), 1);
}

/// An upstream that answers once on its first connection and then, asked again, closes it without a word.
async fn forgetful() -> Scripted {
    Scripted::each(|mut peer, number| async move {
        while peer.request().await.is_some() {
            peer.say(OK).await;
            if number == 0 {
                peer.request().await;
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_get_on_a_kept_connection_that_closes_is_tried_once_more() {
    let upstream = forgetful().await;
    let api = Api::at(&upstream);
    let gateway = Gateway::serving(&api.get("/pets")).set("--workers", "1").start().await;
    let mut client = Client::http1(gateway.address()).await;
    assert_eq!(client.get("/pets").await.status, 200);
    assert_eq!(client.get("/pets").await.status, 200);
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn a_post_is_never_sent_twice() {
    let upstream = forgetful().await;
    let api = Api::at(&upstream);
    let gateway = Gateway::serving(&api.get("/pets").post("/pets")).set("--workers", "1").start().await;
    let mut client = Client::http1(gateway.address()).await;
    assert_eq!(client.get("/pets").await.status, 200);
    assert_eq!(client.send_body("POST", "/pets", "").await.status, 502);
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn an_upstream_that_closes_every_connection_is_not_asked_for_ever() {
    let upstream = Scripted::each(|peer, _| async move { drop(peer) }).await;
    let api = Api::at(&upstream);
    let gateway = Gateway::serving(&api.get("/pets")).set("--workers", "1").start().await;
    assert_eq!(gateway.get("/pets").await.status, 502);
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_504_whatever_the_clients_own_limit() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.wait_for_close().await;
    })
    .await;
    let timeouts = Timeouts { connect_ms: 1_000, request_ms: 3_000 };
    let api = Api::at(&upstream).timeouts(timeouts);
    let gateway = Gateway::serving(&api.get("/pets")).set("--request-timeout", "500ms").start().await;
    assert_eq!(gateway.get("/pets").await.status, 504);
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let upstream = Upstream::echo().await;
    let api = Api::at(&upstream);
    let gateway = Gateway::serving(&api.get("/pets")).set("--workers", "1").start().await;
    for _ in 0..20 {
        assert_eq!(gateway.get("/pets").await.status, 200);
    }
    assert_eq!((upstream.requests(), upstream.connections()), (20, 1));
}

/// Asks over HTTP/1.1 and h2c and asserts that neither client takes what it got for the whole answer.
async fn check_broken_off(upstream: &Scripted) {
    let gateway = in_front_of(Api::at(upstream)).await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        let request = client.request("GET", "/pets", client::empty());
        let response = client.begin(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.into_body().collect().await.is_err(), "a truncated body passes for a whole one");
    }
}

#[tokio::test]
async fn an_answer_that_is_broken_off_is_never_taken_for_a_whole_one() {
    let announced = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    });
    check_broken_off(&announced.await).await;
    let chunked = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    });
    check_broken_off(&chunked.await).await;
    let reset = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
        peer.reset();
    });
    check_broken_off(&reset.await).await;
}

#[tokio::test]
async fn an_upstream_that_ends_its_answer_by_closing_is_understood() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.0 200 OK\r\n\r\nall of it").await;
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    assert_eq!(gateway.get("/pets").await.body, "all of it");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_whole_request_is_passed_on() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        peer.wait_for_close().await;
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    let mut client = Client::http1(gateway.address()).await;
    let request = client.request("POST", "/pets", tests::upstream::zeros(64 << 20));
    assert_eq!(client.begin(request).await.unwrap().status(), 401);
}
