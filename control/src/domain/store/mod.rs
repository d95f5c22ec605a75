//! The port that databases implement. One conformance suite holds every implementation to what is said here.
//!
//! Every method is one transaction: all of it happened, with its audit event, or nothing did. What is out of
//! [`Reach`] is [`NotFound`](super::error::Error::NotFound). A future that is dropped changes nothing, or everything.

mod api_keys;
mod artifacts;
mod audit;
mod backups;
mod builds;
mod credentials;
mod data_planes;
mod deployments;
mod fleet;
mod freshness;
mod idempotency;
mod nodes;
mod projects;
mod registry;
mod rollouts;
mod signing_keys;
mod specs;
mod teams;
mod tokens;

use std::fmt::Debug;

use async_trait::async_trait;

use super::access::Reach;
use super::error::Error;
use super::id::ProjectId;
use super::version::Expected;

pub use api_keys::{ApiKeyAt, ApiKeys};
pub use artifacts::Artifacts;
pub use audit::Audit;
pub use backups::{Backups, Restoration, Snapshot};
pub use builds::{BuildQueue, Builds};
pub use credentials::Credentials;
pub use data_planes::DataPlanes;
pub use deployments::Deployments;
pub use fleet::Fleet;
pub use freshness::{changing, is_changing};
pub use idempotency::Idempotency;
pub use nodes::Nodes;
pub use projects::Projects;
pub use registry::Registry;
pub use rollouts::Rollouts;
pub use signing_keys::{Reseal, SigningKeys};
pub use specs::Specs;
pub use teams::Teams;
pub use tokens::Tokens;

/// What is to be changed: by whom, as far as they reach, which one, and in which state.
#[derive(Debug, Clone, Copy)]
pub struct Edit<Id> {
    /// How far whoever changes it reaches.
    pub reach: Reach,
    /// Which one.
    pub id: Id,
    /// In which state the change is meant for it.
    pub expected: Expected,
}

/// Which one, as far as whoever asks reaches.
#[derive(Debug, Clone, Copy)]
pub struct At<Id> {
    /// How far they reach.
    pub reach: Reach,
    /// Which one.
    pub id: Id,
}

/// A project whose things are meant, as far as whoever asks reaches.
#[derive(Debug, Clone, Copy)]
pub struct OfProject {
    /// How far whoever asks reaches.
    pub reach: Reach,
    /// Which project.
    pub project: ProjectId,
}

impl OfProject {
    /// The project itself, in whatever state it is.
    pub fn any(self) -> Edit<ProjectId> {
        Edit { reach: self.reach, id: self.project, expected: Expected::Any }
    }
}

/// What every operation comes to.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that a control plane keeps in its database.
pub trait Store:
    Debug
    + Health
    + Credentials
    + Tokens
    + ApiKeys
    + Audit
    + Idempotency
    + Teams
    + Projects
    + Specs
    + SigningKeys
    + DataPlanes
    + Deployments
    + Rollouts
    + Fleet
    + Nodes
    + Registry
    + Builds
    + BuildQueue
    + Artifacts
{
}

impl<S> Store for S where
    S: Debug
        + Health
        + Credentials
        + Tokens
        + ApiKeys
        + Audit
        + Idempotency
        + Teams
        + Projects
        + Specs
        + SigningKeys
        + DataPlanes
        + Deployments
        + Rollouts
        + Fleet
        + Nodes
        + Registry
        + Builds
        + BuildQueue
        + Artifacts
{
}

/// How the server is that follows the database, for reads that are heavy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replica {
    /// There is none.
    None,
    /// It has everything.
    Current,
    /// It has not, for now: the database is asked itself.
    Late,
    /// It does not answer: the same.
    Away,
}

/// Whether the database is there.
#[async_trait]
pub trait Health: Send + Sync {
    /// Asks it something.
    async fn ping(&self) -> Result<()>;
    /// How the server is that follows it.
    async fn replica(&self) -> Replica;
    /// How many connections to it are open.
    fn connections(&self) -> u32;
    /// How many audit events this process has written.
    fn events_written(&self) -> u64;
}
