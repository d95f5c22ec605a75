//! How waiting for a deployment ends, whatever the server says.

use serde_json::{Value, json};
use tests::Scripted;
use tests::scripted::Peer;

use crate::sandbox::Sandbox;
use crate::waiting;

const ID: &str = "0199aaaa-0000-7000-8000-000000000001";

/// A server whose deployment is so, from the first time that it is asked for to the last; and how waiting for it ends.
async fn wait_for(states: &[Value], arguments: &'static [&'static str]) -> (i32, String, Value) {
    let answers = states.iter().map(|state| (200, state.clone())).collect();
    wait_for_answers(answers, 200, arguments).await
}

/// The same, with the status of each answer, and the one of how far it is.
async fn wait_for_answers(
    answers: Vec<(u16, Value)>,
    progress: u16,
    arguments: &'static [&'static str],
) -> (i32, String, Value) {
    let aside = ("/progress", progress, json!({ "data_planes": 3, "online": 3, "serving": 1, "waves": [] }));
    waiting::ends(answers, aside, &[&["deployment", "get", ID][..], arguments].concat()).await
}

fn deployment(state: &str, reason: &Value) -> Value {
    json!({ "id": ID, "serial": 7, "state": state, "wave": 1, "waves": 2, "reason": reason })
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_as_the_deployment_does() {
    let (scheduled, begun) = (deployment("scheduled", &Value::Null), deployment("in_progress", &Value::Null));
    let why = json!({ "code": "rejected", "detail": "edge-1 said no" });
    let by_hand = deployment("paused", &json!({ "code": "promotion_awaited", "detail": "promote it" }));
    let unjudged = deployment("paused", &json!({ "code": "unjudged", "detail": "too few requests" }));
    for (last, expected) in [
        (deployment("succeeded", &Value::Null), 0),
        (deployment("failed", &why), 8),
        (deployment("rolled_back", &why), 8),
        (deployment("aborted", &why), 8),
        (deployment("superseded", &why), 8),
        // Nobody will let it go on.
        (deployment("paused", &why), 8),
    ] {
        let states = [scheduled.clone(), begun.clone(), by_hand.clone(), unjudged.clone(), last.clone()];
        let (code, said, shown) = wait_for(&states, &["--wait"]).await;
        assert_eq!((code, &shown), (expected, &last), "{said}");
        assert!(said.contains("has not started") && said.contains("promote it"), "{said}");
        assert!(said.contains("too few requests"), "{said}");
        assert!(said.contains("wave 1 of 2: 1 of 3 data planes"), "{said}");
        assert_eq!(said.contains("edge-1 said no"), expected == 8, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends() {
    let begun = deployment("in_progress", &Value::Null);
    let (code, said, _) = wait_for(std::slice::from_ref(&begun), &["--wait", "--timeout", "300ms"]).await;
    assert_eq!(code, 9, "{said}");
    assert!(said.contains(&format!("deployment get {ID} --wait")), "{said}");
    // Who does not wait sees what there is.
    assert_eq!(wait_for(&[begun], &[]).await.0, 0);
}

/// Nobody is there for longer than a request is tried again; how far it is within its wave is never told.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for() {
    let begun = deployment("in_progress", &Value::Null);
    let mut answers = vec![(200, begun.clone()), (200, begun.clone())];
    answers.extend([502, 503, 504, 429].into_iter().cycle().take(10).map(|status| (status, Value::Null)));
    let (away, last) = (answers.clone(), deployment("succeeded", &Value::Null));
    answers.push((200, last.clone()));
    let (code, said, shown) = wait_for_answers(answers, 503, &["--wait"]).await;
    assert_eq!((code, shown), (0, last), "{said}");
    assert_eq!(said.matches("waiting for it").count(), 1, "{said}");
    assert!(said.contains("wave 1 of 2\n"), "{said}");
    // For as long as it was told to.
    let (code, said, _) = wait_for_answers(away, 200, &["--wait", "--timeout", "2s"]).await;
    assert_eq!(code, 9, "{said}");
    // What it says clearly is believed.
    let (code, said, _) = wait_for_answers(vec![(200, begun), (404, Value::Null)], 200, &["--wait"]).await;
    assert_eq!((code, said.contains("waiting for it")), (7, false), "{said}");
}

/// What lets it go further is about the state that was read, so that it is not done twice; what stops it is about
/// whatever there is.
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_further_is_what_was_read() {
    let heads = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&heads);
    let server = Scripted::each(move |mut peer: Peer, _| {
        let seen = std::sync::Arc::clone(&seen);
        async move {
            let head = peer.request().await.unwrap_or_default().to_ascii_lowercase();
            seen.lock().unwrap().push(head);
            let body = deployment("paused", &Value::Null).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\netag: \"7\"\r\nconnection: close\r\n";
            peer.say(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
            peer.wait_for_close().await;
        }
    })
    .await;
    for (verb, expected) in [("promote", true), ("resume", true), ("pause", false), ("abort", false)] {
        let url = format!("http://{}", server.address());
        let code = tokio::task::spawn_blocking(move || {
            let sandbox = Sandbox::new();
            let mut command = sandbox.command(&["deployment", verb, ID, "--server", &url]);
            command.env("PORTCULLIS_CONTROL_TOKEN", "pct_test").output().unwrap().status.code()
        });
        assert_eq!(code.await.unwrap(), Some(0), "{verb}");
        let heads = std::mem::take(&mut *heads.lock().unwrap());
        let posted = heads.iter().find(|head| head.starts_with("post ")).unwrap();
        assert_eq!(posted.contains("if-match: \"7\""), expected, "{posted}");
    }
}

#[test]
fn what_is_deployed_and_how_is_said_once() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["deploy"][..],
        &["deploy", "abc", "--newest"],
        &["deploy", "abc", "--canary", "1", "--waves", "1,2"],
        &["deploy", "abc", "--canary", "0"],
        &["deploy", "abc", "--waves", "1,101%"],
        &["deploy", "abc", "--gate-max-error-rate", "2"],
        &["deploy", "abc", "--gate-on-unjudged", "never"],
        &["deploy", "abc", "--at", "tomorrow"],
        &["deploy", "abc", "--timeout", "1m"],
    ] {
        sandbox.fails(arguments, 2);
    }
}
