//! Deployments: which artifact which of a project's data planes are to serve, and how it gets there.
//!
//! What was asked for never changes; how far it is does, one [`State`] and one wave at a time, each with the next
//! [`Version`]. Of all deployments that are for a data plane and have reached it, the one that started last decides.

use artifact_format::pointer::GROUP_MAX_BYTES;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::error::Error;
use super::id::{DataPlaneId, DeploymentId, EventId, ProjectId, TeamId};
use super::label::Selector;
use super::name;
use super::rollout::{Gates, GatesWanted, Manner, OnFailure, Promotion, Strategy};
use super::version::Version;

/// How many deployments of a project are remembered, beyond those that decide what is served.
pub const REMEMBERED: i64 = 500;
/// How many deployments of a project may wait for their time.
pub const SCHEDULED_MAX: i64 = 100;

/// A deployment: what was asked for, and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Who owns it.
    pub team: TeamId,
    /// Which project's.
    pub project: ProjectId,
    /// Counts the project's deployments, from 1, and leaves none out.
    #[schema(minimum = 1)]
    pub serial: i64,
    /// Whether it goes on, or back.
    pub kind: Kind,
    /// What made somebody ask for it.
    pub started_by: Trigger,
    /// What is to be served.
    pub artifact: Digest,
    /// By which data planes.
    pub selector: Selector,
    /// How it goes.
    #[serde(flatten)]
    pub manner: Manner,
    /// Why, for people.
    pub message: String,
    /// Who asked for it.
    pub author: String,
    /// The deployment that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes_back: Option<DeploymentId>,
    /// How far it is.
    pub state: State,
    /// Why it is so, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Which wave has begun, from 1; 0 before the first.
    #[schema(minimum = 0)]
    pub wave: i64,
    /// How many waves it has. With the last one it reaches every data plane that its selector chooses.
    #[schema(minimum = 1)]
    pub waves: i64,
    /// Up to which wave somebody said that it shall go on, whatever the gates say.
    #[serde(skip)]
    pub promoted: i64,
    /// The serial of its first pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer_serial: Option<i64>,
    /// When that wave began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wave_began_at: Option<Timestamp>,
    /// Since when every data plane of the wave that is there serves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baking_since: Option<Timestamp>,
    /// When it is to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
    /// Its state, which is its `ETag`.
    pub version: Version,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended, one way or another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Whether a deployment goes on, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeploymentKind)]
pub enum Kind {
    /// To something.
    Deploy,
    /// Back to something, at once. Pipelines do not deploy over it until somebody unpins.
    Rollback,
}

/// What made somebody ask for a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeploymentTrigger)]
pub enum Trigger {
    /// A person.
    Manual,
    /// A pipeline.
    Ci,
    /// A time that was set.
    Schedule,
    /// The control plane itself: a gate was breached.
    Automatic,
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeploymentState)]
pub enum State {
    /// It has not started.
    Scheduled,
    /// It goes from wave to wave.
    InProgress,
    /// It goes no further until somebody says so. Whom it has reached goes on serving it.
    Paused,
    /// Its last wave was well.
    Succeeded,
    /// It came to nothing, and there was nothing to go back to.
    Failed,
    /// Somebody ended it: whom it had reached went back.
    Aborted,
    /// It was taken back, by a gate or by somebody.
    RolledBack,
    /// Another one started that is for some of the same data planes.
    Superseded,
}

/// Why a deployment is in its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DeploymentReason)]
pub struct Reason {
    /// In a word that stays the same.
    pub code: ReasonCode,
    /// For people.
    pub detail: String,
}

/// Why a deployment is in its state, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// A wave is well, and the next one begins when somebody says so.
    PromotionAwaited,
    /// Somebody said so.
    ByHand,
    /// More data planes refused it than its gates allow.
    Rejected,
    /// More requests failed than its gates allow.
    ErrorRate,
    /// Requests took longer than its gates allow.
    Latency,
    /// A wave took longer than its gates allow.
    TooSlow,
    /// A wave passed with too few requests to be judged by them.
    Unjudged,
    /// A wave passed without some of those with whom it began.
    Lost,
    /// What it says cannot be signed.
    CannotSign,
    /// What it was for was pinned in the meantime.
    Pinned,
    /// Another deployment is for some of the same data planes.
    Superseded,
}

/// A deployment to be made.
#[derive(Debug, Clone, PartialEq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeployment {
    /// What is to be served: one of the project's artifacts.
    pub artifact: Digest,
    /// By which of the project's data planes; absent: by all.
    #[serde(default)]
    pub selector: Selector,
    /// In which steps it gets there; absent: all at once.
    #[serde(default)]
    pub strategy: Strategy,
    /// Who lets the next wave begin.
    #[serde(default)]
    pub promotion: Promotion,
    /// What must hold for it to go on.
    #[serde(default)]
    pub gates: GatesWanted,
    /// What follows when a gate is breached.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Who asks: `ci` does not go over what was pinned. With `scheduled_for` it is `schedule`, whatever stands here.
    #[serde(default)]
    pub started_by: Asker,
    /// When it is to start; absent: now. A time that is past is now.
    #[serde(default)]
    pub scheduled_for: Option<Timestamp>,
    /// Take away, as it starts, the pins that rollbacks have left on any of the same data planes. Not for a pipeline.
    #[serde(default)]
    pub unpin: bool,
    /// Why, for people: at most 4096 bytes.
    #[serde(default)]
    pub message: String,
}

/// Who may say that they ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// A person.
    #[default]
    Manual,
    /// A pipeline.
    Ci,
}

/// A way back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRollback {
    /// Which data planes go back, from what decides for all of them. Absent: those of the deployment that started last.
    #[serde(default)]
    pub selector: Option<Selector>,
    /// To this artifact. Absent, as is `deployment`: to the one before.
    #[serde(default)]
    pub artifact: Option<Digest>,
    /// To what this deployment brought.
    #[serde(default)]
    pub deployment: Option<DeploymentId>,
    /// Why, for people: at most 4096 bytes.
    #[serde(default)]
    pub message: String,
}

/// How far somebody lets a deployment go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromotion {
    /// To where.
    #[serde(default)]
    pub to: PromoteTo,
}

/// To where somebody lets a deployment go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromoteTo {
    /// The next wave.
    #[default]
    Next,
    /// The last wave.
    Everyone,
}

/// What pipelines do not deploy over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Pin {
    /// Which data planes it is about.
    pub selector: Selector,
    /// The deployment that was taken back.
    pub deployment: DeploymentId,
    /// The artifact that was taken back.
    pub artifact: Digest,
    /// Who did.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

/// Something that happened to a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DeploymentEvent {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: Happened,
    /// The state after it.
    pub state: State,
    /// The wave after it.
    pub wave: i64,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Who did it; `system`: the control plane.
    pub actor: String,
}

/// What can happen to a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeploymentEventKind)]
pub enum Happened {
    /// It was asked for.
    Created,
    /// It started: from now on it decides what is served.
    Started,
    /// A wave began.
    WaveBegan,
    /// Every data plane of the wave serves it.
    Baking,
    /// One of them does not any more.
    Unsettled,
    /// A wave is well, and the next one waits for somebody.
    PromotionAwaited,
    /// A wave was well, and that means less than it could: the reason says why.
    Remarked,
    /// A gate was breached.
    Breached,
    /// It goes no further.
    Paused,
    /// It goes on.
    Resumed,
    /// Somebody lets the next wave begin.
    Promoted,
    /// It ended.
    Ended,
}

/// What became of a deployment on a data plane, at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NodeEvent {
    /// Its id.
    pub id: EventId,
    /// Which deployment.
    pub deployment: DeploymentId,
    /// Which data plane: it may have been removed since.
    pub data_plane: DataPlaneId,
    /// What it was called.
    pub data_plane_name: String,
    /// Which process of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<uuid::Uuid>,
    /// When.
    pub at: Timestamp,
    /// What.
    pub outcome: NodeOutcome,
    /// Why it was refused, in a word that stays the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What can become of a deployment on a data plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeOutcome {
    /// It was told to serve it.
    Reached,
    /// It serves it.
    Active,
    /// It refused it, and goes on serving what it served before.
    Rejected,
    /// It ended the process more than once, which went back by itself.
    RolledBack,
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
        }
    }
}

impl Trigger {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Ci => "ci",
            Self::Schedule => "schedule",
            Self::Automatic => "automatic",
        }
    }

    /// Whether no person looks at what it goes over.
    pub fn is_automation(self) -> bool {
        match self {
            Self::Ci | Self::Schedule => true,
            Self::Manual | Self::Automatic => false,
        }
    }
}

impl State {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "in_progress",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::RolledBack => "rolled_back",
            Self::Superseded => "superseded",
        }
    }

    /// Whether it stays so.
    pub fn is_final(self) -> bool {
        match self {
            Self::Scheduled | Self::InProgress | Self::Paused => false,
            Self::Succeeded | Self::Failed | Self::Aborted | Self::RolledBack | Self::Superseded => true,
        }
    }
}

impl Happened {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Started => "started",
            Self::WaveBegan => "wave_began",
            Self::Baking => "baking",
            Self::Unsettled => "unsettled",
            Self::PromotionAwaited => "promotion_awaited",
            Self::Remarked => "remarked",
            Self::Breached => "breached",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Promoted => "promoted",
            Self::Ended => "ended",
        }
    }
}

impl ReasonCode {
    /// Whether it is a gate that was breached.
    pub fn is_breach(self) -> bool {
        match self {
            Self::Rejected | Self::ErrorRate | Self::Latency | Self::TooSlow => true,
            Self::PromotionAwaited
            | Self::ByHand
            | Self::Unjudged
            | Self::Lost
            | Self::CannotSign
            | Self::Pinned
            | Self::Superseded => false,
        }
    }
}

impl Reason {
    /// Somebody said so.
    pub fn by_hand(who: &str) -> Self {
        Self { code: ReasonCode::ByHand, detail: format!("by {who}") }
    }
}

impl Deployment {
    /// Whether a gate has it go no further.
    pub fn is_halted(&self) -> bool {
        self.state == State::Paused && self.reason.as_ref().is_some_and(|reason| reason.code.is_breach())
    }

    /// Whether its last wave has begun.
    pub fn is_for_everyone(&self) -> bool {
        self.wave >= self.waves
    }
}

impl NewDeployment {
    /// One that nobody said more of.
    pub fn of(artifact: Digest) -> Self {
        Self {
            artifact,
            selector: Selector::default(),
            strategy: Strategy::default(),
            promotion: Promotion::default(),
            gates: GatesWanted::default(),
            on_failure: OnFailure::default(),
            started_by: Asker::default(),
            scheduled_for: None,
            unpin: false,
            message: String::new(),
        }
    }

    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_text("/message", &self.message, name::DESCRIPTION_MAX_BYTES)?;
        let bytes = self.selector.to_string().len();
        if bytes > GROUP_MAX_BYTES {
            return Err(Error::invalid("/selector", format!("{bytes} bytes; at most {GROUP_MAX_BYTES}")));
        }
        if self.unpin && self.started_by == Asker::Ci {
            return Err(Error::invalid("/unpin", "a pipeline does not go over pins: unpin by hand"));
        }
        self.strategy.check()?;
        self.gates.check()
    }

    /// What makes somebody ask for it.
    pub fn trigger(&self) -> Trigger {
        match (self.scheduled_for, self.started_by) {
            (Some(_), _) => Trigger::Schedule,
            (None, Asker::Manual) => Trigger::Manual,
            (None, Asker::Ci) => Trigger::Ci,
        }
    }

    /// How it goes.
    pub fn manner(&self) -> Manner {
        Manner {
            strategy: self.strategy.clone(),
            promotion: self.promotion,
            gates: Gates::of(&self.gates, &self.strategy),
            on_failure: self.on_failure,
            unpin: self.unpin,
        }
    }
}

impl NewRollback {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_text("/message", &self.message, name::DESCRIPTION_MAX_BYTES)?;
        if self.artifact.is_some() && self.deployment.is_some() {
            return Err(Error::invalid("/deployment", "say an artifact or a deployment, not both"));
        }
        Ok(())
    }
}

/// One that was asked for, and has not started.
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) fn deployed(artifact: Digest, manner: Manner) -> Deployment {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    Deployment {
        id: DeploymentId::new(),
        team: TeamId::new(),
        project: ProjectId::new(),
        serial: 1,
        kind: Kind::Deploy,
        started_by: Trigger::Manual,
        artifact,
        selector: Selector::default(),
        waves: manner.strategy.waves(),
        manner,
        message: String::new(),
        author: "tester".into(),
        takes_back: None,
        state: State::Scheduled,
        reason: None,
        wave: 0,
        promoted: 0,
        pointer_serial: None,
        wave_began_at: None,
        baking_since: None,
        scheduled_for: None,
        version: Version::FIRST,
        created_at: now,
        started_at: None,
        finished_at: None,
        updated_at: now,
    }
}
