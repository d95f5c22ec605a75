//! Who may store the bytes of an artifact, and who may remove them.
//!
//! Rows and bytes are in two places, and no store of objects removes one on the condition that nobody wrote it meanwhile.
//! So both sides write down what they are about to do, under a lease by the database's clock that survives neither for
//! long: a control plane that dies holds up nobody but those who want the same bytes, for a minute.

use std::time::Duration;

use super::sql::{Database, Error as SqlError, Transaction, sql};
use crate::domain::artifact::{KEEPING, KEEPING_MARGIN, Leave, REMOVING};
use crate::domain::digest::Digest;
use crate::domain::error::Error;
use crate::domain::store::Result;

pub(super) async fn keep(database: &Database, digest: Digest) -> Result<Leave> {
    let mut transaction = database.begin().await?;
    let now = transaction.dialect().now();
    let insert = sql("insert into artifact_bytes (digest, purpose, lease_until) values ($1, 'keep', $2 + ")
        .bind(digest)
        .bind(microseconds(KEEPING))
        .then(now)
        .then(
            ") on conflict (digest) do update set purpose = excluded.purpose, lease_until = excluded.lease_until \
             where artifact_bytes.purpose = 'keep' or artifact_bytes.lease_until < ",
        )
        .then(now);
    let taken = transaction.execute(insert).await?;
    transaction.commit().await?;
    Ok(leave(taken))
}

pub(super) async fn remove(database: &Database, digest: Digest) -> Result<Leave> {
    let mut transaction = database.begin().await?;
    let now = transaction.dialect().now();
    // What is over is nobody's.
    transaction.execute(sql("delete from artifact_bytes where lease_until < ").then(now)).await?;
    let insert = sql("insert into artifact_bytes (digest, purpose, lease_until) select $1, 'remove', $2 + ")
        .bind(digest)
        .bind(microseconds(REMOVING))
        .then(now)
        .then(" where not exists (select 1 from artifacts where digest = $1) on conflict (digest) do nothing");
    let taken = transaction.execute(insert).await?;
    transaction.commit().await?;
    Ok(leave(taken))
}

pub(super) async fn removed(database: &Database, digest: Digest) -> Result<(), SqlError> {
    let mut transaction = database.begin().await?;
    let delete = sql("delete from artifact_bytes where digest = $1 and purpose = 'remove'").bind(digest);
    transaction.execute(delete).await?;
    transaction.commit().await
}

/// Whether a row may name them.
pub(super) async fn check_kept(transaction: &mut Transaction, digest: Digest) -> Result<()> {
    let select =
        sql("select digest from artifact_bytes where digest = $1 and purpose = 'keep' and lease_until > $2 + ")
            .bind(digest)
            .bind(microseconds(KEEPING_MARGIN))
            .then(transaction.dialect().now())
            // Nobody gets leave to remove them until the row is there.
            .then(transaction.dialect().for_share());
    let kept = transaction.fetch_optional(select).await?;
    kept.map(|_| ()).ok_or_else(|| Error::artifact_store("nobody keeps the bytes any more: they took too long"))
}

fn leave(taken: u64) -> Leave {
    if taken == 1 { Leave::Given } else { Leave::Refused }
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
