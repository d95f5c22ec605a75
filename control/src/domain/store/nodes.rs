//! Data planes as rollouts see them.

use async_trait::async_trait;
use tokio::sync::watch;

use super::Result;
use crate::domain::digest::Digest;
use crate::domain::id::ProjectId;
use crate::domain::node::{Measured, Node};

/// Data planes as rollouts see them. What they say is kept by the [`Registry`](super::Registry).
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Adds what traffic came to. Several of one data plane add up; one that was removed, and an artifact that its project
    /// does not have, is passed over.
    async fn record_health(&self, measured: &[Measured]) -> Result<()>;
    /// A project's data planes, with those of their processes that are not gone, and their traffic with one artifact.
    async fn nodes(&self, project: ProjectId, artifact: Digest) -> Result<Vec<Node>>;
    /// Changes when this process has kept something of it: a rollout may go on.
    fn node_changes(&self) -> watch::Receiver<()>;
}
