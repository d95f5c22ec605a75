//! Teams: who owns what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::id::TeamId;
use super::name::{self, Name};
use super::version::Version;

/// Whoever owns projects and data planes, and sees nobody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Unique in the installation.
    pub name: Name,
    /// For people.
    pub description: String,
    /// Its state, which is its `ETag`.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A team to be made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    /// Unique in the installation.
    pub name: Name,
    /// For people, at most 4096 bytes.
    #[serde(default)]
    pub description: String,
}

/// What becomes of a team; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamUpdate {
    /// Another name.
    pub name: Option<Name>,
    /// Another description.
    pub description: Option<String>,
}

impl NewTeam {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_description(&self.description)
    }
}

impl TeamUpdate {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        self.description.as_deref().map_or(Ok(()), name::check_description)
    }
}
