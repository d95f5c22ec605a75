//! Tokens and API keys, by what is known of their secrets.

use crate::domain::time::now;
use async_trait::async_trait;

use super::DatabaseStore;
use super::audit::{Target, record};
use super::sql::{Error as SqlError, Row, sql};
use crate::domain::access::{Identity, Principal, Reach};
use crate::domain::act::{Act, Action};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{TeamId, TokenId};
use crate::domain::store::{Credentials, Result};
use crate::domain::token::{Fingerprint, NewToken, Token};

#[async_trait]
impl Credentials for DatabaseStore {
    async fn principal(&self, hash: [u8; 32]) -> Result<Option<Principal>> {
        let now = now();
        let select = sql("select id, name, team_id, scopes from tokens where hash = $1 and revoked_at is null \
             and (expires_at is null or expires_at > $2)")
        .bind(hash)
        .bind(now);
        if let Some(row) = self.database.fetch_optional(select).await? {
            return Ok(Some(token_principal(&row)?));
        }
        let select = sql("select id, name, team_id, project_id, scopes from api_keys where hash = $1 \
             and revoked_at is null and (expires_at is null or expires_at > $2)")
        .bind(hash)
        .bind(now);
        let row = self.database.fetch_optional(select).await?;
        Ok(row.as_ref().map(api_key_principal).transpose()?)
    }

    async fn has_tokens(&self) -> Result<bool> {
        Ok(self.database.fetch_optional(sql("select id from tokens limit 1")).await?.is_some())
    }

    async fn create_token(&self, act: &Act, new: NewToken, secret: Fingerprint) -> Result<Token> {
        let token = Token {
            id: TokenId::new(),
            team: new.team,
            scopes: new.effective_scopes(),
            name: new.name,
            role: new.role,
            prefix: secret.prefix,
            author: act.actor.name().unwrap_or(act.actor.kind()).to_owned(),
            created_at: now(),
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let insert =
            sql("insert into tokens (id, team_id, name, role, prefix, hash, scopes, author, created_at, expires_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(token.id)
            .bind(token.team)
            .bind(&token.name)
            .bind(word(token.role)?)
            .bind(&token.prefix)
            .bind(secret.hash)
            .bind(serde_json::to_value(&token.scopes).map_err(|_| Error::Damaged(Noun::Token))?)
            .bind(&token.author)
            .bind(token.created_at)
            .bind(token.expires_at);
        let mut transaction = self.database.begin().await?;
        transaction.execute(insert).await.map_err(|error| match error {
            error if error.is_reference_violation() => Error::NotFound(Noun::Team),
            error => error.into(),
        })?;
        let mut target = Target::new(Noun::Token, token.id.0, Some(token.name.as_str()));
        target.team = token.team;
        let target = target.with(serde_json::json!({ "role": token.role, "scopes": token.scopes }));
        record(&mut transaction, act, Action::TokenCreate, target).await?;
        transaction.commit().await?;
        Ok(token)
    }
}

/// A word of a closed set, as it is kept.
fn word(value: impl serde::Serialize) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        _ => Err(Error::Damaged(Noun::Token)),
    }
}

fn token_principal(row: &Row) -> Result<Principal, SqlError> {
    Ok(Principal {
        identity: Identity::Token(row.get("id")?),
        name: row.get("name")?,
        reach: row.get::<Option<TeamId>>("team_id")?.map_or(Reach::Everything, Reach::Team),
        scopes: row.words("scopes")?,
    })
}

fn api_key_principal(row: &Row) -> Result<Principal, SqlError> {
    Ok(Principal {
        identity: Identity::ApiKey { id: row.get("id")?, project: row.get("project_id")? },
        name: row.get("name")?,
        reach: Reach::Team(row.get("team_id")?),
        scopes: row.words("scopes")?,
    })
}
