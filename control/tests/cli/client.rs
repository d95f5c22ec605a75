//! Commands that ask a server, where the server is what is tested least: it says what each test wrote down.

use std::sync::Arc;

use serde_json::Value;
use tests::Scripted;
use tests::scripted::Peer;
use tokio::sync::Mutex;

use crate::sandbox::Sandbox;

const PROJECT: &str = r#"{"id": "0199aaaa-0000-7000-8000-000000000000", "name": "shop", "version": 1}"#;

/// A server that answers each request with the next of these, and then with the last one again; and what it was asked.
async fn server(answers: &[String]) -> (Scripted, Arc<Mutex<Vec<String>>>) {
    let answers = answers.to_vec();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let server = Scripted::each(move |mut peer: Peer, number| {
        let (answers, seen) = (answers.clone(), Arc::clone(&seen));
        async move {
            let head = peer.request().await.unwrap_or_default();
            seen.lock().await.push(head);
            peer.say(answers[number.min(answers.len() - 1)].as_bytes()).await;
            peer.wait_for_close().await;
        }
    })
    .await;
    (server, asked)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn project() -> String {
    answer("201 Created", "content-type: application/json\r\n", PROJECT)
}

fn problem(status: u16, headers: &str) -> String {
    let body =
        format!(r#"{{"title": "No", "status": {status}, "code": "no", "detail": "not now", "request_id": "r-7"}}"#);
    answer(&format!("{status} No"), &format!("content-type: application/problem+json\r\n{headers}"), &body)
}

/// Makes a project, and returns how that ended, what was said, and every request that was made for it.
async fn make_project(answers: &[String]) -> (i32, String, Vec<String>) {
    let (server, asked) = server(answers).await;
    let url = format!("http://{}", server.address());
    let output = tokio::task::spawn_blocking(move || {
        let sandbox = Sandbox::new();
        let mut command = sandbox.command(&["project", "create", "shop", "--server", &url]);
        command.env("PORTCULLIS_CONTROL_TOKEN", "pct_test").output().unwrap()
    })
    .await
    .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("pct_test"), "{said}");
    let asked = asked.lock().await.clone();
    (output.status.code().unwrap(), said, asked)
}

fn key_of(request: &str) -> String {
    let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with("idempotency-key:"));
    line.unwrap_or_else(|| panic!("no key: {request}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_asked_again_is_asked_again_with_the_same_key() {
    let answers = [problem(503, "retry-after: 0\r\n"), problem(429, "retry-after: 0\r\n"), project()];
    let (code, said, asked) = make_project(&answers).await;
    assert_eq!((code, asked.len()), (0, 3), "{said}");
    assert_eq!(key_of(&asked[0]), key_of(&asked[2]));
    assert!(asked[0].to_ascii_lowercase().contains("authorization: bearer pct_test"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_under_way_is_waited_for() {
    let (code, said, asked) = make_project(&[problem(409, "retry-after: 0\r\n"), project()]).await;
    assert_eq!((code, asked.len()), (0, 2), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_repeated_and_ends_with_its_code() {
    for (status, code) in
        [(401, 3), (403, 3), (404, 4), (409, 4), (412, 4), (428, 4), (400, 5), (413, 5), (422, 5), (500, 7)]
    {
        let (ended, said, asked) = make_project(&[problem(status, "")]).await;
        assert_eq!((ended, asked.len()), (code, 1), "{status}: {said}");
        assert!(said.contains(&format!("not now ({status} no, request r-7)")), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_ends() {
    let (code, said, asked) = make_project(&[problem(429, "retry-after: 3600\r\n")]).await;
    assert_eq!((code, asked.len()), (6, 1), "{said}");
    let (code, said, asked) = make_project(&[problem(503, "retry-after: 0\r\n")]).await;
    assert_eq!((code, asked.len()), (7, 4), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_control_plane_gets_no_second_look() {
    let redirect = answer("302 Found", "location: https://elsewhere.example/\r\n", "");
    for foreign in
        [answer("200 OK", "content-type: text/html\r\n", "<html>"), redirect, answer("404 Not Found", "", "")]
    {
        let (code, said, asked) = make_project(&[foreign]).await;
        assert_eq!((code, asked.len()), (7, 1), "{said}");
    }
}

#[test]
fn nobody_listens() {
    let sandbox = Sandbox::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let arguments = ["project", "list", "--server", &format!("http://{free}")];
    let output = sandbox.command(&arguments).env("PORTCULLIS_CONTROL_TOKEN", "pct_test").assert().code(7);
    let said = crate::sandbox::stderr(&output);
    assert!(said.contains("refused") && said.contains("--server"), "{said}");
}

#[test]
fn a_token_that_cannot_be_had_is_not_sent() {
    let sandbox = Sandbox::new();
    sandbox.write("empty", "");
    assert!(sandbox.fails(&["project", "list", "--token-file", "missing"], 13).contains("missing"));
    assert!(sandbox.fails(&["project", "list", "--token-file", "empty"], 13).contains("pct_"));
    let said = sandbox.fails(&["project", "list", "--token-file", "pct_secret"], 2);
    assert!(!said.contains("pct_secret"), "{said}");
    let both = [("PORTCULLIS_CONTROL_TOKEN", "pct_a"), ("PORTCULLIS_CONTROL_TOKEN_FILE", "empty")];
    sandbox.command(&["project", "list"]).envs(both).assert().code(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_asked_for() {
    let page = |items: &str, next: &str| {
        answer("200 OK", "content-type: application/json\r\n", &format!(r#"{{"items": [{items}]{next}}}"#))
    };
    let pages = [page(PROJECT, r#", "next_cursor": "abc""#), page(PROJECT, "")];
    let (server, asked) = server(&pages).await;
    let url = format!("http://{}", server.address());
    let listed = tokio::task::spawn_blocking(move || {
        let sandbox = Sandbox::new();
        let mut command = sandbox.command(&["project", "list", "--server", &url]);
        command.env("PORTCULLIS_CONTROL_TOKEN", "pct_test").output().unwrap().stdout
    });
    let listed: Value = serde_json::from_slice(&listed.await.unwrap()).unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(asked.lock().await[1].contains("cursor=abc"));
}
