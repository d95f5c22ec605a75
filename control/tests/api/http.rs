//! What HTTP asks of every server, whatever it serves.

use serde_json::Value;
use tests::raw::{Raw, exchange, statuses};

use crate::served::{Served, refusal};

/// The problem in what a connection said.
fn problem(said: &str) -> Value {
    let (head, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said}"));
    assert!(head.to_ascii_lowercase().contains("content-type: application/problem+json"), "{said}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[tokio::test]
async fn a_request_names_its_host() {
    let served = Served::start().await;
    for (target, head) in
        [("/livez", ""), ("/projects", ""), ("/projects", "Host: a\r\nHost: a\r\n"), ("/projects", "Host: a/b\r\n")]
    {
        let request = format!("GET {target} HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
        let said = exchange(served.address, request).await;
        let problem = problem(&said);
        assert_eq!((statuses(&said), &problem["code"]), (vec![400], &"malformed".into()), "{target} {head}");
        assert!(problem["request_id"].is_string(), "{problem}");
    }
    // HTTP/1.0 knows no such field.
    let said = exchange(served.address, "GET /livez HTTP/1.0\r\n\r\n").await;
    assert!(said.contains(" 200 OK"), "{said}");
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_a_problem_as_well() {
    let served = Served::start().await;
    let large = format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "x".repeat(1 << 17));
    let many = format!("GET /livez HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(200));
    for (request, status, code) in [
        (large, 431, "head-too-large"),
        (many, 431, "head-too-large"),
        ("GET / HTTP/1.1\r\nno field\r\n\r\n".to_owned(), 400, "malformed"),
    ] {
        let said = exchange(served.address, request).await;
        assert_eq!(statuses(&said), [status], "{said}");
        let problem = problem(&said);
        assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()));
    }
}

/// How many pieces of 256 KiB a large body has.
const PIECES: usize = 64;

/// Whoever sends a large body reads the answer when all of it is sent.
#[tokio::test]
async fn a_refusal_waits_for_its_reader() {
    let served = Served::start().await;
    let piece = vec![b'x'; 1 << 18];
    for (authorization, status) in [(String::new(), 401), (format!("Authorization: Bearer {}\r\n", served.token), 413)]
    {
        let length = PIECES * piece.len();
        let mut raw = Raw::connect(served.address).await;
        let head = format!(
            "POST /api/v1/teams HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        assert!(raw.say(head).await);
        for sent in 0..PIECES {
            assert!(raw.say(&piece).await, "{status}: cut off after {sent} pieces");
        }
        let head = raw.head().await;
        assert_eq!(statuses(&head), [status], "{head}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_not_repeated_at_length() {
    let served = Served::start().await;
    let long = "x".repeat(10_000);
    let target = format!("/projects?{long}=1");
    let answer = served.ask("GET", &target).send().await;
    assert_eq!(refusal(&answer), (400, "invalid-parameter".to_owned()));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.len() < 400 && detail.contains("`name`, `cursor`, `limit`"), "{detail}");
    for (target, expected) in [
        ("/audit?since=yesterday", "since: not a time: RFC 3339, such as 2026-11-25T22:00:00Z"),
        ("/audit?project=7", "project: not an id: a UUID such as 0198c1f2-7d3a-7cc0-a1b2-c3d4e5f60718"),
        ("/projects?limit=many", "limit: not a number"),
    ] {
        assert_eq!(served.ask("GET", target).send().await.json()["detail"], expected);
    }
    let answer = served.ask("POST", "/projects").json(&serde_json::json!({ "name": 7 })).send().await;
    assert_eq!(answer.json()["errors"][0]["message"], "invalid type: integer `7`, expected a string");
    let answer = served.ask("POST", "/projects").body("application/json", "{\"name\": ").send().await;
    assert_eq!(answer.json()["detail"], "the body is not JSON (RFC 8259): line 1, column 9");
}
