//! Private halves: made, sealed, and opened again for as long as something is signed.

use std::sync::Arc;

use artifact_format::signature::{PublicKey, SigningKey as PrivateKey};
use zeroize::Zeroizing;

use super::reference::References;
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{ProjectId, SigningKeyId};
use crate::domain::name::Name;
use crate::domain::signing_key::{ActiveKey, Custody, KeyToKeep, Kind, NewSigningKey, Pem};
use crate::key::seal::{Purpose, Sealed};
use crate::key::{self, MasterKey, seal};

/// What opens what is sealed, and reads what is elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Vault {
    master: Arc<MasterKey>,
    references: Arc<References>,
}

/// A key that is about to be kept, with its private half if that is here.
pub(super) struct Made {
    pub(super) key: KeyToKeep,
    pub(super) private: Option<PrivateKey>,
}

impl Vault {
    pub(super) fn new(master: MasterKey, references: References) -> Self {
        Self { master: Arc::new(master), references: Arc::new(references) }
    }

    pub(super) fn with_references(&self, references: References) -> Self {
        Self { master: Arc::clone(&self.master), references: Arc::new(references) }
    }

    pub(super) fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Makes or takes a key. What it says has been checked.
    pub(super) async fn make(&self, project: ProjectId, new: NewSigningKey) -> Result<Made, Error> {
        let id = SigningKeyId::new();
        let NewSigningKey { name, kind, private_key, reference, public_key } = new;
        let (custody, public, private) = match kind {
            Kind::Generated => {
                let private = key::generate().map_err(Error::secrets)?;
                (Custody::Generated(self.seal(&private, project, id)?), private.public(), Some(private))
            }
            Kind::Imported => {
                let private = imported(private_key)?;
                (Custody::Imported(self.seal(&private, project, id)?), private.public(), Some(private))
            }
            Kind::Referenced => {
                let reference = reference.unwrap_or_default();
                let read = Arc::clone(&self.references).read(reference.clone()).await;
                let private = read.map_err(|error| Error::invalid("/reference", error.to_string()))?;
                (Custody::Referenced(reference), private.public(), Some(private))
            }
            Kind::Public => {
                let public = PublicKey::parse(public_key.as_deref().unwrap_or_default());
                (Custody::Public, public.map_err(|error| Error::invalid("/public_key", error.to_string()))?, None)
            }
        };
        let name = name.map_or_else(|| name_of(&public), Ok)?;
        Ok(Made { key: KeyToKeep { id, name, public, custody }, private })
    }

    /// Has the private half of an active key.
    pub(super) async fn open(&self, active: &ActiveKey) -> Result<PrivateKey, Error> {
        let private = match &active.custody {
            Custody::Generated(sealed) | Custody::Imported(sealed) => {
                let opened =
                    self.master.open(sealed, purpose(active.project, active.id)).map_err(|error| refused(&error))?;
                let text = std::str::from_utf8(&opened).map_err(|_| Error::Damaged(Noun::SigningKey))?;
                PrivateKey::parse(text).map_err(|_| Error::Damaged(Noun::SigningKey))?
            }
            Custody::Referenced(reference) => {
                let read = Arc::clone(&self.references).read(reference.clone()).await;
                read.map_err(|error| Error::Conflict(format!("the project's active signing key: {error}")))?
            }
            Custody::Public => return Err(Error::Damaged(Noun::SigningKey)),
        };
        if Digest(private.public().id().0) == active.key_id {
            return Ok(private);
        }
        Err(match &active.custody {
            Custody::Referenced(reference) => Error::Conflict(format!(
                "{reference} holds another key than it did: rotate to it, or put the old one back"
            )),
            Custody::Generated(_) | Custody::Imported(_) | Custody::Public => Error::Damaged(Noun::SigningKey),
        })
    }

    fn seal(&self, private: &PrivateKey, project: ProjectId, id: SigningKeyId) -> Result<Sealed, Error> {
        let pem: Zeroizing<String> = private.to_pem().map_err(Error::secrets)?;
        self.master.seal(pem.as_bytes(), purpose(project, id)).map_err(Error::secrets)
    }
}

fn imported(pem: Option<Pem>) -> Result<PrivateKey, Error> {
    let pem = pem.unwrap_or_else(|| Pem(Zeroizing::default()));
    PrivateKey::parse(&pem.0).map_err(|error| Error::invalid("/private_key", error.to_string()))
}

fn purpose(project: ProjectId, key: SigningKeyId) -> Purpose {
    Purpose::SigningKey { project: project.0, key: key.0 }
}

/// What a key is called that nobody named: as it is shown everywhere.
fn name_of(public: &PublicKey) -> Result<Name, Error> {
    public.id().to_string().parse().map_err(|_| Error::Damaged(Noun::SigningKey))
}

/// Why a sealed key does not open.
pub(super) fn refused(error: &seal::Error) -> Error {
    match error {
        seal::Error::OtherMasterKey { .. } => Error::Conflict(format!("a signing key does not open: {error}")),
        error => {
            tracing::error!(%error, "a signing key does not open");
            Error::Damaged(Noun::SigningKey)
        }
    }
}
