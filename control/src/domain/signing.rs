//! The port through which builds are signed.

use artifact_format::signature::SigningKey;
use async_trait::async_trait;

use super::error::Error;
use super::id::ProjectId;

/// Has the private keys of projects, or knows where they are.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The key that a project's builds are signed with now. Ask for it when there is something to sign, and let it go
    /// then: it is wiped from memory when it is dropped.
    ///
    /// # Errors
    /// [`NotFound`](Error::NotFound): there is no such project. [`Conflict`](Error::Conflict): its key cannot be had, and
    /// why. [`Damaged`](Error::Damaged): what is kept of it is not what was.
    async fn signing_key(&self, project: ProjectId) -> Result<SigningKey, Error>;
}
