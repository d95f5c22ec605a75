//! Which data planes are there.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

use super::{Edit, OfProject, Result};
use crate::domain::act::Act;
use crate::domain::id::{DataPlaneId, ProjectId};
use crate::domain::registry::{FleetSummary, Grounds, Heard, Instance, Kept, Member, Newcomer, Replica, Terms};

/// Data planes that connect. Written in batches by the control planes that hold them; leases are by the database's clock.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Finds the data plane of that name, or makes it; one that was made by hand for no project is bound to this one.
    /// Writes nothing where nothing is new. Whoever is known is never turned away for want of room.
    ///
    /// # Errors
    /// [`Conflict`](crate::domain::error::Error::Conflict), where the name is of another project or of another kind, the
    /// project has as many data planes as it may, or the data plane has too many processes.
    /// [`NotFound`](crate::domain::error::Error::NotFound), where the project is gone.
    async fn register(&self, act: &Act, newcomer: &Newcomer) -> Result<Member>;
    /// Keeps what was heard of processes that are connected to this replica, what became of deployments by it, and that the
    /// replica lives.
    async fn keep_heard(&self, replica: Uuid, heard: &[Heard]) -> Result<Kept>;
    /// These processes are not connected to this replica any more, and have so long to come back. What was heard of them
    /// last is kept, unless another replica holds them by now.
    async fn let_go(&self, replica: Uuid, left: &[Heard], time: Duration) -> Result<()>;
    /// The replicas that hold processes.
    async fn replicas(&self) -> Result<Vec<Replica>>;
    /// A replica is gone, unless it has written since: its processes have so long to come back. Returns how many.
    async fn bury_replica(&self, replica: Replica, time: Duration) -> Result<u64>;
    /// Some of the processes that are away do not come back, on these grounds. Returns how many. Of those of a data plane
    /// that are gone, the newest 100 are remembered.
    async fn declare_gone(&self, grounds: Grounds) -> Result<u64>;
    /// Writes down which processes of this replica have drifted since before that: what they are to serve has their
    /// history, or what they go on with, where that is nothing. Each time that one drifts it is written once. Returns
    /// how many are new.
    async fn note_drift(&self, replica: Uuid, before: Timestamp) -> Result<u64>;
    /// What decides whether the connections of these projects stay. Those of a project that is not there have no root.
    async fn terms(&self, projects: &[ProjectId]) -> Result<BTreeMap<ProjectId, Terms>>;
    /// A project's data planes.
    async fn members(&self, project: ProjectId) -> Result<Vec<Member>>;
    /// The processes of these data planes, newest first, at most 100 of each.
    async fn instances(&self, planes: &[DataPlaneId]) -> Result<BTreeMap<DataPlaneId, Vec<Instance>>>;
    /// Asks that a data plane connects anew.
    async fn disconnect_data_plane(&self, act: &Act, at: Edit<DataPlaneId>) -> Result<()>;
    /// A project's data planes, counted.
    async fn fleet_summary(&self, of: OfProject) -> Result<FleetSummary>;
    /// Forgets some of the processes that are gone and were last seen before that. Returns how many.
    async fn forget_instances(&self, before: Timestamp) -> Result<u64>;
    /// Removes some of the data planes that came by themselves and were last seen before that. Returns how many.
    async fn forget_data_planes(&self, before: Timestamp) -> Result<u64>;
    /// Changes when connections may have to end, or others are to be believed; best effort, so look from time to time as well.
    fn registry_changes(&self) -> watch::Receiver<()>;
}
