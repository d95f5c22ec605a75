//! `root.json`: a signed root as it is published. Unknown members are refused.

use std::num::{NonZeroU16, NonZeroU64};

use serde::{Deserialize, Serialize};

use super::{Error, FORMAT, Root, SIGNATURES_MAX, SignedRoot, Terms};
use crate::signature::{KeyError, PublicKey};
use crate::signature_text::SignatureText;
use crate::trust::Signature;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    format: u32,
    project: String,
    version: NonZeroU64,
    issued_at: u64,
    threshold: NonZeroU16,
    keys: Vec<Key>,
    signatures: Vec<SignatureText>,
}

/// A key, and its id so that people find its signatures.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    id: String,
    public: String,
}

impl From<SignedRoot> for Document {
    fn from(signed: SignedRoot) -> Self {
        let SignedRoot { root, signatures } = signed;
        let keys = root.keys.iter().map(|(id, key)| Key { id: hex::encode(id.0), public: key.to_base64() });
        let signatures = signatures.iter().map(SignatureText::from);
        Self {
            format: FORMAT,
            version: root.version,
            issued_at: root.issued_at,
            threshold: root.threshold,
            keys: keys.collect(),
            signatures: signatures.collect(),
            project: root.project,
        }
    }
}

impl TryFrom<Document> for SignedRoot {
    type Error = Error;

    fn try_from(document: Document) -> Result<Self, Error> {
        let Document { format, project, version, issued_at, threshold, keys, signatures } = document;
        if format != FORMAT {
            return Err(Error::Format { found: format });
        }
        if signatures.len() > SIGNATURES_MAX {
            return Err(Error::Signatures { signatures: signatures.len() });
        }
        let keys = keys.into_iter().map(PublicKey::try_from).collect::<Result<_, _>>()?;
        let root = Root::new(&project, version, Terms { threshold, keys, issued_at })?;
        let signatures = signatures.into_iter().map(Signature::try_from).collect::<Result<_, _>>();
        let signatures = signatures.map_err(|malformed| Error::Signature { key: malformed.key })?;
        Ok(Self { root, signatures })
    }
}

impl TryFrom<Key> for PublicKey {
    type Error = Error;

    fn try_from(Key { id, public }: Key) -> Result<Self, Error> {
        let key = match Self::parse(&public) {
            // One way to write a key: PEM, which `parse` reads as well, is another.
            Ok(key) if key.to_base64() == public => key,
            Ok(_) => return Err(Error::Key { id, source: KeyError::Public }),
            Err(source) => return Err(Error::Key { id, source }),
        };
        if id == hex::encode(key.id().0) { Ok(key) } else { Err(Error::KeyId { id, actual: key.id() }) }
    }
}
