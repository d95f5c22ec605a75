//! Signing keys and trust roots.

use std::num::NonZeroU64;

use artifact_format::root::SignedRoot;
use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::DatabaseStore;
use super::audit::{Target, record};
use super::changes::{Topic, announce};
use super::projects;
use super::sealing;
use super::sql::{Error as SqlError, Row, Statement, Transaction, sql};
use super::vouching;
use crate::domain::act::{Act, Action};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{ProjectId, SigningKeyId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::project::Project;
use crate::domain::signing_key::{
    ActiveKey, Custody, Deployed, KeyToKeep, Keyring, Kind, SigningKey, State, Step, Succession,
};
use crate::domain::store::{OfProject, Projects as _, Reseal, Result, SigningKeys};
use crate::domain::time::now;
use crate::domain::version::Version;
use crate::key::MasterKeyId;
use crate::key::seal::Sealed;

#[async_trait]
impl SigningKeys for DatabaseStore {
    async fn signing_key(&self, of: OfProject, id: SigningKeyId) -> Result<SigningKey> {
        let select = sql("select * from signing_keys where project_id = $1 and id = $2")
            .bind(of.project)
            .bind(id)
            .then_bind_some(" and team_id = ", of.reach.team());
        Ok(read(&self.database.get(select, Noun::SigningKey).await?)?)
    }

    async fn signing_keys(&self, of: OfProject, page: &PageRequest) -> Result<Page<SigningKey>> {
        let project = self.project(of.reach, of.project).await?;
        let select = sql("select * from signing_keys where project_id = $1")
            .bind(project.id)
            .then_bind_some(" and name = ", page.name.as_ref())
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let keys = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(keys, page, |key| key.id.0))
    }

    async fn active_key(&self, project: ProjectId) -> Result<ActiveKey> {
        let select = sql("select * from signing_keys where project_id = $1 and is_active").bind(project);
        let row = self.database.fetch_optional(select).await?;
        active(&row.ok_or(Error::NotFound(Noun::Project))?)
    }

    async fn keyring(&self, of: OfProject) -> Result<Keyring> {
        // In one statement: a root of one moment and a key of another make no next root.
        let select = sql("select key.*, root.document from signing_keys key \
             join trust_roots root on root.project_id = key.project_id where key.is_active and key.project_id = $1")
        .bind(of.project)
        .then_bind_some(" and key.team_id = ", of.reach.team())
        .then(" order by root.version desc limit 1");
        let row = self.database.fetch_optional(select).await?.ok_or(Error::NotFound(Noun::Project))?;
        Ok(Keyring { root: row.json("document")?, active: active(&row)? })
    }

    async fn succeed(&self, act: &Act, of: OfProject, change: Succession) -> Result<SigningKey> {
        let mut transaction = self.database.begin().await?;
        // Whoever changes keys holds the project: roots follow each other one by one.
        let project = projects::lock(&mut transaction, of.any()).await?;
        let current = sql("select max(version) as version from trust_roots where project_id = $1").bind(project.id);
        let current: i64 = transaction.fetch_one(current).await?.get("version")?;
        if i64::try_from(change.root.version().get()) != Ok(current + 1) {
            return Err(Error::Stale { current: Version(current) });
        }
        let id = change.step.key();
        let before = standing(&mut transaction, &project, id).await?;
        let action = match &change.step {
            Step::Add(key) => {
                insert(&mut transaction, (&project, key), act).await?;
                Action::SigningKeyCreate
            }
            Step::Rotate { from, to } => {
                // Before the old one is held: whoever replaces the master key holds that first, and then every key.
                insert(&mut transaction, (&project, to), act).await?;
                let set =
                    sql("update signing_keys set is_active = false where project_id = $1 and id = $2 and is_active");
                one(transaction.execute(set.bind(project.id).bind(*from)).await?)?;
                activate(&mut transaction, to.id).await?;
                Action::SigningKeyRotate
            }
            Step::Retire(id, deployed) => {
                if *deployed == Deployed::Kept {
                    vouching::check_for_others(&mut transaction, project.id, *id).await?;
                }
                let set = sql("update signing_keys set retired_at = $1, sealed = null \
                     where project_id = $2 and id = $3 and not is_active and retired_at is null");
                one(transaction.execute(set.bind(now()).bind(project.id).bind(*id)).await?)?;
                Action::SigningKeyRetire
            }
        };
        publish(&mut transaction, &project, &change.root).await?;
        let key = read(&transaction.fetch_one(sql("select * from signing_keys where id = $1").bind(id)).await?)?;
        let after = standing(&mut transaction, &project, id).await?;
        let target = Target::new(Noun::SigningKey, id.0, Some(key.name.as_str())).of_team(project.team);
        let target = target.of_project(project.id).with(json!({ "kind": key.kind, "key_id": key.key_id }));
        record(&mut transaction, act, action, target.changed(&before, &after)).await?;
        announce(&mut transaction, Topic::Registry).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Registry);
        Ok(key)
    }

    async fn trust_root(&self, of: OfProject, version: Option<NonZeroU64>) -> Result<SignedRoot> {
        let row = self.database.fetch_optional(root(of, version)).await?;
        Ok(row.ok_or(Error::NotFound(Noun::TrustRoot))?.json("document")?)
    }

    async fn known_trust_root(&self, of: OfProject, version: Option<NonZeroU64>) -> Result<SignedRoot> {
        Ok(self.database.get(root(of, version), Noun::TrustRoot).await?.json("document")?)
    }

    async fn trust_roots(&self, of: OfProject, page: &PageRequest) -> Result<Page<SignedRoot>> {
        let project = self.project(of.reach, of.project).await?;
        let select = sql("select document from trust_roots where project_id = $1")
            .bind(project.id)
            .then_bind_some(" and version < ", page.after.map(|cursor| cursor_version(cursor.0)))
            .then_bind(" order by version desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let roots = rows.iter().map(|row| row.json::<SignedRoot>("document")).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(roots, page, |root| Uuid::from_u128(root.version().get().into())))
    }

    async fn master_key(&self, own: MasterKeyId) -> Result<MasterKeyId> {
        let mut transaction = self.database.begin().await?;
        let current = sealing::current(&mut transaction, own).await?;
        transaction.commit().await?;
        Ok(current)
    }

    async fn replace_master_key(&self, act: &Act, new: MasterKeyId, reseal: Reseal<'_>) -> Result<u64> {
        let mut transaction = self.database.begin().await?;
        let count = sealing::replace(&mut transaction, act, (new, reseal)).await?;
        transaction.commit().await?;
        Ok(count)
    }
}

/// One version of a root, or the newest.
fn root(of: OfProject, version: Option<NonZeroU64>) -> Statement {
    // A number that no version has reached yet, whatever it is, is the number of no root.
    let version = version.map(|version| i64::try_from(version.get()).unwrap_or(i64::MAX));
    sql("select document from trust_roots where project_id = $1")
        .bind(of.project)
        .then_bind_some(" and team_id = ", of.reach.team())
        .then_bind_some(" and version = ", version)
        .then(" order by version desc limit 1")
}

/// What a step may change: the root, which key is active, and how the one key is.
async fn standing(transaction: &mut Transaction, project: &Project, id: SigningKeyId) -> Result<Value> {
    let select = sql("select * from signing_keys where project_id = $1 and (is_active or id = $2)");
    let rows = transaction.fetch_all(select.bind(project.id).bind(id)).await?;
    let keys = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let active = keys.iter().find(|key| key.state == State::Active).map(|key| &key.key_id);
    let state = keys.iter().find(|key| key.id == id).map(|key| key.state);
    let root = sql("select max(version) as version from trust_roots where project_id = $1").bind(project.id);
    let root: i64 = transaction.fetch_one(root).await?.get("version")?;
    Ok(json!({ "trust_root": root, "active_key": active, "state": state }))
}

/// The first key of a project and the first version of its root, in the transaction that makes it.
pub(super) async fn found(
    transaction: &mut Transaction,
    (project, act): (&Project, &Act),
    key: &KeyToKeep,
    root: &SignedRoot,
) -> Result<()> {
    insert(transaction, (project, key), act).await?;
    activate(transaction, key.id).await?;
    publish(transaction, project, root).await
}

/// A key that is not active yet.
async fn insert(transaction: &mut Transaction, (project, key): (&Project, &KeyToKeep), act: &Act) -> Result<()> {
    if let Some(sealed) = key.custody.sealed() {
        sealing::check(transaction, sealed).await?;
    }
    let insert = sql("insert into signing_keys (id, team_id, project_id, name, kind, public_key, key_id, sealed, \
         reference, is_active, author, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
    .bind(key.id)
    .bind(project.team)
    .bind(project.id)
    .bind(&key.name)
    .bind(key.custody.kind().as_str())
    .bind(key.public.to_base64())
    .bind(key.key_id())
    .bind(key.custody.sealed().map(Sealed::as_bytes))
    .bind(key.custody.reference())
    .bind(false)
    .bind(act.actor.name().unwrap_or(act.actor.kind()))
    .bind(now());
    let inserted = transaction.execute(insert).await;
    inserted.map(|_| ()).map_err(|error| match error {
        error if error.is_unique_violation() => {
            Error::Conflict(format!("key {} is, or was, one of the project's: no key comes back", key.public.id()))
        }
        error => error.into(),
    })
}

async fn activate(transaction: &mut Transaction, id: SigningKeyId) -> Result<()> {
    transaction.execute(sql("update signing_keys set is_active = true where id = $1").bind(id)).await?;
    Ok(())
}

async fn publish(transaction: &mut Transaction, project: &Project, root: &SignedRoot) -> Result<()> {
    let version = i64::try_from(root.version().get()).map_err(|_| Error::Damaged(Noun::TrustRoot))?;
    let document = serde_json::to_value(root).map_err(|_| Error::Damaged(Noun::TrustRoot))?;
    let insert = sql("insert into trust_roots (project_id, version, team_id, document, created_at) \
         values ($1, $2, $3, $4, $5)")
    .bind(project.id)
    .bind(version)
    .bind(project.team)
    .bind(document)
    .bind(now());
    transaction.execute(insert).await?;
    Ok(())
}

/// Of the one row that a step is about.
fn one(changed: u64) -> Result<()> {
    let refusal = || Error::Conflict("the key is not in the state that this takes: read it again".to_owned());
    if changed == 1 { Ok(()) } else { Err(refusal()) }
}

/// The version that a page ended with. A cursor of another list names none that there is.
fn cursor_version(cursor: Uuid) -> i64 {
    i64::try_from(cursor.as_u128()).unwrap_or(i64::MAX)
}

fn active(row: &Row) -> Result<ActiveKey> {
    let sealed = |row: &Row| -> Result<Sealed> {
        let bytes: Vec<u8> = row.get("sealed")?;
        Sealed::from_bytes(bytes).map_err(|_| Error::Damaged(Noun::SigningKey))
    };
    let custody = match row.word::<Kind>("kind")? {
        Kind::Generated => Custody::Generated(sealed(row)?),
        Kind::Imported => Custody::Imported(sealed(row)?),
        Kind::Referenced => Custody::Referenced(row.get("reference")?),
        Kind::Public => Custody::Public,
    };
    let (id, project, key_id) = (row.get("id")?, row.get("project_id")?, row.get("key_id")?);
    Ok(ActiveKey { id, project, key_id, custody })
}

fn read(row: &Row) -> Result<SigningKey, SqlError> {
    let retired_at = row.get("retired_at")?;
    let state = match (row.get("is_active")?, retired_at) {
        (true, _) => State::Active,
        (false, None) => State::Trusted,
        (false, Some(_)) => State::Retired,
    };
    Ok(SigningKey {
        id: row.get("id")?,
        team: row.get("team_id")?,
        project: row.get("project_id")?,
        name: row.parse("name")?,
        kind: row.word("kind")?,
        state,
        key_id: row.get("key_id")?,
        public_key: row.get("public_key")?,
        reference: row.get("reference")?,
        author: row.get("author")?,
        created_at: row.get("created_at")?,
        retired_at,
    })
}
