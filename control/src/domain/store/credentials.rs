//! Who shows a secret.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Result;
use crate::domain::access::{Identity, Principal};

/// Access tokens of people and pipelines, API keys of data planes: who shows a secret.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Whose secret has this SHA-256; nobody's, if it has expired, was replaced or revoked.
    async fn principal(&self, hash: [u8; 32]) -> Result<Option<Principal>>;
    /// Notes when credentials were last shown. An older time than is known changes nothing.
    async fn note_uses(&self, uses: &[(Identity, Timestamp)]) -> Result<()>;
}
