//! What many processes said, in three statements, however many there are: what is known of them is read and held, what they
//! say now is kept, and what became of deployments by it is written down.
//!
//! Rows are held in the order of their keys, so that two control planes that write the same wait for each other, and never
//! for ever.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::error::{Error, Noun};
use crate::domain::id::EventId;
use crate::domain::node::{Occasion, Phase, Presence, Said};
use crate::domain::registry::InstanceKey;
use crate::domain::store::Result;
use crate::store::registry::{key, key_rows};
use crate::store::sql::{Database, Dialect, Statement, Transaction, sql};

/// How often it is written down what one data plane made of one deployment: one that comes and goes tells the same again.
const EVENTS_MAX: i64 = 100;

/// What is known of a process, while what it says is gone through.
#[derive(Debug)]
struct Known<'a> {
    phase: Phase,
    /// Since when; nothing: since now.
    phase_at: Option<Timestamp>,
    latest: &'a Said,
}

pub(super) async fn keep(database: &Database, said: &[Said]) -> Result<()> {
    if said.is_empty() {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    let before = held(&mut transaction, said).await?;
    let mut known: BTreeMap<InstanceKey, Known<'_>> = BTreeMap::new();
    let mut news = Vec::new();
    for one in said {
        let phase = one.phase.clone().kept();
        let own = InstanceKey { data_plane: one.data_plane, instance: one.instance };
        let last = known.get(&own).map(|known| (&known.phase, known.phase_at));
        let last = last.or_else(|| before.get(&own).map(|(phase, at)| (phase, Some(*at))));
        let since = last.filter(|(last, _)| **last == phase && one.occasion != Occasion::Status);
        let phase_at = since.and_then(|(_, at)| at);
        if since.is_none() {
            news.extend(outcome(one, &phase));
        }
        known.insert(own, Known { phase, phase_at, latest: one });
    }
    let rows = known.iter().map(|(key, known)| as_json(key, known)).collect::<Result<Vec<_>>>()?;
    transaction.execute(kept(transaction.dialect(), rows)).await?;
    if !news.is_empty() {
        transaction.execute(noted(transaction.dialect(), news)).await?;
    }
    Ok(transaction.commit().await?)
}

/// What was known of them, which nobody else changes until the transaction ends.
async fn held(transaction: &mut Transaction, said: &[Said]) -> Result<BTreeMap<InstanceKey, (Phase, Timestamp)>> {
    let keys = said.iter().map(|said| InstanceKey { data_plane: said.data_plane, instance: said.instance });
    let dialect = transaction.dialect();
    let select = sql("select data_plane_id, instance_id, phase, phase_at from instances \
         where (data_plane_id, instance_id) in (");
    let select = key_rows(select, dialect, keys).then(") order by data_plane_id, instance_id");
    let rows = transaction.fetch_all(select.then(dialect.for_update())).await?;
    rows.iter().map(|row| Ok((key(row)?, (row.json_text("phase")?, row.get("phase_at")?)))).collect()
}

fn as_json(key: &InstanceKey, Known { phase, phase_at, latest }: &Known<'_>) -> Result<Value> {
    let phase = serde_json::to_string(phase).map_err(|_| Error::Damaged(Noun::DataPlane))?;
    let serial = latest.pointer_serial.map(|serial| i64::try_from(serial.get()).unwrap_or(i64::MAX));
    Ok(json!({
        "data_plane": key.data_plane,
        "instance": key.instance,
        "is_online": latest.presence == Presence::Here,
        "running": latest.running,
        "pointer_serial": serial,
        "phase": phase,
        "phase_at": phase_at.map(Timestamp::as_microsecond),
    }))
}

/// Keeps them; those whose data plane was removed are left out.
fn kept(dialect: Dialect, rows: Vec<Value>) -> Statement {
    let insert = sql("insert into instances (data_plane_id, instance_id, is_online, running, pointer_serial, phase, \
         phase_at, created_at, updated_at) ");
    let insert = match dialect {
        Dialect::Postgres => insert.then(
            "select n.data_plane, n.instance, n.is_online, decode(n.running, 'hex'), n.pointer_serial, n.phase, \
             coalesce(n.phase_at, t.now), t.now, t.now from jsonb_to_recordset($1) as n (data_plane uuid, instance uuid, \
             is_online boolean, running text, pointer_serial bigint, phase text, phase_at bigint)",
        ),
        Dialect::Sqlite => insert.then(
            "select n.value ->> 'data_plane', n.value ->> 'instance', n.value ->> 'is_online', \
             unhex(n.value ->> 'running'), n.value ->> 'pointer_serial', n.value ->> 'phase', \
             coalesce(n.value ->> 'phase_at', t.now), t.now, t.now from json_each($1) as n",
        ),
    };
    let joined =
        insert.bind(Value::Array(rows)).then(" cross join (select ").then(dialect.now()).then(" as now) as t ");
    let joined = match dialect {
        Dialect::Postgres => {
            joined.then("join data_planes d on d.id = n.data_plane where true order by n.data_plane, n.instance")
        }
        Dialect::Sqlite => joined.then("join data_planes d on d.id = n.value ->> 'data_plane' where true"),
    };
    joined.then(
        " on conflict (data_plane_id, instance_id) do update set is_online = excluded.is_online, \
         running = excluded.running, pointer_serial = excluded.pointer_serial, phase = excluded.phase, \
         phase_at = excluded.phase_at, updated_at = excluded.updated_at",
    )
}

/// What became of an artifact on a data plane, in the end, as a row.
fn outcome(said: &Said, phase: &Phase) -> Option<Value> {
    let (word, artifact, code, detail) = match phase {
        Phase::Waiting | Phase::Downloading { .. } | Phase::Verifying { .. } | Phase::Loading { .. } => return None,
        Phase::Active { digest } => ("active", digest, None, None),
        Phase::Rejected { digest, code, detail } => ("rejected", digest, Some(code), Some(detail)),
        Phase::RolledBack { digest, detail } => ("rolled_back", digest, None, Some(detail)),
    };
    Some(json!({
        "id": EventId::new(),
        "data_plane": said.data_plane,
        "instance": said.instance,
        "outcome": word,
        "artifact": artifact,
        "code": code,
        "detail": detail,
    }))
}

/// Writes down what became of the newest deployment of each artifact that has reached the data plane.
fn noted(dialect: Dialect, rows: Vec<Value>) -> Statement {
    let insert =
        sql("insert into node_events (id, deployment_id, data_plane_id, data_plane_name, instance_id, outcome, \
         code, detail, at) select id, deployment_id, data_plane_id, name, instance_id, outcome, code, detail, ")
        .then(dialect.now())
        .then(
            " from (select n.*, p.id as data_plane_id, p.name, d.id as deployment_id, \
         row_number() over (partition by d.id, p.id order by n.id) as place from (",
        );
    let rows = insert.bind(Value::Array(rows)).then(match dialect {
        Dialect::Postgres => {
            "select r.id, r.data_plane, r.instance as instance_id, r.outcome, decode(r.artifact, 'hex') as artifact, \
             r.code, r.detail from jsonb_to_recordset($1) as r (id uuid, data_plane uuid, instance uuid, outcome text, \
             artifact text, code text, detail text)"
        }
        Dialect::Sqlite => {
            "select value ->> 'id' as id, value ->> 'data_plane' as data_plane, value ->> 'instance' as instance_id, \
             value ->> 'outcome' as outcome, unhex(value ->> 'artifact') as artifact, value ->> 'code' as code, \
             value ->> 'detail' as detail from json_each($1)"
        }
    });
    rows.then(
        ") as n join data_planes p on p.id = n.data_plane join deployments d on d.id = (select o.id from deployments o \
         where o.project_id = p.project_id and o.artifact = n.artifact and o.started_at is not null \
         and (o.for_everyone or exists (select 1 from deployment_members m where m.deployment_id = o.id \
         and m.data_plane_id = p.id)) order by o.serial desc limit 1)) as found \
         where place + (select count(*) from node_events e where e.deployment_id = found.deployment_id \
         and e.data_plane_id = found.data_plane_id)",
    )
    .then_bind(" <= ", EVENTS_MAX)
    .then(" order by id")
}
