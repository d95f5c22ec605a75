//! Ed25519 keys and signatures (RFC 8032), over a pre-authentication encoding in the manner of DSSE 1.0.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signer, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

/// Length of a signature in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// What can be wrong with a key. No message holds any part of a private key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Neither of the two forms of a public key.
    #[error("not an Ed25519 public key: expected 32 bytes in base64, or a PEM block `BEGIN PUBLIC KEY`")]
    Public,
    /// Not a private key.
    #[error("not an Ed25519 private key: expected a PKCS#8 PEM block `BEGIN PRIVATE KEY`")]
    Private,
}

/// Names a public key: its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 32]);

impl fmt::Display for KeyId {
    /// The first 16 hexadecimal digits, which is how keys are shown everywhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A key that signatures are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads 32 bytes in base64, or a PEM `BEGIN PUBLIC KEY` block (RFC 8410), as `openssl pkey -pubout` writes it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with("-----") {
            return VerifyingKey::from_public_key_pem(text).map(Self).map_err(|_| KeyError::Public);
        }
        let bytes =
            BASE64.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).ok_or(KeyError::Public)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| KeyError::Public)
    }

    /// Its 32 bytes (RFC 8032 section 5.1.5).
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// 32 bytes in base64: the form that fits on a command line.
    pub fn to_base64(&self) -> String {
        BASE64.encode(self.0.as_bytes())
    }

    /// A PEM block.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|_| KeyError::Public)
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        KeyId(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Whether `signature` is this key's over `message`. Strict: refuses weak keys and malleable signatures.
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

/// A key that signs. Wiped from memory when dropped; never shown.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key made of 32 random bytes, which the caller must take from the operating system.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads a PKCS#8 PEM block (RFC 8410), as `openssl genpkey -algorithm ed25519` writes it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(text.trim()).map(Self).map_err(|_| KeyError::Private)
    }

    /// A PKCS#8 PEM block.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.0.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyError::Private)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs. Deterministic: the same message gives the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

/// What is signed for a body of a type: both, with their lengths, so that neither can be read as the other.
pub fn pre_authentication_encoding(payload_type: &str, body: &[&[u8]]) -> Vec<u8> {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let mut encoded = format!("DSSEv1 {} {payload_type} {length} ", payload_type.len()).into_bytes();
    body.iter().for_each(|part| encoded.extend_from_slice(part));
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new([seed; 32]))
    }

    #[test]
    fn keys_survive_their_text_forms() {
        let signing = key(7);
        let public = signing.public();
        assert_eq!(PublicKey::parse(&public.to_base64()).unwrap(), public);
        assert_eq!(PublicKey::parse(&public.to_pem().unwrap()).unwrap(), public);
        assert_eq!(SigningKey::parse(&signing.to_pem().unwrap()).unwrap().public(), public);
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        assert_eq!(PublicKey::parse("AAAA"), Err(KeyError::Public));
        assert_eq!(PublicKey::parse(&key(1).to_pem().unwrap()), Err(KeyError::Public));
        assert_eq!(SigningKey::parse("hello").map(|_| ()), Err(KeyError::Private));
    }

    #[test]
    fn only_the_signer_over_the_very_message_verifies() {
        let message = pre_authentication_encoding("type", &[b"bo", b"dy"]);
        assert_eq!(message, b"DSSEv1 4 type 4 body");
        let signature = key(1).sign(&message);
        assert!(key(1).public().verifies(&message, &signature));
        assert!(!key(2).public().verifies(&message, &signature));
        assert!(!key(1).public().verifies(b"DSSEv1 4 type 4 bodx", &signature));
    }

    #[test]
    fn a_key_never_shows_itself() {
        let shown = format!("{:?}", key(9));
        assert_eq!(shown, format!("SigningKey({})", key(9).public().id()));
    }
}
