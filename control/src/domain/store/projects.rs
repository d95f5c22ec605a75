//! Projects.

use async_trait::async_trait;

use super::{Edit, Result};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::id::ProjectId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::project::{Founding, Project};
use crate::domain::project_update::ProjectUpdate;

/// Projects.
#[async_trait]
pub trait Projects: Send + Sync {
    /// Makes one, with its first key and the first version of its trust root.
    async fn create_project(&self, act: &Act, founding: Founding) -> Result<Project>;
    /// One of them.
    async fn project(&self, reach: Reach, id: ProjectId) -> Result<Project>;
    /// All of them, newest first.
    async fn projects(&self, reach: Reach, page: &PageRequest) -> Result<Page<Project>>;
    /// Changes one.
    async fn update_project(&self, act: &Act, at: Edit<ProjectId>, update: ProjectUpdate) -> Result<Project>;
    /// Deletes one, with everything in it.
    async fn delete_project(&self, act: &Act, at: Edit<ProjectId>) -> Result<()>;
}
