//! Deployments: which artifact which of a project's data planes are to serve, and how it gets there.
//!
//! What was asked for never changes; how far it is does, one [`State`] and one wave at a time, each with the next
//! [`Version`]. Of all deployments that are for a data plane and have reached it, the one that started last decides.

mod asked;
mod event;
mod steering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::id::{DeploymentId, ProjectId, TeamId};
use super::label::Selector;
use super::rollout::Manner;
use super::version::Version;

pub use asked::{Asker, NewDeployment, NewPromotion, NewRollback, PromoteTo};
pub use event::{DeploymentEvent, Happened, NodeEvent, NodeOutcome};
pub use steering::{Steered, Steering};

/// How many deployments of a project are remembered, beyond those that decide what is served and those beneath them.
pub const REMEMBERED: i64 = 500;
/// How many are remembered beneath each that decides, however old they are: a way back leads to one of them.
pub const REMEMBERED_BENEATH: usize = 10;
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
    /// Another one started that is for some of the same data planes. If it was not for everyone yet, whom it had reached went
    /// back.
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
    /// A wave has answered too few requests to be judged by them: it waits for somebody, or has passed all the same.
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

impl ReasonCode {
    /// Whether it is a gate that has a deployment go no further: one that was breached, or has seen too little.
    pub fn is_of_gate(self) -> bool {
        match self {
            Self::Rejected | Self::ErrorRate | Self::Latency | Self::TooSlow | Self::Unjudged => true,
            Self::PromotionAwaited | Self::ByHand | Self::Lost | Self::CannotSign | Self::Pinned | Self::Superseded => {
                false
            }
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
    /// One that was asked for, and has not started: what is to be served and how, by every data plane of a project; and
    /// who asked for it when.
    pub fn asked(
        (team, project): (TeamId, ProjectId),
        serial: i64,
        (artifact, manner): (Digest, Manner),
        (author, now): (String, Timestamp),
    ) -> Self {
        Self {
            id: DeploymentId::new(),
            team,
            project,
            serial,
            kind: Kind::Deploy,
            started_by: Trigger::Manual,
            artifact,
            selector: Selector::default(),
            waves: manner.strategy.waves(),
            manner,
            message: String::new(),
            author,
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

    /// Whether a gate has it go no further.
    pub fn is_halted(&self) -> bool {
        self.state == State::Paused && self.reason.as_ref().is_some_and(|reason| reason.code.is_of_gate())
    }

    /// Whether its last wave has begun.
    pub fn is_for_everyone(&self) -> bool {
        self.wave >= self.waves
    }
}

/// One of a project of its own.
#[cfg(test)]
pub(crate) fn deployed(artifact: Digest, manner: Manner) -> Deployment {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    Deployment::asked((TeamId::new(), ProjectId::new()), 1, (artifact, manner), ("tester".to_owned(), now))
}
