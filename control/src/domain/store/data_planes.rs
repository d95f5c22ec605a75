//! Data planes.

use async_trait::async_trait;

use super::{Edit, Result};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::data_plane::{DataPlane, DataPlaneUpdate, Filter, NewDataPlane};
use crate::domain::id::{DataPlaneId, TeamId};
use crate::domain::name::Name;
use crate::domain::page::{Page, PageRequest};

/// Data planes.
#[async_trait]
pub trait DataPlanes: Send + Sync {
    /// Makes one, in this team. It is offline until it says something.
    async fn create_data_plane(&self, act: &Act, team: TeamId, new: NewDataPlane) -> Result<DataPlane>;
    /// One of them.
    async fn data_plane(&self, reach: Reach, id: DataPlaneId) -> Result<DataPlane>;
    /// One of a team's, by name.
    async fn data_plane_named(&self, team: TeamId, name: &Name) -> Result<DataPlane>;
    /// Those that are wanted, newest first.
    async fn data_planes(&self, reach: Reach, filter: &Filter, page: &PageRequest) -> Result<Page<DataPlane>>;
    /// Changes one.
    async fn update_data_plane(&self, act: &Act, at: Edit<DataPlaneId>, update: DataPlaneUpdate) -> Result<DataPlane>;
    /// Removes one.
    async fn delete_data_plane(&self, act: &Act, at: Edit<DataPlaneId>) -> Result<()>;
}
