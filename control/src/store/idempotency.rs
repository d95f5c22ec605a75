//! Requests that carry an `Idempotency-Key`.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::DatabaseStore;
use super::sql::{Error as SqlError, Row, sql};
use crate::domain::error::{Error, Noun};
use crate::domain::idempotency::{Answer, Attempt, Claim, IdempotencyKey, KEPT, LEASE};
use crate::domain::store::{Idempotency, Result};
use crate::domain::time::now;

#[async_trait]
impl Idempotency for DatabaseStore {
    async fn claim(&self, key: &IdempotencyKey) -> Result<Claim> {
        let (now, attempt) = (now(), Attempt::new());
        let mut transaction = self.database.begin().await?;
        let insert = sql("insert into idempotent_responses (principal, key, owner, lease_until, created_at) \
             values ($1, $2, $3, $4, $5) on conflict (principal, key) do nothing")
        .bind(&key.principal)
        .bind(&key.key)
        .bind(attempt.0)
        .bind(lease_from(now))
        .bind(now);
        if transaction.execute(insert).await? == 1 {
            transaction.commit().await?;
            return Ok(Claim::New(attempt));
        }
        let select = sql("select * from idempotent_responses where principal = $1 and key = $2")
            .bind(&key.principal)
            .bind(&key.key)
            .then(transaction.dialect().for_update());
        // Who had it gave it back just now: whoever asks again gets it.
        let Some(row) = transaction.fetch_optional(select).await? else { return Ok(Claim::UnderWay) };
        let standing = match answer(&row)? {
            Some(answer) if row.get::<Timestamp>("created_at")? > oldest(now) => Some(Claim::Done(answer)),
            None if row.get::<Timestamp>("lease_until")? > now => Some(Claim::UnderWay),
            Some(_) | None => None,
        };
        if let Some(claim) = standing {
            transaction.commit().await?;
            return Ok(claim);
        }
        let take = sql("update idempotent_responses set owner = $1, lease_until = $2, created_at = $3, \
             request = null, status = null, headers = null, body = null where principal = $4 and key = $5")
        .bind(attempt.0)
        .bind(lease_from(now))
        .bind(now)
        .bind(&key.principal)
        .bind(&key.key);
        transaction.execute(take).await?;
        transaction.commit().await?;
        Ok(Claim::New(attempt))
    }

    async fn keep_claim(&self, key: &IdempotencyKey, attempt: Attempt) -> Result<bool> {
        let keep = sql("update idempotent_responses set lease_until = $1 \
             where principal = $2 and key = $3 and owner = $4 and status is null")
        .bind(lease_from(now()))
        .bind(&key.principal)
        .bind(&key.key)
        .bind(attempt.0);
        let mut transaction = self.database.begin().await?;
        let kept = transaction.execute(keep).await?;
        transaction.commit().await?;
        Ok(kept == 1)
    }

    async fn answer_claim(&self, key: &IdempotencyKey, attempt: Attempt, answer: Answer) -> Result<()> {
        let headers = serde_json::to_value(&answer.headers).map_err(|_| Error::Damaged(Noun::Event))?;
        let store = sql("update idempotent_responses set request = $1, status = $2, headers = $3, body = $4 \
             where principal = $5 and key = $6 and owner = $7 and status is null")
        .bind(answer.request)
        .bind(answer.status)
        .bind(headers)
        .bind(answer.body)
        .bind(&key.principal)
        .bind(&key.key)
        .bind(attempt.0);
        let mut transaction = self.database.begin().await?;
        transaction.execute(store).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn drop_claim(&self, key: &IdempotencyKey, attempt: Attempt) -> Result<()> {
        let delete = sql("delete from idempotent_responses \
             where principal = $1 and key = $2 and owner = $3 and status is null")
        .bind(&key.principal)
        .bind(&key.key)
        .bind(attempt.0);
        let mut transaction = self.database.begin().await?;
        transaction.execute(delete).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn forget_answers(&self) -> Result<u64> {
        let now = now();
        let delete = sql("delete from idempotent_responses where (principal, key) in (select principal, key \
             from idempotent_responses where created_at < $1 and lease_until < $2 order by created_at limit 1000)")
        .bind(oldest(now))
        .bind(now);
        let mut transaction = self.database.begin().await?;
        let forgotten = transaction.execute(delete).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}

fn lease_from(now: Timestamp) -> Timestamp {
    now + SignedDuration::try_from(LEASE).unwrap_or_default()
}

fn oldest(now: Timestamp) -> Timestamp {
    now - SignedDuration::try_from(KEPT).unwrap_or_default()
}

fn answer(row: &Row) -> Result<Option<Answer>, SqlError> {
    let Some(status) = row.get::<Option<i64>>("status")? else { return Ok(None) };
    Ok(Some(Answer {
        request: row.get("request")?,
        status: u16::try_from(status).unwrap_or_default(),
        headers: row.json("headers")?,
        body: row.get("body")?,
    }))
}
