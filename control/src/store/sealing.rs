//! Under which master key everything is sealed. There is one for the whole database, and its id is written down, so that
//! nobody seals under another one: neither a second control plane with a key of its own, nor one that runs on while the
//! master key is replaced.

use super::DatabaseStore;
use super::audit::{Target, record};
use super::sql::{Transaction, sql};
use crate::domain::act::{Act, Action};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{ProjectId, SigningKeyId};
use crate::domain::store::{Reseal, Result};
use crate::key::MasterKeyId;
use crate::key::seal::{Purpose, Sealed};

/// The master key of this database, until the transaction ends; `own`, where nothing was sealed yet.
pub(super) async fn current(transaction: &mut Transaction, own: MasterKeyId) -> Result<MasterKeyId> {
    let insert = sql("insert into master_key (id, is_only) values ($1, true) on conflict (is_only) do nothing");
    transaction.execute(insert.bind(own.0.as_slice())).await?;
    let select = sql("select id from master_key").then(transaction.dialect().for_update());
    id(transaction.fetch_one(select).await?.get("id")?)
}

impl DatabaseStore {
    /// The master key of this database, if anybody has said which one it is.
    pub async fn sealed_by(&self) -> Result<Option<MasterKeyId>> {
        let row = self.database.fetch_optional(sql("select id from master_key")).await?;
        row.map(|row| id(row.get("id")?)).transpose()
    }
}

fn id(bytes: Vec<u8>) -> Result<MasterKeyId> {
    Ok(MasterKeyId(bytes.try_into().map_err(|_| Error::Damaged(Noun::SigningKey))?))
}

/// Whether something is sealed as everything is.
pub(super) async fn check(transaction: &mut Transaction, sealed: &Sealed) -> Result<()> {
    let current = current(transaction, sealed.sealed_by()).await?;
    if current == sealed.sealed_by() {
        return Ok(());
    }
    let text = "the master key was replaced while this control plane ran: restart it with the new one";
    Err(Error::Conflict(text.to_owned()))
}

/// Seals everything anew.
pub(super) async fn replace(
    transaction: &mut Transaction,
    act: &Act,
    (new, reseal): (MasterKeyId, Reseal<'_>),
) -> Result<u64> {
    // Held first: who would seal under the old one in between waits, and is refused then.
    let old = current(transaction, new).await?;
    let select = sql("select id, project_id, sealed from signing_keys where sealed is not null order by id");
    let rows = transaction.fetch_all(select).await?;
    for row in &rows {
        let (project, id): (ProjectId, SigningKeyId) = (row.get("project_id")?, row.get("id")?);
        let kept = Sealed::from_bytes(row.get("sealed")?).map_err(|_| Error::Damaged(Noun::SigningKey))?;
        let resealed = reseal(Purpose::SigningKey { project: project.0, key: id.0 }, &kept)?;
        let update = sql("update signing_keys set sealed = $1 where id = $2").bind(resealed.as_bytes()).bind(id);
        transaction.execute(update).await?;
    }
    transaction.execute(sql("update master_key set id = $1").bind(new.0.as_slice())).await?;
    let detail = serde_json::json!({ "from": old.to_string(), "to": new.to_string(), "secrets": rows.len() });
    record(transaction, act, Action::MasterKeyReplace, Target::of_installation(Noun::MasterKey).with(detail)).await?;
    Ok(rows.len() as u64)
}
