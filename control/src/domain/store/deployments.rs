//! Deployments.

use async_trait::async_trait;

use super::{Edit, OfProject, Result};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::deployment::{Deployment, DeploymentEvent, NewDeployment, NewRollback, NodeEvent, Pin, Steering};
use crate::domain::id::DeploymentId;
use crate::domain::label::Selector;
use crate::domain::page::{Page, PageRequest};
use crate::domain::pointer::Issuer;

/// Deployments, as people ask for them. How they go on is [`Rollouts`](super::Rollouts)'.
#[async_trait]
pub trait Deployments: Send + Sync {
    /// Makes the project's next one, whose serial is one more than the last one's. It is scheduled, for now where nobody
    /// says when.
    ///
    /// # Errors
    /// [`Invalid`](crate::domain::error::Error::Invalid) at `/artifact`, if it is none of the project's.
    /// [`Pinned`](crate::domain::error::Error::Pinned), if automation asks for what was taken back.
    async fn create_deployment(&self, act: &Act, of: OfProject, new: NewDeployment) -> Result<Deployment>;
    /// Makes one that takes back another, once it starts.
    ///
    /// # Errors
    /// [`Conflict`](crate::domain::error::Error::Conflict), where there is nothing to go back to, or more than one thing, or
    /// somebody or a gate has gone back already and nobody says how much further.
    async fn create_rollback(&self, act: &Act, of: OfProject, new: NewRollback) -> Result<Deployment>;
    /// One of them.
    async fn deployment(&self, reach: Reach, id: DeploymentId) -> Result<Deployment>;
    /// The project's newest that is not taken back: of those that started, the last that did; before them, one that is
    /// about to.
    async fn newest_deployment(&self, of: OfProject) -> Result<Deployment>;
    /// The project's, newest first.
    async fn deployments(&self, of: OfProject, page: &PageRequest) -> Result<Page<Deployment>>;
    /// Steers one. To say what it does already changes nothing.
    ///
    /// # Errors
    /// [`Conflict`](crate::domain::error::Error::Conflict), where it is not under way.
    async fn steer_deployment(&self, act: &Act, at: Edit<DeploymentId>, how: Steering) -> Result<Deployment>;
    /// Ends one that is scheduled or under way: whom it had reached goes back. What goes back has to be signed, where it
    /// had started.
    ///
    /// # Errors
    /// [`Conflict`](crate::domain::error::Error::Conflict), where it has ended already, otherwise.
    async fn abort_deployment(&self, act: &Act, at: Edit<DeploymentId>, by: Option<&Issuer>) -> Result<Deployment>;
    /// What happened to one, newest first.
    async fn deployment_events(
        &self,
        reach: Reach,
        id: DeploymentId,
        page: &PageRequest,
    ) -> Result<Page<DeploymentEvent>>;
    /// What became of one on data planes, newest first.
    async fn node_events(&self, reach: Reach, id: DeploymentId, page: &PageRequest) -> Result<Page<NodeEvent>>;
    /// What pipelines do not deploy over.
    async fn pins(&self, of: OfProject) -> Result<Vec<Pin>>;
    /// Takes away the pins on any data plane that this chooses. Returns how many.
    async fn unpin(&self, act: &Act, of: OfProject, selector: &Selector) -> Result<u64>;
}
