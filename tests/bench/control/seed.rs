//! Ten thousand specs through the API, everything else beside it.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tests::client::{self, Client};
use tests::{ControlPlane, wait};
use tokio::task::JoinSet;

use super::place::{Kind, Place};
use super::rows::{Cast, Project, Statements, Team};
use super::{EVENTS, SPECS};

const TEAMS: usize = 5;
const PROJECTS: usize = 10;
/// Of all specs, how many are in one project.
const IN_LARGEST: usize = SPECS / 2;
/// Who uploads at a time.
const UPLOADERS: usize = 8;
const BUILDS: usize = 20_000;
const ARTIFACTS: usize = 5_000;
const PLANES: usize = 1_000;
/// How long a build may wait.
const PATIENCE: Duration = Duration::from_mins(1);

const DESCRIPTION: &str = include_str!("../api/openapi.yaml");

/// What there is to be asked for.
#[derive(Debug)]
pub(super) struct Seeded {
    /// A token of the first team, and its id.
    pub(super) token: String,
    pub(super) token_id: String,
    pub(super) cast: Cast,
    pub(super) builds: Vec<String>,
    pub(super) artifacts: Vec<String>,
    pub(super) data_plane: String,
}

/// Fills a control plane that is empty.
pub(super) async fn fill(control: &ControlPlane, place: &Place, kind: Kind) -> Seeded {
    let mut teams = Vec::new();
    let mut actors = Vec::new();
    let mut token = Value::Null;
    for number in 0..TEAMS {
        let team = made(control, "/teams", &json!({ "name": format!("team-{number}") })).await;
        for of in 0..20 {
            let new = json!({ "name": format!("ci-{number}-{of}"), "team": team, "role": "admin" });
            let issued = created(control, "/tokens", &new).await;
            actors.push(text(&issued["token"]["id"]));
            if (number, of) == (0, 0) {
                token = issued;
            }
        }
        let mut projects = Vec::new();
        for project in 0..PROJECTS {
            let settings = json!({ "security": "presence", "upstream": "http://127.0.0.1:9" });
            let new = json!({ "name": format!("project-{project}"), "team": team, "settings": settings });
            projects.push(Project { id: made(control, "/projects", &new).await, specs: Vec::new() });
        }
        teams.push(Team { id: team, projects });
    }
    upload(control, &mut teams).await;

    let largest = &teams[0].projects[0];
    let build = built(control, &largest.specs[0]).await;
    let gateway = json!({
        "name": "gateway", "kind": "gateway", "project": largest.id, "gateway_host": "gateway.example.com:8443",
        "labels": { "region": "eu-1", "stage": "production" }, "metadata": { "node": "10.0.0.7", "cpus": 8 },
    });
    let data_plane = made(control, &format!("/teams/{}/dataplanes", teams[0].id), &gateway).await;
    let cast = Cast { teams, actors };
    let mut statements = Statements::new(kind);
    let specs = &cast.teams[0].projects[0].specs;
    let builds = statements.builds(BUILDS, (&build, specs));
    let artifacts = statements.artifacts(ARTIFACTS, &build);
    let token_id = text(&token["token"]["id"]);
    statements.planes_and_tokens(PLANES, (&data_plane, &token_id));
    statements.events(EVENTS, &cast);
    place.feed(control, statements.finish());
    Seeded { token: text(&token["secret"]), token_id, cast, builds, artifacts, data_plane }
}

/// Half of the specs into one project, the others evenly into all.
async fn upload(control: &ControlPlane, teams: &mut [Team]) {
    let mut uploading = JoinSet::new();
    for uploader in 0..UPLOADERS {
        let places: Vec<(usize, (usize, usize), String)> = (uploader..SPECS)
            .step_by(UPLOADERS)
            .map(|number| {
                let (team, project) =
                    if number < IN_LARGEST { (0, 0) } else { (number % TEAMS, number / TEAMS % PROJECTS) };
                (number, (team, project), teams[team].projects[project].id.clone())
            })
            .collect();
        let (address, bearer) = (control.address(), format!("Bearer {}", control.token()));
        uploading.spawn(async move { upload_each(address, &bearer, places).await });
    }
    for ((team, project), spec) in uploading.join_all().await.into_iter().flatten() {
        teams[team].projects[project].specs.push(spec);
    }
}

async fn upload_each(
    address: SocketAddr,
    bearer: &str,
    places: Vec<(usize, (usize, usize), String)>,
) -> Vec<((usize, usize), String)> {
    let mut client = Client::http1(address).await;
    let mut made = Vec::new();
    for (number, place, project) in places {
        let document = DESCRIPTION.replacen("title: ", &format!("title: Number {number} of "), 1);
        let target = format!("/projects/{project}/specs?name=orders-{number}");
        let mut request = client.request("POST", &target, client::full(document));
        request.headers_mut().insert(CONTENT_TYPE, "application/yaml".parse().expect("a field value"));
        request.headers_mut().insert(AUTHORIZATION, bearer.parse().expect("a field value"));
        let answer = client.send(request).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        made.push((place, text(&answer.json()["id"])));
    }
    made
}

/// Builds a spec, and waits for it. Returns the build's id.
pub(super) async fn built(control: &ControlPlane, spec: &str) -> String {
    let queued = control.post(&format!("/specs/{spec}/compile"), &json!({})).await;
    assert_eq!(queued.status, 202, "{}", String::from_utf8_lossy(&queued.body));
    let build = text(&queued.json()["id"]);
    finished(control, &build).await;
    build
}

/// Waits until a build has succeeded. Returns the name of its artifact.
pub(super) async fn finished(control: &ControlPlane, build: &str) -> String {
    let mut artifact = None;
    let has_ended = wait::within(PATIENCE, async || {
        let said = control.get(&format!("/builds/{build}")).await.json();
        assert!(said["state"] != "failed", "{said}");
        artifact = said["artifact"].as_str().map(str::to_owned);
        artifact.is_some()
    });
    assert!(has_ended.await, "the build does not end");
    artifact.expect("it succeeded")
}

/// Makes something. Returns its id.
pub(super) async fn made(control: &ControlPlane, target: &str, new: &Value) -> String {
    text(&created(control, target, new).await["id"])
}

async fn created(control: &ControlPlane, target: &str, new: &Value) -> Value {
    let answer = control.post(target, new).await;
    assert_eq!(answer.status, 201, "{target}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
