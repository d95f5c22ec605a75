//! Whom a reader believes.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use thiserror::Error;

use crate::signature::{KeyId, PublicKey, SIGNATURE_BYTES};

/// The keys a reader believes, and how many of them must have signed.
#[derive(Debug, Clone)]
pub struct Trust {
    keys: BTreeMap<KeyId, PublicKey>,
    threshold: NonZeroUsize,
    unsigned: Unsigned,
}

/// What becomes of an artifact that no trusted key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsigned {
    /// Refused: the default.
    Refuse,
    /// Accepted: chosen by name, for experiments.
    Allow,
}

/// A signature as it stands in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The key said to have made it.
    pub key: KeyId,
    /// Ed25519.
    pub bytes: [u8; SIGNATURE_BYTES],
}

/// Why a reader does not believe an artifact, or a trust root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrustError {
    /// There is no signature.
    #[error("it carries no signature")]
    Unsigned,
    /// Fewer trusted keys signed than must.
    #[error(
        "{trusted} of the {threshold} signatures needed are by trusted keys (signed by {})",
        signed_by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Untrusted {
        /// How many trusted keys signed.
        trusted: usize,
        /// How many must.
        threshold: NonZeroUsize,
        /// The keys the envelope names.
        signed_by: Vec<KeyId>,
    },
    /// A trusted key is named but did not sign this.
    #[error("the signature of key {key} does not fit: what it signed was changed afterwards")]
    BadSignature {
        /// The key.
        key: KeyId,
    },
    /// One key twice.
    #[error("key {key} signed more than once")]
    RepeatedKey {
        /// The key.
        key: KeyId,
    },
}

impl Trust {
    /// Any one of `keys` is enough.
    pub fn any_of(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let keys = keys.into_iter().map(|key| (key.id(), key)).collect();
        Self { keys, threshold: NonZeroUsize::MIN, unsigned: Unsigned::Refuse }
    }

    /// So many of the keys must have signed.
    #[must_use]
    pub fn with_threshold(self, threshold: NonZeroUsize) -> Self {
        Self { threshold, ..self }
    }

    /// What becomes of an artifact that no trusted key signed.
    #[must_use]
    pub fn with_unsigned(self, unsigned: Unsigned) -> Self {
        Self { unsigned, ..self }
    }

    /// The trusted keys' names.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.keys().copied()
    }

    /// Judges an envelope over `message`. Returns the trusted keys that signed it.
    ///
    /// Signatures by unknown keys are passed over, so that keys can be rotated; one by a trusted key that does
    /// not fit is never passed over, whatever the others say and whatever is allowed.
    pub fn judge(&self, message: &[u8], signatures: &[Signature]) -> Result<Vec<KeyId>, TrustError> {
        let mut seen = BTreeSet::new();
        let mut trusted = Vec::new();
        for signature in signatures {
            if !seen.insert(signature.key) {
                return Err(TrustError::RepeatedKey { key: signature.key });
            }
            let Some(key) = self.keys.get(&signature.key) else { continue };
            if !key.verifies(message, &signature.bytes) {
                return Err(TrustError::BadSignature { key: signature.key });
            }
            trusted.push(signature.key);
        }
        if trusted.len() >= self.threshold.get() || self.unsigned == Unsigned::Allow {
            return Ok(trusted);
        }
        if signatures.is_empty() {
            return Err(TrustError::Unsigned);
        }
        let signed_by = signatures.iter().map(|signature| signature.key).collect();
        Err(TrustError::Untrusted { trusted: trusted.len(), threshold: self.threshold, signed_by })
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::signature::SigningKey;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new([seed; 32]))
    }

    fn signed(seed: u8) -> Signature {
        Signature { key: key(seed).public().id(), bytes: key(seed).sign(b"message") }
    }

    fn trust(seeds: &[u8]) -> Trust {
        Trust::any_of(seeds.iter().map(|seed| key(*seed).public()))
    }

    #[test]
    fn one_trusted_signature_is_enough_among_unknown_ones() {
        let judged = trust(&[1, 2]).judge(b"message", &[signed(9), signed(2)]);
        assert_eq!(judged, Ok(vec![signed(2).key]));
    }

    #[test]
    fn a_threshold_counts_each_key_once() {
        let two = trust(&[1, 2]).with_threshold(NonZeroUsize::new(2).unwrap());
        assert!(two.judge(b"message", &[signed(1), signed(2)]).is_ok());
        assert!(matches!(two.judge(b"message", &[signed(1)]), Err(TrustError::Untrusted { trusted: 1, .. })));
        assert!(matches!(two.judge(b"message", &[signed(1), signed(1)]), Err(TrustError::RepeatedKey { .. })));
    }

    #[test]
    fn a_signature_that_does_not_fit_is_fatal_even_where_unsigned_is_allowed() {
        let forged = Signature { bytes: signed(2).bytes, ..signed(1) };
        let lax = trust(&[1]).with_unsigned(Unsigned::Allow);
        assert_eq!(
            lax.judge(b"message", std::slice::from_ref(&forged)),
            Err(TrustError::BadSignature { key: forged.key })
        );
    }

    #[test]
    fn nothing_is_believed_by_default() {
        assert_eq!(trust(&[1]).judge(b"message", &[]), Err(TrustError::Unsigned));
        assert!(matches!(trust(&[]).judge(b"message", &[signed(1)]), Err(TrustError::Untrusted { .. })));
        assert_eq!(trust(&[]).with_unsigned(Unsigned::Allow).judge(b"message", &[signed(1)]), Ok(vec![]));
    }
}
