//! Signing keys and trust roots.

use std::num::NonZeroU64;

use artifact_format::root::SignedRoot;
use async_trait::async_trait;

use super::{OfProject, Result};
use crate::domain::act::Act;
use crate::domain::id::{ProjectId, SigningKeyId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::signing_key::{ActiveKey, Keyring, SigningKey, Succession};
use crate::key::MasterKeyId;
use crate::key::seal::{Purpose, Sealed};

/// Seals anew what is sealed: given what it is for, and as it is.
pub type Reseal<'a> = &'a (dyn Fn(Purpose, &Sealed) -> Result<Sealed> + Send + Sync);

/// Signing keys, and the trust roots that say which of them are believed.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// One of a project's.
    async fn signing_key(&self, of: OfProject, id: SigningKeyId) -> Result<SigningKey>;
    /// A project's, newest first.
    async fn signing_keys(&self, of: OfProject, page: &PageRequest) -> Result<Page<SigningKey>>;
    /// A project's active one, for whoever signs.
    async fn active_key(&self, project: ProjectId) -> Result<ActiveKey>;
    /// What the next change of a project's keys is made of.
    async fn keyring(&self, of: OfProject) -> Result<Keyring>;
    /// Changes a project's keys, and publishes the root that says so.
    ///
    /// # Errors
    /// [`Stale`](crate::domain::error::Error::Stale), where the root is not the next one any more: somebody else was
    /// faster. [`Conflict`](crate::domain::error::Error::Conflict), where the keys do not allow it.
    async fn succeed(&self, act: &Act, of: OfProject, change: Succession) -> Result<SigningKey>;
    /// A project's trust root: this version of it, or the newest.
    async fn trust_root(&self, of: OfProject, version: Option<NonZeroU64>) -> Result<SignedRoot>;
    /// The same, to be shown: where the database is away, as its replica knows it.
    async fn known_trust_root(&self, of: OfProject, version: Option<NonZeroU64>) -> Result<SignedRoot>;
    /// Every version of a project's trust root, newest first.
    async fn trust_roots(&self, of: OfProject, page: &PageRequest) -> Result<Page<SignedRoot>>;
    /// The master key that everything is sealed under; this one, where nothing was sealed yet.
    async fn master_key(&self, own: MasterKeyId) -> Result<MasterKeyId>;
    /// Goes over to another master key: everything is sealed anew, or nothing. Returns how many secrets there are.
    async fn replace_master_key(&self, act: &Act, new: MasterKeyId, reseal: Reseal<'_>) -> Result<u64>;
}
