//! Secrets of tokens and API keys, which both are rotated and revoked the same way.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::sql::{Error as SqlError, Statement, Transaction, sql};
use crate::domain::error::Error;
use crate::domain::store::Result;
use crate::domain::time::now;
use crate::domain::token::{Minted, Rotation};

/// Whose secret.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner {
    Token,
    ApiKey,
}

impl Owner {
    fn update(self) -> Statement {
        match self {
            Self::Token => sql("update tokens set "),
            Self::ApiKey => sql("update api_keys set "),
        }
    }
}

/// Whether a credential can get another secret: what has ended is not brought back.
pub(super) fn check_good(revoked_at: Option<Timestamp>, expires_at: Option<Timestamp>) -> Result<()> {
    if revoked_at.is_some() || expires_at.is_some_and(|expiry| expiry <= now()) {
        return Err(Error::Conflict("it was revoked or has expired, and stays so: make a new one".to_owned()));
    }
    Ok(())
}

/// Another secret; the old one stays good for as long as is said.
pub(super) async fn rotate(
    transaction: &mut Transaction,
    (owner, id): (Owner, Uuid),
    new: &Minted<Rotation>,
) -> Result<(), SqlError> {
    let overlap = new.what.overlap_seconds;
    let until = (overlap > 0).then(|| now() + SignedDuration::from_secs(overlap.into()));
    let update = owner
        .update()
        .then_bind("previous_until = ", until)
        .then_bind(", previous_hash = case when ", until.is_some())
        .then(" then hash else null end")
        .then_bind(", hash = ", new.secret.hash)
        .then_bind(", prefix = ", &new.secret.prefix)
        .then_bind(" where id = ", id);
    transaction.execute(update).await?;
    Ok(())
}

/// No secret, from now on. Returns since when.
pub(super) async fn revoke(transaction: &mut Transaction, (owner, id): (Owner, Uuid)) -> Result<Timestamp, SqlError> {
    let now = now();
    let update = owner
        .update()
        .then_bind("revoked_at = ", now)
        .then(", previous_hash = null, previous_until = null")
        .then_bind(" where id = ", id);
    transaction.execute(update).await?;
    Ok(now)
}
