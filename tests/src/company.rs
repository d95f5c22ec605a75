//! Real gateways that a real control plane leads, as somebody sets them up who types commands.

use std::path::Path;

use serde_json::Value;
use uuid::Uuid;

use crate::project::text;
use crate::{CommandLine, ControlPlane, Gateway, Upstream, gateway};

/// A control plane, somebody who leads the project `shop` on it by the command line, and a server behind.
#[derive(Debug)]
pub struct Company {
    /// The control plane.
    pub control_plane: ControlPlane,
    /// Whoever leads it.
    pub command: CommandLine,
    /// What its gateways stand before.
    pub upstream: Upstream,
    /// What a new gateway is started with, and the secret that belongs into the file it names.
    issued: (String, String),
}

impl Company {
    /// With nothing built yet.
    pub async fn begins() -> Self {
        Self::with(&[]).await
    }

    /// The same, whose control plane has these options.
    pub async fn with(options: &[(&str, &str)]) -> Self {
        // An address of its own, which nobody else takes while it is away.
        let [first, second, ..] = Uuid::new_v4().into_bytes();
        let address = format!("127.{}.{second}.77:9090", first.max(1));
        let setup = ControlPlane::empty().set("--listen", &address);
        let setup = options.iter().fold(setup, |setup, (option, value)| setup.set(option, value));
        let setup = setup.set_unless("--heartbeat-interval", "1s").set_unless("--return-time", "3s");
        let control_plane = setup.start().await;
        let command = CommandLine::of(&control_plane).with("PORTCULLIS_CONTROL_PROJECT", "shop");
        command.succeeds(&["project", "create", "shop"]);
        let key = command.json(&["apikey", "create", "edge"]);
        let issued = (text(&key["command"]), text(&key["secret"]));
        Self { control_plane, command, upstream: Upstream::fixed(b"steady").await, issued }
    }

    /// Pushes a document whose operations are these, with a server behind, and builds it. Returns the artifact's digest.
    pub fn builds(&self, paths: &[&str], upstream: &Upstream) -> String {
        self.builds_with("", paths, upstream)
    }

    /// The same, with lines more at the top of the document.
    pub fn builds_with(&self, lines: &str, paths: &[&str], upstream: &Upstream) -> String {
        let operation =
            |path: &&str| format!("  {path}: {{ get: {{ responses: {{ '200': {{ description: yes }} }} }} }}\n");
        let paths: String = paths.iter().map(operation).collect();
        let servers = format!("servers: [{{ url: 'http://{}' }}]", upstream.address());
        let document =
            format!("openapi: 3.1.0\ninfo: {{ title: Shop, version: '1' }}\n{servers}\n{lines}paths:\n{paths}");
        self.command.write("openapi.yaml", document);
        self.command.succeeds(&["spec", "push", "openapi.yaml"]);
        text(&self.command.json(&["build", "--spec", "shop", "--wait"])["artifact"])
    }

    /// A gateway as the control plane says to start one, that is called so and remembers in this folder.
    pub fn gateway(&self, name: &str, state: &Path) -> gateway::Setup {
        let (command, secret) = &self.issued;
        Gateway::as_told(command, secret).set("--name", name).set("--state-dir", &state.display().to_string())
    }

    /// The path of something of the project.
    pub fn path(&self, rest: &str) -> String {
        let id = text(&self.command.json(&["project", "get", "shop"])["id"]);
        format!("/api/v1/projects/{id}/{rest}")
    }

    /// The data plane of that name, as the control plane shows it.
    pub async fn shown(&self, name: &str) -> Value {
        let all = self.control_plane.get(&self.path("data-planes")).await.json();
        all["items"].as_array().unwrap().iter().find(|plane| plane["name"] == name).cloned().unwrap_or_default()
    }
}
