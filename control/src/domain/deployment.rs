//! Deployments: which artifact a project's data planes are to serve. The newest one is what is desired.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::error::Error;
use super::id::{DeploymentId, ProjectId, TeamId};
use super::label::Selector;
use super::name;

/// A deployment, as it was asked for. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
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
    /// What is to be served.
    pub artifact: Digest,
    /// By which data planes.
    pub selector: Selector,
    /// Why, for people.
    pub message: String,
    /// Who asked for it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

/// A deployment to be made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeployment {
    /// What is to be served: one of the project's artifacts.
    pub artifact: Digest,
    /// By which of the project's data planes; absent: by all.
    #[serde(default)]
    pub selector: Selector,
    /// Why, for people: at most 4096 bytes.
    #[serde(default)]
    pub message: String,
}

impl NewDeployment {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_text("/message", &self.message, name::DESCRIPTION_MAX_BYTES)
    }
}
