//! What was heard of many processes, in a few statements, however many there are.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::key;
use super::said::News;
use crate::domain::registry::{Heard, InstanceKey, Kept, Lease};
use crate::store::sql::{Database, Dialect, Error, Statement, Transaction, sql};

/// Whose rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// All: the processes are connected here, whoever held them before.
    Any,
    /// Those that nobody else holds by now.
    Own,
}

/// The rows of `$1`, as columns. Those whose data plane was removed are left out; in an order, so that two control planes
/// that write the same rows wait for each other and never for ever.
fn rows(dialect: Dialect) -> Statement {
    let into = sql("insert into processes (data_plane_id, instance_id, node_id, presence, replica_id, away_until, \
         version, labels, address, running, wanted, drift_since, pointer_serial, root_version, phase, phase_name, health, \
         alarms, connected_at, last_seen, phase_at, created_at) select n.*, ").then(dialect.now()).then(", ").then(dialect.now()).then(" from (");
    match dialect {
        Dialect::Postgres => into.then(
            "select n.data_plane, n.instance, n.node, 'connected', n.replica, cast(null as bigint), n.version, n.labels, n.address, \
             decode(n.running, 'hex'), decode(n.wanted, 'hex'), n.drift_since, n.pointer_serial, n.root_version, n.phase, \
             n.phase_name, n.health, n.alarms, n.connected_at, n.last_seen \
             from jsonb_to_recordset($1) as n (data_plane uuid, instance uuid, node uuid, replica uuid, version text, \
             labels jsonb, address text, running text, wanted text, drift_since bigint, pointer_serial bigint, \
             root_version bigint, phase text, phase_name text, health text, alarms text, connected_at bigint, \
             last_seen bigint) join data_planes d on d.id = n.data_plane order by n.data_plane, n.instance) as n where true ",
        ),
        Dialect::Sqlite => into.then(
            "select n.value ->> 'data_plane', n.value ->> 'instance', n.value ->> 'node', 'connected', \
             n.value ->> 'replica', null, n.value ->> 'version', n.value -> 'labels', n.value ->> 'address', \
             unhex(n.value ->> 'running'), unhex(n.value ->> 'wanted'), n.value ->> 'drift_since', \
             n.value ->> 'pointer_serial', n.value ->> 'root_version', n.value ->> 'phase', n.value ->> 'phase_name', \
             n.value ->> 'health', n.value ->> 'alarms', n.value ->> 'connected_at', n.value ->> 'last_seen' \
             from json_each($1) as n join data_planes d on d.id = n.value ->> 'data_plane') as n where true ",
        ),
    }
}

const AND_KEPT: &str = "on conflict (data_plane_id, instance_id) do update set node_id = excluded.node_id, \
     presence = 'connected', replica_id = excluded.replica_id, away_until = null, version = excluded.version, \
     labels = excluded.labels, address = excluded.address, running = excluded.running, wanted = excluded.wanted, \
     drift_since = case when excluded.drift_since is not null \
     and processes.wanted is not distinct from excluded.wanted \
     then coalesce(processes.drift_since, excluded.drift_since) else excluded.drift_since end, \
     pointer_serial = excluded.pointer_serial, root_version = excluded.root_version, phase = excluded.phase, \
     phase_name = excluded.phase_name, health = excluded.health, alarms = excluded.alarms, \
     connected_at = excluded.connected_at, last_seen = excluded.last_seen";
const UNLESS_HELD_ELSEWHERE: &str = " where processes.replica_id = excluded.replica_id";
const RETURNING: &str = " returning data_plane_id, instance_id";

/// Keeps it, and says that the replica lives.
pub(super) async fn keep(database: &Database, replica: Uuid, heard: &[Heard]) -> Result<Kept, Error> {
    let mut transaction = database.begin().await?;
    let lease = live(&mut transaction, replica).await?;
    let missing = write(&mut transaction, (replica, heard), Rows::Any).await?;
    transaction.commit().await?;
    Ok(Kept { missing, lease })
}

/// Writes it, and what became of deployments by it. Returns the processes whose data plane is not there.
pub(super) async fn write(
    transaction: &mut Transaction,
    (replica, heard): (Uuid, &[Heard]),
    whose: Rows,
) -> Result<Vec<InstanceKey>, Error> {
    if heard.is_empty() {
        return Ok(Vec::new());
    }
    let news = News::of(transaction, heard).await?;
    let all = heard.iter().map(|heard| as_json(replica, heard)).collect::<Result<Vec<_>, _>>()?;
    let statement = rows(transaction.dialect()).bind(serde_json::Value::Array(all)).then(AND_KEPT);
    let statement = match whose {
        Rows::Any => statement,
        Rows::Own => statement.then(UNLESS_HELD_ELSEWHERE),
    };
    let mut missing: BTreeSet<InstanceKey> = heard.iter().map(|heard| heard.key).collect();
    for row in transaction.fetch_all(statement.then(RETURNING)).await? {
        missing.remove(&key(&row)?);
    }
    news.keep(transaction).await?;
    Ok(missing.into_iter().collect())
}

async fn live(transaction: &mut Transaction, replica: Uuid) -> Result<Lease, Error> {
    let now = transaction.dialect().now();
    let beat = sql("update replicas set flushed_at = ").then(now).then_bind(" where id = ", replica);
    if transaction.execute(beat).await? > 0 {
        return Ok(Lease::Held);
    }
    let begin = sql("insert into replicas (id, started_at, flushed_at) values ($1, ").bind(replica);
    transaction.execute(begin.then(now).then(", ").then(now).then(")")).await?;
    Ok(Lease::Begun)
}

fn as_json(replica: Uuid, Heard { key, instance, .. }: &Heard) -> Result<serde_json::Value, Error> {
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
