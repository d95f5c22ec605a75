//! `Idempotency-Key`.

use control::store::sql::{Database, sql};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::client::Answer;
use tests::postgres::{self, Postgres};
use tests::{Relay, wait};
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

/// The connection to the database breaks while a change is being made so: nobody knows whether it was, and it is not
/// made again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_done_is_not_done_again() {
    let postgres = Postgres::start().await;
    let own_url = postgres.url();
    let port: u16 = own_url.rsplit([':', '/']).nth(1).unwrap().parse().unwrap();
    let relay = Relay::to(port).await;
    let served = Served::on(&own_url.replace(&format!(":{port}/"), &format!(":{}/", relay.address().port()))).await;
    // What makes a project so waits for whoever has the lock.
    postgres.run(
        "create function waits() returns trigger language plpgsql \
         as 'begin perform pg_advisory_xact_lock(1); return null; end'",
    );
    postgres.run(
        "create constraint trigger waits after insert on projects deferrable initially deferred \
         for each row execute function waits()",
    );
    let holder = Database::open(&own_url, None).await.unwrap();
    let mut lock = holder.begin().await.unwrap();
    lock.execute(sql("select pg_advisory_xact_lock(1)")).await.unwrap();

    let unknown = (500, "outcome-unknown".to_owned());
    let shop = || make(&served, "k-1", json!({ "name": "shop" }));
    let breaks = async {
        let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
        wait::until("it is being made so", async || postgres.run(waiting) == "1").await;
        relay.breaks();
    };
    let (first, ()) = tokio::join!(shop(), breaks);
    assert_eq!(refusal(&first), unknown);
    assert_eq!(first.header("retry-after"), "");
    lock.commit().await.unwrap();
    let made = || postgres.run("select count(*) from projects");
    wait::until("it was done", async || made() == "1").await;
    // The answer may have to be written down yet.
    wait::until("it is told again", async || {
        let again = shop().await;
        assert!(again.status >= 400, "it is done again");
        (refusal(&again), again.header("idempotent-replayed")) == (unknown.clone(), "true")
    })
    .await;
    assert_eq!(made(), "1");
}

/// The database makes the change, and for a while does not take down that it was answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_written_down_as_soon_as_it_can_be() {
    let postgres = postgres::Database::create().await;
    let served = Served::on(&postgres.url()).await;
    postgres
        .run("create function refuses() returns trigger language plpgsql as 'begin raise exception ''not now''; end'");
    postgres.run(
        "create trigger refuses before update of status on idempotent_responses for each row execute function refuses()",
    );
    let shop = || make(&served, "k-1", json!({ "name": "shop" }));
    let first = shop().await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    assert_eq!(refusal(&shop().await), (409, "in-progress".to_owned()));
    postgres.run("drop trigger refuses on idempotent_responses");
    wait::until("it is answered again", async || {
        let again = shop().await;
        (again.status, again.header("idempotent-replayed")) == (201, "true") && again.body == first.body
    })
    .await;
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
