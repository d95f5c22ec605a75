//! API keys of data planes.

use async_trait::async_trait;

use super::{OfProject, Result};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::api_key::{ApiKey, NewApiKey};
use crate::domain::digest::Digest;
use crate::domain::id::{ApiKeyId, ProjectId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::token::{Minted, Rotation};

/// Which key: of which project, as far as whoever asks reaches.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeyAt {
    /// How far they reach.
    pub reach: Reach,
    /// Of which project.
    pub project: ProjectId,
    /// Which one.
    pub id: ApiKeyId,
}

/// API keys of data planes.
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Makes one, whose secret has this SHA-256 and starts with this prefix.
    async fn create_api_key(&self, act: &Act, of: OfProject, new: Minted<NewApiKey>) -> Result<ApiKey>;
    /// One of them.
    async fn api_key(&self, at: ApiKeyAt) -> Result<ApiKey>;
    /// A project's, newest first, with what has expired or was revoked.
    async fn api_keys(&self, reach: Reach, project: ProjectId, page: &PageRequest) -> Result<Page<ApiKey>>;
    /// Gives one another secret. One that is not good any more stays so: [`Conflict`](crate::domain::error::Error).
    async fn rotate_api_key(&self, act: &Act, at: ApiKeyAt, new: Minted<Rotation>) -> Result<ApiKey>;
    /// Ends one. Ending what is ended changes nothing.
    async fn revoke_api_key(&self, act: &Act, at: ApiKeyAt) -> Result<()>;
    /// Whether a project has the artifact: what its keys may fetch.
    async fn may_fetch(&self, project: ProjectId, artifact: Digest) -> Result<bool>;
}
