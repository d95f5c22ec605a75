//! Tokens and API keys, by what is known of their secrets.

use async_trait::async_trait;
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;

use super::DatabaseStore;
use super::sql::{Error as SqlError, Reader, Row, sql};
use crate::domain::access::{Identity, Principal, Reach};
use crate::domain::id::TeamId;
use crate::domain::store::{Credentials, Result};
use crate::domain::time::now;

#[async_trait]
impl Credentials for DatabaseStore {
    async fn principal(&self, hash: [u8; 32]) -> Result<Option<Principal>> {
        self.database.known(|reader| principal(reader, hash)).await
    }

    async fn note_uses(&self, uses: &[(Identity, Timestamp)]) -> Result<()> {
        if uses.is_empty() {
            return Ok(());
        }
        // Replicas that note the same credentials take their rows in the same order.
        let mut uses = uses.to_vec();
        uses.sort_unstable();
        let mut transaction = self.database.begin().await?;
        for (identity, at) in uses {
            let (update, id) = match identity {
                Identity::Token(id) => (
                    "update tokens set last_used_at = $1 \
                     where id = $2 and (last_used_at is null or last_used_at < $1)",
                    id.0,
                ),
                Identity::ApiKey { id, .. } => (
                    "update api_keys set last_used_at = $1 \
                     where id = $2 and (last_used_at is null or last_used_at < $1)",
                    id.0,
                ),
            };
            transaction.execute(sql(update).bind(at).bind(id)).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

async fn principal(reader: Reader, hash: [u8; 32]) -> Result<Option<Principal>> {
    let now = now();
    let select = sql("select * from tokens where (hash = $1 or previous_hash = $1 and previous_until > $2) \
         and revoked_at is null and (expires_at is null or expires_at > $2)")
    .bind(hash)
    .bind(now);
    if let Some(row) = reader.fetch_optional(select).await? {
        return Ok(proven(&row, hash)?.then(|| token_principal(&row)).transpose()?);
    }
    let select = sql("select * from api_keys where (hash = $1 or previous_hash = $1 and previous_until > $2) \
         and revoked_at is null and (expires_at is null or expires_at > $2)")
    .bind(hash)
    .bind(now);
    let Some(row) = reader.fetch_optional(select).await? else {
        // Of one that a replica does not have nobody can say that it is wrong: it may be new.
        reader.lacks()?;
        return Ok(None);
    };
    Ok(proven(&row, hash)?.then(|| api_key_principal(&row)).transpose()?)
}

/// Whether the row is of that secret, in a time that does not tell how nearly it is. The index found it by a hash, which
/// nobody can come near to step by step; this is so that nothing depends on how an index compares.
fn proven(row: &Row, hash: [u8; 32]) -> Result<bool, SqlError> {
    let current: [u8; 32] = row.get("hash")?;
    let previous = row.get::<Option<Vec<u8>>>("previous_hash")?.unwrap_or_default();
    Ok(bool::from(current.ct_eq(&hash) | previous.ct_eq(&hash)))
}

fn token_principal(row: &Row) -> Result<Principal, SqlError> {
    Ok(Principal {
        identity: Identity::Token(row.get("id")?),
        name: row.get("name")?,
        reach: row.get::<Option<TeamId>>("team_id")?.map_or(Reach::Everything, Reach::Team),
        role: Some(row.word("role")?),
        scopes: row.words("scopes")?,
        expires_at: row.get("expires_at")?,
    })
}

fn api_key_principal(row: &Row) -> Result<Principal, SqlError> {
    Ok(Principal {
        identity: Identity::ApiKey { id: row.get("id")?, project: row.get("project_id")? },
        name: row.get("name")?,
        reach: Reach::Team(row.get("team_id")?),
        role: None,
        scopes: row.words("scopes")?,
        expires_at: row.get("expires_at")?,
    })
}
