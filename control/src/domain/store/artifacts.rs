//! Artifacts, but for their bytes.

use async_trait::async_trait;

use super::{OfProject, Result};
use crate::domain::act::Act;
use crate::domain::artifact::{Artifact, ArtifactAt, NewArtifact, Novelty};
use crate::domain::digest::Digest;
use crate::domain::page::{Page, PageRequest};

/// Artifacts. The bytes are stored before a row says so: a row never points to nothing.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// Writes down that one was uploaded. One that the project has already is what it was.
    async fn push_artifact(&self, act: &Act, of: OfProject, new: NewArtifact) -> Result<(Artifact, Novelty)>;
    /// One of them.
    async fn artifact(&self, at: ArtifactAt) -> Result<Artifact>;
    /// A project's, newest first.
    async fn artifacts(&self, of: OfProject, page: &PageRequest) -> Result<Page<Artifact>>;
    /// Forgets one.
    ///
    /// # Errors
    /// [`Conflict`](crate::domain::error::Error::Conflict) if a deployment names it.
    async fn delete_artifact(&self, act: &Act, of: OfProject, digest: Digest) -> Result<()>;
    /// Whether any project has it.
    async fn has_artifact(&self, digest: Digest) -> Result<bool>;
}
