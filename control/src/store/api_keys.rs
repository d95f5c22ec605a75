//! API keys of data planes.

use async_trait::async_trait;

use super::DatabaseStore;
use super::audit::{Target, record};
use super::changes::{Topic, announce};
use super::secrets::{Owner, check_good, revoke, rotate};
use super::sql::{Error as SqlError, Row, Transaction, sql};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::api_key::{ApiKey, NewApiKey};
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{ApiKeyId, ProjectId, TeamId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::store::{ApiKeyAt, ApiKeys, OfProject, Projects as _, Result};
use crate::domain::time::{kept, now};
use crate::domain::token::{Minted, Rotation};

#[async_trait]
impl ApiKeys for DatabaseStore {
    async fn create_api_key(&self, act: &Act, of: OfProject, new: Minted<NewApiKey>) -> Result<ApiKey> {
        let Minted { what: new, secret } = new;
        let OfProject { reach, project } = of;
        let team = self.project(reach, project).await?.team;
        let key = ApiKey {
            id: ApiKeyId::new(),
            project,
            name: new.name,
            prefix: secret.prefix,
            scopes: new.scopes,
            author: act.actor.name().unwrap_or(act.actor.kind()).to_owned(),
            created_at: now(),
            expires_at: new.expires_at.map(kept),
            last_used_at: None,
            revoked_at: None,
        };
        let insert =
            sql("insert into api_keys (id, team_id, project_id, name, prefix, hash, scopes, author, created_at, \
             expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(key.id)
            .bind(team)
            .bind(key.project)
            .bind(&key.name)
            .bind(&key.prefix)
            .bind(secret.hash)
            .bind(serde_json::to_value(&key.scopes).map_err(|_| Error::Damaged(Noun::ApiKey))?)
            .bind(&key.author)
            .bind(key.created_at)
            .bind(key.expires_at);
        let mut transaction = self.database.begin().await?;
        transaction.execute(insert).await.map_err(|error| match error {
            // It was deleted in between.
            error if error.is_reference_violation() => Error::NotFound(Noun::Project),
            error => error.into(),
        })?;
        let detail = serde_json::json!({ "scopes": key.scopes, "prefix": key.prefix });
        record(&mut transaction, act, Action::ApiKeyCreate, target(&key, team).with(detail)).await?;
        transaction.commit().await?;
        Ok(key)
    }

    async fn api_key(&self, at: ApiKeyAt) -> Result<ApiKey> {
        let select = sql("select * from api_keys where id = $1 and project_id = $2")
            .bind(at.id)
            .bind(at.project)
            .then_bind_some(" and team_id = ", at.reach.team());
        Ok(read(&self.database.get(select, Noun::ApiKey).await?)?)
    }

    async fn api_keys(&self, reach: Reach, project: ProjectId, page: &PageRequest) -> Result<Page<ApiKey>> {
        // A project that is not there has no list, rather than an empty one.
        self.project(reach, project).await?;
        let select = sql("select * from api_keys where project_id = $1")
            .bind(project)
            .then_bind_some(" and name = ", page.name.as_ref())
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let keys = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(keys, page, |key| key.id.0))
    }

    async fn rotate_api_key(&self, act: &Act, at: ApiKeyAt, new: Minted<Rotation>) -> Result<ApiKey> {
        let mut transaction = self.database.begin().await?;
        let (current, team) = lock(&mut transaction, at).await?;
        check_good(current.revoked_at, current.expires_at)?;
        rotate(&mut transaction, (Owner::ApiKey, at.id.0), &new).await?;
        let key = ApiKey { prefix: new.secret.prefix, ..current.clone() };
        let detail = serde_json::json!({ "overlap_seconds": new.what.overlap_seconds });
        let target = target(&key, team).with(detail).changed(&current, &key);
        record(&mut transaction, act, Action::ApiKeyRotate, target).await?;
        announce(&mut transaction, Topic::Registry).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Registry);
        Ok(key)
    }

    async fn revoke_api_key(&self, act: &Act, at: ApiKeyAt) -> Result<()> {
        let mut transaction = self.database.begin().await?;
        let (key, team) = lock(&mut transaction, at).await?;
        if key.revoked_at.is_some() {
            return Ok(());
        }
        let revoked_at = Some(revoke(&mut transaction, (Owner::ApiKey, at.id.0)).await?);
        let revoked = ApiKey { revoked_at, ..key.clone() };
        record(&mut transaction, act, Action::ApiKeyRevoke, target(&revoked, team).changed(&key, &revoked)).await?;
        announce(&mut transaction, Topic::Registry).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Registry);
        Ok(())
    }

    async fn may_fetch(&self, project: ProjectId, artifact: Digest) -> Result<bool> {
        let select = sql("select id from artifacts where project_id = $1 and digest = $2").bind(project).bind(artifact);
        let found = self.database.known(|reader| {
            let select = select.clone();
            async move {
                let found = reader.fetch_optional(select).await?;
                if found.is_none() {
                    reader.lacks()?;
                }
                Ok::<_, SqlError>(found)
            }
        });
        Ok(found.await?.is_some())
    }
}

/// The key as it is, until the transaction ends, and its team.
async fn lock(transaction: &mut Transaction, at: ApiKeyAt) -> Result<(ApiKey, TeamId)> {
    let select = sql("select * from api_keys where id = $1 and project_id = $2")
        .bind(at.id)
        .bind(at.project)
        .then_bind_some(" and team_id = ", at.reach.team())
        .then(transaction.dialect().for_update());
    let row = transaction.fetch_optional(select).await?.ok_or(Error::NotFound(Noun::ApiKey))?;
    Ok((read(&row)?, row.get("team_id")?))
}

fn target(key: &ApiKey, team: TeamId) -> Target<'_> {
    Target::new(Noun::ApiKey, key.id.0, Some(key.name.as_str())).of_team(team).of_project(key.project)
}

fn read(row: &Row) -> Result<ApiKey, SqlError> {
    Ok(ApiKey {
        id: row.get("id")?,
        project: row.get("project_id")?,
        name: row.parse("name")?,
        prefix: row.get("prefix")?,
        scopes: row.words("scopes")?,
        author: row.get("author")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}
