//! What a document chooses about validation, for all of it, a path or an operation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use artifact_format::container::digest;
use tests::{Client, Gateway, Upstream, client, compiled, wait};
use tokio::task::JoinSet;

const OPERATION: &str = r##"
      security: [{ key: [] }]
      parameters: [{ name: dry, in: query, schema: { type: boolean } }]
      requestBody: { content: { application/json: { schema: { $ref: "#/components/schemas/Order" } } } }
      responses: { default: { description: Done } }
"##;

/// Four operations that differ in what they choose only: nothing, at the path, at the operation, and both.
fn description([document, path, operation]: [&str; 3]) -> String {
    let extension = |choice: &str| format!("x-portcullis: {{ validation: {{ {choice} }} }}");
    let paths = [("/none", "", ""), ("/path", path, ""), ("/operation", "", operation), ("/both", path, operation)];
    let paths = paths.map(|(name, path, operation)| {
        format!("  {name}:\n    {}\n    post:\n      {}\n{OPERATION}", extension(path), extension(operation))
    });
    format!(
        r#"
openapi: 3.1.1
info: {{ title: Shop, version: "1" }}
{}
components:
  securitySchemes: {{ key: {{ type: apiKey, in: query, name: api_key }} }}
  schemas:
    Order:
      type: object
      required: [id, name]
      properties: {{ id: {{ type: integer, readOnly: true }}, name: {{ type: string }}, key: {{ type: string, format: uuid }} }}
paths:
{}"#,
        extension(document),
        paths.concat()
    )
}

/// Asks each of the four in turn, and expects these statuses and faults.
async fn check(choices: [&str; 3], (query, body): (&str, &str), expected: [(u16, &str); 4]) {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::compiled(&description(choices), &upstream).start().await;
    let mut client = Client::http1(gateway.address()).await;
    for (path, (status, faults)) in ["/none", "/path", "/operation", "/both"].iter().zip(expected) {
        let answer = client.post(&format!("{path}?api_key=k{query}"), "application/json", body.to_owned()).await;
        let said = String::from_utf8_lossy(&answer.body);
        assert_eq!((answer.status, &*answer.faults().join(", ")), (status, faults), "{path} {choices:?}: {said}");
    }
}

const GOOD: &str = r#"{"name":"a"}"#;

#[tokio::test]
async fn the_status_of_what_a_schema_refuses() {
    let fault = "body /name required";
    let wrong = ("", "{}");
    check(["", "", ""], wrong, [(422, fault); 4]).await;
    let choices = ["invalid-status: 400", "invalid-status: 422", "invalid-status: 400"];
    check(choices, wrong, [(400, fault), (422, fault), (400, fault), (400, fault)]).await;
}

#[tokio::test]
async fn query_parameters_that_nobody_declared() {
    let fault = "query typo additionalProperties";
    let unknown = ("&dry=true&typo=1", GOOD);
    check(["", "", ""], unknown, [(200, ""); 4]).await;
    let choices = ["unknown-query: refuse", "unknown-query: pass", "unknown-query: refuse"];
    check(choices, unknown, [(400, fault), (200, ""), (400, fault), (400, fault)]).await;
    check(choices, ("&dry=true", GOOD), [(200, ""); 4]).await;
}

#[tokio::test]
async fn properties_that_are_read_only() {
    let fault = "body /id false";
    let sent = ("", r#"{"id":1,"name":"a"}"#);
    let choices = ["read-only: refuse", "read-only: ignore", "read-only: refuse"];
    check(["", "", ""], sent, [(200, ""); 4]).await;
    check(choices, sent, [(422, fault), (200, ""), (422, fault), (422, fault)]).await;
    check(choices, ("", GOOD), [(200, ""); 4]).await;
}

#[tokio::test]
async fn formats_that_must_hold_or_need_not() {
    let fault = "body /key format";
    let wrong = ("", r#"{"name":"a","key":"no-uuid"}"#);
    check(["", "", ""], wrong, [(422, fault); 4]).await;
    let choices = ["formats: annotate", "formats: assert", "formats: annotate"];
    check(choices, wrong, [(200, ""), (422, fault), (200, ""), (200, "")]).await;
}

#[tokio::test]
async fn settings_are_inherited_one_by_one() {
    let choices = ["invalid-status: 400", "unknown-query: refuse", "read-only: refuse"];
    let query = "query typo additionalProperties";
    let body = "body /id false";
    check(choices, ("", r#"{"id":1,"name":"a"}"#), [(200, ""), (200, ""), (400, body), (400, body)]).await;
    check(choices, ("&typo=1", GOOD), [(200, ""), (400, query), (200, ""), (400, query)]).await;
}

/// One version of a contract, which asks for its word in the query and in the body.
fn version(word: &str) -> String {
    format!(
        r#"
openapi: 3.1.1
info: {{ title: Shop, version: "1" }}
paths:
  /word:
    post:
      parameters: [{{ name: word, in: query, schema: {{ const: {word} }} }}]
      requestBody: {{ content: {{ application/json: {{ schema: {{ const: {word} }} }} }} }}
      responses: {{ default: {{ description: Done }} }}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_changes_under_load_changes_as_a_whole() {
    let upstream = Upstream::echo().await;
    let files = ["old", "new"].map(|word| compiled::signed(&compiled::text(&version(word), &upstream)));
    let gateway = Gateway::serving_file(files[0].clone()).start().await;
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let (done, mut client) = (Arc::clone(&done), Client::http1(gateway.address()).await);
        clients.spawn(async move {
            let mut seen = [0, 0];
            while !done.load(Ordering::Relaxed) {
                let answer = client.post("/word?word=old", "application/json", "\"old\"").await;
                match (answer.status, &answer.faults()[..]) {
                    (200, []) => seen[0] += 1,
                    (400, [query, body]) if query == "query word const" && body == "body const" => seen[1] += 1,
                    (status, faults) => panic!("{status} {faults:?}: half of one contract and half of another"),
                }
            }
            seen
        });
    }
    for number in 1..=20 {
        let file = &files[number % 2];
        gateway.replace(file);
        let expected = digest(file).to_string();
        wait::until("the other contract runs", async || gateway.running().await == expected).await;
        let answer = Client::http1(gateway.address()).await.post("/word?word=old", "application/json", "\"old\"").await;
        assert_eq!(answer.status, [200, 400][number % 2]);
    }
    done.store(true, Ordering::Relaxed);
    let seen = clients.join_all().await.into_iter().fold([0, 0], |all, one| [all[0] + one[0], all[1] + one[1]]);
    assert!(seen[0] > 50 && seen[1] > 50, "{seen:?}");
}

#[tokio::test]
async fn a_default_is_injected_where_that_was_chosen() {
    let upstream = Upstream::echo().await;
    let description =
        description(["", "defaults: inject", ""]).replace("type: boolean", "type: boolean, default: false");
    let gateway = Gateway::compiled(&description, &upstream).start().await;
    let mut client = Client::http1(gateway.address()).await;
    for (path, target) in [("/none", "/none?api_key=k"), ("/path", "/path?api_key=k&dry=false")] {
        let request = client.request("POST", &format!("{path}?api_key=k"), client::empty());
        assert_eq!(client.send(request).await.echoed().1, target);
    }
}
