//! How deployments go on.

use async_trait::async_trait;

use super::Result;
use crate::domain::deployment::{Deployment, Reason};
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::pointer::Issuer;
use crate::domain::rollout::{Rollout, Step};
use crate::domain::version::Version;

/// Deployments, for whoever lets them go on: any control plane, at any time. A step is taken from the state that it was
/// found for, or not at all: [`Stale`](crate::domain::error::Error::Stale).
#[async_trait]
pub trait Rollouts: Send + Sync {
    /// The deployments that may have a next step, in the order in which they were asked for.
    async fn rollouts_to_do(&self) -> Result<Vec<(ProjectId, DeploymentId)>>;
    /// One of them, at this moment; none, where it is gone.
    async fn rollout(&self, id: DeploymentId) -> Result<Option<Rollout>>;
    /// Takes a step, with everything that follows from it. Who signs is needed for a step that
    /// [is signed](Step::is_signed).
    async fn advance(&self, at: (DeploymentId, Version), step: Step, by: Option<&Issuer>) -> Result<Deployment>;
    /// It cannot start.
    async fn fail_deployment(&self, at: (DeploymentId, Version), reason: Reason) -> Result<Deployment>;
    /// The projects some of whose pointers have to be issued anew: half of their life is over, their key is believed no
    /// more, or a data plane has seen a newer one.
    async fn renewals_due(&self) -> Result<Vec<ProjectId>>;
    /// Issues those of one project. Returns how many.
    async fn renew_pointers(&self, project: ProjectId, by: &Issuer) -> Result<u64>;
    /// Forgets what nobody asks for any more: traffic of long ago. Returns how many rows.
    async fn forget_traces(&self) -> Result<u64>;
}
