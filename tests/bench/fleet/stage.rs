//! The control plane, and what it believes.

use std::sync::Arc;

use serde_json::Value;
use tests::postgres::Postgres;
use tests::{Api, ControlPlane, Project, process};
use uuid::Uuid;

use super::swarm::Swarm;

/// How many operations an artifact has.
const OPERATIONS: usize = 1000;

/// A control plane, a project, and its data planes.
pub(super) struct Stage {
    pub(super) control: ControlPlane,
    pub(super) project: Project,
    pub(super) swarm: Swarm,
    /// Two versions of an API.
    pub(super) artifacts: [String; 2],
    pub(super) artifact_bytes: usize,
    _postgres: Postgres,
}

impl Stage {
    pub(super) async fn set(data_planes: usize) -> Self {
        let postgres = Postgres::start().await;
        // An address of its own, which nobody else takes while it is away.
        let [first, second, ..] = Uuid::new_v4().into_bytes();
        let setup = ControlPlane::empty().set("--database-url", &postgres.url());
        let control = setup.set("--listen", &format!("127.{}.{second}.77:9090", first.max(1))).start().await;
        let project = Project::on(&control).await;
        let (one, other) = (version(1), version(2));
        let artifact_bytes = one.to_bytes().len();
        let artifacts = [project.push_api(&control, &one).await, project.push_api(&control, &other).await];
        let site = Arc::new(project.site(&control));
        let swarm = Swarm::new(&site, data_planes);
        Self { control, project, swarm, artifacts, artifact_bytes, _postgres: postgres }
    }

    pub(super) fn rss_bytes(&self) -> u64 {
        self.control.rss_bytes()
    }

    pub(super) fn rss_peak_bytes(&self) -> u64 {
        process::rss_peak_bytes(self.control.pid())
    }

    /// One sample of its metrics.
    pub(super) async fn metric(&self, name: &str) -> f64 {
        let answer = self.control.get("/metrics").await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name}:\n{text}"))
    }

    /// A deployment as it is by now.
    pub(super) async fn deployment(&self, deployment: &Value) -> Value {
        let id = deployment["id"].as_str().expect("it has an id");
        let answer = self.control.get(&format!("/api/v1/deployments/{id}")).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// The names of some data planes that it shows as offline.
    pub(super) async fn offline(&self) -> Vec<String> {
        let answer = self.control.get(&self.project.path("data-planes?status=offline&limit=200")).await.json();
        let items = answer["items"].as_array().expect("a list of data planes").iter();
        items.filter_map(|plane| plane["name"].as_str().map(str::to_owned)).collect()
    }

    /// Whether it believes that everybody serves this, and nobody anything else.
    pub(super) async fn believes(&self, digest: &str) -> Result<(), Value> {
        let fleet = self.project.fleet(&self.control).await;
        let all = self.swarm.len();
        let is_true = fleet["online"] == all && fleet["artifacts"][digest] == all && fleet["drifting_instances"] == 0;
        let is_alone = fleet["artifacts"].as_object().is_some_and(|artifacts| artifacts.len() == 1);
        if is_true && is_alone { Ok(()) } else { Err(fleet) }
    }
}

fn version(number: usize) -> Api {
    (0..OPERATIONS)
        .fold(Api::nowhere(), |api, operation| api.get(&format!("/version-{number}/things-{operation}/{{id}}")))
}
