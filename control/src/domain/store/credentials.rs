//! Who shows a secret.

use async_trait::async_trait;

use super::Result;
use crate::domain::access::Principal;
use crate::domain::act::Act;
use crate::domain::token::{Fingerprint, NewToken, Token};

/// Access tokens of people and pipelines, API keys of data planes: who shows a secret.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Whose secret has this SHA-256; nobody's, if it has expired or was revoked.
    async fn principal(&self, hash: [u8; 32]) -> Result<Option<Principal>>;
    /// Whether there is any token at all.
    async fn has_tokens(&self) -> Result<bool>;
    /// Makes a token, whose secret has this SHA-256 and starts with this prefix.
    async fn create_token(&self, act: &Act, new: NewToken, secret: Fingerprint) -> Result<Token>;
}
