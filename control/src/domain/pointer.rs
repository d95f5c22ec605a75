//! Who issues deployment pointers.

use std::time::Duration;

use artifact_format::pointer::{Error as PointerError, Pointer, SignedPointer};
use artifact_format::signature::SigningKey;

use super::digest::Digest;

/// How long data planes begin to follow a pointer, if nobody says: two weeks. The next one is issued when half of that is
/// over.
pub const LIFE: Duration = Duration::from_hours(14 * 24);

/// Signs pointers of one project, with its active key. Hold it for one change; the key is wiped when it is dropped.
pub struct Issuer {
    key: SigningKey,
    life: Duration,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("key", &self.key.public().id()).field("life", &self.life).finish()
    }
}

impl Issuer {
    /// Signs with this key, for as long as pointers usually live.
    pub fn new(key: SigningKey) -> Self {
        Self { key, life: LIFE }
    }

    /// Signs pointers that live that long, in whole seconds.
    #[must_use]
    pub fn for_life(self, life: Duration) -> Self {
        Self { life, ..self }
    }

    /// How long its pointers live.
    pub fn life(&self) -> Duration {
        self.life
    }

    /// What names the key.
    pub fn key_id(&self) -> Digest {
        Digest(self.key.public().id().0)
    }

    /// Signs one.
    ///
    /// # Errors
    /// It cannot be meant.
    pub fn sign(&self, pointer: Pointer) -> Result<SignedPointer, PointerError> {
        Ok(SignedPointer::new(pointer)?.sign(&self.key))
    }
}
