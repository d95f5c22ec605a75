//! Which keys vouch for what is deployed.

use super::deployments;
use super::sql::{Transaction, sql};
use crate::domain::digest::Digest;
use crate::domain::error::Error;
use crate::domain::id::{ProjectId, SigningKeyId};
use crate::domain::store::Result;

/// How many deployments are named.
const NAMED: usize = 10;

/// Refuses where data planes are to serve, or will be, or may have to go back to, what only this one vouches for of the
/// keys that are believed. Whoever calls holds the project.
pub(super) async fn check_for_others(
    transaction: &mut Transaction,
    project: ProjectId,
    id: SigningKeyId,
) -> Result<()> {
    let select = sql("select id, key_id from signing_keys where project_id = $1 and retired_at is null").bind(project);
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for row in transaction.fetch_all(select).await? {
        let key: Digest = row.get("key_id")?;
        let keys = if row.get::<SigningKeyId>("id")? == id { &mut own } else { &mut others };
        keys.push(key.to_string());
    }
    let followed = deployments::followed(transaction, project).await?;
    let select = sql("select d.id, d.serial, d.state, a.signed_by from deployments d \
         join artifacts a on a.project_id = d.project_id and a.digest = d.artifact \
         where d.project_id = $1 and not d.is_withdrawn order by d.serial desc")
    .bind(project);
    let mut numbers = Vec::new();
    for row in transaction.fetch_all(select).await? {
        let signed_by: Vec<String> = row.json("signed_by")?;
        let matters = row.get::<String>("state")? == "scheduled" || followed.contains(&row.get("id")?);
        if matters && is_any_of(&own, &signed_by) && !is_any_of(&others, &signed_by) {
            numbers.push(row.get::<i64>("serial")?.to_string());
        }
    }
    if numbers.is_empty() {
        return Ok(());
    }
    let more = numbers.len().saturating_sub(NAMED);
    numbers.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::Conflict(format!(
        "only this key vouches for what these deployments have data planes serve: {}{more}. They would not believe it \
         when they restart. Deploy what another key has signed first; or give it up, with \
         `\"deployed\": \"abandoned\"`",
        numbers.join(", ")
    )))
}

/// Whether one of these keys is among those that signed: artifacts name them by the first digits of their ids.
fn is_any_of(keys: &[String], signed_by: &[String]) -> bool {
    keys.iter().any(|key| signed_by.iter().any(|signer| key.starts_with(signer.as_str())))
}
