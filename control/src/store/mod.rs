//! The domain's ports over a database and an object store. The only module that knows sqlx.
//!
//! Read in this order: [`mod@sql`], the layer that makes two databases one; [`mod@audit`], which every change goes through;
//! [`documents`], the contents of files; [`changes`]: who waits for something is told;
//! then one file per noun.

mod api_keys;
mod artifacts;
mod audit;
mod builds;
mod changes;
mod credentials;
mod data_planes;
mod deployments;
mod documents;
mod fleet;
mod idempotency;
mod nodes;
pub mod objects;
mod projects;
mod registry;
mod revisions;
mod sealing;
mod signing_keys;
mod specs;
pub mod sql;
mod teams;
mod tokens;

use async_trait::async_trait;

use crate::domain::store::{Health, Result};
use sql::{Database, sql};

/// Everything that a control plane keeps, in SQLite or PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseStore {
    database: Database,
    changes: changes::Changes,
}

impl DatabaseStore {
    /// Keeps it there.
    pub fn new(database: Database) -> Self {
        Self { database, changes: changes::Changes::new() }
    }

    /// Where.
    pub fn database(&self) -> &Database {
        &self.database
    }
}

#[async_trait]
impl Health for DatabaseStore {
    async fn ping(&self) -> Result<()> {
        self.database.fetch_optional(sql("select 1 as one")).await?;
        Ok(())
    }

    fn connections(&self) -> u32 {
        self.database.status().open
    }

    fn events_written(&self) -> u64 {
        audit::written()
    }
}
