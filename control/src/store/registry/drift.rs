//! Who drifts, written into the history of what it is to serve.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::said::noted;
use crate::domain::digest::Digest;
use crate::domain::id::{DataPlaneId, EventId};
use crate::store::sql::{Database, Error, Row, sql};

/// How many are written at a time; the others the next time.
const AT_ONCE: i64 = 1000;

/// Notes of the processes that this replica holds and that have served something else than they are to serve since before
/// that, once for each time that they began to. Returns how many.
pub(super) async fn note(database: &Database, replica: Uuid, before: Timestamp) -> Result<u64, Error> {
    let select =
        sql("select p.data_plane_id, p.instance_id, p.wanted, p.running from processes p where p.replica_id = $1 \
         and p.wanted is not null and p.drift_since < $2 and not exists (select 1 from node_events e \
         where e.data_plane_id = p.data_plane_id and e.instance_id = p.instance_id and e.outcome = 'drifted' \
         and e.at >= p.drift_since) order by p.data_plane_id, p.instance_id limit $3");
    let rows = database.fetch_all(select.bind(replica).bind(before).bind(AT_ONCE)).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let rows = rows.iter().map(event).collect::<Result<_, _>>()?;
    let mut transaction = database.begin().await?;
    let count = transaction.execute(noted(transaction.dialect(), rows)).await?;
    transaction.commit().await?;
    Ok(count)
}

fn event(row: &Row) -> Result<Value, Error> {
    let running: Option<Digest> = row.get("running")?;
    Ok(json!({
        "id": EventId::new(),
        "data_plane": row.get::<DataPlaneId>("data_plane_id")?,
        "instance": row.get::<Uuid>("instance_id")?,
        "deployment": null,
        "outcome": "drifted",
        "artifact": row.get::<Digest>("wanted")?,
        "code": null,
        "detail": running.map_or_else(|| "serves nothing".to_owned(), |running| format!("serves {running}")),
    }))
}
