//! Everything that is kept, read at one moment, and put into another database.

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::Result;
use crate::domain::act::Act;
use crate::domain::backup::{Cell, Orphan, Refounding, Rows, Table};
use crate::domain::digest::Digest;
use crate::key::MasterKeyId;

/// Everything, read and written whole.
#[async_trait]
pub trait Backups: Send + Sync {
    /// The state of this moment, with the audit event that says who is about to take it.
    async fn snapshot(&self, act: &Act, detail: serde_json::Value) -> Result<Box<dyn Snapshot>>;
    /// Says that a backup is whole, after all of it was written.
    async fn backup_is_whole(&self, act: &Act, detail: serde_json::Value) -> Result<()>;
    /// Begins to fill an empty database whose secrets are sealed under this master key. Nobody else writes to it until
    /// it ends.
    ///
    /// # Errors
    /// [`Conflict`](crate::domain::error::Error::Conflict), where it is not empty or has another master key.
    async fn restoration(&self, master_key: MasterKeyId) -> Result<Box<dyn Restoration>>;
}

/// The state of one moment, however long it takes to read it and whatever is written in the meantime.
#[async_trait]
pub trait Snapshot: Send {
    /// The artifacts that are named, each once, by digest, with their sizes in bytes.
    fn artifacts(&mut self) -> BoxStream<'_, Result<(Digest, u64)>>;
    /// Every row of a table, in the table's order, with a cell for each column.
    fn rows(&mut self, table: &'static Table) -> BoxStream<'_, Result<Vec<Cell>>>;
}

/// A database that is being filled. Dropped without [`commit`](Self::commit), it is as empty as it was.
#[async_trait]
pub trait Restoration: Send {
    /// Adds rows.
    async fn insert(&mut self, rows: Rows) -> Result<()>;
    /// Makes keys without a private half into such as are only believed, and says which projects are left without an
    /// active one.
    async fn orphans(&mut self) -> Result<Vec<Orphan>>;
    /// Gives such a project a new key and a new trust root.
    async fn refound(&mut self, act: &Act, orphan: &Orphan, refounding: Refounding) -> Result<()>;
    /// Makes it so, with the audit event that says so.
    async fn commit(self: Box<Self>, act: &Act, detail: serde_json::Value) -> Result<()>;
}
