//! Deployments as rows, with what happened to them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::act::Act;
use crate::domain::deployment::{Deployment, DeploymentEvent, Happened, Kind, NodeEvent, NodeOutcome, Reason, State};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{DataPlaneId, DeploymentId, EventId, ProjectId};
use crate::domain::label::Selector;
use crate::domain::rollout::{Join, Member, Remark};
use crate::domain::store::Result;
use crate::store::audit::Target;
use crate::store::sql::{Database, Dialect, Error as SqlError, Row, Transaction, sql};
use crate::store::{fleet, nodes};

pub(super) async fn insert(transaction: &mut Transaction, deployment: &Deployment) -> Result<()> {
    let insert = sql("insert into deployments (id, team_id, project_id, serial, kind, started_by, artifact, selector, \
         manner, message, author, takes_back, state, wave, promoted, for_everyone, is_withdrawn, scheduled_for, version, \
         created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)")
    .bind(deployment.id)
    .bind(deployment.team)
    .bind(deployment.project)
    .bind(deployment.serial)
    .bind(deployment.kind.as_str())
    .bind(deployment.started_by.as_str())
    .bind(deployment.artifact)
    .bind(deployment.selector.to_string())
    .bind(serde_json::to_string(&deployment.manner).map_err(|_| damaged())?)
    .bind(&deployment.message)
    .bind(&deployment.author)
    .bind(deployment.takes_back)
    .bind(deployment.state.as_str())
    .bind(deployment.wave)
    .bind(deployment.promoted)
    .bind(false)
    .bind(false)
    .bind(deployment.scheduled_for)
    .bind(deployment.version)
    .bind(deployment.created_at)
    .bind(deployment.updated_at);
    transaction.execute(insert).await.map_err(refused)?;
    Ok(())
}

fn refused(error: SqlError) -> Error {
    if error.is_reference_violation() {
        Error::invalid("/artifact", "the project has no such artifact: build it, or push it")
    } else {
        error.into()
    }
}

/// Writes what changes of a deployment, as its next version. Whoever calls holds the project.
pub(super) async fn update(transaction: &mut Transaction, deployment: &mut Deployment) -> Result<()> {
    deployment.version = deployment.version.next();
    deployment.updated_at = fleet::now(transaction).await?;
    if deployment.state.is_final() && deployment.finished_at.is_none() {
        deployment.finished_at = Some(deployment.updated_at);
    }
    let reason = deployment.reason.as_ref().map(serde_json::to_string).transpose().map_err(|_| damaged())?;
    let update = sql("update deployments set state = $1, reason = $2, wave = $3, promoted = $4, for_everyone = $5, \
         pointer_serial = $6, wave_began_at = $7, baking_since = $8, version = $9, started_at = $10, finished_at = $11, \
         updated_at = $12 where id = $13")
    .bind(deployment.state.as_str())
    .bind(reason)
    .bind(deployment.wave)
    .bind(deployment.promoted)
    .bind(deployment.started_at.is_some() && deployment.is_for_everyone())
    .bind(deployment.pointer_serial)
    .bind(deployment.wave_began_at)
    .bind(deployment.baking_since)
    .bind(deployment.version)
    .bind(deployment.started_at)
    .bind(deployment.finished_at)
    .bind(deployment.updated_at)
    .bind(deployment.id);
    transaction.execute(update).await?;
    Ok(())
}

/// One of a project's, as it is until the transaction ends: whoever calls holds the project.
pub(super) async fn get(transaction: &mut Transaction, id: DeploymentId) -> Result<Option<Deployment>> {
    let row = transaction.fetch_optional(sql("select * from deployments where id = $1").bind(id)).await?;
    Ok(row.as_ref().map(read).transpose()?)
}

/// Writes down what happened.
pub(super) async fn happened(
    transaction: &mut Transaction,
    act: &Act,
    deployment: &Deployment,
    kind: Happened,
) -> Result<()> {
    event_of(transaction, act, deployment, (kind, deployment.reason.as_ref())).await
}

/// Writes down what is to be said of a wave that was well.
pub(super) async fn remarked(
    transaction: &mut Transaction,
    act: &Act,
    deployment: &Deployment,
    remarks: &[Remark],
) -> Result<()> {
    for remark in remarks {
        event_of(transaction, act, deployment, (Happened::Remarked, Some(&Reason::from(remark)))).await?;
    }
    Ok(())
}

async fn event_of(
    transaction: &mut Transaction,
    act: &Act,
    deployment: &Deployment,
    (kind, reason): (Happened, Option<&Reason>),
) -> Result<()> {
    let reason = reason.map(serde_json::to_string).transpose().map_err(|_| damaged())?;
    let at = fleet::now(transaction).await?;
    let insert = sql("insert into deployment_events (id, deployment_id, at, kind, state, wave, reason, actor) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(EventId::new())
    .bind(deployment.id)
    .bind(at)
    .bind(kind.as_str())
    .bind(deployment.state.as_str())
    .bind(deployment.wave)
    .bind(reason)
    .bind(act.actor.name().unwrap_or(act.actor.kind()));
    transaction.execute(insert).await?;
    Ok(())
}

/// Lets data planes to a deployment, at this time: two statements, however many they are. One that was removed in the
/// meantime is passed over.
pub(super) async fn join(
    transaction: &mut Transaction,
    (deployment, at): (&Deployment, Timestamp),
    joining: &[Join],
) -> Result<()> {
    if joining.is_empty() {
        return Ok(());
    }
    let dialect = transaction.dialect();
    let members = joining.iter().map(|Join { data_plane, before }| {
        serde_json::json!({
            "data_plane": data_plane,
            "requests": before.requests,
            "server_errors": before.server_errors,
            "p99_weight": before.p99_weight,
        })
    });
    let (before, after) = match dialect {
        Dialect::Postgres => (
            "n.requests, n.server_errors, n.p99_weight from jsonb_to_recordset(",
            ") as n (data_plane uuid, requests bigint, server_errors bigint, p99_weight bigint) \
             join data_planes d on d.id = n.data_plane where true",
        ),
        Dialect::Sqlite => (
            "n.value ->> 'requests', n.value ->> 'server_errors', n.value ->> 'p99_weight' from json_each(",
            ") as n join data_planes d on d.id = n.value ->> 'data_plane' where true",
        ),
    };
    let insert = sql("insert into deployment_members (deployment_id, data_plane_id, wave, joined_at, requests, \
         server_errors, p99_weight) select $1, d.id, $2, $3, ")
    .bind(deployment.id)
    .bind(deployment.wave)
    .bind(at)
    .then_bind(before, Value::Array(members.collect()))
    .then(after)
    .then(" on conflict (deployment_id, data_plane_id) do nothing");
    transaction.execute(insert).await?;
    let reached = joining.iter().map(|join| serde_json::json!({ "id": EventId::new(), "data_plane": join.data_plane }));
    let (before, after) = match dialect {
        Dialect::Postgres => (
            "select n.id, d.id, d.name, $1, $2, 'reached' from jsonb_to_recordset(",
            ") as n (id uuid, data_plane uuid) join data_planes d on d.id = n.data_plane",
        ),
        Dialect::Sqlite => (
            "select n.value ->> 'id', d.id, d.name, $1, $2, 'reached' from json_each(",
            ") as n join data_planes d on d.id = n.value ->> 'data_plane'",
        ),
    };
    let insert = sql("insert into node_events (id, data_plane_id, data_plane_name, deployment_id, at, outcome) ")
        .bind(deployment.id)
        .bind(at)
        .then_bind(before, Value::Array(reached.collect()))
        .then(after);
    Ok(transaction.execute(insert).await.map(|_| ())?)
}

/// Whom a deployment was let to.
pub(super) async fn members(database: &Database, id: DeploymentId) -> Result<BTreeMap<DataPlaneId, Member>> {
    let rows = database.fetch_all(sql("select * from deployment_members where deployment_id = $1").bind(id)).await?;
    let read = |row: &Row| -> Result<_, SqlError> {
        let member = Member { wave: row.get("wave")?, joined_at: row.get("joined_at")?, before: nodes::traffic(row)? };
        Ok((row.get("data_plane_id")?, member))
    };
    Ok(rows.iter().map(read).collect::<Result<_, SqlError>>()?)
}

/// A deployment that started and is not withdrawn.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) deployment: Deployment,
    pub(super) precedence: i64,
}

/// Every deployment of a project that started and is not withdrawn, the one that started last first.
pub(super) async fn standing(transaction: &mut Transaction, project: ProjectId) -> Result<Vec<Standing>> {
    let select =
        sql("select * from deployments where project_id = $1 and precedence is not null and not is_withdrawn \
         order by precedence desc");
    let rows = transaction.fetch_all(select.bind(project)).await?;
    let read = |row: &Row| -> Result<Standing, SqlError> {
        Ok(Standing { deployment: read(row)?, precedence: row.get("precedence")? })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// What was asked for to start at once, and has not started, the newest first: as if it stood already. A way back is for
/// everyone by then: whoever asks again is told so, whether anybody has started it or not.
pub(super) async fn waiting(transaction: &mut Transaction, project: ProjectId) -> Result<Vec<Standing>> {
    let select = sql("select * from deployments where project_id = $1 and state = 'scheduled' \
         and scheduled_for is null order by serial desc");
    let rows = transaction.fetch_all(select.bind(project)).await?;
    let read = |row: &Row| -> Result<Standing, SqlError> {
        let mut deployment = read(row)?;
        if deployment.kind == Kind::Rollback {
            deployment.wave = deployment.waves;
        }
        Ok(Standing { deployment, precedence: i64::MAX })
    };
    Ok(rows.iter().map(read).collect::<Result<_, SqlError>>()?)
}

/// The last deployment that was taken back or aborted, started after this one, and was for all whom `selector` chooses:
/// what was only for some of them took the others nowhere. A way back that was aborted is none: without it they go on with
/// what it was to take back.
pub(super) async fn taken_back_since(
    transaction: &mut Transaction,
    standing: &Standing,
    selector: &Selector,
) -> Result<Option<Deployment>> {
    let select = sql("select * from deployments where project_id = $1 and precedence > $2 and is_withdrawn \
         and kind = 'deploy' and wave > 0 and state in ('rolled_back', 'failed', 'aborted') order by precedence desc");
    let rows = transaction.fetch_all(select.bind(standing.deployment.project).bind(standing.precedence)).await?;
    let all = rows.iter().map(read).collect::<Result<Vec<_>, SqlError>>()?;
    Ok(all.into_iter().find(|taken| taken.selector.covers(selector)))
}

/// Those of them that decide for anybody: whatever another one that started later covers, and has reached everyone of,
/// does not.
pub(super) fn deciding(standing: Vec<Standing>) -> Vec<Standing> {
    beneath_fewer_than(1, standing)
}

/// Those of them that are covered by fewer than so many others that started later and have reached everyone.
pub(super) fn beneath_fewer_than(count: usize, standing: Vec<Standing>) -> Vec<Standing> {
    let mut found: Vec<Standing> = Vec::new();
    for next in standing {
        // Whatever covers one that is not among them covers this one, too, where that one does: none is missed.
        let covers = |later: &&Standing| {
            later.deployment.is_for_everyone() && later.deployment.selector.covers(&next.deployment.selector)
        };
        if found.iter().filter(covers).count() < count {
            found.push(next);
        }
    }
    found
}

pub(super) fn target(deployment: &Deployment) -> Target<'_> {
    let detail = serde_json::json!({
        "serial": deployment.serial, "artifact": deployment.artifact, "selector": deployment.selector,
        "state": deployment.state, "reason": deployment.reason,
    });
    let target = Target::new(Noun::Deployment, deployment.id.0, None).of_team(deployment.team);
    target.of_project(deployment.project).with(detail)
}

fn damaged() -> Error {
    Error::Damaged(Noun::Deployment)
}

pub(super) fn read(row: &Row) -> Result<Deployment, SqlError> {
    let manner: crate::domain::rollout::Manner = row.json_text("manner")?;
    Ok(Deployment {
        id: row.get("id")?,
        team: row.get("team_id")?,
        project: row.get("project_id")?,
        serial: row.get("serial")?,
        kind: row.word("kind")?,
        started_by: row.word("started_by")?,
        artifact: row.get("artifact")?,
        selector: row.parse("selector")?,
        waves: manner.strategy.waves(),
        manner,
        message: row.get("message")?,
        author: row.get("author")?,
        takes_back: row.get("takes_back")?,
        state: row.word("state")?,
        reason: row.json_text_some::<Reason>("reason")?,
        wave: row.get("wave")?,
        promoted: row.get("promoted")?,
        pointer_serial: row.get("pointer_serial")?,
        wave_began_at: row.get("wave_began_at")?,
        baking_since: row.get("baking_since")?,
        scheduled_for: row.get("scheduled_for")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(super) fn event(row: &Row) -> Result<DeploymentEvent, SqlError> {
    Ok(DeploymentEvent {
        id: row.get("id")?,
        at: row.get("at")?,
        kind: row.word("kind")?,
        state: row.word::<State>("state")?,
        wave: row.get("wave")?,
        reason: row.json_text_some("reason")?,
        actor: row.get("actor")?,
    })
}

pub(super) fn node_event(row: &Row) -> Result<NodeEvent, SqlError> {
    Ok(NodeEvent {
        id: row.get("id")?,
        deployment: row.get("deployment_id")?,
        data_plane: row.get("data_plane_id")?,
        data_plane_name: row.get("data_plane_name")?,
        instance: row.get("instance_id")?,
        at: row.get("at")?,
        outcome: row.word::<NodeOutcome>("outcome")?,
        code: row.get("code")?,
        detail: row.get("detail")?,
    })
}
