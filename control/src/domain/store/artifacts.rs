//! Artifacts, but for their bytes.

use async_trait::async_trait;

use super::{OfProject, Result};
use crate::domain::act::Act;
use crate::domain::artifact::{Artifact, ArtifactAt, Leave, NewArtifact, Novelty};
use crate::domain::digest::Digest;
use crate::domain::page::{Page, PageRequest};

/// Artifacts. The bytes are stored before a row says so: a row never points to nothing.
///
/// Nor does it later: bytes that no row names are removed, and somebody else may be about to name them. So whoever stores
/// bytes first asks [`keep_bytes`](Artifacts::keep_bytes), and whoever removes them
/// [`remove_bytes`](Artifacts::remove_bytes); while one has leave, the other has not. A row is written only while there is
/// leave to keep what it names, [`KEEPING_MARGIN`](crate::domain::artifact::KEEPING_MARGIN) included.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// Writes down that one was uploaded. One that the project has already is what it was.
    ///
    /// # Errors
    /// [`Unavailable`](crate::domain::error::Error::Unavailable) without leave to keep its bytes.
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
    /// Leave to store bytes and to name them, for [`KEEPING`](crate::domain::artifact::KEEPING) from now.
    async fn keep_bytes(&self, digest: Digest) -> Result<Leave>;
    /// Leave to remove bytes that no row names and nobody keeps, for [`REMOVING`](crate::domain::artifact::REMOVING).
    async fn remove_bytes(&self, digest: Digest) -> Result<Leave>;
    /// They are removed: whoever wants to keep them need not wait any more.
    async fn bytes_are_removed(&self, digest: Digest) -> Result<()>;
}
