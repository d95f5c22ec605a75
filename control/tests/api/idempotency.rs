//! `Idempotency-Key`.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::client::Answer;
use tests::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::served::{Served, refusal};

async fn make(served: &Served, key: &str, body: Value) -> Answer {
    served.ask("POST", "/api/v1/projects").header("idempotency-key", key).json(&body).send().await
}

async fn projects(served: &Served) -> usize {
    served.get("/projects").await["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_request_is_done_once_and_answered_again() {
    let mut served = Served::start().await;
    let first = make(&served, "\"k-1\"", json!({ "name": "shop" })).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    // The answer outlives the process that gave it; quotes do not matter.
    served.restart().await;
    let again = make(&served, "k-1", json!({ "name": "shop" })).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.body, first.body);
    for name in ["location", "etag", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_eq!(projects(&served).await, 1);
}

#[tokio::test]
async fn of_many_at_once_one_does_it() {
    let served = Served::start().await;
    let answers = join_all((0..16).map(|_| make(&served, "k-1", json!({ "name": "shop" })))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.iter().filter(|answer| answer.header("idempotent-replayed").is_empty()).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(refusal(answer), (409, "in-progress".to_owned()));
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(projects(&served).await, 1);
}

#[tokio::test]
async fn another_request_is_not_taken_for_the_same() {
    let served = Served::start().await;
    make(&served, "k-1", json!({ "name": "shop" })).await;
    let reused = (422, "idempotency-key-reused".to_owned());
    assert_eq!(refusal(&make(&served, "k-1", json!({ "name": "other" })).await), reused);
    let elsewhere = served.ask("POST", "/teams").header("idempotency-key", "k-1").json(&json!({ "name": "shop" }));
    assert_eq!(refusal(&elsewhere.send().await), reused);
    // Another credential's key is another key.
    let other = served.token(&json!({ "name": "other", "role": "admin" })).await;
    let request = served.ask("POST", "/api/v1/projects").header("idempotency-key", "k-1").with(&other);
    assert_eq!(request.json(&json!({ "name": "other" })).status().await, 201);
    for wrong in ["", "a b", "\"a"] {
        let answer = make(&served, wrong, json!({ "name": "third" })).await;
        assert_eq!(refusal(&answer), (400, "invalid-parameter".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn what_was_refused_leaves_its_key_free() {
    let served = Served::start().await;
    assert_eq!(make(&served, "k-1", json!({ "name": "no name!" })).await.status, 422);
    assert_eq!(make(&served, "k-1", json!({ "name": "shop" })).await.status, 201);
}

#[tokio::test]
async fn an_upload_that_broke_off_leaves_its_key_free() {
    let served = Served::start().await;
    let head = format!(
        "POST /api/v1/projects HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: k-1\r\n\
         content-type: application/json\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n{{\"name\":",
        served.token
    );
    let mut connection = TcpStream::connect(served.address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    // It asks for the rest of the body when it has taken the key.
    let mut told = [0; 25];
    connection.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    let shop = || make(&served, "k-1", json!({ "name": "shop" }));
    assert_eq!(refusal(&shop().await), (409, "in-progress".to_owned()));
    drop(connection);
    wait::until("the key is free", async || shop().await.status == 201).await;
    assert_eq!(projects(&served).await, 1);
}

#[tokio::test]
async fn a_secret_is_not_kept_for_another_time() {
    let served = Served::start().await;
    let make = async || {
        let request = served.ask("POST", "/tokens").header("idempotency-key", "k-1");
        request.json(&json!({ "name": "ci" })).send().await
    };
    let first = make().await;
    assert_eq!(first.status, 201);
    let again = make().await;
    assert_eq!(refusal(&again), (409, "answer-not-kept".to_owned()));
    // It says where what was made is.
    assert!(again.json()["detail"].as_str().unwrap().contains(first.header("location")));
    assert_eq!(served.get("/tokens").await["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_body_that_may_be_absent_counts_too() {
    let served = Served::start().await;
    let made = served.make("/tokens", &json!({ "name": "ci" })).await;
    let rotate = format!("/tokens/{}/rotate", made["token"]["id"].as_str().unwrap());
    let ask = async |overlap: u32| {
        let request = served.ask("POST", &rotate).header("idempotency-key", "k-1");
        refusal_or_done(&request.json(&json!({ "overlap_seconds": overlap })).send().await)
    };
    assert_eq!(ask(1).await, "200");
    assert_eq!(ask(1).await, "409 answer-not-kept");
    assert_eq!(ask(2).await, "422 idempotency-key-reused");
}

fn refusal_or_done(answer: &Answer) -> String {
    if answer.status == 200 {
        return "200".to_owned();
    }
    let (status, code) = refusal(answer);
    format!("{status} {code}")
}
