//! Who is connected, who has time to come back, and who is gone. All times are the database's.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::heard::{self, Rows};
use super::key_rows;
use crate::domain::id::DataPlaneId;
use crate::domain::registry::{Grounds, Heard, InstanceKey, Replica};
use crate::store::sql::{Database, Dialect, Error, Statement, Transaction, sql};

/// How many rows one transaction takes: it is over before anybody who waits for it notices.
const AT_ONCE: i64 = 2000;
/// How many processes of a data plane that are gone are remembered: as many as are shown.
const GONE_KEPT: i64 = 100;

pub(super) async fn let_go(
    database: &Database,
    (replica, left): (Uuid, &[Heard]),
    time: Duration,
) -> Result<(), Error> {
    if left.is_empty() {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    heard::write(&mut transaction, (replica, left), Rows::Own).await?;
    let dialect = transaction.dialect();
    let change = away(dialect, time).then_bind(" where replica_id = ", replica);
    transaction.execute(among(change, dialect, left.iter().map(|heard| heard.key))).await?;
    transaction.commit().await
}

/// `update processes` to those that have so long to come back.
fn away(dialect: Dialect, time: Duration) -> Statement {
    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    sql("update processes set presence = 'away', replica_id = null, away_until = ")
        .then(dialect.now())
        .then_bind(" + ", micros)
}

/// Of these processes.
fn among(statement: Statement, dialect: Dialect, keys: impl Iterator<Item = InstanceKey>) -> Statement {
    let statement = statement.then(" and (data_plane_id, instance_id) in (");
    key_rows(statement, dialect, keys).then(")")
}

pub(super) async fn replicas(database: &Database) -> Result<Vec<Replica>, Error> {
    let rows = database.fetch_all(sql("select id, flushed_at from replicas")).await?;
    rows.iter().map(|row| Ok(Replica { id: row.get("id")?, flushed_at: row.get("flushed_at")? })).collect()
}

pub(super) async fn bury(database: &Database, replica: Replica, time: Duration) -> Result<u64, Error> {
    let mut transaction = database.begin().await?;
    let bury = sql("delete from replicas where id = $1 and flushed_at = $2").bind(replica.id).bind(replica.flushed_at);
    if transaction.execute(bury).await? == 0 {
        return Ok(0);
    }
    let change = away(transaction.dialect(), time).then_bind(" where replica_id = ", replica.id);
    let left = transaction.execute(change).await?;
    transaction.commit().await?;
    Ok(left)
}

/// Those that are away and do not come back, some at a time. They are held in the order of their keys.
pub(super) async fn declare_gone(database: &Database, grounds: Grounds) -> Result<u64, Error> {
    let mut transaction = database.begin().await?;
    let dialect = transaction.dialect();
    let lost = sql("update processes set presence = 'gone', away_until = null where (data_plane_id, instance_id) in \
         (select p.data_plane_id, p.instance_id from processes p where p.presence = 'away' and ");
    let lost = match grounds {
        Grounds::Overdue => lost.then("p.away_until <= ").then(dialect.now()),
        Grounds::Replaced => lost.then(
            "exists (select 1 from processes o where o.data_plane_id = p.data_plane_id and o.node_id = p.node_id \
             and o.presence = 'connected' and o.created_at > p.created_at)",
        ),
    };
    let lost = lost.then_bind(" order by p.data_plane_id, p.instance_id limit ", AT_ONCE);
    let lost = lost.then(dialect.for_update()).then(") returning data_plane_id");
    let gone = transaction.fetch_all(lost).await?;
    let planes = gone.iter().map(|row| row.get("data_plane_id")).collect::<Result<BTreeSet<DataPlaneId>, _>>()?;
    make_room(&mut transaction, &planes).await?;
    transaction.commit().await?;
    Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
}

/// Forgets the oldest of those that are gone. Whoever has a key chooses the ids of processes, and may use none twice.
async fn make_room(transaction: &mut Transaction, planes: &BTreeSet<DataPlaneId>) -> Result<(), Error> {
    if planes.is_empty() {
        return Ok(());
    }
    let dialect = transaction.dialect();
    let of_these = match dialect {
        Dialect::Postgres => "(select n::uuid from jsonb_array_elements_text($1) as n)",
        Dialect::Sqlite => "(select n.value from json_each($1) as n)",
    };
    let forget =
        sql("delete from processes where (data_plane_id, instance_id) in (select data_plane_id, instance_id from \
         processes where (data_plane_id, instance_id) in (select data_plane_id, instance_id from \
         (select p.data_plane_id, p.instance_id, row_number() over (partition by p.data_plane_id \
         order by p.last_seen desc, p.instance_id desc) as place from processes p where p.presence = 'gone' \
         and p.data_plane_id in ")
        .bind(Value::Array(planes.iter().map(|id| json!(id)).collect()))
        .then(of_these)
        .then_bind(") as gone where place > ", GONE_KEPT)
        .then(") order by data_plane_id, instance_id");
    transaction.execute(forget.then(dialect.for_update()).then(")")).await?;
    Ok(())
}

/// Forgets processes, but for the one that a data plane was last seen as.
pub(super) async fn forget(database: &Database, before: Timestamp) -> Result<u64, Error> {
    let mut transaction = database.begin().await?;
    let forget =
        sql("delete from processes where (data_plane_id, instance_id) in (select p.data_plane_id, p.instance_id \
         from processes p where p.presence = 'gone' and p.last_seen < $1 and exists (select 1 from processes o \
         where o.data_plane_id = p.data_plane_id and (o.last_seen > p.last_seen \
         or o.last_seen = p.last_seen and o.instance_id > p.instance_id)) limit $2)");
    let forgotten = transaction.execute(forget.bind(before).bind(AT_ONCE)).await?;
    transaction.commit().await?;
    Ok(forgotten)
}
