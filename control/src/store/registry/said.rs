//! What processes said, beside how they are now: what became of deployments by it is written down.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{key, key_rows};
use crate::domain::id::{DeploymentId, EventId};
use crate::domain::node::{Occasion, Phase};
use crate::domain::registry::{Heard, InstanceKey};
use crate::store::sql::{Dialect, Error, Statement, Transaction, sql};

/// How often it is written down what one data plane made of one deployment: one that comes and goes tells the same again.
const EVENTS_MAX: i64 = 100;

/// What was news of what was heard.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Those whose phase is another one than before, or was said again.
    began: BTreeSet<InstanceKey>,
    /// What became of deployments, as rows.
    outcomes: Vec<Value>,
}

impl News {
    /// Compares what was said with what is known, which nobody else changes until the transaction ends: rows are held in
    /// the order of their keys, so that two control planes that write the same wait for each other, and never for ever.
    pub(super) async fn of(transaction: &mut Transaction, heard: &[Heard]) -> Result<Self, Error> {
        let mut news = Self::default();
        let speakers: Vec<_> = heard.iter().filter(|heard| !heard.said.is_empty()).collect();
        if speakers.is_empty() {
            return Ok(news);
        }
        let mut known = held(transaction, speakers.iter().map(|heard| heard.key)).await?;
        for Heard { key, said, .. } in speakers {
            for one in said {
                let phase = one.phase.clone().kept();
                let is_new = one.occasion == Occasion::Status || known.get(key) != Some(&phase);
                if is_new {
                    news.began.insert(*key);
                    news.outcomes.extend(outcome((*key, one.deployment), &phase));
                }
                known.insert(*key, phase);
            }
        }
        Ok(news)
    }

    /// Writes it down, once the processes themselves are.
    pub(super) async fn keep(self, transaction: &mut Transaction) -> Result<(), Error> {
        let dialect = transaction.dialect();
        if !self.began.is_empty() {
            let began = sql("update processes set phase_at = ")
                .then(dialect.now())
                .then(" where (data_plane_id, instance_id) in (");
            transaction.execute(key_rows(began, dialect, self.began.into_iter()).then(")")).await?;
        }
        if !self.outcomes.is_empty() {
            transaction.execute(noted(dialect, self.outcomes)).await?;
        }
        Ok(())
    }
}

/// In which phase each was.
async fn held(
    transaction: &mut Transaction,
    keys: impl Iterator<Item = InstanceKey>,
) -> Result<BTreeMap<InstanceKey, Phase>, Error> {
    let dialect = transaction.dialect();
    let select = sql("select data_plane_id, instance_id, phase from processes where (data_plane_id, instance_id) in (");
    let select = key_rows(select, dialect, keys).then(") order by data_plane_id, instance_id");
    let rows = transaction.fetch_all(select.then(dialect.for_update())).await?;
    rows.iter().map(|row| Ok((key(row)?, row.json_text("phase")?))).collect()
}

/// What became of an artifact on a data plane, in the end, as a row.
fn outcome((key, deployment): (InstanceKey, Option<DeploymentId>), phase: &Phase) -> Option<Value> {
    let (word, artifact, code, detail) = match phase {
        Phase::Waiting | Phase::Downloading { .. } | Phase::Verifying { .. } | Phase::Loading { .. } => return None,
        Phase::Active { digest } => ("active", digest, None, None),
        Phase::Rejected { digest, code, detail, .. } => ("rejected", digest, Some(code), Some(detail)),
        Phase::RolledBack { digest, detail } => ("rolled_back", digest, None, Some(detail)),
    };
    Some(json!({
        "id": EventId::new(),
        "data_plane": key.data_plane,
        "instance": key.instance,
        "deployment": deployment,
        "outcome": word,
        "artifact": artifact,
        "code": code,
        "detail": detail,
    }))
}

/// Writes down what became of each deployment on the data plane: where it is not said of which, of the newest of that artifact
/// that has reached it.
pub(super) fn noted(dialect: Dialect, rows: Vec<Value>) -> Statement {
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
            "select r.id, r.data_plane, r.instance as instance_id, r.deployment, r.outcome, \
             decode(r.artifact, 'hex') as artifact, r.code, r.detail from jsonb_to_recordset($1) as r (id uuid, \
             data_plane uuid, instance uuid, deployment uuid, outcome text, artifact text, code text, detail text)"
        }
        Dialect::Sqlite => {
            "select value ->> 'id' as id, value ->> 'data_plane' as data_plane, value ->> 'instance' as instance_id, \
             value ->> 'deployment' as deployment, value ->> 'outcome' as outcome, unhex(value ->> 'artifact') as artifact, value ->> 'code' as code, \
             value ->> 'detail' as detail from json_each($1)"
        }
    });
    rows.then(
        ") as n join data_planes p on p.id = n.data_plane join deployments d on d.id = (select o.id from deployments o \
         where o.project_id = p.project_id and o.artifact = n.artifact and o.started_at is not null \
         and (o.id = n.deployment or n.deployment is null) and (o.for_everyone or exists (select 1 from deployment_members m where m.deployment_id = o.id \
         and m.data_plane_id = p.id)) order by o.serial desc limit 1)) as found \
         where place + (select count(*) from node_events e where e.deployment_id = found.deployment_id \
         and e.data_plane_id = found.data_plane_id)",
    )
    .then_bind(" <= ", EVENTS_MAX)
    .then(" order by id")
}
