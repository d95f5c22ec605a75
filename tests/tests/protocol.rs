//! HTTP as independent programs speak it, both ways.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::process::{Command, Output};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tests::raw::{Raw, exchange, statuses};
use tests::{Api, Client, Endpoint, Gateway, Scripted, Upstream, upstream};

async fn echoing() -> (Upstream, Gateway) {
    let upstream = Upstream::echo().await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    (upstream, gateway)
}

async fn in_front_of(api: Api) -> Gateway {
    let api = api.get("/x").post("/x").with(Endpoint::new("POST", "/small").body_at_most(10));
    Gateway::serving(&api).start().await
}

/// Runs a program to its end without holding up the upstream, which is in this process.
async fn run(program: &str, arguments: Vec<String>) -> Option<Output> {
    let program = program.to_owned();
    let run = tokio::task::spawn_blocking(move || match Command::new(&program).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: {program}: {error}");
            None
        }
    });
    run.await.unwrap()
}

/// Runs curl on `/x` and returns the status, the HTTP version and the body.
async fn curl(gateway: &Gateway, arguments: &[&str]) -> (String, String) {
    let mut all: Vec<String> =
        ["-sS", "--max-time", "20", "-w", "\n%{http_code} %{http_version}"].map(Into::into).into();
    all.extend(arguments.iter().map(|&argument| argument.to_owned()));
    all.push(format!("http://{}/x?q=1", gateway.address()));
    let output = run("curl", all).await.expect("curl is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = said.rsplit_once('\n').unwrap_or_else(|| panic!("{output:?}"));
    (status.to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_and_posts_over_both_versions() {
    let (_upstream, gateway) = echoing().await;
    let body = "b".repeat(100_000);
    for (version, shown) in [("--http1.1", "200 1.1"), ("--http2-prior-knowledge", "200 2")] {
        let (status, answer) = curl(&gateway, &[version]).await;
        assert_eq!(status, shown);
        assert!(answer.contains(r#""target":"/x?q=1""#), "{answer}");
        let (status, answer) = curl(&gateway, &[version, "--data-binary", &body]).await;
        assert_eq!(status, shown);
        assert!(answer.contains(&body));
        let (status, answer) =
            curl(&gateway, &[version, "-H", "transfer-encoding: chunked", "--data-binary", &body]).await;
        assert_eq!(status, shown);
        assert!(answer.contains(&body));
        let (status, answer) = curl(&gateway, &[version, "-I"]).await;
        assert_eq!(status, shown);
        assert!(answer.contains("x-echo-target"), "{answer}");
    }
    let (status, _) = curl(&gateway, &["--http2"]).await;
    assert_eq!(status, "200 1.1", "an offer to upgrade is not taken up");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_waits_for_100_continue() {
    let (_upstream, gateway) = echoing().await;
    let (status, answer) =
        curl(&gateway, &["-v", "--http1.1", "-H", "expect: 100-continue", "--data-binary", "hello"]).await;
    assert_eq!(status, "200 1.1");
    assert!(answer.contains(r#""body":"hello""#), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h2load_and_nghttp_are_served() {
    let (upstream, gateway) = echoing().await;
    let url = format!("http://{}/x", gateway.address());
    if let Some(output) = run("nghttp", vec!["-v".into(), url.clone()]).await {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains(":status: 200"), "{said}");
    }
    let before = upstream.requests();
    let many = ["-n", "2000", "-c", "4", "-m", "32", &url].map(Into::into).into();
    if let Some(output) = run("h2load", many).await {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
        assert!(said.contains("2000 2xx"), "{said}");
        assert_eq!(upstream.requests() - before, 2000);
    }
}

const EXPECTING: &str = "POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n";

#[tokio::test]
async fn the_body_is_asked_for_when_it_is_wanted() {
    let (_upstream, gateway) = echoing().await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.say(format!("{EXPECTING}content-length: 5\r\n\r\n")).await;
    assert_eq!(statuses(&raw.head().await), [100]);
    raw.say("hello").await;
    let answer = String::from_utf8(raw.rest().await).unwrap();
    assert_eq!(statuses(&answer), [200]);
    assert!(answer.contains(r#""body":"hello""#));
}

#[tokio::test]
async fn the_body_is_not_asked_for_when_the_request_is_refused() {
    let (upstream, gateway) = echoing().await;
    for (path, status) in [("/nothing", 404), ("/%zz", 400), ("/small", 413)] {
        let mut raw = Raw::connect(gateway.address()).await;
        raw.say(format!("{EXPECTING}content-length: 50\r\n\r\n").replace("/x", path)).await;
        assert_eq!(statuses(&raw.head().await), [status], "{path}");
    }
    assert_eq!(upstream.requests(), 0);
}

#[tokio::test]
async fn an_expectation_that_is_not_known_is_417_or_ignored() {
    let (_upstream, gateway) = echoing().await;
    let answer =
        exchange(gateway.address(), "GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: magic\r\n\r\n");
    assert!(matches!(statuses(&answer.await)[..], [200 | 417]));
}

#[tokio::test]
async fn trailers_go_upstream() {
    let (upstream, gateway) = echoing().await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        for _ in 0..3 {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-checksum", "abc".parse().unwrap());
            let frames = [Frame::data(Bytes::from("hello")), Frame::trailers(trailers)].map(Ok);
            let mut request = client.request("POST", "/x", StreamBody::new(stream::iter(frames)).boxed());
            request.headers_mut().insert("trailer", "x-checksum".parse().unwrap());
            let said = client.send(request).await.json();
            assert_eq!((&said["body"], &said["trailers"][0][1]), (&"hello".into(), &"abc".into()), "{said}");
        }
    }
    assert!(upstream.connections() <= 2, "each client's is kept");
}

#[tokio::test]
async fn trailers_come_back() {
    let upstream = Scripted::each(|mut peer, _| async move {
        while peer.request().await.is_some() {
            peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-checksum\r\n\r\n").await;
            peer.say(b"5\r\nhello\r\n0\r\nx-checksum: abc\r\n\r\n").await;
        }
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        let mut request = client.request("GET", "/x", tests::client::empty());
        if !client.is_http2() {
            request.headers_mut().insert("te", "trailers".parse().unwrap());
            request.headers_mut().insert("connection", "te".parse().unwrap());
        }
        let answer = client.send(request).await;
        assert_eq!(answer.body, "hello");
        assert_eq!(answer.trailers.get("x-checksum").map(http::HeaderValue::as_bytes), Some(&b"abc"[..]));
    }
}

#[tokio::test]
async fn head_has_the_head_of_get_and_no_body() {
    let upstream = Scripted::each(|mut peer, _| async move {
        while let Some(head) = peer.request().await {
            assert!(head.starts_with("HEAD /x "), "{head}");
            peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\netag: \"a\"\r\n\r\n").await;
        }
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        for _ in 0..2 {
            let answer = client.send(client.request("HEAD", "/x", tests::client::empty())).await;
            assert_eq!((answer.status, answer.header("content-length"), answer.header("etag")), (200, "1000", "\"a\""));
            assert!(answer.body.is_empty());
        }
    }
}

#[tokio::test]
async fn hop_by_hop_fields_end_at_the_gateway() {
    let (_upstream, gateway) = echoing().await;
    let request = "GET /x HTTP/1.1\r\nhost: a\r\nconnection: close, x-private, X-Other\r\nx-private: 1\r\nx-other: 2\r\n\
        keep-alive: timeout=5\r\nproxy-connection: keep-alive\r\nproxy-authorization: Basic eDp5\r\nte: trailers, gzip\r\n\
        upgrade: websocket\r\nx-public: 3\r\n\r\n";
    let answer = exchange(gateway.address(), request).await;
    let said = answer.split_once("\r\n\r\n").unwrap().1;
    for gone in ["x-private", "x-other", "keep-alive", "proxy-connection", "upgrade", "gzip"] {
        assert!(!said.contains(gone), "{gone} went upstream: {said}");
    }
    assert!(said.contains(r#"["x-public","3"]"#));
}

#[tokio::test]
async fn hop_by_hop_fields_of_a_response_end_at_the_gateway() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 200 OK\r\nconnection: x-private\r\nx-private: 1\r\nkeep-alive: timeout=5\r\n").await;
        peer.say(b"proxy-connection: close\r\nx-public: 2\r\ncontent-length: 0\r\n\r\n").await;
        peer.wait_for_close().await;
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    let answer = gateway.get("/x").await;
    for gone in ["x-private", "keep-alive", "proxy-connection"] {
        assert_eq!(answer.header(gone), "", "{gone}");
    }
    assert_eq!(answer.header("x-public"), "2");
}

#[tokio::test]
async fn fields_that_name_an_end_to_end_one_as_hop_by_hop_do_no_harm() {
    let (_upstream, gateway) = echoing().await;
    let request = "POST /x HTTP/1.1\r\nhost: a\r\nconnection: close, content-length, host, x-forwarded-for\r\n\
        content-length: 5\r\n\r\nhello";
    let answer = exchange(gateway.address(), request).await;
    assert!(matches!(statuses(&answer)[..], [200 | 400]), "{answer}");
    if statuses(&answer) == [200] {
        assert!(answer.contains(r#""body":"hello""#) && answer.contains("x-forwarded-for"), "{answer}");
    }
}

#[tokio::test]
async fn the_gateway_says_that_it_was_in_between() {
    let (_upstream, gateway) = echoing().await;
    let mut client = Client::http1(gateway.address()).await;
    let mut request = client.request("GET", "/x", tests::client::empty());
    request.headers_mut().insert("via", "1.0 other".parse().unwrap());
    let answer = client.send(request).await;
    let via = answer.echoed_headers("via").join(", ");
    assert!(via.starts_with("1.0 other, 1.1 "), "{via}");
    let answer = Client::http2(gateway.address()).await.get("/x").await;
    assert!(answer.echoed_headers("via").join(", ").starts_with('2'), "{:?}", answer.echoed_headers("via"));
}

#[tokio::test]
async fn what_an_unknown_client_says_of_others_is_not_passed_on() {
    let (_upstream, gateway) = echoing().await;
    let answer = forwarded(&gateway).await;
    assert_eq!(answer.echoed_headers("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(answer.echoed_headers("x-forwarded-proto"), ["http"]);
    assert_eq!(answer.echoed_headers("x-forwarded-host"), [gateway.address().to_string()]);
    let forwarded = answer.echoed_headers("forwarded").join(", ").to_ascii_lowercase();
    assert!(!forwarded.contains("203.0.113.7") && !forwarded.contains("evil"), "{forwarded}");
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_passed_on_and_added_to() {
    let upstream = Upstream::echo().await;
    let setup = Gateway::serving(&Api::at(&upstream).get("/x")).set("--trusted-proxy", "127.0.0.0/8");
    let answer = forwarded(&setup.start().await).await;
    let joined = answer.echoed_headers("x-forwarded-for").join(", ");
    assert_eq!(joined.replace(' ', ""), "203.0.113.7,127.0.0.1");
    assert_eq!(answer.echoed_headers("x-forwarded-proto"), ["https"]);
    assert_eq!(answer.echoed_headers("x-forwarded-host"), ["evil.example"]);
    let forwarded = answer.echoed_headers("forwarded").join(", ");
    assert!(forwarded.starts_with("for=203.0.113.7") && forwarded.contains("127.0.0.1"), "{forwarded}");
}

async fn forwarded(gateway: &Gateway) -> tests::Answer {
    let mut client = Client::http1(gateway.address()).await;
    let mut request = client.request("GET", "/x", tests::client::empty());
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=203.0.113.7;proto=https;host=evil.example"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    client.send(request).await
}

#[tokio::test]
async fn every_request_has_an_id_that_both_sides_see() {
    let (_upstream, gateway) = echoing().await;
    let (one, other) = (gateway.get("/x").await, gateway.get("/x").await);
    assert_eq!(one.echoed_headers("x-request-id"), [one.header("x-request-id")]);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    assert!(one.header("x-request-id").len() >= 16);
    assert_ne!(gateway.get("/nothing").await.header("x-request-id"), "");
}

#[tokio::test]
async fn repeated_fields_stay_repeated_and_in_order() {
    let (_upstream, gateway) = echoing().await;
    let request = "GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-list: 1\r\nx-other: y\r\nx-list: 2\r\nx-bytes: \u{e9}\r\n\r\n";
    let answer = exchange(gateway.address(), request).await;
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let (one, two) = (body.find(r#"["x-list","1"]"#), body.find(r#"["x-list","2"]"#));
    assert!(one.is_some() && one < two && body.contains("\u{e9}"), "{answer}");
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let answer = in_front_of(Api::at(&upstream)).await.get("/x").await;
    assert_eq!(answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
}

#[tokio::test]
async fn cookies_that_http2_split_are_one_field_again() {
    let (_upstream, gateway) = echoing().await;
    let mut client = Client::http2(gateway.address()).await;
    let mut request = client.request("GET", "/x", tests::client::empty());
    request.headers_mut().append("cookie", "a=1".parse().unwrap());
    request.headers_mut().append("cookie", "b=2".parse().unwrap());
    assert_eq!(client.send(request).await.echoed_headers("cookie"), ["a=1; b=2"]);
}

#[tokio::test]
async fn statuses_without_a_body_have_none() {
    for status in ["204 No Content", "304 Not Modified"] {
        let upstream = Scripted::each(move |mut peer, _| async move {
            while peer.request().await.is_some() {
                peer.say(format!("HTTP/1.1 {status}\r\netag: \"a\"\r\n\r\n").as_bytes()).await;
            }
        })
        .await;
        let gateway = in_front_of(Api::at(&upstream)).await;
        let mut client = Client::http1(gateway.address()).await;
        for _ in 0..3 {
            let answer = client.get("/x").await;
            assert!(status.starts_with(&answer.status.to_string()) && answer.body.is_empty());
        }
    }
}

#[tokio::test]
async fn interim_responses_of_the_upstream_do_not_take_the_place_of_the_answer() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
    assert_eq!(in_front_of(Api::at(&upstream)).await.get("/x").await.body, "ok");
}

#[tokio::test]
async fn an_http_10_client_gets_what_it_understands() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").await;
        peer.wait_for_close().await;
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    let answer = exchange(gateway.address(), "GET /x HTTP/1.0\r\nhost: a\r\n\r\n").await.to_ascii_lowercase();
    assert!(answer.ends_with("\r\n\r\nhello") && !answer.contains("transfer-encoding"), "{answer}");
}

#[tokio::test]
async fn an_answer_streams_as_it_comes() {
    let upstream = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
        peer.say(b"9\r\ndata: 1\n\n\r\n").await;
        peer.wait_for_close().await;
    })
    .await;
    let gateway = in_front_of(Api::at(&upstream)).await;
    let mut client = Client::http1(gateway.address()).await;
    let request = client.request("GET", "/x", tests::client::empty());
    let mut response = tests::wait::patiently("the head", client.begin(request)).await.unwrap();
    let frame = tests::wait::patiently("the first event", response.frame()).await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "data: 1\n\n");
}

#[tokio::test]
async fn many_streams_of_one_http2_connection_do_not_wait_for_each_other() {
    let (held, _gate) = Upstream::held().await;
    let gateway = in_front_of(Api::at(&held)).await;
    let mut client = Client::http2(gateway.address()).await;
    for _ in 0..20 {
        let request = client.request("GET", "/x", tests::client::empty());
        assert!(tokio::time::timeout(Duration::from_millis(20), client.begin(request)).await.is_err());
    }
    assert_eq!(client.get("/nothing").await.status, 404);
}

#[tokio::test]
async fn bodies_are_bounded_where_the_operation_says_so() {
    let (upstream, gateway) = echoing().await;
    let mut client = Client::http1(gateway.address()).await;
    assert_eq!(client.send_body("POST", "/small", "0123456789").await.status, 200);
    assert_eq!(upstream.requests(), 1);
    assert_eq!(Client::http1(gateway.address()).await.send_body("POST", "/small", "0123456789a").await.status, 413);
    assert_eq!(upstream.requests(), 1, "what announces that it is too long is not passed on");
    let mut client = Client::http1(gateway.address()).await;
    let request = client.request("POST", "/small", upstream::zeros(11));
    assert_eq!(client.send(request).await.status, 413);
}
