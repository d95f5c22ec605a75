//! Bodies that are held until they are judged: what is forwarded is what came, and nothing waits for ever.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tests::client::Body;
use tests::raw::{Raw, statuses};
use tests::{Client, Gateway, Upstream};

const DESCRIPTION: &str = r#"
openapi: 3.1.1
info: { title: Shop, version: "1" }
paths:
  /optional:
    post:
      parameters: [{ name: n, in: query, schema: { type: integer } }]
      requestBody: { content: { application/json: { schema: { type: object } }, text/plain: { schema: { type: string } } } }
      responses: { default: { description: Done } }
  /required:
    post:
      parameters: [{ name: n, in: query, schema: { type: integer } }]
      requestBody:
        required: true
        content: { application/json: { schema: { type: object } }, text/plain: { schema: { type: string } } }
      responses: { default: { description: Done } }
"#;

async fn echoing() -> (Upstream, Gateway) {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::compiled(DESCRIPTION, &upstream).start().await;
    (upstream, gateway)
}

/// A body in pieces, of unknown length.
fn pieces(pieces: &[&[u8]], trailers: Option<HeaderMap>) -> Body {
    let data = pieces.iter().map(|piece| Frame::data(Bytes::copy_from_slice(piece)));
    let frames: Vec<_> = data.chain(trailers.map(Frame::trailers)).map(Ok).collect();
    StreamBody::new(stream::iter(frames)).boxed()
}

/// Odd, and JSON.
const ODD: &str = "\r\n\t{ \"z\" : 1.0e2 ,\"A\":\"\\u00E9\\/\u{e9}\\ud83d\\ude00\",  \"n\":-0, \"big\":123456789012345678901234567890.10 ,\"\":[ ]}\n ";

#[tokio::test]
async fn what_is_forwarded_is_what_came_byte_for_byte() {
    let (upstream, gateway) = echoing().await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        assert_eq!(client.post("/optional?n=1", "application/json", ODD).await.echoed_body(), ODD);
        for size in [1, 7, 1000] {
            let chunks: Vec<&[u8]> = ODD.as_bytes().chunks(size).collect();
            let mut request = client.request("POST", "/optional", pieces(&chunks, None));
            request.headers_mut().insert("content-type", "application/json".parse().unwrap());
            let answer = client.send(request).await;
            assert_eq!((answer.status, answer.echoed_body()), (200, ODD.to_owned()), "pieces of {size}");
        }
    }
    assert_eq!(upstream.requests(), 8);
    let arrived = upstream.bytes().concat();
    let times = arrived.windows(ODD.len()).filter(|window| *window == ODD.as_bytes()).count();
    assert_eq!(times, 8, "each in one piece, as it was judged");
}

#[tokio::test]
async fn trailers_of_a_held_body_go_upstream() {
    let (_upstream, gateway) = echoing().await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        let trailers = HeaderMap::from_iter([("x-checksum".parse().unwrap(), "abc".parse().unwrap())]);
        let mut request = client.request("POST", "/required", pieces(&[b"{\"a\"", b":1}"], Some(trailers)));
        request.headers_mut().insert("trailer", "x-checksum".parse().unwrap());
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        let said = client.send(request).await.json();
        assert_eq!(said["body"], r#"{"a":1}"#);
        assert_eq!(said["trailers"][0][1], "abc", "{said}");
    }
}

/// Says a request with these lines, and what follows, to `/required` and `/optional`; expects these statuses.
async fn check_raw(lines: &str, body: &str, [required, optional]: [&[u16]; 2]) {
    let (upstream, gateway) = echoing().await;
    for (path, expected) in [("/required", required), ("/optional", optional)] {
        let before = upstream.requests();
        let mut raw = Raw::connect(gateway.address()).await;
        raw.say(format!("POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}\r\n{body}")).await;
        let said = String::from_utf8(raw.rest().await).unwrap();
        assert_eq!(statuses(&said), expected, "{path} {lines:?} {body:?}: {said}");
        assert_eq!(upstream.requests() - before, u64::from(expected == [200]));
    }
}

#[tokio::test]
async fn absent_is_not_empty() {
    const JSON: &str = "content-type: application/json\r\n";
    const TEXT: &str = "content-type: text/plain\r\n";
    check_raw("", "", [&[400], &[200]]).await;
    check_raw("content-length: 0\r\n", "", [&[400], &[200]]).await;
    check_raw(&format!("content-length: 0\r\n{JSON}"), "", [&[400], &[200]]).await;
    check_raw(&format!("content-length: 0\r\n{TEXT}"), "", [&[200], &[200]]).await;
    check_raw(&format!("transfer-encoding: chunked\r\n{JSON}"), "0\r\n\r\n", [&[400], &[400]]).await;
    check_raw(&format!("transfer-encoding: chunked\r\n{TEXT}"), "0\r\n\r\n", [&[200], &[200]]).await;
    check_raw("transfer-encoding: chunked\r\n", "0\r\n\r\n", [&[415], &[415]]).await;
}

#[tokio::test]
async fn a_header_that_can_be_read_in_two_ways_is_415() {
    const JSON: &str = "content-length: 2\r\ncontent-type: application/json\r\n";
    check_raw(JSON, "{}", [&[200], &[200]]).await;
    check_raw(&format!("{JSON}content-type: application/json\r\n"), "{}", [&[415], &[415]]).await;
    check_raw(&format!("{JSON}content-encoding: gzip\r\n"), "{}", [&[415], &[415]]).await;
    check_raw(&format!("{JSON}content-encoding: identity\r\n"), "{}", [&[200], &[200]]).await;
    check_raw(&format!("{JSON}content-encoding: identity\r\ncontent-encoding: gzip\r\n"), "{}", [&[415], &[415]]).await;
    check_raw("content-length: 2\r\ncontent-type: application/json, text/plain\r\n", "{}", [&[415], &[415]]).await;
    check_raw("content-length: 2\r\n", "{}", [&[415], &[415]]).await;
}

#[tokio::test]
async fn a_compressed_body_is_told_what_is_taken() {
    let (_upstream, gateway) = echoing().await;
    let mut client = Client::http1(gateway.address()).await;
    let mut request = client.request("POST", "/optional", tests::client::full("gz"));
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let answer = client.send(request).await;
    assert_eq!((answer.status, answer.header("accept-encoding")), (415, "identity"));
    assert_eq!(answer.json()["code"], "unsupported-content-coding");
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_not_asked_for() {
    let (upstream, gateway) = echoing().await;
    for (target, media, status) in [
        ("/required?n=x", "application/json", 400),
        ("/optional?n=x", "application/json", 400),
        ("/required", "text/csv", 415),
        ("/required?n=1", "application/json", 100),
    ] {
        let mut raw = Raw::connect(gateway.address()).await;
        let head = format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-type: {media}\r\nexpect: 100-continue\r\n");
        raw.say(format!("{head}content-length: 2\r\nconnection: close\r\n\r\n")).await;
        assert_eq!(statuses(&raw.head().await), [status], "{target} {media}");
        if status == 100 {
            raw.say("[]").await;
            assert_eq!(statuses(&String::from_utf8(raw.rest().await).unwrap()), [422]);
        }
    }
    assert_eq!(upstream.requests(), 0);
}

#[tokio::test]
async fn a_connection_goes_on_after_a_refusal() {
    let (upstream, gateway) = echoing().await;
    let ask = |target: &str, media: &str, body: &str| {
        let length = body.len();
        format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let mut raw = Raw::connect(gateway.address()).await;
    let all = [
        ask("/optional?n=x", "application/json", "{}"),
        ask("/optional", "application/json", "["),
        ask("/optional", "application/json", "[]"),
        ask("/optional", "application/json", "{}"),
        ask("/optional", "text/csv", "POST /optional?n=5 HTTP/1.1\r\nhost: a\r\n\r\n"),
        ask("/optional", "application/json", "{}").replace("host: a", "host: a\r\nconnection: close"),
    ];
    raw.say(all.concat()).await;
    let said = String::from_utf8(raw.rest().await).unwrap();
    assert_eq!(statuses(&said), [400, 400, 422, 200, 415, 200], "{said}");
    assert_eq!(upstream.requests(), 2);
}

#[tokio::test]
async fn one_that_grows_too_long_while_it_is_held_is_413() {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::compiled(DESCRIPTION, &upstream).set("--body-max-bytes", "1000").start().await;
    let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    for (length, status) in [(1000, 200), (1001, 413)] {
        for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
            let body = body(length);
            let chunks: Vec<&[u8]> = body.as_bytes().chunks(100).collect();
            let mut request = client.request("POST", "/optional", pieces(&chunks, None));
            request.headers_mut().insert("content-type", "application/json".parse().unwrap());
            assert_eq!(client.send(request).await.status, status, "{length} in pieces");
        }
        let mut client = Client::http1(gateway.address()).await;
        assert_eq!(client.post("/optional", "application/json", body(length)).await.status, status, "{length} at once");
    }
    assert_eq!(upstream.requests(), 3);
}

#[tokio::test]
async fn one_that_stalls_while_it_is_held_is_408() {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::compiled(DESCRIPTION, &upstream).set("--request-timeout", "500ms").start().await;
    for framing in ["content-length: 9\r\n\r\n{\"a\"", "transfer-encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n"] {
        let mut raw = Raw::connect(gateway.address()).await;
        raw.say(format!("POST /optional HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{framing}")).await;
        let said = String::from_utf8(raw.rest().await).unwrap();
        assert_eq!(statuses(&said), [408], "{said}");
        assert!(said.contains("body-timeout"), "{said}");
    }
    assert_eq!(upstream.requests(), 0);
}

#[tokio::test]
async fn one_that_breaks_off_while_it_is_held_never_goes_upstream() {
    let (upstream, gateway) = echoing().await;
    let head = "POST /optional HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    for framing in ["content-length: 9\r\n\r\n{}", "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"] {
        assert!(Raw::connect(gateway.address()).await.say(format!("{head}{framing}")).await);
    }
    let mut raw = Raw::connect(gateway.address()).await;
    raw.say(format!("{head}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\nzz\r\n")).await;
    let said = String::from_utf8(raw.rest().await).unwrap();
    assert!(said.is_empty() || statuses(&said) == [400], "{said}");
    assert_eq!(Client::http1(gateway.address()).await.post("/optional", "application/json", "{}").await.status, 200);
    assert_eq!(upstream.requests(), 1);
}
