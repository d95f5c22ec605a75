//! How waiting for a build ends, whatever the server says.

use serde_json::{Value, json};

use crate::waiting;

const ID: &str = "0199bbbb-0000-7000-8000-000000000001";

async fn wait_for(answers: Vec<(u16, Value)>, arguments: &'static [&'static str]) -> (i32, String, Value) {
    let command = [&["build", "--id", ID, "--wait"][..], arguments].concat();
    waiting::ends(answers, ("/log", 200, json!("what the compiler said")), &command).await
}

fn build(state: &str) -> Value {
    json!({ "id": ID, "state": state })
}

/// Nobody is there for longer than a request is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for() {
    let begun = build("running");
    let mut answers = vec![(200, build("queued")), (200, begun.clone())];
    answers.extend([502, 503, 504, 429].into_iter().cycle().take(10).map(|status| (status, Value::Null)));
    let (away, last) = (answers.clone(), build("succeeded"));
    answers.push((200, last.clone()));
    let (code, said, shown) = wait_for(answers.clone(), &[]).await;
    assert_eq!((code, shown), (0, last), "{said}");
    assert_eq!(said.matches("waiting for it").count(), 1, "{said}");
    assert!(said.contains("what the compiler said"), "{said}");
    // It ends as the build does.
    answers.pop();
    answers.push((200, build("failed")));
    assert_eq!(wait_for(answers, &[]).await.0, 5);
    // For as long as it was told to.
    let (code, said, _) = wait_for(away, &["--timeout", "2s"]).await;
    assert_eq!(code, 9, "{said}");
    assert!(said.contains(&format!("build --id {ID} --wait")), "{said}");
    // What it says clearly is believed.
    let (code, said, _) = wait_for(vec![(200, begun), (404, Value::Null)], &[]).await;
    assert_eq!((code, said.contains("waiting for it")), (7, false), "{said}");
}
