//! Which data planes are there: written in batches, one statement each whatever the number of rows.
//!
//! Rows travel as one JSON array, which both databases can select from.

mod drift;
mod heard;
mod history;
mod keys;
mod leases;
mod register;
mod said;
mod shown;
pub(super) mod terms;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

use super::DatabaseStore;
use super::audit::record;
use super::changes::{Topic, announce};
use super::data_planes;
use super::sql::{Reader, sql};
use crate::domain::act::{Act, Action};
use crate::domain::id::{DataPlaneId, ProjectId};
use crate::domain::registry::{FleetSummary, Grounds, Heard, Instance, Kept, Member, Newcomer, Replica, Terms};
use crate::domain::store::{Edit, OfProject, Registry, Result};
use crate::domain::time::now;

use self::keys::{key, key_rows};

#[async_trait]
impl Registry for DatabaseStore {
    async fn register(&self, act: &Act, newcomer: &Newcomer) -> Result<Member> {
        register::register(&self.database, act, newcomer).await
    }

    async fn keep_heard(&self, replica: Uuid, heard: &[Heard]) -> Result<Kept> {
        let kept = heard::keep(&self.database, replica, heard).await?;
        self.tell_of(heard);
        Ok(kept)
    }

    async fn let_go(&self, replica: Uuid, left: &[Heard], time: Duration) -> Result<()> {
        leases::let_go(&self.database, (replica, left), time).await?;
        self.tell_of(left);
        Ok(())
    }

    async fn replicas(&self) -> Result<Vec<Replica>> {
        Ok(leases::replicas(&self.database).await?)
    }

    async fn bury_replica(&self, replica: Replica, time: Duration) -> Result<u64> {
        Ok(leases::bury(&self.database, replica, time).await?)
    }

    async fn declare_gone(&self, grounds: Grounds) -> Result<u64> {
        let gone = leases::declare_gone(&self.database, grounds).await?;
        if gone > 0 {
            self.changes.tell(Topic::Nodes);
        }
        Ok(gone)
    }

    async fn terms(&self, projects: &[ProjectId]) -> Result<BTreeMap<ProjectId, Terms>> {
        Ok(terms::of(&Reader::Now(self.database.clone()), projects).await?)
    }

    async fn members(&self, project: ProjectId) -> Result<Vec<Member>> {
        Ok(register::members(&self.database, project).await?)
    }

    async fn instances(&self, planes: &[DataPlaneId]) -> Result<BTreeMap<DataPlaneId, Vec<Instance>>> {
        Ok(shown::instances(&self.database, planes).await?)
    }

    async fn disconnect_data_plane(&self, act: &Act, at: Edit<DataPlaneId>) -> Result<()> {
        let mut transaction = self.database.begin().await?;
        let plane = data_planes::lock(&mut transaction, at).await?;
        let change = sql(
            "update data_planes set disconnects = disconnects + 1, version = version + 1, updated_at = $1 where id = $2",
        );
        transaction.execute(change.bind(now()).bind(plane.id)).await?;
        record(&mut transaction, act, Action::DataPlaneDisconnect, data_planes::target(&plane)).await?;
        announce(&mut transaction, Topic::Registry).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Registry);
        Ok(())
    }

    async fn note_drift(&self, replica: Uuid, before: Timestamp) -> Result<u64> {
        drift::note(self, replica, before).await
    }

    async fn fleet_summary(&self, of: OfProject) -> Result<FleetSummary> {
        use crate::domain::store::Projects as _;
        self.project(of.reach, of.project).await?;
        Ok(shown::summary(&self.database, of.project).await?)
    }

    async fn forget_instances(&self, before: Timestamp) -> Result<u64> {
        Ok(leases::forget(&self.database, before).await?)
    }

    async fn forget_data_planes(&self, before: Timestamp) -> Result<u64> {
        register::forget(&self.database, before).await
    }

    fn registry_changes(&self) -> watch::Receiver<()> {
        self.changes.receiver(Topic::Registry)
    }
}

impl DatabaseStore {
    /// Whether rollouts have something to look at.
    fn tell_of(&self, heard: &[Heard]) {
        if heard.iter().any(|heard| !heard.said.is_empty()) {
            self.changes.tell(Topic::Nodes);
        }
    }
}
