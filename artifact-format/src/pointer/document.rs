//! A signed pointer as JSON. Unknown members are refused.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::{Error, FORMAT, Pointer, PointerHash, SIGNATURES_MAX, SignedPointer};
use crate::container::Digest;
use crate::signature_text::SignatureText;
use crate::trust::Signature;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    format: u32,
    project: String,
    group: String,
    serial: NonZeroU64,
    previous: Option<String>,
    artifact: String,
    length: NonZeroU64,
    issued_at: u64,
    expires_at: u64,
    signatures: Vec<SignatureText>,
}

impl From<SignedPointer> for Document {
    fn from(SignedPointer { pointer, signatures }: SignedPointer) -> Self {
        Self {
            format: FORMAT,
            project: pointer.project,
            group: pointer.group,
            serial: pointer.serial,
            previous: pointer.previous.map(|hash| hash.to_string()),
            artifact: hex::encode(pointer.artifact.0),
            length: pointer.length,
            issued_at: pointer.issued_at,
            expires_at: pointer.expires_at,
            signatures: signatures.iter().map(SignatureText::from).collect(),
        }
    }
}

impl TryFrom<Document> for SignedPointer {
    type Error = Error;

    fn try_from(document: Document) -> Result<Self, Error> {
        let Document { format, project, group, serial, previous, artifact, length, issued_at, expires_at, signatures } =
            document;
        if format != FORMAT {
            return Err(Error::Format { found: format });
        }
        if signatures.len() > SIGNATURES_MAX {
            return Err(Error::Damaged { what: "`signatures` are 16 at most" });
        }
        let previous = match previous {
            None => None,
            Some(text) => Some(PointerHash(hash(&text, "`previous` has 64 hexadecimal digits")?)),
        };
        let artifact = Digest(hash(&artifact, "`artifact` has 64 hexadecimal digits")?);
        let pointer = Pointer { project, group, serial, previous, artifact, length, issued_at, expires_at };
        let signatures = signatures.into_iter().map(Signature::try_from).collect::<Result<_, _>>();
        let signatures = signatures.map_err(|malformed| Error::Signature { key: malformed.key })?;
        Ok(Self { signatures, ..Self::new(pointer)? })
    }
}

/// One way to write a hash: small letters.
fn hash(text: &str, what: &'static str) -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    let decoded = hex::decode_to_slice(text, &mut bytes);
    if decoded.is_ok() && hex::encode(bytes) == text { Ok(bytes) } else { Err(Error::Damaged { what }) }
}
