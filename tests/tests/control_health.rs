//! What a control plane says of itself to whoever asks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::postgres::Postgres;
use tests::{Answer, Client, ControlPlane, wait};

/// Without a credential.
async fn ask(plane: &ControlPlane, target: &str) -> Answer {
    let mut client = Client::http1(plane.address()).await;
    let request = client.request("GET", target, tests::client::empty());
    client.send(request).await
}

/// The report, with its status.
async fn report(plane: &ControlPlane) -> (u16, Value) {
    let answer = ask(plane, "/readyz?verbose").await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    (answer.status, answer.json())
}

/// Waits until the report is this one. What was found out is believed for a second.
async fn becomes(plane: &ControlPlane, status: u16, expected: Value) {
    let mut last = (0, Value::Null);
    let is_so = wait::within(wait::PATIENCE, async || {
        last = report(plane).await;
        last == (status, expected.clone())
    });
    assert!(is_so.await, "it never is {expected}, but {last:?}");
}

fn said(status: &str, (database, artifact_store): (&str, &str), read_replica: &str) -> Value {
    json!({
        "status": status, "database": database, "artifact_store": artifact_store, "read_replica": read_replica,
        "builds": "ok",
    })
}

#[tokio::test]
async fn whoever_asks_is_told_what_is_wrong_and_no_more() {
    let mut plane = ControlPlane::empty().set("--drain-delay", "1m").start().await;
    for target in ["/livez", "/readyz", "/healthz"] {
        let answer = ask(&plane, target).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"ok\n"[..]), "{target}");
    }
    becomes(&plane, 200, said("ready", ("ok", "ok"), "none")).await;

    let (artifacts, away) = (plane.folder().join("artifacts"), plane.folder().join("away"));
    std::fs::rename(&artifacts, &away).unwrap();
    becomes(&plane, 503, said("unready", ("ok", "unreachable"), "none")).await;
    let answer = ask(&plane, "/healthz").await;
    assert_eq!((answer.status, &answer.body[..]), (503, &b"the artifact store cannot be reached\n"[..]));
    assert_eq!(ask(&plane, "/livez").await.status, 200, "nobody is to start it again");
    std::fs::rename(&away, &artifacts).unwrap();
    becomes(&plane, 200, said("ready", ("ok", "ok"), "none")).await;

    kill_process(Pid::from_raw(plane.pid().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
    becomes(&plane, 503, said("draining", ("ok", "ok"), "none")).await;
    assert_eq!(ask(&plane, "/readyz").await.body, "the server is ending\n");
    plane.kill();
}

#[tokio::test]
async fn a_database_that_is_away_is_said_and_a_replica_is_no_reason_to_leave() {
    let mut primary = Postgres::start().await;
    let mut replica = primary.replica().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, url: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, url + "\n").unwrap();
        path.display().to_string()
    };
    // As a service manager hands out secrets.
    let environment = [
        ("PORTCULLIS_CONTROL_DATABASE_URL_FILE", file("url", primary.url())),
        ("PORTCULLIS_CONTROL_DATABASE_READ_URL_FILE", file("read-url", replica.url())),
    ];
    let plane = ControlPlane::empty().with_environment(environment).start().await;
    becomes(&plane, 200, said("ready", ("ok", "ok"), "ok")).await;
    replica.pause_replay().await;
    assert_eq!(plane.post("/api/v1/teams", &json!({ "name": "red" })).await.status, 201);
    becomes(&plane, 200, said("ready", ("ok", "ok"), "late")).await;
    replica.kill().await;
    becomes(&plane, 200, said("ready", ("ok", "ok"), "unreachable")).await;
    primary.kill().await;
    becomes(&plane, 503, said("unready", ("unreachable", "ok"), "unreachable")).await;
    primary.restart().await;
    becomes(&plane, 200, said("ready", ("ok", "ok"), "unreachable")).await;
    // Where the database is, is for whoever reads the log, and how to get in is for nobody.
    let logs = plane.logs();
    let is_said =
        |line: &Value| line["message"].as_str().is_some_and(|text| text.starts_with("not ready: the database"));
    assert!(logs.iter().any(is_said), "{logs:#?}");
}

#[tokio::test]
async fn the_service_manager_is_told_when_it_serves_and_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = tokio::net::UnixDatagram::bind(&path).unwrap();
    let socket = [("NOTIFY_SOCKET", path.display().to_string())];
    let mut plane = ControlPlane::empty().with_environment(socket).start().await;
    let mut buffer = [0; 64];
    let length = wait::patiently("the notice", manager.recv(&mut buffer)).await.unwrap();
    assert_eq!(&buffer[..length], b"READY=1\n");
    assert!(plane.terminate().await.success());
    let length = wait::patiently("the notice", manager.recv(&mut buffer)).await.unwrap();
    assert_eq!(&buffer[..length], b"STOPPING=1\n");
}
