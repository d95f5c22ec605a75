//! Whose a store of artifacts is: an object in it names the installation. One that is another's is not used, since its
//! artifacts would be swept: no row of this database names them.

use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt as _, PutMode};
use thiserror::Error;

use super::Objects;
use crate::domain::id::InstallationId;

/// The object's name. It is no digest, so nobody sweeps it.
const NAME: &str = "installation";

/// Why a store of artifacts is not used.
#[derive(Debug, Error)]
pub enum OwnerError {
    /// It is another installation's.
    #[error(
        "the store of artifacts {place} belongs to installation {theirs}, and this database is of installation {own}: \
         give the database and the store of the same installation. If this database is to take it over, remove the \
         object `{NAME}` from the store and start again; whatever is in it, is older than a day and is not named by \
         this database is removed then"
    )]
    Other {
        /// Where it is.
        place: String,
        /// Whose it is.
        theirs: InstallationId,
        /// Who wants it.
        own: InstallationId,
    },
    /// The object is not what one of these programs writes.
    #[error(
        "the object `{NAME}` in the store of artifacts {place} names no installation, so nobody knows whose it is: give \
         another store, or remove the object if this database is to take it over"
    )]
    Unreadable {
        /// Where it is.
        place: String,
    },
    /// It does not say.
    #[error("the store of artifacts {place} does not say whose it is: {source}")]
    Unreachable {
        /// Where it is.
        place: String,
        /// Why not.
        source: StoreError,
    },
}

impl Objects {
    /// Makes the store this installation's, if it is nobody's. Of several that do so at once, one does.
    ///
    /// # Errors
    /// It is another's, or does not say whose.
    pub async fn claim(&self, own: InstallationId) -> Result<(), OwnerError> {
        let theirs = match self.owner().await? {
            Some(theirs) => theirs,
            None => match self.write_owner(own).await {
                Ok(()) => return Ok(()),
                // Somebody was faster.
                Err(StoreError::AlreadyExists { .. }) => {
                    self.owner().await?.ok_or_else(|| OwnerError::Unreadable { place: self.place.clone() })?
                }
                Err(source) => return Err(self.unreachable(source)),
            },
        };
        if theirs == own { Ok(()) } else { Err(OwnerError::Other { place: self.place.clone(), theirs, own }) }
    }

    async fn write_owner(&self, own: InstallationId) -> Result<(), StoreError> {
        let text = format!("{own}\n");
        self.store.put_opts(&Path::from(NAME), text.into(), PutMode::Create.into()).await?;
        Ok(())
    }

    async fn owner(&self) -> Result<Option<InstallationId>, OwnerError> {
        let bytes = match self.store.get(&Path::from(NAME)).await {
            Ok(found) => found.bytes().await.map_err(|source| self.unreachable(source))?,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(self.unreachable(source)),
        };
        let id = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok());
        id.map(Some).ok_or_else(|| OwnerError::Unreadable { place: self.place.clone() })
    }

    fn unreachable(&self, source: StoreError) -> OwnerError {
        OwnerError::Unreachable { place: self.place.clone(), source }
    }
}
