//! What is done once, however often it is asked for (draft-ietf-httpapi-idempotency-key-header-07).

use std::time::Duration;

use uuid::Uuid;

/// How long an answer is kept.
pub const KEPT: Duration = Duration::from_hours(24);

/// How long an attempt is believed to live that was not heard of: what a control plane that died leaves behind.
pub const LEASE: Duration = Duration::from_mins(1);

/// Who asks for what they may have asked for before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key: the same key of another credential is another key.
    pub principal: String,
    /// What they chose.
    pub key: String,
}

/// One attempt to do it. Only the newest one may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt(pub Uuid);

/// What a key leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is new: do it.
    New(Attempt),
    /// Somebody is doing it.
    UnderWay,
    /// It was done.
    Done(Answer),
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// SHA-256 of the request: another request with the same key is a mistake.
    pub request: [u8; 32],
    /// The status.
    pub status: u16,
    /// The header fields that belong to the answer.
    pub headers: Vec<(String, String)>,
    /// The body; `None` where it held a secret, which is kept nowhere, or was too long.
    pub body: Option<Vec<u8>>,
}

impl Attempt {
    /// One that never was.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each one is another")]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}
