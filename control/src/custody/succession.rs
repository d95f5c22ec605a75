//! The next version of a trust root. Pure.

use std::num::NonZeroU16;

use artifact_format::root::{self, KEYS_MAX, Root, SignedRoot, Terms};
use artifact_format::signature::{PublicKey, SigningKey as PrivateKey};

use super::vault::Made;
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{ProjectId, SigningKeyId};
use crate::domain::signing_key::{Deployed, Keyring, SigningKey, Step, Succession};
use crate::domain::time::now;

/// What is to be done with a project's keys.
pub(super) enum Change<'a> {
    /// One more is believed.
    Add(&'a Made),
    /// Another is active, instead of this one.
    Rotate(SigningKeyId, &'a Made),
    /// This one is believed no more.
    Retire(&'a SigningKey, Deployed),
}

/// The first version of a project's root, with its first key. It names the project by id, which never changes.
pub(super) fn first(project: ProjectId, made: &Made) -> Result<SignedRoot, Error> {
    anew(project, made, [])
}

/// The first version of a root that believes other keys besides. Whoever believes another root of the project does not
/// follow it: it has to be given to them.
pub(super) fn anew(
    project: ProjectId,
    made: &Made,
    believed: impl IntoIterator<Item = PublicKey>,
) -> Result<SignedRoot, Error> {
    let keys = std::iter::once(made.key.public.clone()).chain(believed);
    let root = Root::first(&project.to_string(), terms(keys)).map_err(unfit)?;
    Ok(made.sign(SignedRoot::new(root)))
}

impl Change<'_> {
    /// Whether the keys allow it.
    pub(super) fn check(&self, ring: &Keyring) -> Result<(), Error> {
        let refuse = |text: &str| Err(Error::Conflict(text.to_owned()));
        match self {
            Self::Rotate(from, _) if *from != ring.active.id => {
                refuse("it is not the active key: only that one is rotated")
            }
            Self::Retire(key, _) if key.id == ring.active.id => {
                refuse("it is the active key: rotate it first, and retire it when everything it signed is gone")
            }
            Self::Retire(key, _) if key.retired_at.is_some() => refuse("it is retired already"),
            Self::Add(_) | Self::Rotate(..) | Self::Retire(..) => Ok(()),
        }
    }

    /// The change with the root that says so: signed by the active key, whom everybody believes who believes the root
    /// before, and by the new one, to show that it can sign.
    pub(super) fn succession(&self, ring: &Keyring, active: &PrivateKey) -> Result<Succession, Error> {
        // What is published is what gateways accept: it is judged here as they will.
        let mut believed = believed(ring.root.clone())?;
        let mut keys: Vec<PublicKey> = believed.keys().cloned().collect();
        match self {
            Self::Add(made) | Self::Rotate(_, made) => keys.push(made.key.public.clone()),
            Self::Retire(retired, _) => keys.retain(|key| Digest(key.id().0) != retired.key_id),
        }
        let next = SignedRoot::new(believed.next(terms(keys)).map_err(unfit)?).sign(active);
        let (step, root) = match self {
            Self::Add(made) => (Step::Add(made.key.clone()), made.sign(next)),
            Self::Rotate(from, made) => (Step::Rotate { from: *from, to: made.key.clone() }, made.sign(next)),
            Self::Retire(key, deployed) => (Step::Retire(key.id, *deployed), next),
        };
        believed.advance(root.clone()).map_err(|error| damaged(&error))?;
        Ok(Succession { step, root })
    }
}

impl Made {
    fn sign(&self, root: SignedRoot) -> SignedRoot {
        match &self.private {
            Some(private) => root.sign(private),
            None => root,
        }
    }
}

/// A root of our own, if it still is as it was signed.
pub(super) fn believed(root: SignedRoot) -> Result<Root, Error> {
    root.pinned().map_err(|error| damaged(&error))
}

/// Any one of these keys is enough.
fn terms(keys: impl IntoIterator<Item = PublicKey>) -> Terms {
    let issued_at = u64::try_from(now().as_second()).unwrap_or_default();
    Terms { threshold: NonZeroU16::MIN, keys: keys.into_iter().collect(), issued_at }
}

fn unfit(error: root::Error) -> Error {
    Error::Conflict(match error {
        root::Error::Keys { .. } => format!("a trust root names at most {KEYS_MAX} keys: retire one first"),
        root::Error::RepeatedKey { key } => format!("key {key} is one of the project's already"),
        other => other.to_string(),
    })
}

fn damaged(error: &root::Error) -> Error {
    tracing::error!(%error, "a trust root cannot be followed");
    Error::Damaged(Noun::SigningKey)
}
