//! What became of deployments on data planes, written down, and kept short.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::id::{DataPlaneId, DeploymentId};
use crate::store::sql::{Dialect, Error, Row, Transaction, sql};

/// How many of each outcome are kept of one data plane and one deployment: the newest. One that comes and goes tells the same
/// again, and what goes well takes no place of what failed.
const KEPT: i64 = 50;

/// Whose history it is.
type Place = (DeploymentId, DataPlaneId);

/// Writes down what became of each deployment on the data plane: where it is not said of which, of one of that artifact
/// that has reached it: the newest in which something is known of it, or else the newest. The oldest make room. Returns
/// how many were written.
pub(super) async fn write(transaction: &mut Transaction, rows: Vec<Value>) -> Result<usize, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let dialect = transaction.dialect();
    let insert =
        sql("insert into node_events (id, deployment_id, data_plane_id, data_plane_name, instance_id, outcome, \
         code, detail, at) select id, deployment_id, data_plane_id, name, instance_id, outcome, code, detail, ")
        .then(dialect.now())
        .then(" from (select n.*, p.id as data_plane_id, p.name, d.id as deployment_id from (");
    let rows = insert.bind(Value::Array(rows)).then(match dialect {
        Dialect::Postgres => {
            "select r.id, r.data_plane, r.instance as instance_id, r.deployment, r.outcome, \
             decode(r.artifact, 'hex') as artifact, r.code, r.detail from jsonb_to_recordset($1) as r (id uuid, \
             data_plane uuid, instance uuid, deployment uuid, outcome text, artifact text, code text, detail text)"
        }
        Dialect::Sqlite => {
            "select value ->> 'id' as id, value ->> 'data_plane' as data_plane, value ->> 'instance' as instance_id, \
             value ->> 'deployment' as deployment, value ->> 'outcome' as outcome, \
             unhex(value ->> 'artifact') as artifact, value ->> 'code' as code, value ->> 'detail' as detail \
             from json_each($1)"
        }
    });
    let insert = rows.then(
        ") as n join data_planes p on p.id = n.data_plane join deployments d on d.id = (select o.id from deployments o \
         left join node_events e on e.deployment_id = o.id and e.data_plane_id = p.id \
         where o.project_id = p.project_id and o.artifact = n.artifact and o.started_at is not null \
         and (o.id = n.deployment or n.deployment is null) and (o.for_everyone or exists (select 1 \
         from deployment_members m where m.deployment_id = o.id and m.data_plane_id = p.id)) \
         order by e.id is null, o.serial desc limit 1)) as found order by id returning deployment_id, data_plane_id",
    );
    let written = transaction.fetch_all(insert).await?;
    let places = written.iter().map(place).collect::<Result<BTreeSet<_>, _>>()?;
    make_room(transaction, &places).await?;
    Ok(written.len())
}

fn place(row: &Row) -> Result<Place, Error> {
    Ok((row.get("deployment_id")?, row.get("data_plane_id")?))
}

/// Removes what is too much there.
async fn make_room(transaction: &mut Transaction, places: &BTreeSet<Place>) -> Result<(), Error> {
    if places.is_empty() {
        return Ok(());
    }
    let dialect = transaction.dialect();
    let places = places.iter().map(|(deployment, plane)| json!({ "deployment": deployment, "data_plane": plane }));
    let (before, after) = match dialect {
        Dialect::Postgres => {
            ("select r.deployment, r.data_plane from jsonb_to_recordset(", ") as r (deployment uuid, data_plane uuid)")
        }
        Dialect::Sqlite => {
            ("select value ->> 'deployment' as deployment, value ->> 'data_plane' as data_plane from json_each(", ")")
        }
    };
    // Held in their order: another control plane that makes room in the same place waits, and never for ever.
    let remove = sql("delete from node_events where id in (select id from node_events where id in (select id from \
         (select e.id, row_number() over (partition by e.deployment_id, e.data_plane_id, e.outcome order by e.id desc) \
         as place from (")
    .then_bind(before, Value::Array(places.collect()))
    .then(after)
    .then_bind(
        ") as k join node_events e on e.data_plane_id = k.data_plane and e.deployment_id = k.deployment) as known \
         where place > ",
        KEPT,
    )
    .then(") order by id")
    .then(dialect.for_update());
    transaction.execute(remove.then(")")).await?;
    Ok(())
}
