//! A project with artifacts, data planes that do as the test says, and control planes that let deployments go on.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use control::domain::access::Reach;
use control::domain::data_plane::{Kind, NewDataPlane};
use control::domain::deployment::{Deployment, NewDeployment};
use control::domain::digest::Digest;
use control::domain::id::{DataPlaneId, DeploymentId};
use control::domain::label::Labels;
use control::domain::node::{self, Measured, Occasion, Phase, Presence, Rejection, Traffic};
use control::domain::plan::Entry;
use control::domain::project::Project;
use control::domain::registry::{Grounds, Heard, Instance, InstanceKey};
use control::domain::rollout::{GatesWanted, Share, Strategy};
use control::domain::store::{DataPlanes as _, Deployments as _, Fleet as _, Nodes as _, Registry as _};
use control::domain::time::now;
use control::rollouts::Driver;
use control::store::sql::sql;
use uuid::Uuid;

use crate::{Kept, act, of};

pub(crate) const OLD: Digest = Digest([1; 32]);
pub(crate) const NEW: Digest = Digest([2; 32]);
/// The control plane that holds all of them.
pub(crate) const REPLICA: Uuid = Uuid::from_u128(1);

/// A data plane with one process.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    pub(crate) id: DataPlaneId,
    pub(crate) labels: Labels,
    pub(crate) instance: Uuid,
}

/// A project whose artifacts have the digests `[1; 32]` to `[4; 32]`, and its data planes.
pub(crate) struct Fleet {
    pub(crate) kept: Kept,
    pub(crate) project: Project,
    pub(crate) gateways: Vec<Gateway>,
}

/// As if it was built.
pub(crate) async fn artifact(kept: &Kept, project: &Project, byte: u8) {
    artifact_of(kept, project, Digest([byte; 32])).await;
}

/// The same, of 7 bytes with this digest.
pub(crate) async fn artifact_of(kept: &Kept, project: &Project, digest: Digest) {
    let insert = sql("insert into artifacts (project_id, digest, id, team_id, size, signed_by, summary, created_at) \
         values ($1, $2, $3, $4, 7, $5, $6, 1)")
    .bind(project.id)
    .bind(digest)
    .bind(Uuid::now_v7())
    .bind(project.team)
    .bind(serde_json::json!([]))
    .bind("{}");
    kept.run(insert).await;
}

/// With gates that wait for nothing.
pub(crate) fn canary(artifact: Digest) -> NewDeployment {
    NewDeployment {
        strategy: Strategy::Canary { size: Share::Count(1) },
        gates: GatesWanted { bake_seconds: Some(0), min_requests: Some(10), ..GatesWanted::default() },
        ..NewDeployment::of(artifact)
    }
}

impl Fleet {
    /// Gateways with these labels, as in `env=prod`; they are online, and serve nothing.
    pub(crate) async fn of(kept: Kept, labels: &[&str]) -> Self {
        let team = kept.team("red").await;
        let project = kept.project(&team, "shop").await;
        for byte in 1..=4 {
            artifact(&kept, &project, byte).await;
        }
        let mut fleet = Self { kept, project, gateways: Vec::new() };
        for text in labels {
            let gateway = fleet.register(text).await;
            fleet.say(&gateway, None, Phase::Waiting).await;
            fleet.gateways.push(gateway);
        }
        fleet
    }

    pub(crate) async fn register(&self, labels: &str) -> Gateway {
        let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
        let labels: Labels = pairs.map(|(key, value)| (key.parse().unwrap(), value.parse().unwrap())).collect();
        let new = NewDataPlane {
            name: format!("edge-{}", Uuid::new_v4()).parse().unwrap(),
            kind: Kind::Gateway,
            project: Some(self.project.id),
            gateway_host: None,
            description: String::new(),
            labels: labels.clone(),
            metadata: serde_json::Map::new(),
        };
        let made = self.kept.store.create_data_plane(&act(), self.project.team, new).await.unwrap();
        Gateway { id: made.id, labels, instance: Uuid::new_v4() }
    }

    /// A control plane that looks once.
    pub(crate) fn driver(&self) -> Driver {
        Driver::new(Arc::new(self.kept.store.clone()), Arc::new(self.kept.keys.clone()))
    }

    pub(crate) async fn pass(&self) {
        self.driver().pass().await.unwrap();
    }

    pub(crate) async fn deploy(&self, new: NewDeployment) -> DeploymentId {
        self.kept.store.create_deployment(&act(), of(&self.project), new).await.unwrap().id
    }

    pub(crate) async fn deployment(&self, id: DeploymentId) -> Deployment {
        self.kept.store.deployment(Reach::Everything, id).await.unwrap()
    }

    /// What a data plane is told to serve.
    pub(crate) async fn wanted(&self, gateway: &Gateway) -> Option<Entry> {
        let plan = self.kept.store.plan(self.project.id).await.unwrap();
        plan.wanted(gateway.id, &gateway.labels).cloned()
    }

    /// What each is told to serve, by the first byte of its digest; 0: nothing.
    pub(crate) async fn all_wanted(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for gateway in &self.gateways {
            all.push(self.wanted(gateway).await.map_or(0, |entry| entry.artifact.0[0]));
        }
        all
    }

    pub(crate) async fn say(&self, gateway: &Gateway, pointer: Option<NonZeroU64>, phase: Phase) {
        let running = match &phase {
            Phase::Active { digest } => Some(*digest),
            _ => None,
        };
        self.hears(&[said(gateway, (running, pointer), phase)]).await;
    }

    /// Keeps what was said, all at once.
    pub(crate) async fn hears(&self, said: &[Said]) {
        let kept = self.kept.store.keep_heard(REPLICA, &heard(said)).await.unwrap();
        assert!(kept.missing.iter().all(|key| self.gateways.iter().any(|gateway| gateway.id == key.data_plane)));
    }

    /// The connection of a process is lost, and it does not come back.
    pub(crate) async fn loses(&self, said: Said) {
        self.kept.store.let_go(REPLICA, &heard(&[said]), Duration::ZERO).await.unwrap();
        self.kept.store.declare_gone(Grounds::Overdue).await.unwrap();
    }

    /// Each that is told to serve something serves it.
    pub(crate) async fn obey(&self) {
        for gateway in &self.gateways {
            if let Some(entry) = self.wanted(gateway).await {
                let phase = Phase::Active { digest: entry.artifact };
                self.say(gateway, Some(entry.pointer.serial()), phase).await;
            }
        }
    }

    pub(crate) async fn refuse(&self, gateway: &Gateway) {
        let entry = self.wanted(gateway).await.unwrap();
        let (code, detail, outcome) = ("bad".into(), "no 'good'".into(), Rejection::Refused);
        let phase = Phase::Rejected { digest: entry.artifact, code, detail, outcome };
        let said = Said { running: Some(OLD), ..said(gateway, (None, None), phase) };
        self.hears(&[said]).await;
    }

    pub(crate) async fn serve(&self, gateway: &Gateway, requests: u64, errors: u64) {
        let traffic = Traffic::of_window(requests, errors, Some(2.5));
        let measured = Measured { data_plane: gateway.id, artifact: NEW, traffic };
        self.kept.store.record_health(&[measured]).await.unwrap();
    }

    /// All of them serve this, as they were told.
    pub(crate) async fn serving(self, artifact: Digest) -> Self {
        self.deploy(NewDeployment::of(artifact)).await;
        self.pass().await;
        self.obey().await;
        self.pass().await;
        self
    }
}

/// What a process says.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) key: InstanceKey,
    pub(crate) running: Option<Digest>,
    pub(crate) pointer_serial: Option<NonZeroU64>,
    pub(crate) phase: Phase,
    pub(crate) deployment: Option<DeploymentId>,
    pub(crate) occasion: Occasion,
}

pub(crate) fn said(
    gateway: &Gateway,
    (running, pointer_serial): (Option<Digest>, Option<NonZeroU64>),
    phase: Phase,
) -> Said {
    let key = InstanceKey { data_plane: gateway.id, instance: gateway.instance };
    Said { key, running, pointer_serial, phase, deployment: None, occasion: Occasion::Status }
}

/// Of each process what it is now, and what it said, in the order in which they spoke.
fn heard(all: &[Said]) -> Vec<Heard> {
    let mut heard: Vec<Heard> = Vec::new();
    for said in all {
        let words = node::Said { phase: said.phase.clone(), deployment: said.deployment, occasion: said.occasion };
        match heard.iter_mut().find(|heard| heard.key == said.key) {
            Some(known) => {
                known.instance = instance(said);
                known.said.push(words);
            }
            None => heard.push(Heard { key: said.key, instance: instance(said), said: vec![words] }),
        }
    }
    heard
}

fn instance(said: &Said) -> Instance {
    let at = now();
    Instance {
        id: said.key.instance,
        node: said.key.instance,
        presence: Presence::Connected,
        version: "0.1.0".to_owned(),
        labels: Labels::new(),
        address: None,
        artifact: said.running,
        wanted: None,
        drift_since: None,
        pointer_serial: said.pointer_serial.map(|serial| i64::try_from(serial.get()).unwrap()),
        root_version: None,
        phase: said.phase.clone(),
        health: None,
        alarms: Vec::new(),
        connected_at: at,
        last_seen: at,
    }
}
