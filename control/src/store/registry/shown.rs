//! What people see of it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::domain::data_plane::Status;
use crate::domain::digest::Digest;
use crate::domain::id::{DataPlaneId, ProjectId};
use crate::domain::registry::{DRIFT_GRACE_SECONDS, FleetSummary, Instance};
use crate::domain::time::now;
use crate::store::data_planes;
use crate::store::sql::{Database, Dialect, Error, Row, sql};

/// How many processes of a data plane are shown.
const SHOWN: i64 = 100;

pub(super) async fn instances(
    database: &Database,
    planes: &[DataPlaneId],
) -> Result<BTreeMap<DataPlaneId, Vec<Instance>>, Error> {
    let of_these = match database.dialect() {
        Dialect::Postgres => "(select n::uuid from jsonb_array_elements_text($1) as n)",
        Dialect::Sqlite => "(select n.value from json_each($1) as n)",
    };
    let select = sql("select * from (select p.*, row_number() over (partition by p.data_plane_id \
         order by p.presence = 'gone', p.last_seen desc, p.instance_id) as place \
         from processes p where p.data_plane_id in ")
    .bind(Value::Array(planes.iter().map(|id| json!(id)).collect()))
    .then(of_these)
    .then_bind(") as p where place <= ", SHOWN)
    .then(" order by data_plane_id, place");
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in database.fetch_list(select).await? {
        all.entry(row.get("data_plane_id")?).or_default().push(read(&row)?);
    }
    Ok(all)
}

fn read(row: &Row) -> Result<Instance, Error> {
    Ok(Instance {
        id: row.get("instance_id")?,
        node: row.get("node_id")?,
        presence: row.word("presence")?,
        version: row.get("version")?,
        labels: row.json("labels")?,
        address: row.get("address")?,
        artifact: row.get("running")?,
        wanted: row.get("wanted")?,
        drift_since: row.get("drift_since")?,
        pointer_serial: row.get("pointer_serial")?,
        root_version: row.get("root_version")?,
        phase: row.json_text("phase")?,
        health: row.json_text_some("health")?,
        alarms: row.json_text("alarms")?,
        connected_at: row.get("connected_at")?,
        last_seen: row.get("last_seen")?,
    })
}

pub(super) async fn summary(database: &Database, project: ProjectId) -> Result<FleetSummary, Error> {
    let mut summary = FleetSummary {
        data_planes: 0,
        online: 0,
        deploying: 0,
        offline: 0,
        connected_instances: 0,
        drifting_instances: 0,
        alarmed_instances: 0,
        artifacts: BTreeMap::new(),
    };
    let select = sql("select status, count(*) as planes from (")
        .then(data_planes::SELECT)
        .then_bind(") as planes where project_id = ", project)
        .then(" group by status");
    for row in database.fetch_list(select).await? {
        let planes: i64 = row.get("planes")?;
        summary.data_planes += planes;
        match row.word("status")? {
            Status::Online => summary.online = planes,
            Status::Deploying => summary.deploying = planes,
            Status::Offline => summary.offline = planes,
        }
    }
    let grace = SignedDuration::from_secs(DRIFT_GRACE_SECONDS);
    let drifting_before = now().checked_sub(grace).unwrap_or(now());
    let select = sql("select p.running, count(*) as here, \
         count(case when p.presence = 'connected' then 1 end) as connected, \
         count(case when p.drift_since < $2 then 1 end) as drifting, \
         count(case when p.alarms <> '[]' then 1 end) as alarmed \
         from processes p join data_planes d on d.id = p.data_plane_id \
         where d.project_id = $1 and p.presence <> 'gone' group by p.running")
    .bind(project)
    .bind(drifting_before);
    for row in database.fetch_list(select).await? {
        summary.connected_instances += row.get::<i64>("connected")?;
        summary.drifting_instances += row.get::<i64>("drifting")?;
        summary.alarmed_instances += row.get::<i64>("alarmed")?;
        if let Some(digest) = row.get::<Option<Digest>>("running")? {
            summary.artifacts.insert(digest.to_string(), row.get("here")?);
        }
    }
    Ok(summary)
}
