//! Artifacts: files that are made once, never change, and are called by their SHA-256.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::access::Reach;
use super::digest::Digest;
use super::error::Error;
use super::id::{BuildId, ProjectId, TeamId};
use super::store::Artifacts;

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Artifact {
    /// Its SHA-256, which is its id.
    pub digest: Digest,
    /// Who owns it.
    pub team: TeamId,
    /// Which project's.
    pub project: ProjectId,
    /// Its size in bytes.
    #[schema(minimum = 1)]
    pub size: i64,
    /// The ids of the keys that signed it: SHA-256 of each public key, in hexadecimal.
    pub signed_by: Vec<String>,
    /// The build that made it; absent where it was uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildId>,
    /// What it says of itself.
    pub summary: Summary,
    /// When it was first stored.
    pub created_at: Timestamp,
}

/// What an artifact says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The project that it was built for.
    pub project: String,
    /// What compiled it, as `name/version`.
    pub compiler: String,
    /// The oldest gateway that can serve it.
    pub minimum_gateway: String,
    /// Where it came from.
    pub provenance: Provenance,
    /// The APIs in it.
    pub apis: Vec<Api>,
    /// How many operations it serves.
    pub operations: u64,
    /// How many schemas it holds.
    pub schemas: u64,
    /// How many documents it was compiled from.
    pub specs: u64,
    /// What it asks of a gateway beyond the least.
    pub features: Vec<String>,
    /// The bytes of each section in the file, by its name.
    pub sections: BTreeMap<String, u64>,
}

/// One API of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Its title.
    pub title: String,
    /// Its version.
    pub version: String,
    /// The path of its document.
    pub spec: String,
}

/// Where an artifact came from. Nothing of it is the time at which a server happened to compile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The commit of the documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// A repository, a pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whatever its maker said is the time of its documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_at: Option<Timestamp>,
}

/// An artifact whose bytes are stored, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewArtifact {
    /// Its SHA-256.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: i64,
    /// Who signed it.
    pub signed_by: Vec<String>,
    /// What it says of itself.
    pub summary: Summary,
}

/// Which artifact. Two projects may have the same one; each has its own row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArtifactAt {
    /// How far whoever asks reaches.
    pub reach: Reach,
    /// The only project it may be of: what a data plane's key is bound to.
    pub project: Option<ProjectId>,
    /// Its SHA-256.
    pub digest: Digest,
}

/// Whether an artifact was known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// It was not.
    New,
    /// It was: it is stored once.
    Known,
}

/// Whether bytes may be kept, or removed, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// They may, for a time.
    Given,
    /// Somebody else is at it, or needs them.
    Refused,
}

/// How long bytes stay after somebody said that a row is going to name them: longer than they take to be stored.
pub const KEEPING: Duration = Duration::from_mins(15);
/// How much of that is left at least when the row is written: longer than a transaction takes.
pub const KEEPING_MARGIN: Duration = Duration::from_mins(2);
/// How long nobody names bytes after somebody said that they remove them.
pub const REMOVING: Duration = Duration::from_mins(1);

/// How long bytes are waited for that are being removed, and how often one asks.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(50);

/// Bytes of an artifact, as they are read. What was stored is what comes, or an error ends it before the last of it.
pub type ArtifactStream = BoxStream<'static, Result<Bytes, Error>>;

/// Where the bytes of artifacts are, each called by its SHA-256.
#[async_trait]
pub trait ArtifactBytes: Debug + Send + Sync {
    /// Keeps them. Returns when they would survive a crash. Those that are kept already are as new again.
    async fn put(&self, digest: Digest, bytes: Bytes) -> Result<(), Error>;
    /// Whether it is there, with as few rights as everything else takes.
    async fn reach(&self) -> Result<(), Error>;
    /// Reads the bytes from `range.start` to before `range.end`. All of them are read and compared with the digest, so
    /// the last of a part come no sooner than those of the whole.
    async fn read(&self, digest: Digest, range: Range<u64>) -> Result<ArtifactStream, Error>;
    /// Those that were kept before `before`.
    fn older_than(&self, before: Timestamp) -> BoxStream<'static, Result<Digest, Error>>;
    /// Removes what somebody began to keep before `before` and never finished, because they were killed. Returns how many.
    async fn remove_unfinished(&self, before: Timestamp) -> Result<usize, Error>;
    /// Removes them, unless they were kept again since `before`.
    async fn remove(&self, digest: Digest, before: Timestamp) -> Result<(), Error>;
}

/// Stores bytes that a row is going to name.
///
/// # Errors
/// They are being removed, and are not gone after ten seconds; or either store failed.
pub async fn store_bytes(
    store: &dyn Artifacts,
    objects: &dyn ArtifactBytes,
    (digest, bytes): (Digest, Bytes),
) -> Result<(), Error> {
    let leave = async {
        while store.keep_bytes(digest).await? == Leave::Refused {
            tokio::time::sleep(AGAIN).await;
        }
        Ok::<_, Error>(())
    };
    timeout(PATIENCE, leave).await.map_err(Error::artifact_store)??;
    objects.put(digest, bytes).await
}
