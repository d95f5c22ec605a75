//! Who has the private keys of projects: makes them, keeps them sealed, signs trust roots with them, and lends them to
//! whoever signs a build.
//!
//! A change of a project's keys is a new version of its trust root, which the active key signs ([`succession`]). It is
//! made here and given to the store whole. Of two that are made at once, the store takes one; the other is made anew,
//! upon the first.

mod reference;
mod succession;
mod vault;

use std::sync::Arc;

use artifact_format::root::KEYS_MAX;
use artifact_format::signature::{PublicKey, SigningKey as PrivateKey};
use async_trait::async_trait;

use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::backup::{Orphan, Refounding};
use crate::domain::error::Error;
use crate::domain::id::{ProjectId, SigningKeyId, TeamId};
use crate::domain::project::{Founding, NewProject, Project};
use crate::domain::signing::Signer;
use crate::domain::signing_key::{Deployed, Kind, NewSigningKey, SigningKey};
use crate::domain::store::{OfProject, Store};
use crate::key::{MasterKey, MasterKeyId};

pub use reference::{Allowed, AllowedError, References};
use succession::Change;
use vault::{Made, Vault};

/// How often a change is made anew because others were faster. Each time, somebody else's change was made.
const ATTEMPTS: usize = 256;

/// Has the private keys of projects.
#[derive(Clone)]
pub struct Keys {
    store: Arc<dyn Store>,
    vault: Vault,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("vault", &self.vault).finish_non_exhaustive()
    }
}

impl Keys {
    /// Keeps them in a store, under a master key; reads those that are elsewhere as far as is allowed.
    pub fn new(store: Arc<dyn Store>, master: MasterKey, references: References) -> Self {
        Self { store, vault: Vault::new(master, references) }
    }

    /// The same keys, where others of the server may be read.
    #[must_use]
    pub fn with_references(&self, references: References) -> Self {
        Self { store: Arc::clone(&self.store), vault: self.vault.with_references(references) }
    }

    /// What private keys are sealed under.
    pub fn master(&self) -> &MasterKey {
        self.vault.master()
    }

    /// Makes a project, with a key of its own and the first version of its trust root.
    pub async fn found(&self, act: &Act, team: TeamId, new: NewProject) -> Result<Project, Error> {
        let id = ProjectId::new();
        let made = self.vault.make(id, NewSigningKey::GENERATED).await?;
        let root = succession::first(id, &made)?;
        self.store.create_project(act, Founding { id, team, new, key: made.key, root }).await
    }

    /// A key and a first trust root for a project whose active key is lost. What its other keys signed is believed still, as
    /// far as a root has places for them.
    pub async fn refound(&self, orphan: &Orphan) -> Result<Refounding, Error> {
        let made = self.vault.make(orphan.project.id, NewSigningKey::GENERATED).await?;
        let (believed, left_out) = orphan.believed.split_at(orphan.believed.len().min(KEYS_MAX - 1));
        let root = succession::anew(orphan.project.id, &made, believed.iter().map(|(_, key)| key.clone()))?;
        let retired = left_out.iter().map(|(id, _)| *id).collect();
        Ok(Refounding { key: made.key, root, retired })
    }

    /// One more key that is believed.
    pub async fn add(&self, act: &Act, of: OfProject, new: NewSigningKey) -> Result<SigningKey, Error> {
        let made = self.admit(of, new).await?;
        self.change(act, of, Change::Add(&made)).await
    }

    /// A key that is active from now on, instead of `from`, which is believed still.
    pub async fn rotate(
        &self,
        act: &Act,
        (of, from): (OfProject, SigningKeyId),
        new: NewSigningKey,
    ) -> Result<SigningKey, Error> {
        if new.kind == Kind::Public {
            return Err(Error::invalid("/kind", "the active key signs builds and roots: its private half is needed"));
        }
        self.store.signing_key(of, from).await?;
        let made = self.admit(of, new).await?;
        self.change(act, of, Change::Rotate(from, &made)).await
    }

    /// A key that is believed no more.
    pub async fn retire(
        &self,
        act: &Act,
        of: OfProject,
        (id, deployed): (SigningKeyId, Deployed),
    ) -> Result<SigningKey, Error> {
        let key = self.store.signing_key(of, id).await?;
        self.change(act, of, Change::Retire(&key, deployed)).await
    }

    /// A key that somebody asks for.
    async fn admit(&self, of: OfProject, new: NewSigningKey) -> Result<Made, Error> {
        new.check()?;
        // What the server can read is the operator's to give away: it may be another team's key.
        if new.kind == Kind::Referenced && of.reach != Reach::Everything {
            return Err(Error::invalid("/kind", "only tokens of the whole installation refer to keys of the server"));
        }
        // Before anything is made: is the project there?
        let project = self.store.project(of.reach, of.project).await?;
        self.vault.make(project.id, new).await
    }

    /// Makes a change, and the root that says so, until nobody else was faster.
    async fn change(&self, act: &Act, of: OfProject, change: Change<'_>) -> Result<SigningKey, Error> {
        for _ in 0..ATTEMPTS {
            let ring = self.store.keyring(of).await?;
            change.check(&ring)?;
            let active = self.vault.open(&ring.active).await?;
            match self.store.succeed(act, of, change.succession(&ring, &active)?).await {
                Err(Error::Stale { .. }) => {}
                done => return done,
            }
        }
        Err(Error::Conflict("too many others change the project's keys at the same time: try again".to_owned()))
    }
}

/// What became of a master key that was to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// Everything was sealed anew.
    Now {
        /// How many secrets there are.
        secrets: u64,
    },
    /// It had been, by somebody who was cut short before they could say so.
    Before,
    /// Nothing: everything is sealed under neither of the two.
    Other {
        /// Under which.
        sealed_by: MasterKeyId,
    },
}

/// Seals everything anew that is sealed under the old master key.
pub async fn rotate_master_key(
    store: &dyn Store,
    act: &Act,
    (old, new): (&MasterKey, &MasterKey),
) -> Result<Rotated, Error> {
    let sealed_by = store.master_key(old.id()).await?;
    if sealed_by == new.id() {
        return Ok(Rotated::Before);
    }
    if sealed_by != old.id() {
        return Ok(Rotated::Other { sealed_by });
    }
    let reseal = |purpose, sealed: &_| new.reseal(old, sealed, purpose).map_err(|error| vault::refused(&error));
    let secrets = store.replace_master_key(act, new.id(), &reseal).await?;
    Ok(Rotated::Now { secrets })
}

#[async_trait]
impl Signer for Keys {
    async fn signing_key(&self, project: ProjectId) -> Result<PrivateKey, Error> {
        self.vault.open(&self.store.active_key(project).await?).await
    }

    async fn trusted_keys(&self, project: ProjectId) -> Result<Vec<PublicKey>, Error> {
        let of = OfProject { reach: Reach::Everything, project };
        let root = succession::believed(self.store.trust_root(of, None).await?)?;
        Ok(root.keys().cloned().collect())
    }
}
