//! A control plane that has been used, and places to restore it in.

use std::path::Path;
use std::process::Output;

use control::domain::id::InstallationId;
use control::store::DatabaseStore;
use control::store::sql::{Database, sql};
use serde_json::{Value, json};
use tests::control_plane::{ControlPlane, Setup};
use tests::{CommandLine, postgres, wait};

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

const PETS: &str = r#"
openapi: 3.1.0
info: { title: Pets, version: 1.0.0 }
servers: [{ url: "http://upstream.invalid" }]
paths:
  /pets: { get: { operationId: listPets, responses: { "200": { description: some } } } }
"#;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Where a control plane keeps what it keeps.
pub(crate) struct Place {
    pub(crate) setup: Setup,
    postgres: Option<postgres::Database>,
}

impl Place {
    pub(crate) async fn of(kind: Kind) -> Self {
        let postgres = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(postgres::Database::create().await),
        };
        let setup = ControlPlane::empty();
        let setup = match &postgres {
            Some(database) => setup.set("--database-url", &database.url()),
            None => setup,
        };
        Self { setup, postgres }
    }

    /// Its data folder.
    pub(crate) fn folder(&self) -> &Path {
        self.setup.folder()
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> String {
        let file = || format!("sqlite://{}", self.folder().join("control.db").display());
        self.postgres.as_ref().map_or_else(file, postgres::Database::url)
    }

    /// A command with what says where that is.
    pub(crate) fn command<'a>(&'a self, command: &[&'a str]) -> Vec<String> {
        let folder = self.folder().display().to_string();
        let places = ["--data-dir".to_owned(), folder, "--database-url".to_owned(), self.url()];
        command.iter().map(|&argument| argument.to_owned()).chain(places).collect()
    }

    /// Which installation its database is of.
    pub(crate) async fn installation(&self) -> InstallationId {
        let database = Database::open(&self.url(), None).await.unwrap();
        let id = DatabaseStore::new(database.clone()).installation().await.unwrap();
        database.close().await;
        id
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, select: &'static str) -> i64 {
        let database = Database::open(&self.url(), None).await.unwrap();
        let count = database.fetch_optional(sql(select)).await.unwrap().unwrap().get("n").unwrap();
        database.close().await;
        count
    }
}

/// Somebody who takes and restores backups.
pub(crate) fn operator() -> CommandLine {
    let operator = CommandLine::alone();
    operator.write("passphrase", format!("{PASSPHRASE}\n"));
    operator
}

/// Runs a command, however it ends.
pub(crate) fn run(operator: &CommandLine, arguments: &[String]) -> Output {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    operator.run(&arguments)
}

/// Runs a command that must succeed. Returns what it prints, and what it says about it.
pub(crate) fn succeeds(operator: &CommandLine, arguments: &[String]) -> (Value, String) {
    let output = run(operator, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    (serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), said)
}

/// Runs a command that must end with this code. Returns what it says about it.
pub(crate) fn fails(operator: &CommandLine, arguments: &[String], code: i32) -> String {
    let output = run(operator, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

/// Something of everything that a control plane keeps.
pub(crate) struct Used {
    pub(crate) project: String,
    pub(crate) spec: String,
    pub(crate) artifact: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) api_key: String,
    pub(crate) key_id: String,
}

impl Used {
    pub(crate) async fn make(plane: &ControlPlane) -> Self {
        let project =
            made(plane, "/api/v1/projects", &json!({ "name": "shop", "settings": { "security": "off" } })).await;
        let project = text(&project["id"]);
        let uploaded =
            plane.upload(&format!("/api/v1/projects/{project}/specs?name=pets"), "application/yaml", PETS).await;
        assert_eq!(uploaded.status, 201, "{}", uploaded.json());
        let spec = text(&uploaded.json()["id"]);
        let artifact = build(plane, &spec).await;
        let bytes = download(plane, &artifact).await;
        let home = format!("/api/v1/projects/{project}");
        let key = made(plane, &format!("{home}/api-keys"), &json!({ "name": "edge" })).await;
        made(plane, &format!("{home}/deploy"), &json!({ "artifact": artifact })).await;
        let keys = plane.get(&format!("{home}/signing-keys")).await.json();
        let key_id = text(&keys["items"][0]["key_id"]);
        Self { project, spec, artifact, bytes, api_key: text(&key["secret"]), key_id }
    }

    /// The restored server answers with what was there, and goes on.
    pub(crate) async fn is_in(&self, plane: &ControlPlane) {
        assert_eq!(download(plane, &self.artifact).await, self.bytes);
        let content = plane.get(&format!("/api/v1/specs/{}", self.spec)).await;
        assert_eq!((content.status, &content.json()["name"]), (200, &json!("pets")));
        let deployments = plane.get(&format!("/api/v1/projects/{}/deployments", self.project)).await.json();
        assert_eq!(deployments["items"][0]["artifact"], json!(self.artifact));
        let revised = PETS.replace("1.0.0", "1.0.1");
        let target = format!("/api/v1/specs/{}/revisions", self.spec);
        let answer = plane.upload(&target, "application/yaml", revised).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        let artifact = build(plane, &self.spec).await;
        assert_ne!(artifact, self.artifact);
        let bytes = download(plane, &artifact).await;
        assert!(!bytes.is_empty());
        let restored = plane.get("/api/v1/audit?action=backup.restore").await.json();
        assert_eq!(restored["items"].as_array().map(Vec::len), Some(1), "{restored}");
        let taken = plane.get("/api/v1/audit?action=backup.take").await.json();
        assert_eq!(taken["items"].as_array().map(Vec::len), Some(1), "{taken}");
        for event in [&restored["items"][0], &taken["items"][0]] {
            assert_eq!(event["actor"], json!({ "kind": "operator", "name": user() }), "{event}");
        }
    }

    /// What the project's gateways believe, oldest first: the keys of each version of its trust root.
    pub(crate) async fn trust_root(&self, plane: &ControlPlane) -> Value {
        plane.get(&format!("/api/v1/projects/{}/trust-root", self.project)).await.json()
    }
}

/// Who runs these tests, as the audit log has them.
pub(crate) fn user() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}

/// Builds a spec. Returns the artifact's digest.
pub(crate) async fn build(plane: &ControlPlane, spec: &str) -> String {
    let asked = plane.send("POST", &format!("/api/v1/specs/{spec}/compile"), None).await;
    assert_eq!(asked.status, 202, "{}", asked.json());
    let location = asked.headers["location"].to_str().unwrap().to_owned();
    let mut build = Value::Null;
    wait::until("a build ends", async || {
        build = plane.get(&location).await.json();
        build["state"] != "queued" && build["state"] != "running"
    })
    .await;
    assert_eq!(build["state"], "succeeded", "{build}");
    text(&build["artifact"])
}

pub(crate) async fn download(plane: &ControlPlane, artifact: &str) -> Vec<u8> {
    let answer = plane.get(&format!("/api/v1/artifacts/{artifact}/download")).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.body.to_vec()
}

async fn made(plane: &ControlPlane, target: &str, body: &Value) -> Value {
    let answer = plane.post(target, body).await;
    assert!([201, 202].contains(&answer.status), "{target}: {} {}", answer.status, answer.json());
    answer.json()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
