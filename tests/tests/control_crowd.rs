//! Many who upload at once, some of whom never end: nobody keeps others out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::Client;
use tests::client;
use tests::control_plane::ControlPlane;
use tests::raw::Raw;

/// Below what anybody waits for room.
const AT_ONCE: Duration = Duration::from_secs(8);
const MIB: usize = 1 << 20;

/// A team's project, and a token of the team.
struct Team {
    project: String,
    token: String,
}

impl Team {
    async fn make(control: &ControlPlane, name: &str) -> Self {
        let team = control.post("/teams", &json!({ "name": name })).await.json()["id"].clone();
        let new = json!({ "name": name, "team": team, "role": "editor" });
        let token = text(&control.post("/tokens", &new).await.json()["secret"]);
        let made = control.post("/projects", &json!({ "name": "shop", "team": team })).await;
        Self { project: text(&made.json()["id"]), token }
    }

    fn specs(&self, name: &str) -> String {
        format!("/projects/{}/specs?name={name}", self.project)
    }

    fn artifacts(&self) -> String {
        format!("/projects/{}/artifacts", self.project)
    }

    /// Says that it will send so much, and sends so little.
    async fn begin(&self, control: &ControlPlane, target: &str, (announced, sent): (usize, usize)) -> Raw {
        let media = if target.ends_with("artifacts") { "application/octet-stream" } else { "application/yaml" };
        let mut raw = Raw::connect(control.address()).await;
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {media}\r\n\
             Content-Length: {announced}\r\n\r\n",
            self.token
        );
        assert!(raw.say(head).await && raw.say(vec![b'#'; sent]).await);
        raw
    }

    /// Sends all of it. Returns the status, and how long it took.
    async fn send(&self, control: &ControlPlane, target: &str, body: Vec<u8>) -> (u16, Duration) {
        let media = if target.ends_with("artifacts") { "application/octet-stream" } else { "application/yaml" };
        let mut client = Client::http1(control.address()).await;
        let mut request = client.request("POST", target, client::full(body));
        let headers = request.headers_mut();
        headers.insert("content-type", media.parse().unwrap());
        headers.insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        let began = Instant::now();
        (client.send(request).await.status, began.elapsed())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn document(bytes: usize) -> Vec<u8> {
    let mut document = b"openapi: 3.1.0\n".to_vec();
    document.resize(bytes.max(document.len()), b'#');
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn who_announces_much_and_sends_nothing_takes_nothing() {
    let control = ControlPlane::empty().start().await;
    let team = Team::make(&control, "red").await;
    let mut silent = Vec::new();
    for number in 0..12 {
        silent.push(team.begin(&control, &team.specs(&format!("s{number}")), (30 * MIB, 0)).await);
        silent.push(team.begin(&control, &team.artifacts(), (60 * MIB, 10)).await);
    }
    let (status, took) = team.send(&control, &team.specs("mine"), document(14 * MIB)).await;
    assert!(status == 201 && took < AT_ONCE, "{status} after {took:?}");
    // What is no artifact is told so at once: whoever is silent is in nobody's way.
    let (status, took) = team.send(&control, &team.artifacts(), document(MIB)).await;
    assert!(status == 422 && took < AT_ONCE, "{status} after {took:?}");
}

/// A team that fills its share, and goes on filling it, is not noticed by others; nor is anybody of its own kept out for
/// longer than until those who stopped sending have lost their places.
#[tokio::test(flavor = "multi_thread")]
async fn a_team_has_its_share_and_keeps_it_only_while_it_sends() {
    let control = ControlPlane::empty().start().await;
    let (greedy, other) = (Team::make(&control, "red").await, Team::make(&control, "blue").await);
    let mut begun = Vec::new();
    for number in 0..3 {
        begun.push(greedy.begin(&control, &greedy.specs(&format!("s{number}")), (31 * MIB, 20 * MIB)).await);
    }
    let (status, took) = other.send(&control, &other.specs("mine"), document(14 * MIB)).await;
    assert!(status == 201 && took < AT_ONCE, "{status} after {took:?}");
    let (status, took) = greedy.send(&control, &greedy.specs("mine"), document(14 * MIB)).await;
    assert!(status == 201, "{status} after {took:?}");
    // They are told, not only cut off.
    let mut told = Vec::new();
    for raw in &mut begun {
        if !raw.is_silent_for(Duration::from_millis(100)).await {
            told.push(raw.head().await);
        }
    }
    assert!(!told.is_empty(), "those who were silent have lost their places");
}
