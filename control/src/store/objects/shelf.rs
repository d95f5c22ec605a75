//! Files by their names, in the same kind of place as artifacts.

use artifact_format::root::FILE_MAX_BYTES;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt as _};
use sha2::{Digest as _, Sha256};

use super::Objects;
use crate::domain::bootstrap::Shelf;
use crate::domain::digest::Digest;
use crate::domain::error::Error;

#[async_trait]
impl Shelf for Objects {
    async fn file(&self, name: &str) -> Result<Option<Bytes>, Error> {
        match self.store.get(&path(name)?).await {
            // Anybody may have written it: it is not read to its end.
            Ok(found) if found.meta.size > FILE_MAX_BYTES => Ok(None),
            Ok(found) => Ok(Some(found.bytes().await.map_err(Error::artifact_store)?)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::artifact_store(error)),
        }
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        match self.store.head(&path(name)?).await {
            Ok(found) => Ok(Some(found.size)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::artifact_store(error)),
        }
    }

    async fn digest(&self, name: &str) -> Result<Option<Digest>, Error> {
        let found = match self.store.get(&path(name)?).await {
            Ok(found) => found.into_stream(),
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(Error::artifact_store(error)),
        };
        let hash = found.try_fold(Sha256::new(), |hash, piece| std::future::ready(Ok(hash.chain_update(piece))));
        Ok(Some(Digest(hash.await.map_err(Error::artifact_store)?.finalize().into())))
    }

    async fn write(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.store.put(&path(name)?, bytes.into()).await.map_err(Error::artifact_store)?;
        Ok(())
    }

    async fn erase(&self, name: &str) -> Result<(), Error> {
        match self.store.delete(&path(name)?).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::artifact_store(error)),
        }
    }

    async fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        let listed = self.store.list(Some(&path(folder)?));
        let names = listed.map_ok(|object| object.location.to_string()).try_collect();
        names.await.map_err(Error::artifact_store)
    }
}

/// The names are ours: letters, digits, and nothing that would have to be written otherwise.
fn path(name: &str) -> Result<Path, Error> {
    Path::parse(name).map_err(Error::artifact_store)
}
