//! What was done, and what was refused: by whom, when, from where.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::Reach;
use super::act::Act;
use super::error::Error;
use super::id::{EventId, ProjectId, TeamId};
use super::name;

/// The longest text that events are looked for by, in bytes.
const FILTER_MAX_BYTES: usize = 256;

/// One thing that was done, or refused. Never changed.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Whose; absent where it is of the whole installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// In which project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// Who.
    pub actor: EventActor,
    /// What, such as `project.create`.
    pub action: String,
    /// To what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<EventTarget>,
    /// How it ended.
    pub outcome: Outcome,
    /// The status of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<i64>,
    /// The code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What else is known: an object.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct EventActor {
    /// `token`, `api-key`, `operator`, `system` or `unknown`.
    pub kind: String,
    /// The credential's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What the credential was called, or the user of the server's machine (`uid 1000`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct EventTarget {
    /// What kind of thing.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused.
    Failure,
}

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// How far whoever asks reaches: a team sees its own.
    pub reach: Reach,
    /// The id of a credential, or its name.
    pub actor: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// The id of what it was done to.
    pub target: Option<String>,
    /// In which project.
    pub project: Option<ProjectId>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Not before then.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// By which request.
    pub request_id: Option<String>,
}

impl EventFilter {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        let texts = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("target", &self.target),
            ("request_id", &self.request_id),
        ];
        for (parameter, text) in texts {
            text.as_deref().map_or(Ok(()), |text| name::check_text(parameter, text, FILTER_MAX_BYTES))?;
        }
        Ok(())
    }
}

/// Requests that were refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Who asked, by which request, from where.
    pub act: Act,
    /// Whose event it is.
    pub team: Option<TeamId>,
    /// The status that was answered.
    pub status: u16,
    /// Why.
    pub code: &'static str,
    /// What else is known: the method and the template of the route, or how many there were. No body.
    pub detail: serde_json::Value,
}

impl Outcome {
    /// As it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

impl EventFilter {
    /// Everything within reach.
    pub fn all(reach: Reach) -> Self {
        Self {
            reach,
            actor: None,
            action: None,
            target: None,
            project: None,
            outcome: None,
            since: None,
            until: None,
            request_id: None,
        }
    }
}
