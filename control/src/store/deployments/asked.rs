//! What is asked for: made, held to what a project may have, kept; and what is too old, forgotten.

use std::collections::BTreeSet;

use super::{rows, steps};
use crate::domain::act::{Act, Action};
use crate::domain::deployment::{Deployment, Happened, REMEMBERED, REMEMBERED_BENEATH, SCHEDULED_MAX};
use crate::domain::digest::Digest;
use crate::domain::error::Error;
use crate::domain::id::{DeploymentId, ProjectId, TeamId};
use crate::domain::store::Result;
use crate::store::audit::record;
use crate::store::fleet;
use crate::store::sql::{Transaction, sql};

/// How many are forgotten at a time, at most.
const FORGOTTEN_AT_ONCE: usize = 50;

/// The project's next one, of which nothing is said yet but who asks.
pub(super) async fn made(transaction: &mut Transaction, act: &Act, project: ProjectId) -> Result<Deployment> {
    let select =
        sql("select team_id, (select coalesce(max(serial), 0) from deployments where project_id = $1) as last \
         from projects where id = $1");
    let row = transaction.fetch_one(select.bind(project)).await?;
    let (team, last): (TeamId, i64) = (row.get("team_id")?, row.get("last")?);
    let nothing_yet = (Digest([0; 32]), steps::manner_of_rollback());
    let author = act.actor.name().unwrap_or(act.actor.kind()).to_owned();
    let now = fleet::now(transaction).await?;
    Ok(Deployment::asked((team, project), last + 1, nothing_yet, (author, now)))
}

/// Whether one more may wait for its time.
pub(super) async fn check_room(transaction: &mut Transaction, project: ProjectId) -> Result<()> {
    let waiting = sql("select count(*) as waiting from deployments where project_id = $1 and state = 'scheduled'");
    let waiting: i64 = transaction.fetch_one(waiting.bind(project)).await?.get("waiting")?;
    if waiting < SCHEDULED_MAX {
        return Ok(());
    }
    Err(Error::Conflict(format!("{waiting} deployments wait for their time, and {SCHEDULED_MAX} may: abort some")))
}

/// Keeps a new one, and says so.
pub(super) async fn keep(
    transaction: &mut Transaction,
    act: &Act,
    deployment: &Deployment,
    action: Action,
) -> Result<()> {
    rows::insert(transaction, deployment).await?;
    rows::happened(transaction, act, deployment, Happened::Created).await?;
    Ok(record(transaction, act, action, rows::target(deployment)).await?)
}

/// Forgets some that are too old beside this one. What decides what is served, and what goes on, is none of it; nor is
/// what lies closely beneath: another group may deploy so often that hardly anything of this one's is new.
pub(super) async fn forget_old(transaction: &mut Transaction, newest: &Deployment) -> Result<()> {
    let old = sql("select id from deployments where project_id = $1 and serial <= $2 \
         and state not in ('scheduled', 'in_progress', 'paused') \
         and not exists (select 1 from pointers where deployment_id = deployments.id) order by serial");
    let old = transaction.fetch_all(old.bind(newest.project).bind(newest.serial - REMEMBERED)).await?;
    let old = old.iter().map(|row| row.get("id")).collect::<Result<Vec<DeploymentId>, _>>()?;
    if old.is_empty() {
        return Ok(());
    }
    let standing = rows::standing(transaction, newest.project).await?;
    let needed = rows::beneath_fewer_than(REMEMBERED_BENEATH + 1, standing);
    let needed: BTreeSet<DeploymentId> = needed.into_iter().map(|standing| standing.deployment.id).collect();
    for id in old.into_iter().filter(|id| !needed.contains(id)).take(FORGOTTEN_AT_ONCE) {
        transaction.execute(sql("delete from deployments where id = $1").bind(id)).await?;
    }
    Ok(())
}
