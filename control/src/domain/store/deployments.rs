//! Deployments.

use async_trait::async_trait;

use super::{OfProject, Result};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::deployment::{Deployment, NewDeployment};
use crate::domain::id::DeploymentId;
use crate::domain::page::{Page, PageRequest};

/// Deployments.
#[async_trait]
pub trait Deployments: Send + Sync {
    /// Makes the project's next one, whose serial is one more than the last one's.
    ///
    /// # Errors
    /// [`Invalid`](crate::domain::error::Error::Invalid) at `/artifact`, if it is none of the project's.
    async fn create_deployment(&self, act: &Act, of: OfProject, new: NewDeployment) -> Result<Deployment>;
    /// One of them.
    async fn deployment(&self, reach: Reach, id: DeploymentId) -> Result<Deployment>;
    /// The project's newest.
    async fn newest_deployment(&self, of: OfProject) -> Result<Deployment>;
    /// The project's, newest first.
    async fn deployments(&self, of: OfProject, page: &PageRequest) -> Result<Page<Deployment>>;
}
