//! A signature, as JSON documents write it: the id of its key in hexadecimal, and 64 bytes in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::signature::KeyId;
use crate::trust::Signature;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignatureText {
    key: String,
    signature: String,
}

/// Not a signature.
pub(crate) struct Malformed {
    /// The key said to have made it.
    pub(crate) key: String,
}

impl From<&Signature> for SignatureText {
    fn from(signature: &Signature) -> Self {
        Self { key: hex::encode(signature.key.0), signature: BASE64.encode(signature.bytes) }
    }
}

impl TryFrom<SignatureText> for Signature {
    type Error = Malformed;

    fn try_from(SignatureText { key, signature }: SignatureText) -> Result<Self, Malformed> {
        let mut id = [0; 32];
        let is_id = hex::decode_to_slice(&key, &mut id).is_ok();
        let bytes = BASE64.decode(signature).ok().and_then(|bytes| bytes.try_into().ok());
        match bytes {
            Some(bytes) if is_id => Ok(Self { key: KeyId(id), bytes }),
            Some(_) | None => Err(Malformed { key }),
        }
    }
}
