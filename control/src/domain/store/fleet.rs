//! What data planes are to serve.

use std::num::NonZeroU64;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use super::Result;
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::plan::{Plan, Revision};
use crate::domain::registry::Terms;

/// Plans, for whoever tells data planes what they are to serve.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// A project's plan. That of a project which is not there is empty.
    async fn plan(&self, project: ProjectId) -> Result<Plan>;
    /// The same and the project's terms, for whoever connects: of one moment, and where the database is away, as its replica
    /// knows them. Those who are connected are not held to it.
    async fn known_plan(&self, project: ProjectId) -> Result<(Plan, Terms)>;
    /// The projects whose plans may have changed at that time or later; all of them, without a time. Cheap.
    ///
    /// Give the time that the last answer came with: it is the database's, and leaves room for what was committed late, so
    /// a change is seen once or several times, and never missed.
    async fn plan_revisions(&self, since: Option<Timestamp>) -> Result<(Timestamp, Vec<Revision>)>;
    /// Changes when plans may have changed; best effort, so look from time to time as well.
    fn plan_changes(&self) -> watch::Receiver<()>;
    /// Says that a data plane has taken a pointer with this serial, which is above the one of the deployment that it is to
    /// follow: the deployment gets a new one, soon; after the first, one in a minute, above the highest that was seen
    /// meanwhile. Saying it again changes nothing.
    ///
    /// # Errors
    /// [`Conflict`](crate::domain::error::Error::Conflict), where it is more than
    /// [`FLOOR_RISE_MAX`](crate::domain::plan::FLOOR_RISE_MAX) above the last serial that was issued: show it, and do not
    /// follow it.
    async fn raise_floor(&self, deployment: DeploymentId, serial: NonZeroU64) -> Result<()>;
    /// Hears of what other control planes change (builds, plans), until it is dropped. Once per process.
    async fn hear_of_changes(&self);
}
