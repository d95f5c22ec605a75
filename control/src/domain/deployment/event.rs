//! What happened to a deployment, and what became of it on data planes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Reason, State};
use crate::domain::id::{DataPlaneId, DeploymentId, EventId};

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
    /// Somebody has to say that it shall go on: a wave is well, or nothing has judged it.
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
    /// It was to serve it, and has served something else for more than two minutes.
    Drifted,
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
