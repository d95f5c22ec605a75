//! An upstream that breaks what the description promises: looked at, or answered for with 502.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::time::Duration;

use http::HeaderValue;
use serde_json::Value;
use tests::{Answer, Client, Gateway, Scripted, Upstream, client, raw, wait};

/// An operation of which every response is judged as `policy` says; see [`Upstream::mirror`] for what comes back.
fn description(policy: &str) -> String {
    format!(
        r##"
openapi: 3.1.1
info: {{ title: Shop, version: "1" }}
x-portcullis: {{ validation: {{ responses: {policy} }} }}
paths:
  /order:
    get: &operation
      responses:
        "200":
          description: An order
          headers: {{ X-Stock: {{ required: true, schema: {{ type: integer, maximum: 100 }} }} }}
          content: {{ application/json: {{ schema: {{ $ref: "#/components/schemas/Order" }} }} }}
        "203": {{ description: An order in a form, content: {{ multipart/form-data: {{ schema: {{ $ref: "#/components/schemas/Order" }} }} }} }}
        "204": {{ description: None, headers: {{ X-Stock: {{ required: true, schema: {{ type: integer }} }} }} }}
        "206": {{ description: A part, content: {{ application/json: {{ schema: {{ type: object }} }} }} }}
        "304": {{ description: As before, content: {{ application/json: {{ schema: {{ type: object }} }} }} }}
        4XX: {{ description: A problem, content: {{ application/problem+json: {{ schema: {{ required: [title] }} }} }} }}
    post: *operation
    head: *operation
components:
  schemas:
    Order:
      type: object
      required: [id, password]
      properties:
        id: {{ type: integer, format: int64 }}
        note: {{ type: string, maxLength: 20 }}
        password: {{ type: string, writeOnly: true }}
"##
    )
}

async fn behind_mirror(policy: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::mirror().await;
    let gateway = Gateway::compiled(&description(policy), &upstream).set("--workers", "1").start().await;
    (upstream, gateway)
}

/// What an upstream answers: status, header fields in lines, body.
type Said<'s> = (u16, &'s str, &'s str);

/// Has the upstream say it.
async fn asked(client: &mut Client, (status, fields, body): Said<'_>) -> Answer {
    let mut request = client.request("POST", "/order", client::full(body.to_owned()));
    request.headers_mut().insert("answer-status", HeaderValue::from(status));
    for line in fields.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        let name: http::HeaderName = format!("answer-{name}").parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    client.send(request).await
}

const JSON: &str = "content-type: application/json\nx-stock: 7";
const GOOD: Said<'_> = (200, JSON, r#"{"id": 9223372036854775807, "note": "ol\u00e9"}"#);

/// Keeps the description's promise.
const KEPT: &[Said<'_>] = &[
    GOOD,
    (200, "content-type: Application/JSON; charset=utf-8\nx-stock: 0\nx-more: 1", r#"{"id":1}"#),
    (204, "x-stock: 7", ""),
    (203, "content-type: multipart/form-data; boundary=b", FORM),
    (404, "content-type: application/problem+json", r#"{"title":"None"}"#),
    // What is `writeOnly` is not required, and not refused unless that was chosen.
    (200, JSON, r#"{"id":1,"password":"x"}"#),
];

const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n1\r\n--b--\r\n";
const BAD_FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\none\r\n--b--\r\n";

/// Breaks it; with what the log says of it.
const BROKEN: &[(Said<'_>, &str)] = &[
    ((200, JSON, r#"{"note":"no id"}"#), r#""pointer":"/id","keyword":"required""#),
    ((200, JSON, r#"{"id":9223372036854775808}"#), r#""pointer":"/id""#),
    ((200, JSON, r#"{"id":1"#), r#""keyword":"syntax""#),
    ((200, JSON, r#"{"id":1,"id":1}"#), r#""keyword":"syntax""#),
    ((200, JSON, ""), r#""keyword":"syntax""#),
    ((200, "content-type: application/json", r#"{"id":1}"#), r#""in":"header","name":"x-stock""#),
    ((200, "content-type: application/json\nx-stock: many", r#"{"id":1}"#), r#""keyword":"type""#),
    ((200, "content-type: application/json\nx-stock: 101", r#"{"id":1}"#), r#""keyword":"maximum""#),
    ((200, "content-type: text/plain\nx-stock: 7", r#"{"id":1}"#), r#""keyword":"content""#),
    ((200, "x-stock: 7", r#"{"id":1}"#), r#""keyword":"content""#),
    ((203, "content-type: multipart/form-data; boundary=b", BAD_FORM), r#""pointer":"/id","keyword":"type""#),
    ((204, "x-other: 7", ""), r#""in":"header","name":"x-stock""#),
    ((404, "content-type: application/problem+json", "{}"), r#""pointer":"/title""#),
];

/// Promised nothing, or nothing that could be looked into.
const UNJUDGED: &[Said<'_>] = &[(201, JSON, "{}"), (503, "content-type: text/html", "<p>down")];

async fn counted(gateway: &Gateway, method: &str) -> [usize; 3] {
    let metrics = String::from_utf8(gateway.admin_get("/metrics").await.body.to_vec()).unwrap();
    ["kept", "broken", "unjudged"].map(|result| {
        let sample = |line: &&str| {
            line.starts_with("portcullis_responses_examined_total{")
                && [method, result].iter().all(|label| line.contains(&format!("\"{label}\"")))
        };
        let line = metrics.lines().find(sample);
        line.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    })
}

async fn until_counted(gateway: &Gateway, method: &str, expected: [usize; 3]) {
    let mut found = [0; 3];
    let is_reached = wait::within(Duration::from_secs(5), async || {
        found = counted(gateway, method).await;
        found == expected
    });
    assert!(is_reached.await, "kept, broken, unjudged: {found:?}, expected {expected:?}");
}

const BROKE: &str = "the upstream broke its contract";

/// The entries of the log with this message, once there are so many.
async fn logged(gateway: &Gateway, message: &str, count: usize) -> Vec<Value> {
    wait::until("it is logged", async || gateway.messages(message).len() >= count).await;
    let entries = gateway.messages(message);
    assert_eq!(entries.len(), count, "{entries:?}");
    entries
}

fn assert_unchanged(answer: &Answer, (status, fields, body): Said<'_>) {
    assert_eq!((answer.status, &*answer.body), (status, body.as_bytes()));
    for (name, value) in fields.lines().map(|line| line.split_once(": ").unwrap()) {
        assert_eq!(answer.header(name), value);
    }
}

#[tokio::test]
async fn a_report_changes_no_response_and_counts_each() {
    let (_upstream, gateway) = behind_mirror("report").await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        for said in KEPT.iter().chain(BROKEN.iter().map(|(said, _)| said)).chain(UNJUDGED) {
            assert_unchanged(&asked(&mut client, *said).await, *said);
        }
    }
    until_counted(&gateway, "POST", [2 * KEPT.len(), 2 * BROKEN.len(), 2 * UNJUDGED.len()]).await;
    let logged = logged(&gateway, BROKE, 2 * BROKEN.len()).await;
    for (entry, (said, violation)) in logged.iter().zip(BROKEN.iter().chain(BROKEN)) {
        let violations = entry["violations"].as_str().unwrap();
        assert!(violations.contains(violation), "{said:?}: {violations}");
        assert_eq!(entry["status"], said.0);
        assert!(entry["request_id"].is_string() && entry["operation"].is_string());
    }
}

#[tokio::test]
async fn what_is_enforced_becomes_502_and_says_nothing_of_the_body() {
    let (_upstream, gateway) = behind_mirror("enforce").await;
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        for said in KEPT.iter().chain(UNJUDGED) {
            assert_unchanged(&asked(&mut client, *said).await, *said);
        }
        for (said, _) in BROKEN {
            let answer = asked(&mut client, *said).await;
            assert_eq!((answer.status, &answer.json()["code"]), (502, &"upstream-contract".into()), "{said:?}");
            assert_eq!((answer.header("content-type"), answer.header("x-stock")), ("application/problem+json", ""));
            assert_eq!(answer.faults(), Vec::<String>::new());
            assert!(!String::from_utf8_lossy(&answer.body).contains("no id"));
        }
    }
    until_counted(&gateway, "POST", [2 * KEPT.len(), 2 * BROKEN.len(), 2 * UNJUDGED.len()]).await;
    logged(&gateway, BROKE, 2 * BROKEN.len()).await;
}

#[tokio::test]
async fn nothing_is_looked_at_unless_asked_for() {
    let (_upstream, gateway) = behind_mirror("off").await;
    let mut client = Client::http1(gateway.address()).await;
    for (said, _) in BROKEN {
        assert_unchanged(&asked(&mut client, *said).await, *said);
    }
    until_counted(&gateway, "POST", [0, 0, 0]).await;
    assert!(gateway.messages(BROKE).is_empty());
}

#[tokio::test]
async fn a_share_is_a_share() {
    let (_upstream, gateway) = behind_mirror("{ report: 0.25 }").await;
    let mut client = Client::http1(gateway.address()).await;
    for _ in 0..40 {
        assert_unchanged(&asked(&mut client, GOOD).await, GOOD);
    }
    until_counted(&gateway, "POST", [10, 0, 0]).await;
}

/// Answers GET and HEAD with these bytes, on a connection that is kept.
async fn saying(said: &'static str) -> Scripted {
    Scripted::each(move |mut peer, _| async move {
        while peer.request().await.is_some() {
            peer.say(said.as_bytes()).await;
        }
    })
    .await
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-stock: 1\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n3\r\n{\"i\r\n5\r\nd\":1}\r\n0\r\nx-sum: 8\r\n\r\n";

#[tokio::test]
async fn a_body_of_unknown_length_is_judged_at_its_end_and_keeps_its_trailers() {
    for policy in ["report", "enforce"] {
        let upstream = saying(CHUNKED).await;
        let gateway = Gateway::compiled(&description(policy), &upstream).set("--workers", "1").start().await;
        let mut client = Client::http1(gateway.address()).await;
        for _ in 0..3 {
            let mut request = client.request("GET", "/order", client::empty());
            request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
            request.headers_mut().insert("connection", HeaderValue::from_static("te"));
            let answer = client.send(request).await;
            assert_eq!((answer.status, &*answer.body), (200, &br#"{"id":1}"#[..]), "{policy}");
            assert_eq!(answer.trailers.get("x-sum").map(HeaderValue::as_bytes), Some(&b"8"[..]), "{policy}");
        }
        until_counted(&gateway, "GET", [3, 0, 0]).await;
        assert_eq!(upstream.connections(), 1, "it is kept");
    }
}

#[tokio::test]
async fn of_responses_without_a_body_only_the_header_counts() {
    for (method, said, expected) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-stock: 1\r\ncontent-length: 9\r\n\r\n", 200),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-stock: x\r\ncontent-length: 9\r\n\r\n", 502),
        ("GET", "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\ncontent-length: 9\r\n\r\n", 304),
        ("GET", "HTTP/1.1 204 No Content\r\nx-stock: 1\r\n\r\n", 204),
        ("GET", "HTTP/1.1 206 Partial\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n{\"i", 206),
    ] {
        let upstream = saying(said).await;
        let gateway = Gateway::compiled(&description("enforce"), &upstream).start().await;
        let mut client = Client::http1(gateway.address()).await;
        for _ in 0..2 {
            let answer = client.send(client.request(method, "/order", client::empty())).await;
            assert_eq!(answer.status, expected, "{method} {said}");
        }
        until_counted(&gateway, method, if expected == 502 { [0, 2, 0] } else { [2, 0, 0] }).await;
    }
}

#[tokio::test]
async fn what_is_too_large_to_be_held_passes_where_it_is_only_looked_at() {
    let body = format!(r#"{{"id":1,"more":"{}"}}"#, "x".repeat(3000));
    let said = (200, JSON, &*body);
    for (policy, status, counts) in [("report", 200, [0, 0, 1]), ("enforce", 502, [0, 0, 1])] {
        let upstream = Upstream::responding(
            http::Response::builder()
                .header("content-type", "application/json")
                .header("x-stock", "7")
                .body(&*String::leak(body.clone()))
                .unwrap(),
        )
        .await;
        let setup = Gateway::compiled(&description(policy), &upstream).set("--body-max-bytes", "2000");
        let gateway = setup.start().await;
        let answer = gateway.get("/order").await;
        assert_eq!(answer.status, status, "{policy}");
        if status == 200 {
            assert_unchanged(&answer, said);
        }
        until_counted(&gateway, "GET", counts).await;
    }
}

#[tokio::test]
async fn what_stalls_or_breaks_off_while_it_is_held_is_502() {
    const BEGUN: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-stock: 1\r\ncontent-length: 8\r\n\r\n{\"id";
    let stalling = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(BEGUN).await;
        peer.wait_for_close().await;
    })
    .await;
    let breaking = Scripted::each(|mut peer, _| async move {
        peer.request().await;
        peer.say(BEGUN).await;
    })
    .await;
    for upstream in [stalling, breaking] {
        let setup = Gateway::compiled(&description("enforce"), &upstream).set("--request-timeout", "500ms");
        let gateway = setup.start().await;
        let answer = gateway.get("/order").await;
        assert_eq!((answer.status, &answer.json()["code"]), (502, &"upstream-contract".into()));
        until_counted(&gateway, "GET", [0, 0, 1]).await;
        logged(&gateway, "a response could not be held to be judged", 1).await;
    }
}

/// No room is made for what is announced and never comes.
#[tokio::test]
async fn an_announced_length_beyond_all_bounds_harms_nobody() {
    const HUGE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-stock: 1\r\ncontent-length: 100000000000000000\r\n\r\n{";
    let upstream = saying(HUGE).await;
    let gateway = Gateway::compiled(&description("enforce"), &upstream).start().await;
    assert_eq!(gateway.get("/order").await.status, 502);
    assert_eq!(gateway.admin_get("/readyz").await.status, 200);
}

/// A client may have asked for it, unless responses are enforced: then the upstream was asked for none.
#[tokio::test]
async fn a_coding_is_not_reported_and_not_let_through() {
    const CODED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-stock: 1\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx";
    let upstream = saying(CODED).await;
    for (policy, status, counts) in [("report", 200, [0, 0, 1]), ("enforce", 502, [0, 1, 0])] {
        let gateway = Gateway::compiled(&description(policy), &upstream).start().await;
        assert_eq!(gateway.get("/order").await.status, status);
        until_counted(&gateway, "GET", counts).await;
    }
}

#[tokio::test]
async fn one_that_is_refused_in_the_middle_leaves_the_connection_usable() {
    let (_upstream, gateway) = behind_mirror("enforce").await;
    let mut raw = raw::Raw::connect(gateway.address()).await;
    let ask = |status: u16| {
        format!("POST /order HTTP/1.1\r\nhost: a\r\nanswer-status: {status}\r\ncontent-length: 0\r\n\r\n")
    };
    raw.say(ask(200) + &ask(503).replace("host: a", "host: a\r\nconnection: close")).await;
    let said = String::from_utf8(raw.rest().await).unwrap();
    assert_eq!(raw::statuses(&said), [502, 503], "{said}");
}
