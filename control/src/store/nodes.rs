//! Data planes as rollouts see them: their processes, as `registry` keeps them, and how their traffic fares.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::DatabaseStore;
use super::changes::Topic;
use super::sql::{Dialect, Error as SqlError, Row, Statement, sql};
use crate::domain::data_plane::Kind;
use crate::domain::digest::Digest;
use crate::domain::id::{DataPlaneId, ProjectId};
use crate::domain::node::{Instance, Measured, Node, Traffic};
use crate::domain::store::{Nodes, Result};

/// How many rows are sent at once.
const ROWS_MAX: usize = 200;
/// A sum stops here, rather than go over.
const SUM_MAX: i64 = i64::MAX / 4;
/// How long a period is, in microseconds. What is recent is of this one and the one before: of five minutes, or up to ten.
const PERIOD: i64 = 300_000_000;

#[async_trait]
impl Nodes for DatabaseStore {
    async fn record_health(&self, measured: &[Measured]) -> Result<()> {
        // Each row once, and always in this order: two control planes do not wait for each other.
        let mut sums: BTreeMap<(DataPlaneId, Digest), Traffic> = BTreeMap::new();
        for Measured { data_plane, artifact, traffic } in measured {
            if traffic.requests == 0 {
                continue;
            }
            let sum = sums.entry((*data_plane, *artifact)).or_default();
            *sum = sum.plus(*traffic);
        }
        let sums: Vec<_> = sums.into_iter().collect();
        let mut transaction = self.database.begin().await?;
        for rows in sums.chunks(ROWS_MAX) {
            let add = add(transaction.dialect(), rows);
            transaction.execute(add).await?;
        }
        transaction.commit().await?;
        self.changes.tell(Topic::Nodes);
        Ok(())
    }

    async fn nodes(&self, project: ProjectId, artifact: Digest) -> Result<Vec<Node>> {
        let select = sql("select id, name, labels from data_planes where project_id = $1 and kind = $2 order by id");
        let rows = self.database.fetch_all(select.bind(project).bind(Kind::Gateway.as_str())).await?;
        let mut nodes = rows.iter().map(node).collect::<Result<Vec<_>, _>>()?;
        let places: HashMap<_, _> = nodes.iter().enumerate().map(|(place, node)| (node.id, place)).collect();
        let select =
            sql("select p.data_plane_id, p.instance_id, p.presence, p.running, p.pointer_serial, p.phase, p.phase_at \
             from processes p join data_planes d on d.id = p.data_plane_id \
             where d.project_id = $1 and p.presence <> 'gone' order by p.instance_id");
        for row in self.database.fetch_all(select.bind(project)).await? {
            // One that was made in between is seen the next time.
            let Some(place) = places.get(&row.get("data_plane_id")?) else { continue };
            nodes[*place].instances.push(instance(&row)?);
        }
        let select = sql("select data_plane_traffic.*, ")
            .then(self.database.dialect().now())
            .then_bind(" / ", PERIOD)
            .then(" as current_period from data_plane_traffic join data_planes on data_planes.id = data_plane_id")
            .then_bind(" where project_id = ", project)
            .then_bind(" and artifact = ", artifact);
        for row in self.database.fetch_all(select).await? {
            let Some(place) = places.get(&row.get("data_plane_id")?) else { continue };
            nodes[*place].traffic.insert(row.get("artifact")?, traffic(&row)?);
            nodes[*place].earlier.insert(row.get("artifact")?, earlier(&row)?);
        }
        Ok(nodes)
    }

    fn node_changes(&self) -> watch::Receiver<()> {
        self.changes.receiver(Topic::Nodes)
    }
}

/// Adds to the sums of what is there. One text, however many rows: each text is prepared, and kept by server and connection.
fn add(dialect: Dialect, rows: &[((DataPlaneId, Digest), Traffic)]) -> Statement {
    let rows = rows.iter().map(|((data_plane, artifact), traffic)| {
        json!({
            "data_plane": data_plane,
            "artifact": artifact,
            "requests": traffic.requests.clamp(0, SUM_MAX),
            "server_errors": traffic.server_errors.clamp(0, SUM_MAX),
            "p99_weight": traffic.p99_weight.clamp(0, SUM_MAX),
        })
    });
    let measured = match dialect {
        Dialect::Postgres => {
            "select r.data_plane, decode(r.artifact, 'hex') as artifact, r.requests, r.server_errors, r.p99_weight \
             from jsonb_to_recordset($1) as r (data_plane uuid, artifact text, requests bigint, server_errors bigint, \
             p99_weight bigint)"
        }
        Dialect::Sqlite => {
            "select value ->> 'data_plane' as data_plane, unhex(value ->> 'artifact') as artifact, \
             value ->> 'requests' as requests, value ->> 'server_errors' as server_errors, \
             value ->> 'p99_weight' as p99_weight from json_each($1)"
        }
    };
    sql("insert into data_plane_traffic as t (data_plane_id, artifact, requests, server_errors, p99_weight, updated_at, \
         period_number) select d.id, m.artifact, m.requests, m.server_errors, m.p99_weight, ")
    .then(dialect.now())
    .then(", ")
    .then(dialect.now())
    .then(" / $3 from (")
    .bind(Value::Array(rows.collect()))
    .then(measured)
    .then(
        ") as m join data_planes d on d.id = m.data_plane \
         join artifacts a on a.project_id = d.project_id and a.digest = m.artifact where true \
         order by d.id, m.artifact on conflict (data_plane_id, artifact) do update set updated_at = excluded.updated_at, \
         requests = case when t.requests < $2 then t.requests + excluded.requests else t.requests end, \
         server_errors = case when t.server_errors < $2 then t.server_errors + excluded.server_errors \
         else t.server_errors end, \
         p99_weight = case when t.p99_weight < $2 then t.p99_weight + excluded.p99_weight else t.p99_weight end, ",
    )
    .then(TURN)
    .bind(SUM_MAX)
    .bind(PERIOD)
}

/// Where a period has begun since, keeps what sums had come to by then.
const TURN: &str = "period_number = excluded.period_number, \
     period_requests = case when t.period_number = excluded.period_number \
     then t.period_requests else t.requests end, \
     period_server_errors = case when t.period_number = excluded.period_number \
     then t.period_server_errors else t.server_errors end, \
     period_p99_weight = case when t.period_number = excluded.period_number \
     then t.period_p99_weight else t.p99_weight end, \
     earlier_requests = case excluded.period_number - t.period_number \
     when 0 then t.earlier_requests when 1 then t.period_requests \
     else t.requests end, \
     earlier_server_errors = case excluded.period_number - t.period_number \
     when 0 then t.earlier_server_errors when 1 then t.period_server_errors \
     else t.server_errors end, \
     earlier_p99_weight = case excluded.period_number - t.period_number \
     when 0 then t.earlier_p99_weight when 1 then t.period_p99_weight \
     else t.p99_weight end";

fn node(row: &Row) -> Result<Node, SqlError> {
    Ok(Node {
        id: row.get("id")?,
        name: row.parse("name")?,
        labels: row.json("labels")?,
        instances: Vec::new(),
        traffic: BTreeMap::new(),
        earlier: BTreeMap::new(),
    })
}

fn instance(row: &Row) -> Result<Instance, SqlError> {
    let serial = row.get::<Option<i64>>("pointer_serial")?;
    Ok(Instance {
        id: row.get("instance_id")?,
        presence: row.word("presence")?,
        running: row.get("running")?,
        pointer_serial: serial.and_then(|serial| u64::try_from(serial).ok()).and_then(NonZeroU64::new),
        phase: row.json_text("phase")?,
        phase_at: row.get("phase_at")?,
    })
}

pub(super) fn traffic(row: &Row) -> Result<Traffic, SqlError> {
    sums(row, ["requests", "server_errors", "p99_weight"])
}

/// What traffic had come to when the period before this one began.
fn earlier(row: &Row) -> Result<Traffic, SqlError> {
    match row.get::<i64>("current_period")?.saturating_sub(row.get("period_number")?) {
        0 => sums(row, ["earlier_requests", "earlier_server_errors", "earlier_p99_weight"]),
        // In this one there was none yet.
        1 => sums(row, ["period_requests", "period_server_errors", "period_p99_weight"]),
        _ => traffic(row),
    }
}

fn sums(row: &Row, [requests, server_errors, p99_weight]: [&'static str; 3]) -> Result<Traffic, SqlError> {
    Ok(Traffic {
        requests: row.get(requests)?,
        server_errors: row.get(server_errors)?,
        p99_weight: row.get(p99_weight)?,
    })
}
