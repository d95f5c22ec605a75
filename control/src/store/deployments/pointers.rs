//! Pointers: issued in the transaction that changes what is to be served.

use std::num::NonZeroU64;

use artifact_format::container;
use artifact_format::pointer::{Pointer, PointerHash};
use jiff::{SignedDuration, Timestamp};

use super::rows::{self, Standing};
use crate::domain::deployment::Deployment;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::pointer::Issuer;
use crate::domain::store::Result;
use crate::domain::time::now;
use crate::store::fleet;
use crate::store::sql::{Transaction, sql};

/// The last pointer of a project.
struct Last {
    serial: u64,
    hash: Option<PointerHash>,
}

/// Gives a deployment a new pointer, the project's newest. Returns its serial. Whoever calls holds the project.
pub(super) async fn issue(transaction: &mut Transaction, deployment: &Deployment, by: &Issuer) -> Result<i64> {
    fleet::revise(transaction, deployment.project).await?;
    let last = last(transaction, deployment.project).await?;
    let floor = sql("select serial from pointer_floors where deployment_id = $1").bind(deployment.id);
    let floor = transaction.fetch_optional(floor).await?.map(|row| row.get::<i64>("serial")).transpose()?;
    let floor = floor.and_then(|serial| u64::try_from(serial).ok()).unwrap_or_default();
    let serial = last.serial.max(floor).checked_add(1).and_then(NonZeroU64::new).ok_or_else(damaged)?;
    let issued_at = now();
    let life = SignedDuration::try_from(by.life()).map_err(|_| damaged())?;
    let expires_at = issued_at.checked_add(life).map_err(|_| damaged())?;
    let pointer = Pointer {
        project: deployment.project.to_string(),
        group: deployment.selector.to_string(),
        serial,
        previous: last.hash,
        artifact: container::Digest(deployment.artifact.0),
        length: length(transaction, deployment).await?,
        issued_at: seconds(issued_at)?,
        expires_at: seconds(expires_at)?,
    };
    let hash = pointer.hash();
    let signed = by.sign(pointer).map_err(|error| {
        tracing::error!(%error, deployment = %deployment.id, "a pointer cannot be meant");
        damaged()
    })?;
    let serial = i64::try_from(serial.get()).map_err(|_| damaged())?;
    follow_floor(transaction, deployment.id).await?;
    let insert =
        sql("insert into pointers (deployment_id, project_id, serial, key_id, document, issued_at, renew_at, \
         expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (deployment_id) do update set \
         serial = excluded.serial, key_id = excluded.key_id, document = excluded.document, \
         issued_at = excluded.issued_at, renew_at = excluded.renew_at, expires_at = excluded.expires_at")
        .bind(deployment.id)
        .bind(deployment.project)
        .bind(serial)
        .bind(by.key_id())
        .bind(serde_json::to_string(&signed).map_err(|_| damaged())?)
        .bind(issued_at)
        .bind(issued_at.checked_add(life / 2).map_err(|_| damaged())?)
        .bind(expires_at);
    transaction.execute(insert).await?;
    let update = sql("update plans set last_serial = $1, last_hash = $2 where project_id = $3");
    transaction.execute(update.bind(serial).bind(hash.0).bind(deployment.project)).await?;
    Ok(serial)
}

/// Notes that a data plane is ahead of the pointer that there is, where one is: the next one is issued now.
async fn follow_floor(transaction: &mut Transaction, id: DeploymentId) -> Result<()> {
    let update = sql("update pointer_floors set followed_at = ")
        .then(transaction.dialect().now())
        .then_bind(" where deployment_id = ", id)
        .then(" and serial > (select p.serial from pointers p where p.deployment_id = pointer_floors.deployment_id)");
    transaction.execute(update).await?;
    Ok(())
}

async fn last(transaction: &mut Transaction, project: ProjectId) -> Result<Last> {
    let select = sql("select last_serial, last_hash from plans where project_id = $1").bind(project);
    let row = transaction.fetch_one(select).await?;
    let serial = u64::try_from(row.get::<i64>("last_serial")?).map_err(|_| damaged())?;
    Ok(Last { serial, hash: row.get::<Option<[u8; 32]>>("last_hash")?.map(PointerHash) })
}

async fn length(transaction: &mut Transaction, deployment: &Deployment) -> Result<NonZeroU64> {
    let select = sql("select size from artifacts where project_id = $1 and digest = $2");
    let row = transaction.fetch_one(select.bind(deployment.project).bind(deployment.artifact)).await?;
    u64::try_from(row.get::<i64>("size")?).ok().and_then(NonZeroU64::new).ok_or_else(damaged)
}

fn seconds(at: Timestamp) -> Result<u64> {
    u64::try_from(at.as_second()).map_err(|_| damaged())
}

/// Takes a deployment away from what is to be served.
pub(super) async fn withdraw(transaction: &mut Transaction, id: DeploymentId) -> Result<()> {
    transaction.execute(sql("update deployments set is_withdrawn = true where id = $1").bind(id)).await?;
    transaction.execute(sql("delete from pointers where deployment_id = $1").bind(id)).await?;
    Ok(())
}

/// Gives new pointers to all that may be wanted again now that a deployment is withdrawn: data planes have taken its
/// pointer, and take no older one.
pub(super) async fn reissue_beneath(transaction: &mut Transaction, withdrawn: &Standing, by: &Issuer) -> Result<()> {
    let standing = rows::standing(transaction, withdrawn.deployment.project).await?;
    for Standing { deployment, precedence } in rows::deciding(standing).into_iter().rev() {
        if precedence < withdrawn.precedence && deployment.selector.overlaps(&withdrawn.deployment.selector) {
            issue(transaction, &deployment, by).await?;
        }
    }
    fleet::revise(transaction, withdrawn.deployment.project).await
}

/// Forgets the pointers of deployments that decide for nobody any more.
pub(super) async fn forget_covered(transaction: &mut Transaction, project: ProjectId) -> Result<()> {
    let deciding = rows::deciding(rows::standing(transaction, project).await?);
    let select = sql("select deployment_id from pointers where project_id = $1");
    for row in transaction.fetch_all(select.bind(project)).await? {
        let id: DeploymentId = row.get("deployment_id")?;
        if deciding.iter().all(|standing| standing.deployment.id != id) {
            transaction.execute(sql("delete from pointers where deployment_id = $1").bind(id)).await?;
        }
    }
    Ok(())
}

fn damaged() -> Error {
    Error::Damaged(Noun::Deployment)
}
