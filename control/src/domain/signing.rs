//! Who signs for a project, and whom its gateways believe.

use artifact_format::signature::{PublicKey, SigningKey};
use async_trait::async_trait;

use super::error::Error;
use super::id::ProjectId;

/// The keys of projects.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The project's active key. Hold it for one signature; it is wiped when it is dropped.
    async fn signing_key(&self, project: ProjectId) -> Result<SigningKey, Error>;
    /// The keys that the project's gateways believe: the newest trust root's.
    async fn trusted_keys(&self, project: ProjectId) -> Result<Vec<PublicKey>, Error>;
}
