//! The bytes of artifacts, in a folder or in whatever speaks S3.
//!
//! An object is called by its digest, so it is never changed, and writing it again does nothing but renew its age. Rows
//! are written after objects: what a crash leaves is an object without a row, which [`sweep`] removes when it is old, and
//! nobody is about to name it.

mod location;
mod outgoing;
mod owner;
mod shelf;
pub mod sweep;
mod unfinished;
mod verified;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};

use crate::domain::artifact::{ArtifactBytes, ArtifactStream};
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};

pub use location::{Location, LocationError};
pub use owner::OwnerError;

/// A folder, or a bucket.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// Where they are, for people.
    place: String,
    /// Where they are, if it is a folder.
    folder: Option<PathBuf>,
}

#[async_trait]
impl ArtifactBytes for Objects {
    async fn put(&self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        self.store.put(&path(digest), bytes.into()).await.map_err(failed)?;
        Ok(())
    }

    async fn read(&self, digest: Digest, range: Range<u64>) -> Result<ArtifactStream, Error> {
        let found = self.store.get(&path(digest)).await.map_err(failed)?;
        Ok(verified::stream(found.into_stream().map(|piece| piece.map_err(failed)).boxed(), digest, range))
    }

    async fn reach(&self) -> Result<(), Error> {
        if let Some(folder) = &self.folder {
            // A folder that is away has no objects, as an empty one has.
            let _entries = tokio::fs::read_dir(folder).await.map_err(Error::artifact_store)?;
            return Ok(());
        }
        // No object is called so: it takes the same rights to see none.
        self.store.list_with_delimiter(Some(&Path::from("reachable"))).await.map_err(failed)?;
        Ok(())
    }

    fn older_than(&self, before: Timestamp) -> BoxStream<'static, Result<Digest, Error>> {
        let listed = self.store.list(None);
        let old = listed.filter_map(move |object| {
            std::future::ready(match object {
                // What has another name is not ours.
                Ok(object) if is_older(&object, before) => {
                    object.location.filename().and_then(|name| name.parse().ok()).map(Ok)
                }
                Ok(_) => None,
                Err(error) => Some(Err(failed(error))),
            })
        });
        old.boxed()
    }

    async fn remove_unfinished(&self, before: Timestamp) -> Result<usize, Error> {
        // A bucket shows nothing of what was cut off.
        let Some(folder) = self.folder.clone() else { return Ok(0) };
        let removing = tokio::task::spawn_blocking(move || unfinished::remove(&folder, before.into()));
        removing.await.map_err(Error::artifact_store)?.map_err(Error::artifact_store)
    }

    async fn remove(&self, digest: Digest, before: Timestamp) -> Result<(), Error> {
        let path = path(digest);
        let gone = |error: &object_store::Error| matches!(error, object_store::Error::NotFound { .. });
        match self.store.head(&path).await {
            Ok(object) if is_older(&object, before) => match self.store.delete(&path).await {
                Err(error) if !gone(&error) => Err(failed(error)),
                _ => Ok(()),
            },
            Ok(_) => Ok(()),
            Err(error) if gone(&error) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

/// `ab/abcd...`: no folder gets too many.
fn path(digest: Digest) -> Path {
    let name = digest.to_string();
    Path::from_iter([&name[..2], &name])
}

fn is_older(object: &ObjectMeta, before: Timestamp) -> bool {
    object.last_modified.timestamp_micros() < before.as_microsecond()
}

/// What a row names is there, unless somebody else took it away.
fn failed(error: object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { path, .. } => {
            tracing::error!(path, "an artifact is not where it was stored");
            Error::Damaged(Noun::Artifact)
        }
        error => Error::artifact_store(error),
    }
}
