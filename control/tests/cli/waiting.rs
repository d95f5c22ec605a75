//! A command that waits for what a server does by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tests::Scripted;
use tests::scripted::Peer;

use crate::sandbox::Sandbox;

/// What is asked about the thing beside itself, by a part of its path, and how that is answered.
pub(crate) type Aside = (&'static str, u16, Value);

/// A server that answers so, from the first time that it is asked for the thing to the last: the code that the command
/// ends with, what it says, and what it shows.
pub(crate) async fn ends(answers: Vec<(u16, Value)>, aside: Aside, command: &[&'static str]) -> (i32, String, Value) {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Scripted::each(move |mut peer: Peer, _| {
        let (answers, aside, asked) = (answers.clone(), aside.clone(), Arc::clone(&asked));
        async move {
            let head = peer.request().await.unwrap_or_default();
            let (status, body) = if head.contains(aside.0) {
                (aside.1, aside.2)
            } else {
                let number = asked.fetch_add(1, Ordering::SeqCst);
                answers[number.min(answers.len() - 1)].clone()
            };
            let body = body.to_string();
            let head = format!("HTTP/1.1 {status} So\r\ncontent-type: application/json\r\nconnection: close\r\n");
            peer.say(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
            peer.wait_for_close().await;
        }
    })
    .await;
    let url = format!("http://{}", server.address());
    let command = command.to_vec();
    let output = tokio::task::spawn_blocking(move || {
        let sandbox = Sandbox::new();
        let mut command = sandbox.command(&command);
        command
            .args(["--server", url.as_str(), "-o", "json"])
            .env("PORTCULLIS_CONTROL_TOKEN", "pct_test")
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let shown = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), said, shown)
}
