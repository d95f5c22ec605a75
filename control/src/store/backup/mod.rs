//! Backups: every table read at one moment, and written into an empty database.

mod restoration;
mod snapshot;
mod tables;

use async_trait::async_trait;

use super::DatabaseStore;
use super::audit::{Target, record};
use crate::domain::act::{Act, Action};
use crate::domain::error::Noun;
use crate::domain::store::{self as domain, Backups, Result};
use crate::key::MasterKeyId;

pub use super::sql::schema_version;
pub use tables::{ARTIFACTS_TABLE, LEFT_OUT, OLDEST_SCHEMA, TABLES};

#[async_trait]
impl Backups for DatabaseStore {
    async fn snapshot(&self, act: &Act, detail: serde_json::Value) -> Result<Box<dyn domain::Snapshot>> {
        // Before anything is read: nobody takes everything along unseen.
        let mut transaction = self.database.begin().await?;
        let target = Target::of_installation(Noun::Backup).with(detail);
        record(&mut transaction, act, Action::BackupTake, target).await?;
        transaction.commit().await?;
        Ok(Box::new(snapshot::Snapshot::new(self.database.snapshot().await?)))
    }

    async fn backup_is_whole(&self, act: &Act, detail: serde_json::Value) -> Result<()> {
        let mut transaction = self.database.begin().await?;
        let target = Target::of_installation(Noun::Backup).with(detail);
        record(&mut transaction, act, Action::BackupFinish, target).await?;
        Ok(transaction.commit().await?)
    }

    async fn restoration(&self, master_key: MasterKeyId) -> Result<Box<dyn domain::Restoration>> {
        Ok(Box::new(restoration::Restoration::begin(&self.database, master_key).await?))
    }
}
