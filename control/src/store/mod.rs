//! The domain's ports over a database and an object store. The only module that knows sqlx.
//!
//! Read in this order: [`mod@sql`], the layer that makes two databases one; [`mod@audit`], which every change goes through;
//! [`documents`], the contents of files; [`changes`]: who waits for something is told;
//! then one file per noun.
//!
//! # Which lock comes first
//!
//! Whoever holds several rows takes them in this order, so that no two transactions wait for each other:
//!
//! 1. the team, where documents come or go ([`documents::lock`]);
//! 2. the project, also where a row is only made to point to it: the database locks what a new reference leads to;
//! 3. the master key, then signing keys;
//! 4. what is in the project: its spec, build, data plane or API key;
//! 5. tokens, of several the one with the smallest id first.
//!
//! Cascades of deletions follow this order. Where two meet in spite of it, the transaction that PostgreSQL undoes is done
//! again ([`sql::Transaction`]).

mod api_keys;
mod artifact_bytes;
mod artifacts;
mod audit;
pub mod backup;
mod builds;
mod changed;
mod changes;
mod credentials;
mod data_planes;
mod deployments;
mod documents;
mod fleet;
mod idempotency;
mod installation;
mod nodes;
pub mod objects;
mod projects;
mod registry;
mod revisions;
mod sealing;
mod secrets;
mod signing_keys;
mod specs;
pub mod sql;
mod teams;
mod tokens;
mod vouching;

use async_trait::async_trait;

use crate::domain::store::{Health, Replica, Result};
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

    async fn replica(&self) -> Replica {
        self.database.replica().await
    }

    fn connections(&self) -> u32 {
        self.database.status().open
    }

    fn events_written(&self) -> u64 {
        audit::written()
    }
}
