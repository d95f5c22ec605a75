//! Data planes at a control plane on SQLite: who is let in, what is seen of them, and what peers that misbehave cost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::time::{Duration, Instant};

use fleet::message::{
    Alarm, Formats, FromControlPlane, FromDataPlane, Health, Heartbeat, Offered, Phase, Reason, Rejection, write,
};
use futures_util::SinkExt as _;
use serde_json::json;
use tests::data_plane::{self, DataPlane, Refusal};
use tests::raw::Raw;
use tests::{ControlPlane, Project, wait};
use tokio_tungstenite::tungstenite::Message;

async fn serving() -> (ControlPlane, Project) {
    Project::serving(&[]).await
}

#[tokio::test]
async fn a_data_plane_registers_itself_and_is_seen() {
    let (control_plane, project) = serving().await;
    let mut edge = project.data_plane("edge-1").label("env", "prod").joins(control_plane.address()).await;
    assert_eq!((edge.welcome.wanted.heartbeat_ms, &edge.welcome.wanted.pointer), (30_000, &None));
    let digest = "07".repeat(32);
    edge.state.running_digest = Some(digest.clone());
    edge.state.phase = Phase::Active { digest: digest.clone() };
    let health = Health { window_ms: 1000, requests: 10, server_errors: 1, p99_ms: Some(2.5), ..Health::default() };
    let alarm = Alarm { code: "pointer_expired".into(), detail: "for 3 seconds".into() };
    edge.heartbeat_with(health, vec![alarm]).await;
    // A data plane and its instances are read one after the other.
    let is_known = |plane: &serde_json::Value| {
        plane["instances"][0]["health"]["requests"] == 10 && plane["artifact"] == json!(digest)
    };
    let shown = project.shows(&control_plane, "edge-1", is_known).await;
    assert_eq!(shown["status"], json!("online"));
    assert_eq!((&shown["labels"]["env"], &shown["said_labels"]["env"]), (&json!("prod"), &json!("prod")));
    assert_eq!(shown["id"], json!(edge.welcome.data_plane));
    let instance = &shown["instances"][0];
    assert_eq!((&instance["presence"], &instance["address"]), (&json!("connected"), &json!("127.0.0.1")));
    assert_eq!(instance["alarms"], json!([{ "code": "pointer_expired", "detail": "for 3 seconds" }]));
    edge.is_in(Phase::Loading { digest: digest.clone() }).await;
    project.shows(&control_plane, "edge-1", |plane| plane["status"] == "deploying").await;
    let fleet = project.fleet(&control_plane).await;
    assert_eq!(
        (&fleet["data_planes"], &fleet["deploying"], &fleet["artifacts"][&digest]),
        (&json!(1), &json!(1), &json!(1))
    );
    let events = control_plane.get("/api/v1/audit?action=data-plane.register").await.json();
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1), "{events:#}");
}

/// Gates see what heartbeats bring: who beats every half a minute is told at once that it is too seldom now.
#[tokio::test]
async fn heartbeats_come_sooner_while_a_deployment_is_under_way() {
    let (control_plane, project) = serving().await;
    let mut edge = project.data_plane("edge-1").joins(control_plane.address()).await;
    assert_eq!(edge.welcome.wanted.heartbeat_ms, 30_000);
    project.shows(&control_plane, "edge-1", |plane| plane["status"] == "online").await;
    let artifact = project.push(&control_plane, "/a").await;
    let deployment = project.deploy(&control_plane, &artifact).await;
    let Some(FromControlPlane::HeartbeatAck(ack)) = edge.hear().await else { panic!("it is not told") };
    assert_eq!(ack.wanted.heartbeat_ms, 5_000);
    edge.takes(&ack.wanted.pointer.unwrap()).await;
    let target = format!("/api/v1/deployments/{}", deployment["id"].as_str().unwrap());
    let succeeded = async || control_plane.get(&target).await.json()["state"] == "succeeded";
    wait::until("it succeeds", succeeded).await;
    let calm = async || {
        // Not so many that it is parted with.
        wait::pass(Duration::from_millis(100)).await;
        edge.heartbeat(Health::default()).await.heartbeat_ms == 30_000
    };
    wait::until("heartbeats may come later again", calm).await;
}

/// Whoever does not know of a key yet refuses what it signs: a newer root is said as soon as it is there, and never after a
/// pointer that it vouches for.
#[tokio::test]
async fn a_newer_root_is_told_at_once_and_with_whatever_its_key_signs() {
    let (control_plane, project) = serving().await;
    let mut edge = project.data_plane("edge-1").joins(control_plane.address()).await;
    project.shows(&control_plane, "edge-1", |plane| plane["status"] == "online").await;
    let artifact = project.push(&control_plane, "/a").await;
    let rotates = async |name: &str| {
        let keys = control_plane.get(&project.path("signing-keys")).await.json();
        let active = keys["items"].as_array().unwrap().iter().find(|key| key["state"] == "active").unwrap();
        let rotate = project.path(&format!("signing-keys/{}/rotate", tests::project::text(&active["id"])));
        let rotated = control_plane.post(&rotate, &json!({ "kind": "generated", "name": name })).await;
        assert_eq!(rotated.status, 201, "{}", String::from_utf8_lossy(&rotated.body));
    };
    rotates("second").await;
    let Some(FromControlPlane::HeartbeatAck(ack)) = edge.hear().await else { panic!("it is not told") };
    assert_eq!((ack.wanted.heartbeat_ms, &ack.wanted.pointer), (30_000, &None));
    let before = ack.wanted.root_version;
    assert!(before > edge.welcome.wanted.root_version);

    rotates("third").await;
    project.deploy(&control_plane, &artifact).await;
    let root_version = loop {
        match edge.hear().await {
            Some(FromControlPlane::ArtifactAvailable(available)) => break available.root_version,
            Some(FromControlPlane::HeartbeatAck(ack)) if ack.wanted.pointer.is_some() => break ack.wanted.root_version,
            Some(FromControlPlane::HeartbeatAck(_)) => {}
            other => panic!("instead of what is to be served: {other:?}"),
        }
    };
    assert!(root_version > before, "{root_version:?} after {before:?}");
}

/// Nobody has to deploy something that it refuses to find out.
#[tokio::test]
async fn who_does_not_read_what_is_built_has_an_alarm() {
    let (control_plane, project) = serving().await;
    let mut identity = project.data_plane("edge-1");
    identity.hello.formats = Formats { oldest: 1000, newest: 1001 };
    let mut edge = identity.joins(control_plane.address()).await;
    let alarmed = |plane: &serde_json::Value| plane["instances"][0]["alarms"][0]["code"] == "artifact_format";
    project.shows(&control_plane, "edge-1", alarmed).await;
    edge.heartbeat(Health::default()).await;
    let shown = project.shows(&control_plane, "edge-1", |plane| plane["instances"][0]["health"].is_object()).await;
    assert_eq!(shown["instances"][0]["alarms"].as_array().unwrap().len(), 1, "{shown:#}");
    assert!(alarmed(&shown), "{shown:#}");
}

/// It had nothing before: it goes on with what was withdrawn, and that is seen. Once something is deployed, all is well.
#[tokio::test]
async fn what_serves_on_after_it_was_withdrawn_is_seen() {
    let (control_plane, project) = serving().await;
    let mut edge = project.data_plane("edge-1").joins(control_plane.address()).await;
    project.shows(&control_plane, "edge-1", |plane| plane["status"] == "online").await;
    let artifact = project.push(&control_plane, "/a").await;
    let body = json!({ "artifact": artifact, "gates": { "bake_seconds": 600 } });
    let deployment = control_plane.post(&project.path("deploy"), &body).await.json();
    let offered = told(&mut edge).await.unwrap();
    edge.takes(&offered).await;
    project.shows(&control_plane, "edge-1", |plane| plane["artifact"] == json!(artifact)).await;
    let abort = format!("/api/v1/deployments/{}/abort", tests::project::text(&deployment["id"]));
    let aborted = control_plane.send("POST", &abort, None).await;
    assert_eq!(aborted.status, 200, "{}", String::from_utf8_lossy(&aborted.body));
    assert!(told(&mut edge).await.is_none(), "nothing is wanted any more");
    edge.heartbeat(Health::default()).await;
    let alarmed = |plane: &serde_json::Value| plane["instances"][0]["alarms"][0]["code"] == "withdrawn";
    let shown = project.shows(&control_plane, "edge-1", alarmed).await;
    assert_eq!(shown["artifact"], json!(artifact));
    assert!(shown["instances"][0]["drift_since"].is_string(), "{shown:#}");
    assert_eq!(project.fleet(&control_plane).await["alarmed_instances"], 1);
    project.deploy(&control_plane, &artifact).await;
    let offered = told(&mut edge).await.unwrap();
    edge.takes(&offered).await;
    let well = |plane: &serde_json::Value| {
        plane["instances"][0]["alarms"] == json!([]) && plane["instances"][0]["drift_since"].is_null()
    };
    project.shows(&control_plane, "edge-1", well).await;
}

/// What it is told next to serve, whether with an answer or by itself.
async fn told(edge: &mut DataPlane) -> Option<Offered> {
    match edge.hear().await {
        Some(FromControlPlane::HeartbeatAck(ack)) => ack.wanted.pointer,
        Some(FromControlPlane::ArtifactAvailable(available)) => Some(available.pointer),
        other => panic!("instead of what is wanted: {other:?}"),
    }
}

/// A database that failed over has lost the last pointer, and gives its serial to another one: data planes that took the
/// first refuse the second. The deployment is not to blame, and one above both is issued.
#[tokio::test]
async fn a_serial_that_was_given_twice_is_overtaken() {
    let (control_plane, project) = serving().await;
    let mut edge = project.data_plane("edge-1").joins(control_plane.address()).await;
    project.shows(&control_plane, "edge-1", |plane| plane["status"] == "online").await;
    let artifact = project.push(&control_plane, "/a").await;
    let deployment = project.deploy(&control_plane, &artifact).await;
    let Some(FromControlPlane::HeartbeatAck(ack)) = edge.hear().await else { panic!("it is not told") };
    let offered = ack.wanted.pointer.unwrap();
    let taken = offered.pointer().unwrap().serial();
    edge.state.pointer_serial = Some(taken);
    let (digest, code, detail) = (artifact.clone(), "pointer_forked".to_owned(), "another one has this serial".into());
    edge.is_in(Phase::Rejected { digest, code, detail, outcome: Rejection::Refused }).await;
    let newer = loop {
        let Some(FromControlPlane::ArtifactAvailable(newer)) = edge.hear().await else { panic!("it is not told") };
        let newer = newer.pointer;
        if newer.pointer().unwrap().serial() > taken {
            break newer;
        }
    };
    edge.takes(&newer).await;
    let target = format!("/api/v1/deployments/{}", deployment["id"].as_str().unwrap());
    let succeeded = async || control_plane.get(&target).await.json()["state"] == "succeeded";
    wait::until("it succeeds", succeeded).await;
}

#[tokio::test]
async fn what_is_set_by_hand_wins_over_what_a_process_says() {
    let (control_plane, project) = serving().await;
    let edge = project.data_plane("edge-1").label("env", "prod").label("zone", "a");
    let _first = edge.joins(control_plane.address()).await;
    let id = project.shown(&control_plane, "edge-1").await.unwrap();
    let (team, id) = (tests::project::text(&id["team"]), tests::project::text(&id["id"]));
    let target = format!("/api/v1/teams/{team}/dataplanes/{id}");
    let changed = control_plane.patch(&target, &json!({ "labels": { "env": "dev" } })).await;
    assert_eq!(changed.status, 200, "{}", String::from_utf8_lossy(&changed.body));
    assert_eq!(changed.json()["labels"], json!({ "env": "dev", "zone": "a" }));
    let _second = edge.clone().label("zone", "b").joins(control_plane.address()).await;
    let shown = project.shown(&control_plane, "edge-1").await.unwrap();
    assert_eq!(shown["labels"], json!({ "env": "dev", "zone": "b" }));
    assert_eq!(shown["set_labels"], json!({ "env": "dev" }));
}

#[tokio::test]
async fn who_may_not_come_in_is_told_before_the_upgrade() {
    let (control_plane, project) = serving().await;
    let address = control_plane.address();
    let edge = project.data_plane("edge-1");
    let refused = async |request| match data_plane::open(address, request).await {
        Err(refusal) => refusal,
        Ok(_) => panic!("it was let in"),
    };
    let check = async |change: &dyn Fn(&mut http::Request<()>), status, code: &str| {
        let mut request = edge.request(address);
        change(&mut request);
        assert_eq!(refused(request).await.http(), (status, code));
    };
    let of = |secret: &str| {
        let value: http::HeaderValue = format!("Bearer {secret}").parse().unwrap();
        move |request: &mut http::Request<()>| drop(request.headers_mut().insert("authorization", value.clone()))
    };
    check(&|request| drop(request.headers_mut().remove("authorization")), 401, "unauthenticated").await;
    check(&of("pdk_wrong"), 401, "unauthenticated").await;
    check(&of(control_plane.token()), 403, "forbidden").await;
    let looks = json!({ "name": "looks", "scopes": ["artifacts:read"] });
    let looks = control_plane.post(&project.path("api-keys"), &looks).await.json();
    check(&of(looks["secret"].as_str().unwrap()), 403, "forbidden").await;
    let other = control_plane.post("/api/v1/projects", &json!({ "name": "other" })).await.json();
    let uri: http::Uri =
        format!("ws://{address}/ws/data-plane?project={}", other["id"].as_str().unwrap()).parse().unwrap();
    check(&|request| *request.uri_mut() = uri.clone(), 404, "not-found").await;
    let uri: http::Uri = format!("ws://{address}/ws/data-plane").parse().unwrap();
    check(&|request| *request.uri_mut() = uri.clone(), 400, "invalid-parameter").await;
    let other_protocol = |request: &mut http::Request<()>| {
        request.headers_mut().insert("sec-websocket-protocol", "portcullis.fleet.v0".parse().unwrap());
    };
    check(&other_protocol, 426, "upgrade-required").await;
    // Without a WebSocket at all.
    let mut client = tests::Client::http1(address).await;
    let mut request = client.request("GET", &format!("/ws/data-plane?project={}", project.id), tests::client::empty());
    request.headers_mut().insert("authorization", format!("Bearer {}", project.key).parse().unwrap());
    let answer = client.send(request).await;
    assert_eq!((answer.status, &answer.headers["upgrade"]), (426, &"websocket".parse::<http::HeaderValue>().unwrap()));
    assert!(project.shown(&control_plane, "edge-1").await.is_none());
}

#[tokio::test]
async fn a_key_of_a_data_plane_may_read_trust_roots_and_nothing_else_about_keys() {
    let (control_plane, project) = serving().await;
    let get = async |target: &str| {
        let mut client = tests::Client::http1(control_plane.address()).await;
        let mut request = client.request("GET", target, tests::client::empty());
        request.headers_mut().insert("authorization", format!("Bearer {}", project.key).parse().unwrap());
        client.send(request).await
    };
    assert_eq!(get(&project.path("trust-roots/1")).await.status, 200);
    assert_eq!(get(&project.path("trust-root")).await.status, 200);
    assert_eq!(get(&project.path("signing-keys")).await.status, 403);
    let artifact = project.push(&control_plane, "/a").await;
    assert_eq!(get(&format!("/api/v1/artifacts/{artifact}/download")).await.status, 200);
}

#[tokio::test]
async fn a_new_key_comes_with_the_command_to_type() {
    let (control_plane, project) = Project::serving(&[("--public-url", "https://control.example.com/gate/")]).await;
    let issued = control_plane.post(&project.path("api-keys"), &json!({ "name": "more" })).await.json();
    let command = issued["command"].as_str().unwrap();
    let expected = format!(
        "portcullis serve --control-plane https://control.example.com/gate --project-id {} --api-key-file data-plane.key --trusted-key ",
        project.id
    );
    assert!(command.starts_with(&expected), "{command}");
    assert!(!command.contains(issued["secret"].as_str().unwrap()), "{command}");
}

#[tokio::test]
async fn what_is_not_the_protocol_ends_the_connection() {
    let (control_plane, project) = serving().await;
    let edge = project.data_plane("edge-1");
    let said = async |frame: Message| {
        let mut plane = edge.joins(control_plane.address()).await;
        plane.socket().send(frame).await.unwrap();
        plane.goodbye().await.reason
    };
    for frame in [Message::text("{}"), Message::text("x"), Message::binary(vec![1])] {
        assert_eq!(said(frame).await, Reason::Protocol);
    }
    let again = write(&FromDataPlane::Hello(edge.hello.clone())).unwrap();
    assert_eq!(said(Message::text(again)).await, Reason::Protocol);
    let mut wrong = edge.clone();
    wrong.hello.name = "a b".into();
    let Err(Refusal::Goodbye(goodbye)) = wrong.connect(control_plane.address()).await else { panic!("let in") };
    assert!(goodbye.reason == Reason::Protocol && goodbye.detail.contains("name"), "{goodbye:?}");
    // What a newer program says is passed over.
    let mut plane = edge.joins(control_plane.address()).await;
    plane.socket().send(Message::text(r#"{"type": "poem"}"#)).await.unwrap();
    plane.heartbeat(Health::default()).await;
    // And what is too long is not read to its end.
    let long = Message::text("x".repeat(65 << 10));
    let _it_may_be_gone_by_then = plane.socket().send(long).await;
    assert!(plane.hear().await.is_none());
}

#[tokio::test]
async fn another_projects_data_plane_is_not_taken_over() {
    let (control_plane, project) = serving().await;
    let _edge = project.data_plane("edge-1").joins(control_plane.address()).await;
    let other = control_plane.post("/api/v1/projects", &json!({ "name": "other" })).await.json();
    let other = tests::project::text(&other["id"]);
    let issued =
        control_plane.post(&format!("/api/v1/projects/{other}/api-keys"), &json!({ "name": "edge" })).await.json();
    let key = tests::project::text(&issued["secret"]);
    let thief = data_plane::Identity::new("edge-1", (&other, &key));
    let Err(Refusal::Goodbye(goodbye)) = thief.connect(control_plane.address()).await else { panic!("let in") };
    assert!(goodbye.detail.contains("another project"), "{goodbye:?}");
    // One that was made by hand, for no project, is whoever's comes.
    let team = project.shown(&control_plane, "edge-1").await.unwrap();
    let by_hand = json!({ "name": "edge-2", "kind": "gateway", "description": "by hand" });
    let made =
        control_plane.post(&format!("/api/v1/teams/{}/dataplanes", team["team"].as_str().unwrap()), &by_hand).await;
    assert_eq!(made.json()["status"], "offline");
    let _edge = project.data_plane("edge-2").joins(control_plane.address()).await;
    let shown = project.shows(&control_plane, "edge-2", |plane| plane["status"] == "online").await;
    assert_eq!((&shown["description"], &shown["project"]), (&json!("by hand"), &json!(project.id)));
}

/// Two pods share an identity: both shown, by instance id; no eviction flapping.
#[tokio::test]
async fn two_pods_share_an_identity() {
    let (control_plane, project) = Project::serving(&[("--heartbeat-interval", "1s"), ("--return-time", "3s")]).await;
    let first = project.data_plane("edge-1");
    let mut second = first.clone();
    second.hello.instance_id = uuid::Uuid::now_v7();
    let address = [control_plane.address()];
    let (first, second) = (first.follow(&address), second.follow(&address));
    wait::until("both send heartbeats", async || first.seen().acks >= 4 && second.seen().acks >= 4).await;
    assert_eq!((first.seen().welcomes, second.seen().welcomes), (1, 1));
    let connected = |plane: &serde_json::Value| {
        let instances = plane["instances"].as_array().map_or(&[][..], Vec::as_slice);
        instances.iter().filter(|instance| instance["presence"] == "connected").count()
    };
    let shown = project.shows(&control_plane, "edge-1", |plane| connected(plane) == 2).await;
    assert_eq!(shown["instances"][0]["node"], shown["instances"][1]["node"]);
    // One goes; the data plane is there as long as the other is.
    drop(first);
    let shown = project.shows(&control_plane, "edge-1", |plane| plane["instances"].to_string().contains("gone")).await;
    assert_eq!((&shown["status"], connected(&shown)), (&json!("online"), 1));
    drop(second);
    project.shows(&control_plane, "edge-1", |plane| plane["status"] == "offline").await;
}

#[tokio::test]
async fn whoever_falls_silent_is_parted_with_and_then_offline() {
    let (control_plane, project) = Project::serving(&[("--heartbeat-interval", "1s"), ("--return-time", "2s")]).await;
    let mut silent = project.data_plane("silent").joins(control_plane.address()).await;
    project.shows(&control_plane, "silent", |plane| plane["status"] == "online").await;
    let began = Instant::now();
    // Nothing is read: tungstenite answers pings only when it reads.
    wait::pass(Duration::from_millis(1800)).await;
    assert_eq!(silent.goodbye().await.reason, Reason::Silent);
    project.shows(&control_plane, "silent", |plane| plane["status"] == "offline").await;
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
}

/// Peer that never reads; peer that registers byte by byte: deadlines; others unaffected.
#[tokio::test]
async fn peer_that_never_reads_and_peer_that_registers_byte_by_byte() {
    let options = [("--heartbeat-interval", "4s"), ("--return-time", "3s")];
    let (control_plane, project) = Project::serving(&options).await;
    let address = control_plane.address();
    let good = project.data_plane("good").follow(&[address]);
    let edge = project.data_plane("slow");
    let dripping = tokio::spawn(drip(address, edge.clone()));
    let artifacts = [project.push(&control_plane, "/a").await, project.push(&control_plane, "/b").await];
    deploy_to_everybody_in_many_words(&control_plane, &project, &artifacts[0]).await;
    let told = project.data_plane("told").follow(&[address]);
    wait::until("it is known what is wanted", async || told.seen().serial.is_some()).await;
    // Little fits between them.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let deaf = edge.register(data_plane::upgrade(stream, edge.request(address)).await.unwrap()).await.unwrap();
    project.shows(&control_plane, "slow", |plane| plane["status"] == "online").await;
    let before = control_plane.rss_bytes();
    // Ten seconds after the kernel holds as much as it may, which may be megabytes.
    let deaf = tokio::spawn(tokio::time::timeout(Duration::from_secs(90), never_read(deaf)));
    let mut others_are_told = 0;
    while !deaf.is_finished() {
        let told = good.seen().serial;
        deploy_to_everybody_in_many_words(&control_plane, &project, &artifacts[1 - others_are_told % 2]).await;
        let in_time = async || good.seen().serial > told;
        assert!(wait::within(Duration::from_secs(1), in_time).await, "who reads waits for who does not");
        others_are_told += 1;
        wait::pass(Duration::from_secs(2)).await;
    }
    println!("others were told of {others_are_told} deployments meanwhile");
    let took = deaf.await.unwrap().expect("it is parted with");
    assert!(took.as_secs() >= 9, "{took:?}");
    let took = dripping.await.unwrap();
    assert!((9..14).contains(&took.as_secs()), "{took:?}");
    assert!(control_plane.rss_bytes().saturating_sub(before) < 4 << 20);
    assert_eq!((good.seen().welcomes, good.seen().goodbyes.len()), (1, 0));
    project.shows(&control_plane, "slow", |plane| plane["status"] == "offline").await;
    project.shows(&control_plane, "good", |plane| plane["status"] == "online").await;
}

/// What is wanted then takes 8 KB to say.
async fn deploy_to_everybody_in_many_words(control_plane: &ControlPlane, project: &Project, artifact: &str) {
    let long = "x".repeat(60);
    let selector: Vec<_> = (0..40).map(|number| format!("{long}.{long}/k{number}!={long}")).collect();
    let body = json!({ "artifact": artifact, "selector": selector.join(",") });
    let answer = control_plane.post(&project.path("deploy"), &body).await;
    assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
}

/// Asks, and never reads an answer, until there is nobody to be asked. How long that took.
async fn never_read(mut deaf: DataPlane) -> Duration {
    let heartbeat = Heartbeat { state: deaf.state.clone(), health: Health::default(), alarms: Vec::new() };
    let heartbeat = write(&FromDataPlane::Heartbeat(heartbeat)).unwrap();
    let began = Instant::now();
    while deaf.socket().send(Message::text(heartbeat.clone())).await.is_ok() {
        // As fast as is allowed.
        wait::pass(Duration::from_millis(60)).await;
    }
    began.elapsed()
}

/// Sends `hello` one byte at a time, in a frame, until it is parted with. How long that took.
async fn drip(address: std::net::SocketAddr, edge: data_plane::Identity) -> Duration {
    let mut raw = Raw::connect(address).await;
    let request = edge.request(address);
    let start = format!("GET {} HTTP/1.1", request.uri().path_and_query().unwrap());
    let fields = request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    let head: Vec<_> = std::iter::once(start).chain(fields).collect();
    assert!(raw.say(format!("{}\r\n\r\n", head.join("\r\n"))).await);
    assert!(raw.head().await.starts_with("HTTP/1.1 101"));
    let hello = write(&FromDataPlane::Hello(edge.hello.clone())).unwrap();
    // RFC 6455 section 5.2: final, text, masked with zeros.
    let length = u16::try_from(hello.len()).unwrap().to_be_bytes();
    let frame = [&[0x81, 0xfe, length[0], length[1], 0, 0, 0, 0], hello.as_bytes()].concat();
    let began = Instant::now();
    for byte in frame.iter().cycle() {
        // Too slowly for the whole of it to arrive in time.
        if !raw.say([*byte]).await || raw.is_closed_within(Duration::from_millis(150)).await {
            break;
        }
    }
    began.elapsed()
}

#[tokio::test]
async fn a_revoked_key_a_removed_data_plane_and_a_disconnect_end_connections() {
    let (control_plane, project) = serving().await;
    let address = control_plane.address();
    let id = |plane: &DataPlane| plane.welcome.data_plane.to_string();
    let mut edge = project.data_plane("edge-1").joins(address).await;
    let target = project.path(&format!("data-planes/{}/disconnect", id(&edge)));
    assert_eq!(control_plane.send("POST", &target, None).await.status, 204);
    assert_eq!(edge.goodbye().await.reason, Reason::Disconnected);
    let mut edge = project.data_plane("edge-1").joins(address).await;
    let target = project.path(&format!("data-planes/{}", id(&edge)));
    assert_eq!(control_plane.send("DELETE", &target, None).await.status, 204);
    assert_eq!(edge.goodbye().await.reason, Reason::Removed);
    let mut edge = project.data_plane("edge-1").joins(address).await;
    let target = project.path(&format!("api-keys/{}", project.key_id));
    assert_eq!(control_plane.send("DELETE", &target, None).await.status, 204);
    assert_eq!(edge.goodbye().await.reason, Reason::Unauthorized);
    let refusal = project.data_plane("edge-1").open(address).await.unwrap_err();
    assert_eq!(refusal.http(), (401, "unauthenticated"));
}

#[tokio::test]
async fn whoever_ends_says_so_first() {
    let (mut control_plane, project) = Project::serving(&[("--drain-timeout", "2s")]).await;
    let mut edge = project.data_plane("edge-1").joins(control_plane.address()).await;
    let follower = project.data_plane("edge-2").follow(&[control_plane.address()]);
    wait::until("it is connected", async || follower.seen().connected_to.is_some()).await;
    let ending = async { control_plane.terminate().await };
    let hearing = async {
        let Some(FromControlPlane::Drain(drain)) = edge.hear().await else { panic!("no drain") };
        assert!((1000..=10_000).contains(&drain.within_ms));
        edge.goodbye().await.reason
    };
    let (status, reason) = tokio::join!(ending, hearing);
    assert!(status.success());
    assert_eq!((reason, follower.seen().drains), (Reason::Ending, 1));
}
