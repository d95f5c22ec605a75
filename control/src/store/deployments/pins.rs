//! What was taken back, and is not to be deployed over by a pipeline.

use crate::domain::deployment::{Deployment, Kind, Pin};
use crate::domain::id::ProjectId;
use crate::domain::label::Selector;
use crate::domain::store::Result;
use crate::store::fleet;
use crate::store::sql::{Error as SqlError, Row, Statement, Transaction, sql};

/// How many pins a project has at most: the newest.
const PINS_MAX: i64 = 100;

/// Pins the data planes that a selector chooses, for which a deployment is taken back. What a way back led to is not
/// pinned: it was good, and the pin of what the way back took away stays.
pub(super) async fn pin(
    transaction: &mut Transaction,
    (taken, selector): (&Deployment, &Selector),
    author: &str,
) -> Result<()> {
    if taken.kind == Kind::Rollback {
        return Ok(());
    }
    let now = fleet::now(transaction).await?;
    let insert = sql("insert into pins (project_id, selector, deployment_id, artifact, author, created_at) \
         values ($1, $2, $3, $4, $5, $6) on conflict (project_id, selector) do update set \
         deployment_id = excluded.deployment_id, artifact = excluded.artifact, author = excluded.author, \
         created_at = excluded.created_at")
    .bind(taken.project)
    .bind(selector.to_string())
    .bind(taken.id)
    .bind(taken.artifact)
    .bind(author)
    .bind(now);
    transaction.execute(insert).await?;
    let too_many = sql("delete from pins where project_id = $1 and selector in (select selector from pins \
         where project_id = $1 order by created_at desc limit 1000 offset $2)");
    transaction.execute(too_many.bind(taken.project).bind(PINS_MAX)).await?;
    Ok(())
}

/// Whether any data plane that a deployment is for is pinned.
pub(super) async fn is_pinned(transaction: &mut Transaction, deployment: &Deployment) -> Result<bool> {
    let pins = all(transaction, deployment.project).await?;
    Ok(pins.iter().any(|pin| pin.selector.overlaps(&deployment.selector)))
}

pub(super) async fn all(transaction: &mut Transaction, project: ProjectId) -> Result<Vec<Pin>> {
    Ok(transaction.fetch_all(select(project)).await?.iter().map(read).collect::<Result<_, _>>()?)
}

pub(super) fn select(project: ProjectId) -> Statement {
    sql("select * from pins where project_id = $1 order by created_at desc, selector").bind(project)
}

/// Takes away these pins.
pub(super) async fn unpin(
    transaction: &mut Transaction,
    project: ProjectId,
    is_meant: impl Fn(&Pin) -> bool + Send,
) -> Result<Vec<Selector>> {
    let pins = all(transaction, project).await?;
    let gone: Vec<Selector> = pins.into_iter().filter(|pin| is_meant(pin)).map(|pin| pin.selector).collect();
    for pinned in &gone {
        let delete = sql("delete from pins where project_id = $1 and selector = $2");
        transaction.execute(delete.bind(project).bind(pinned.to_string())).await?;
    }
    Ok(gone)
}

pub(super) fn read(row: &Row) -> Result<Pin, SqlError> {
    Ok(Pin {
        selector: row.parse("selector")?,
        deployment: row.get("deployment_id")?,
        artifact: row.get("artifact")?,
        author: row.get("author")?,
        created_at: row.get("created_at")?,
    })
}
