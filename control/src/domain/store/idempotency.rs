//! What is done once, however often it is asked for.

use async_trait::async_trait;

use super::Result;
use crate::domain::idempotency::{Answer, Attempt, Claim, IdempotencyKey};

/// Requests that carry an `Idempotency-Key`.
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// Takes a key, if nobody has it. An attempt that was not heard of for
    /// [`LEASE`](crate::domain::idempotency::LEASE) has it no more; an answer that is older than
    /// [`KEPT`](crate::domain::idempotency::KEPT) is forgotten.
    async fn claim(&self, key: &IdempotencyKey) -> Result<Claim>;
    /// The attempt lives. False where another one has the key by now.
    async fn keep_claim(&self, key: &IdempotencyKey, attempt: Attempt) -> Result<bool>;
    /// It was done, and this was answered. Nothing, where another attempt has the key by now.
    async fn answer_claim(&self, key: &IdempotencyKey, attempt: Attempt, answer: Answer) -> Result<()>;
    /// It was not done: the key is free again.
    async fn drop_claim(&self, key: &IdempotencyKey, attempt: Attempt) -> Result<()>;
    /// Forgets some of the answers that are too old. Returns how many.
    async fn forget_answers(&self) -> Result<u64>;
}
