//! A PostgreSQL server that follows another one, and is a little late.
//!
//! Whoever wrote something reads it back, through whichever control plane: a replica is asked only when it has replayed
//! everything that the primary had made durable when the read began. Where it does not catch up soon, the primary is
//! asked; that costs two short questions for each heavy read.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgRow;

use super::{Dialect, Error, Statement, postgres, span};

/// How often a replica is asked how far it is.
const QUESTIONS: u32 = 5;
/// How long it is given between two questions.
const PATIENCE: Duration = Duration::from_millis(4);

/// Every row, from the replica if it is not late and does not fail, else from the primary.
pub(super) async fn fetch_all(primary: &PgPool, replica: &PgPool, statement: Statement) -> Result<Vec<PgRow>, Error> {
    match from_replica(primary, replica, statement.clone()).await {
        Ok(Some(rows)) => return Ok(rows),
        Ok(None) => tracing::debug!("the read replica is late; the primary is asked"),
        Err(error) => tracing::warn!(%error, "the read replica failed; the primary is asked"),
    }
    fetch(primary, statement).await
}

async fn from_replica(primary: &PgPool, replica: &PgPool, statement: Statement) -> Result<Option<Vec<PgRow>>, Error> {
    // Both questions, and the wait between, are what reading from a replica costs.
    let asking = span::named(Dialect::Postgres, "SELECT");
    if span::within(asking, has_all(primary, replica)).await? {
        return fetch(replica, statement).await.map(Some);
    }
    Ok(None)
}

async fn fetch(pool: &PgPool, statement: Statement) -> Result<Vec<PgRow>, Error> {
    let span = span::of(Dialect::Postgres, &statement);
    span::within(span, async { Ok(postgres::query(statement).fetch_all(pool).await?) }).await
}

/// Whether it has, or soon comes to have, everything that the primary had made durable when this began.
pub(super) async fn has_all(primary: &PgPool, replica: &PgPool) -> Result<bool, Error> {
    // Commits are durable before they are answered: `synchronous_commit` is on for every connection of ours.
    let position: String = sqlx::query_scalar("select pg_current_wal_flush_lsn()::text").fetch_one(primary).await?;
    for question in 0..QUESTIONS {
        if question > 0 {
            tokio::time::sleep(PATIENCE).await;
        }
        let has_it = "select coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false)";
        if sqlx::query_scalar(has_it).bind(&position).fetch_one(replica).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
