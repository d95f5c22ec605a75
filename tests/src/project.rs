//! A project on a control plane, with a key for its data planes.

use artifact_format::signature::PublicKey;
use serde_json::{Value, json};

use crate::api::{Api, test_key};
use crate::control_plane::ControlPlane;
use crate::data_plane::Identity;
use crate::drone::Site;
use crate::wait;

/// A project, and an API key of it.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its id.
    pub id: String,
    /// The secret of its API key.
    pub key: String,
    /// The id of its API key.
    pub key_id: String,
    /// The key that its pointers are signed with, as the command line of a gateway names it.
    pub trusted_key: String,
}

impl Project {
    /// A control plane with these options, and a project on it.
    pub async fn serving(options: &[(&str, &str)]) -> (ControlPlane, Self) {
        let setup = options.iter().fold(ControlPlane::empty(), |setup, (option, value)| setup.set(option, value));
        let control_plane = setup.start().await;
        let project = Self::on(&control_plane).await;
        (control_plane, project)
    }

    /// A new one, of the name that artifacts of [`Api`] are for, that believes [`test_key`].
    pub async fn on(control_plane: &ControlPlane) -> Self {
        Self::named("tests", control_plane).await
    }

    /// The same, of another name.
    pub async fn named(name: &str, control_plane: &ControlPlane) -> Self {
        let project = made(control_plane, "/api/v1/projects", &json!({ "name": name })).await;
        let id = text(&project["id"]);
        let own = format!("/api/v1/projects/{id}");
        let public = json!({ "kind": "public", "name": "tests", "public_key": test_key().public().to_base64() });
        made(control_plane, &format!("{own}/signing-keys"), &public).await;
        let issued = made(control_plane, &format!("{own}/api-keys"), &json!({ "name": "edge" })).await;
        let command = text(&issued["command"]);
        let (_, trusted_key) = command.rsplit_once(" --trusted-key ").expect("whom to believe");
        let (key, key_id) = (text(&issued["secret"]), text(&issued["api_key"]["id"]));
        Self { id, key, key_id, trusted_key: trusted_key.to_owned() }
    }

    /// A process of a data plane of that name.
    pub fn data_plane(&self, name: &str) -> Identity {
        Identity::new(name, (&self.id, &self.key))
    }

    /// Where thousands of data planes may be started that belong to it.
    pub fn site(&self, control_plane: &ControlPlane) -> Site {
        Site {
            control_plane: control_plane.address(),
            project: self.id.clone(),
            key: self.key.clone(),
            trusted: PublicKey::parse(&self.trusted_key).expect("a public key"),
        }
    }

    /// The path of something of it.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/projects/{}/{rest}", self.id)
    }

    /// Pushes an artifact of one operation at this path. Returns its digest.
    pub async fn push(&self, control_plane: &ControlPlane, path: &str) -> String {
        self.push_api(control_plane, &Api::nowhere().get(path)).await
    }

    /// Pushes an artifact of this API. Returns its digest.
    pub async fn push_api(&self, control_plane: &ControlPlane, api: &Api) -> String {
        let artifact = api.to_bytes();
        let pushed = control_plane.upload(&self.path("artifacts"), "application/octet-stream", artifact).await;
        assert_eq!(pushed.status, 201, "{}", String::from_utf8_lossy(&pushed.body));
        text(&pushed.json()["digest"])
    }

    /// Deploys an artifact to all data planes at once.
    pub async fn deploy(&self, control_plane: &ControlPlane, artifact: &str) -> Value {
        made(control_plane, &self.path("deploy"), &json!({ "artifact": artifact })).await
    }

    /// The data plane of that name, as the control plane shows it.
    pub async fn shown(&self, control_plane: &ControlPlane, name: &str) -> Option<Value> {
        let answer = control_plane.get(&self.path("data-planes?limit=200")).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let list = answer.json();
        list["items"].as_array().expect("a list").iter().find(|plane| plane["name"] == name).cloned()
    }

    /// Waits until the control plane shows a data plane as is expected, and gives it back.
    ///
    /// # Panics
    /// When it does not in time, with what it showed last.
    pub async fn shows(&self, control_plane: &ControlPlane, name: &str, expected: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let is_shown = wait::within(wait::PATIENCE, async || {
            last = self.shown(control_plane, name).await.unwrap_or_default();
            expected(&last)
        })
        .await;
        assert!(is_shown, "{name} is never shown so: {last:#}");
        last
    }

    /// What the control plane counts.
    pub async fn fleet(&self, control_plane: &ControlPlane) -> Value {
        control_plane.get(&self.path("fleet")).await.json()
    }
}

async fn made(control_plane: &ControlPlane, target: &str, body: &Value) -> Value {
    let answer = control_plane.post(target, body).await;
    assert!((200..300).contains(&answer.status), "{target}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// A JSON text.
///
/// # Panics
/// Where it is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
