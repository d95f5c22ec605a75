//! What data planes say of themselves.

use async_trait::async_trait;
use tokio::sync::watch;

use super::Result;
use crate::domain::id::ProjectId;
use crate::domain::node::{Measured, Node, Said};

/// Data planes as rollouts see them. Fed by whoever talks to them; a data plane that was removed is passed over.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Keeps what processes said, in this order, and what became of deployments by it. Call it when something of it is
    /// new, not with every heartbeat.
    async fn record_status(&self, said: &[Said]) -> Result<()>;
    /// Adds what traffic came to. Several of one data plane add up.
    async fn record_health(&self, measured: &[Measured]) -> Result<()>;
    /// A project's data planes, with those of their processes that are there.
    async fn nodes(&self, project: ProjectId) -> Result<Vec<Node>>;
    /// Changes when this process has kept something of it: a rollout may go on.
    fn node_changes(&self) -> watch::Receiver<()>;
}
