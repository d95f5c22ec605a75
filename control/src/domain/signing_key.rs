//! Signing keys: who signs what a project's gateways believe.

use artifact_format::root::SignedRoot;
use artifact_format::signature::PublicKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::digest::Digest;
use super::error::{Error, Fault};
use super::id::{ProjectId, SigningKeyId, TeamId};
use super::name::Name;
use crate::key::seal::Sealed;

/// A signing key, without its private half, which is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SigningKey {
    /// Its id in the control plane.
    pub id: SigningKeyId,
    /// Who owns it.
    pub team: TeamId,
    /// Whose artifacts it signs.
    pub project: ProjectId,
    /// For people.
    pub name: Name,
    /// Where its private half is.
    pub kind: Kind,
    /// What it is good for now.
    pub state: State,
    /// What artifacts and trust roots call it: the SHA-256 of its public half.
    pub key_id: Digest,
    /// Its public half: 32 bytes in base64.
    pub public_key: String,
    /// `env://NAME` or `file:///path`, where the private half is read when it is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is believed no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
}

/// Where the private half of a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SigningKeyKind)]
pub enum Kind {
    /// Made here, and kept under the master key.
    Generated,
    /// Given, and kept under the master key.
    Imported,
    /// In a variable or a file of the server, which is read when it is needed.
    Referenced,
    /// Not here: what it signs is signed elsewhere, and verified here.
    Public,
}

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SigningKeyState)]
pub enum State {
    /// Builds and trust roots are signed with it.
    Active,
    /// What it signed is believed.
    Trusted,
    /// What it signed is believed no more.
    Retired,
}

/// A signing key to be added.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSigningKey {
    /// For people; absent: the first digits of its key id.
    #[serde(default)]
    pub name: Option<Name>,
    /// Where its private half is or will be.
    pub kind: Kind,
    /// For an imported key: the private half, a PKCS#8 PEM block. It is never shown again.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only)]
    pub private_key: Option<Pem>,
    /// For a referenced key: `env://NAME` or `file:///path`, as far as the operator allows it.
    #[serde(default)]
    pub reference: Option<String>,
    /// For a public key: 32 bytes in base64, or a PEM block.
    #[serde(default)]
    pub public_key: Option<String>,
}

/// A signing key to be retired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRetirement {
    /// What becomes of what is deployed, or is to be, and only this key vouches for.
    #[serde(default)]
    pub deployed: Deployed,
}

/// What becomes of what is deployed and only a key vouches for that is to be retired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deployed {
    /// It is kept: where there is any, the key is not retired (409).
    #[default]
    Kept,
    /// It is given up: what serves goes on, and does not believe it any more when it restarts.
    Abandoned,
}

/// The text of a private key. Wiped from memory when dropped; never shown.
#[derive(Deserialize)]
#[serde(from = "String")]
pub struct Pem(pub Zeroizing<String>);

impl From<String> for Pem {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pem")
    }
}

/// A key as it is to be kept.
#[derive(Debug, Clone)]
pub struct KeyToKeep {
    /// Its id.
    pub id: SigningKeyId,
    /// What it is called.
    pub name: Name,
    /// Its public half.
    pub public: PublicKey,
    /// Where its private half is.
    pub custody: Custody,
}

/// Where a private half is, with what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Custody {
    /// Made here.
    Generated(Sealed),
    /// Given.
    Imported(Sealed),
    /// Where it can be read.
    Referenced(String),
    /// Elsewhere.
    Public,
}

/// What signs now, and what signs next is made of.
#[derive(Debug, Clone)]
pub struct Keyring {
    /// The newest trust root.
    pub root: SignedRoot,
    /// The active key.
    pub active: ActiveKey,
}

/// The active key, with where its private half is.
#[derive(Debug, Clone)]
pub struct ActiveKey {
    /// Its id.
    pub id: SigningKeyId,
    /// Whose it is.
    pub project: ProjectId,
    /// What artifacts call it.
    pub key_id: Digest,
    /// Where its private half is.
    pub custody: Custody,
}

/// A change of a project's keys, with the trust root that says so.
#[derive(Debug, Clone)]
pub struct Succession {
    /// What happens.
    pub step: Step,
    /// The next root: signed, and accepted by whoever believes the one before.
    pub root: SignedRoot,
}

/// What happens to a project's keys.
#[derive(Debug, Clone)]
pub enum Step {
    /// One more is believed.
    Add(KeyToKeep),
    /// The active one is followed by another, and is believed still.
    Rotate {
        /// The active one.
        from: SigningKeyId,
        /// The one that is active then.
        to: KeyToKeep,
    },
    /// One is believed no more; what is kept of its private half is forgotten.
    Retire(SigningKeyId, Deployed),
}

impl Step {
    /// The key that it is about: of two, the one that follows.
    pub fn key(&self) -> SigningKeyId {
        match self {
            Self::Add(key) | Self::Rotate { to: key, .. } => key.id,
            Self::Retire(id, _) => *id,
        }
    }
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Imported => "imported",
            Self::Referenced => "referenced",
            Self::Public => "public",
        }
    }
}

impl Custody {
    /// Which kind of key it makes.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Generated(_) => Kind::Generated,
            Self::Imported(_) => Kind::Imported,
            Self::Referenced(_) => Kind::Referenced,
            Self::Public => Kind::Public,
        }
    }

    /// What is kept under the master key.
    pub fn sealed(&self) -> Option<&Sealed> {
        match self {
            Self::Generated(sealed) | Self::Imported(sealed) => Some(sealed),
            Self::Referenced(_) | Self::Public => None,
        }
    }

    /// Where it can be read.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Referenced(reference) => Some(reference),
            Self::Generated(_) | Self::Imported(_) | Self::Public => None,
        }
    }
}

impl KeyToKeep {
    /// What artifacts and trust roots call it.
    pub fn key_id(&self) -> Digest {
        Digest(self.public.id().0)
    }
}

impl NewSigningKey {
    /// A key that is made here.
    pub const GENERATED: Self =
        Self { name: None, kind: Kind::Generated, private_key: None, reference: None, public_key: None };

    /// Whether it says what a key of its kind needs, and nothing else.
    pub fn check(&self) -> Result<(), Error> {
        let given = [
            ("private_key", Kind::Imported, self.private_key.is_some()),
            ("reference", Kind::Referenced, self.reference.is_some()),
            ("public_key", Kind::Public, self.public_key.is_some()),
        ];
        let faults = given.into_iter().filter_map(|(member, kind, is_given)| {
            let message = match (self.kind == kind, is_given) {
                (true, false) => format!("a key that is {} needs it", kind.as_str()),
                (false, true) => format!("only a key that is {} has it", kind.as_str()),
                (true, true) | (false, false) => return None,
            };
            Some(Fault { pointer: format!("/{member}"), message })
        });
        let faults: Vec<_> = faults.collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &[&str]) {
        let new: NewSigningKey = serde_json::from_str(json).unwrap();
        let pointers = match new.check() {
            Ok(()) => Vec::new(),
            Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.pointer).collect(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(pointers, expected, "{json}");
    }

    #[test]
    fn a_key_says_what_its_kind_needs() {
        check(r#"{"kind": "generated"}"#, &[]);
        check(r#"{"kind": "imported", "private_key": "x"}"#, &[]);
        check(r#"{"kind": "imported"}"#, &["/private_key"]);
        check(r#"{"kind": "public", "private_key": "x"}"#, &["/private_key", "/public_key"]);
        check(r#"{"kind": "referenced", "reference": "env://A", "public_key": "x"}"#, &["/public_key"]);
    }

    #[test]
    fn a_private_key_never_shows_itself() {
        let new: NewSigningKey = serde_json::from_str(r#"{"kind": "imported", "private_key": "hidden"}"#).unwrap();
        assert!(!format!("{new:?}").contains("hidden"));
    }
}
