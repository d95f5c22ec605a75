//! What data planes say of themselves.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;

use async_trait::async_trait;
use tokio::sync::watch;

use super::DatabaseStore;
use super::changes::Topic;
use super::sql::{Error as SqlError, Row, Statement, Transaction, sql};
use crate::domain::data_plane::Kind;
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{DataPlaneId, EventId, ProjectId};
use crate::domain::node::{Instance, Measured, Node, Occasion, Phase, Presence, Said, Traffic};
use crate::domain::store::{Nodes, Result};

/// How many rows are sent at once.
const ROWS_MAX: usize = 200;
/// How often it is written down what one data plane made of one deployment: one that comes and goes tells the same again.
const EVENTS_MAX: i64 = 100;
/// A sum stops here, rather than go over.
const SUM_MAX: i64 = i64::MAX / 4;

#[async_trait]
impl Nodes for DatabaseStore {
    async fn record_status(&self, said: &[Said]) -> Result<()> {
        let mut transaction = self.database.begin().await?;
        for said in said {
            let phase = said.phase.clone().kept();
            let before = keep(&mut transaction, said, &phase).await?;
            let is_news = said.occasion == Occasion::Status || before.as_ref() != Some(&phase);
            if let Some(outcome) = outcome(&phase).filter(|_| is_news) {
                note(&mut transaction, said, outcome).await?;
            }
        }
        transaction.commit().await?;
        self.changes.tell(Topic::Nodes);
        Ok(())
    }

    async fn record_health(&self, measured: &[Measured]) -> Result<()> {
        // Each row once, and always in this order: two control planes do not wait for each other.
        let mut sums: BTreeMap<(DataPlaneId, Digest), Traffic> = BTreeMap::new();
        for Measured { data_plane, artifact, traffic } in measured {
            let sum = sums.entry((*data_plane, *artifact)).or_default();
            *sum = sum.plus(*traffic);
        }
        let sums: Vec<_> = sums.into_iter().collect();
        let mut transaction = self.database.begin().await?;
        for rows in sums.chunks(ROWS_MAX) {
            let now = transaction.dialect().now();
            transaction.execute(add(rows, now)).await?;
        }
        transaction.commit().await?;
        self.changes.tell(Topic::Nodes);
        Ok(())
    }

    async fn nodes(&self, project: ProjectId) -> Result<Vec<Node>> {
        let select = sql("select id, name, labels from data_planes where project_id = $1 and kind = $2 order by id");
        let rows = self.database.fetch_all(select.bind(project).bind(Kind::Gateway.as_str())).await?;
        let mut nodes = rows.iter().map(node).collect::<Result<Vec<_>, _>>()?;
        let places: HashMap<_, _> = nodes.iter().enumerate().map(|(place, node)| (node.id, place)).collect();
        let select = sql("select instances.* from instances join data_planes on data_planes.id = data_plane_id \
             where project_id = $1 and is_online order by instances.id");
        for row in self.database.fetch_all(select.bind(project)).await? {
            // One that was made in between is seen the next time.
            let Some(place) = places.get(&row.get("data_plane_id")?) else { continue };
            nodes[*place].instances.push(instance(&row)?);
        }
        let select = sql("select data_plane_traffic.* from data_plane_traffic \
             join data_planes on data_planes.id = data_plane_id where project_id = $1");
        for row in self.database.fetch_all(select.bind(project)).await? {
            let Some(place) = places.get(&row.get("data_plane_id")?) else { continue };
            nodes[*place].traffic.insert(row.get("artifact")?, traffic(&row)?);
        }
        Ok(nodes)
    }

    fn node_changes(&self) -> watch::Receiver<()> {
        self.changes.receiver(Topic::Nodes)
    }
}

/// Keeps what a process says. Returns what it said before, if anything.
async fn keep(transaction: &mut Transaction, said: &Said, phase: &Phase) -> Result<Option<Phase>> {
    let now = transaction.dialect().now();
    let select = sql("select phase from instances where id = $1").bind(said.instance);
    let before = transaction.fetch_optional(select.then(transaction.dialect().for_update())).await?;
    let before = before.map(|row| row.json_text::<Phase>("phase")).transpose()?;
    let text = serde_json::to_string(phase).map_err(|_| Error::Damaged(Noun::DataPlane))?;
    let serial = said.pointer_serial.map(|serial| i64::try_from(serial.get()).unwrap_or(i64::MAX));
    let insert = sql("insert into instances (id, data_plane_id, is_online, running, pointer_serial, phase, phase_at, \
         created_at, updated_at) select $1, id, $2, $3, $4, $5, ")
    .bind(said.instance)
    .bind(said.presence == Presence::Here)
    .bind(said.running)
    .bind(serial)
    .bind(text)
    .then(now)
    .then(", ")
    .then(now)
    .then(", ")
    .then(now)
    .then_bind(" from data_planes where id = ", said.data_plane)
    .then(
        " on conflict (id) do update set data_plane_id = excluded.data_plane_id, is_online = excluded.is_online, \
           running = excluded.running, pointer_serial = excluded.pointer_serial, updated_at = excluded.updated_at, \
           phase_at = case when instances.phase <> excluded.phase",
    )
    .then_bind(" or ", said.occasion == Occasion::Status)
    .then(" then excluded.phase_at else instances.phase_at end, phase = excluded.phase");
    transaction.execute(insert).await?;
    Ok(before)
}

/// What became of an artifact on a data plane, in the end.
#[derive(Debug, Clone, Copy)]
struct Outcome<'a> {
    word: &'static str,
    artifact: Digest,
    code: Option<&'a str>,
    detail: Option<&'a str>,
}

fn outcome(phase: &Phase) -> Option<Outcome<'_>> {
    match phase {
        Phase::Waiting | Phase::Downloading { .. } | Phase::Verifying { .. } | Phase::Loading { .. } => None,
        Phase::Active { digest } => Some(Outcome { word: "active", artifact: *digest, code: None, detail: None }),
        Phase::Rejected { digest, code, detail } => {
            Some(Outcome { word: "rejected", artifact: *digest, code: Some(code), detail: Some(detail) })
        }
        Phase::RolledBack { digest, detail } => {
            Some(Outcome { word: "rolled_back", artifact: *digest, code: None, detail: Some(detail) })
        }
    }
}

/// Writes down what became of the newest deployment of that artifact which has reached the data plane.
async fn note(transaction: &mut Transaction, said: &Said, outcome: Outcome<'_>) -> Result<()> {
    let insert =
        sql("insert into node_events (id, deployment_id, data_plane_id, data_plane_name, instance_id, outcome, \
         code, detail, at) select $1, d.id, p.id, p.name, $2, $3, $4, $5, ")
        .bind(EventId::new())
        .bind(said.instance)
        .bind(outcome.word)
        .bind(outcome.code)
        .bind(outcome.detail)
        .then(transaction.dialect().now())
        .then(
            " from data_planes p join deployments d on d.project_id = p.project_id where d.started_at is not null \
           and (d.for_everyone or exists (select 1 from deployment_members m where m.deployment_id = d.id \
           and m.data_plane_id = p.id)) and (select count(*) from node_events e where e.deployment_id = d.id \
           and e.data_plane_id = p.id)",
        )
        .then_bind(" < ", EVENTS_MAX)
        .then_bind(" and p.id = ", said.data_plane)
        .then_bind(" and d.artifact = ", outcome.artifact)
        .then(" order by d.serial desc limit 1");
    transaction.execute(insert).await?;
    Ok(())
}

fn add(rows: &[((DataPlaneId, Digest), Traffic)], now: &'static str) -> Statement {
    let insert = sql("insert into data_plane_traffic (data_plane_id, artifact, requests, server_errors, p99_weight, \
         updated_at) select id, column2, column3, column4, column5, ")
    .then(now)
    .then(" from (values ");
    let insert = rows.iter().enumerate().fold(insert, |insert, (index, ((id, artifact), traffic))| {
        insert
            .then(if index == 0 { "(" } else { ", (" })
            .then_bind("", *id)
            .then_bind(", ", *artifact)
            .then_bind(", ", traffic.requests.clamp(0, SUM_MAX))
            .then_bind(", ", traffic.server_errors.clamp(0, SUM_MAX))
            .then_bind(", ", traffic.p99_weight.clamp(0, SUM_MAX))
            .then(")")
    });
    insert
        .then(
            ") as measured join data_planes on id = column1 where true on conflict (data_plane_id, artifact) \
         do update set updated_at = excluded.updated_at, requests = case when data_plane_traffic.requests < ",
        )
        .then_bind("", SUM_MAX)
        .then(
            " then data_plane_traffic.requests + excluded.requests else data_plane_traffic.requests end, \
              server_errors = case when data_plane_traffic.server_errors < ",
        )
        .then_bind("", SUM_MAX)
        .then(
            " then data_plane_traffic.server_errors + excluded.server_errors else data_plane_traffic.server_errors \
              end, p99_weight = case when data_plane_traffic.p99_weight < ",
        )
        .then_bind("", SUM_MAX)
        .then(" then data_plane_traffic.p99_weight + excluded.p99_weight else data_plane_traffic.p99_weight end")
}

fn node(row: &Row) -> Result<Node, SqlError> {
    Ok(Node {
        id: row.get("id")?,
        name: row.parse("name")?,
        labels: row.json("labels")?,
        instances: Vec::new(),
        traffic: BTreeMap::new(),
    })
}

fn instance(row: &Row) -> Result<Instance, SqlError> {
    let serial = row.get::<Option<i64>>("pointer_serial")?;
    Ok(Instance {
        id: row.get("id")?,
        running: row.get("running")?,
        pointer_serial: serial.and_then(|serial| u64::try_from(serial).ok()).and_then(NonZeroU64::new),
        phase: row.json_text("phase")?,
        phase_at: row.get("phase_at")?,
    })
}

pub(super) fn traffic(row: &Row) -> Result<Traffic, SqlError> {
    Ok(Traffic {
        requests: row.get("requests")?,
        server_errors: row.get("server_errors")?,
        p99_weight: row.get("p99_weight")?,
    })
}
