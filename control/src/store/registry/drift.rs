//! Who drifts, written into the history of what it is to serve; where that is nothing, of what it goes on with.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{history, key, key_rows};
use crate::domain::digest::Digest;
use crate::domain::id::{DataPlaneId, EventId};
use crate::store::sql::{Database, Error, Row, sql};

/// How many are written at a time; the others the next time.
const AT_ONCE: i64 = 1000;

/// Notes of the processes that this replica holds and that have served something else than they are to serve since
/// before that, once for each time that they began to. Which time was noted stands with the process: no two clocks are
/// compared, and what has no room in the history is not looked for again. Returns how many.
pub(super) async fn note(database: &Database, replica: Uuid, before: Timestamp) -> Result<u64, Error> {
    let mut transaction = database.begin().await?;
    let dialect = transaction.dialect();
    let select =
        sql("select p.data_plane_id, p.instance_id, p.wanted, p.running from processes p where p.replica_id = $1 \
         and p.drift_since < $2 \
         and (p.drift_noted is null or p.drift_noted <> p.drift_since) \
         order by p.data_plane_id, p.instance_id limit $3")
        .bind(replica)
        .bind(before)
        .bind(AT_ONCE);
    let rows = transaction.fetch_all(select.then(dialect.for_update())).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let keys = rows.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let events = rows.iter().map(event).collect::<Result<_, _>>()?;
    let count = history::write(&mut transaction, events).await?;
    let noted = sql("update processes set drift_noted = drift_since where (data_plane_id, instance_id) in (");
    transaction.execute(key_rows(noted, dialect, keys.into_iter()).then(")")).await?;
    transaction.commit().await?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

fn event(row: &Row) -> Result<Value, Error> {
    let (wanted, running): (Option<Digest>, Option<Digest>) = (row.get("wanted")?, row.get("running")?);
    let detail = match (wanted, running) {
        (Some(_), Some(running)) => format!("serves {running}"),
        (_, None) => "serves nothing".to_owned(),
        (None, Some(_)) => "goes on with what was withdrawn, and nothing else is deployed for it".to_owned(),
    };
    Ok(json!({
        "id": EventId::new(),
        "data_plane": row.get::<DataPlaneId>("data_plane_id")?,
        "instance": row.get::<Uuid>("instance_id")?,
        "deployment": null,
        "outcome": "drifted",
        "artifact": wanted.or(running),
        "code": null,
        "detail": detail,
    }))
}
