//! A control plane in another region than its database, with a replica beside it.

use std::net::SocketAddr;

use artifact_format::container;
use fleet::message::Reason;
use serde_json::{Value, json};
use tests::data_plane::Refusal;
use tests::postgres::Postgres;
use tests::{Project, project, wait};

use crate::{catches_up, on};

/// Regional control plane without its primary: what the replica beside it has is shown, and data planes that are known are
/// let in, told what they are to serve, and given it. What they say is written when the primary is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regional_control_plane_without_its_primary() {
    let mut primary = Postgres::start().await;
    let replica = primary.replica().await;
    let setup = on(&primary.url());
    let home = setup.clone().start().await;
    let regional = setup.clone().in_folder_of(&setup).with_token(home.token());
    let regional = regional.set("--database-read-url", &replica.url()).start().await;
    let project = Project::on(&home).await;
    let artifact = project.push(&home, "/a").await;
    // One is known at home only: the regional one has nothing of it in its memory. Another one is connected there.
    drop(project.data_plane("edge-0").joins(home.address()).await);
    let other = Project::named("other", &home).await;
    let connected = other.data_plane("edge-1").follow(&[regional.address()]);
    wait::until("one is connected", async || connected.seen().connected_to.is_some()).await;
    let deployment = project.deploy(&home, &artifact).await;
    let id = project::text(&deployment["id"]);
    let is_out = async || home.get(&format!("/api/v1/deployments/{id}")).await.json()["pointer_serial"].is_number();
    wait::until("there is a pointer", is_out).await;
    catches_up(&primary, &replica).await;
    primary.kill().await;

    let health = async || regional.get("/readyz?verbose").await;
    let is_late = async || health().await.json()["read_replica"] == "late";
    wait::until("it is found out that the primary is away", is_late).await;
    let degraded = health().await;
    let said = ["status", "database"].map(|field| degraded.json()[field].clone());
    assert_eq!(
        (degraded.status, said),
        (200, [json!("degraded"), json!("unreachable")]),
        "it is not taken out of service"
    );
    let own = format!("/api/v1/projects/{}", project.id);
    let others =
        ["artifacts", "data-planes", "deployments", "fleet", "api-keys", "trust-root"].map(|of| project.path(of));
    let more = [format!("deployments/{id}"), format!("deployments/{id}/history"), format!("artifacts/{artifact}")];
    let more = more.map(|rest| format!("/api/v1/{rest}"));
    for target in ["/api/v1/projects".to_owned(), own].into_iter().chain(others).chain(more) {
        let shown = regional.get(&target).await;
        assert_eq!(shown.status, 200, "{target}: {}", String::from_utf8_lossy(&shown.body));
    }
    let refused = regional.post(&project.path("deploy"), &json!({ "artifact": artifact })).await;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("unavailable")));

    let process = project.data_plane("edge-0").follow(&[regional.address()]);
    wait::until("a new process is told its pointer", async || process.seen().serial.is_some()).await;
    let bytes = download(regional.address(), &project.key, &artifact).await;
    assert_eq!(container::digest(&bytes).to_string(), artifact);
    let before = [&process, &connected].map(|one| one.seen().acks);
    let answered = async || process.seen().acks > before[0] + 2 && connected.seen().acks > before[1] + 2;
    wait::until("heartbeats are answered", answered).await;
    // Whom nobody knows would have to be written down.
    let unknown = project.data_plane("edge-2").connect(regional.address()).await;
    assert!(matches!(&unknown, Err(Refusal::Goodbye(goodbye)) if goodbye.reason == Reason::Ending), "{unknown:?}");

    primary.restart().await;
    let serves = |digest: String| move |plane: &Value| plane["status"] == "online" && plane["artifact"] == *digest;
    project.shows(&home, "edge-0", serves(artifact)).await;
    let next = project.push(&home, "/b").await;
    project.deploy(&home, &next).await;
    project.shows(&home, "edge-0", serves(next)).await;
    for one in [process, connected] {
        assert_eq!((one.seen().welcomes, one.seen().goodbyes.len()), (1, 0));
    }
}

/// What a data plane is given that wants this artifact.
async fn download(address: SocketAddr, key: &str, artifact: &str) -> bytes::Bytes {
    let mut client = tests::Client::http1(address).await;
    let mut request = client.request("GET", &format!("/api/v1/artifacts/{artifact}/download"), tests::client::empty());
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    let answer = client.send(request).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.body
}
