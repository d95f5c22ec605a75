//! What was heard of many processes, in one statement.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::key;
use crate::domain::registry::{Heard, InstanceKey};
use crate::store::sql::{Database, Dialect, Error, Statement, Transaction, sql};

/// The rows of `$1`, as columns. Those whose data plane was removed are left out; in an order, so that two control planes
/// that write the same rows wait for each other and never for ever.
fn rows(dialect: Dialect) -> Statement {
    let into = sql("insert into processes (data_plane_id, instance_id, node_id, presence, replica_id, away_until, \
         version, labels, address, running, wanted, drift_since, pointer_serial, root_version, phase, phase_name, health, \
         alarms, connected_at, last_seen) ");
    match dialect {
        Dialect::Postgres => into.then(
            "select n.data_plane, n.instance, n.node, 'connected', n.replica, null, n.version, n.labels, n.address, \
             decode(n.running, 'hex'), decode(n.wanted, 'hex'), n.drift_since, n.pointer_serial, n.root_version, n.phase, \
             n.phase_name, n.health, n.alarms, n.connected_at, n.last_seen \
             from jsonb_to_recordset($1) as n (data_plane uuid, instance uuid, node uuid, replica uuid, version text, \
             labels jsonb, address text, running text, wanted text, drift_since bigint, pointer_serial bigint, \
             root_version bigint, phase text, phase_name text, health text, alarms text, connected_at bigint, \
             last_seen bigint) join data_planes d on d.id = n.data_plane order by n.data_plane, n.instance ",
        ),
        Dialect::Sqlite => into.then(
            "select n.value ->> 'data_plane', n.value ->> 'instance', n.value ->> 'node', 'connected', \
             n.value ->> 'replica', null, n.value ->> 'version', n.value -> 'labels', n.value ->> 'address', \
             unhex(n.value ->> 'running'), unhex(n.value ->> 'wanted'), n.value ->> 'drift_since', \
             n.value ->> 'pointer_serial', n.value ->> 'root_version', n.value ->> 'phase', n.value ->> 'phase_name', \
             n.value ->> 'health', n.value ->> 'alarms', n.value ->> 'connected_at', n.value ->> 'last_seen' \
             from json_each($1) as n join data_planes d on d.id = n.value ->> 'data_plane' where true ",
        ),
    }
}

const AND_KEPT: &str = "on conflict (data_plane_id, instance_id) do update set node_id = excluded.node_id, \
     presence = 'connected', replica_id = excluded.replica_id, away_until = null, version = excluded.version, \
     labels = excluded.labels, address = excluded.address, running = excluded.running, wanted = excluded.wanted, \
     drift_since = excluded.drift_since, pointer_serial = excluded.pointer_serial, \
     root_version = excluded.root_version, phase = excluded.phase, phase_name = excluded.phase_name, \
     health = excluded.health, alarms = excluded.alarms, connected_at = excluded.connected_at, \
     last_seen = excluded.last_seen returning data_plane_id, instance_id";

/// Keeps it, and says that the replica lives. Returns the processes whose data plane is not there.
pub(super) async fn keep(database: &Database, replica: Uuid, heard: &[Heard]) -> Result<Vec<InstanceKey>, Error> {
    let mut transaction = database.begin().await?;
    live(&mut transaction, replica).await?;
    let mut missing: BTreeSet<InstanceKey> = heard.iter().map(|heard| heard.key).collect();
    if !heard.is_empty() {
        let all = heard.iter().map(|heard| as_json(replica, heard)).collect::<Result<Vec<_>, _>>()?;
        let statement = rows(transaction.dialect()).bind(serde_json::Value::Array(all)).then(AND_KEPT);
        for row in transaction.fetch_all(statement).await? {
            missing.remove(&key(&row)?);
        }
    }
    transaction.commit().await?;
    Ok(missing.into_iter().collect())
}

async fn live(transaction: &mut Transaction, replica: Uuid) -> Result<(), Error> {
    let now = transaction.dialect().now();
    let beat = sql("insert into replicas (id, started_at, flushed_at) values ($1, ")
        .bind(replica)
        .then(now)
        .then(", ")
        .then(now)
        .then(") on conflict (id) do update set flushed_at = excluded.flushed_at");
    transaction.execute(beat).await?;
    Ok(())
}

fn as_json(replica: Uuid, Heard { key, instance }: &Heard) -> Result<serde_json::Value, Error> {
    let phase = written(&instance.phase)?;
    // Its tag.
    let phase_name =
        serde_json::to_value(&instance.phase).ok().and_then(|phase| Some(phase["name"].as_str()?.to_owned()));
    Ok(json!({
        "data_plane": key.data_plane,
        "instance": key.instance,
        "node": instance.node,
        "replica": replica,
        "version": instance.version,
        "labels": instance.labels,
        "address": instance.address,
        "running": instance.artifact,
        "wanted": instance.wanted,
        "drift_since": instance.drift_since.map(jiff::Timestamp::as_microsecond),
        "pointer_serial": instance.pointer_serial,
        "root_version": instance.root_version,
        "phase": phase,
        "phase_name": phase_name,
        "health": instance.health.as_ref().map(written).transpose()?,
        "alarms": written(&instance.alarms)?,
        "connected_at": instance.connected_at.as_microsecond(),
        "last_seen": instance.last_seen.as_microsecond(),
    }))
}

fn written(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Column { column: "phase", source: error.into() })
}
