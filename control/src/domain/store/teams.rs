//! Teams.

use async_trait::async_trait;

use super::{Edit, Result};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::id::TeamId;
use crate::domain::name::Name;
use crate::domain::page::{Page, PageRequest};
use crate::domain::team::{NewTeam, Team, TeamUpdate};

/// Teams.
#[async_trait]
pub trait Teams: Send + Sync {
    /// Makes one.
    async fn create_team(&self, act: &Act, new: NewTeam) -> Result<Team>;
    /// One of them.
    async fn team(&self, reach: Reach, id: TeamId) -> Result<Team>;
    /// One of them, by name.
    async fn team_named(&self, reach: Reach, name: &Name) -> Result<Team>;
    /// The one named `default`, made if it is not there: who does not care about teams never sees another.
    async fn default_team(&self) -> Result<Team>;
    /// All of them, newest first.
    async fn teams(&self, reach: Reach, page: &PageRequest) -> Result<Page<Team>>;
    /// Changes one.
    async fn update_team(&self, act: &Act, at: Edit<TeamId>, update: TeamUpdate) -> Result<Team>;
    /// Deletes one that owns nothing any more.
    async fn delete_team(&self, act: &Act, at: Edit<TeamId>) -> Result<()>;
}
