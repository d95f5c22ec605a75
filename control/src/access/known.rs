//! Whose secrets were shown just now: ten thousand data planes with one key are one question to the database.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::domain::access::Principal;
use crate::domain::error::Error;

/// How long an answer is good: so long, at most, is a key of a data plane good after it was revoked elsewhere.
const KEPT: Duration = Duration::from_secs(2);
/// How many are kept.
const KEPT_MAX: u64 = 10_000;

/// Whose secrets were shown just now, by their SHA-256.
#[derive(Clone)]
pub struct Known(Cache<[u8; 32], Principal>);

/// Why nobody is known by a secret.
#[derive(Debug)]
enum Miss {
    Unknown,
    Failed(Error),
}

impl Default for Known {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KEPT_MAX).time_to_live(KEPT).build())
    }
}

impl Known {
    /// Whose secret it is; asks once, however many want to know, and remembers nobody who is not known.
    pub async fn principal(
        &self,
        hash: [u8; 32],
        ask: impl Future<Output = Result<Option<Principal>, Error>>,
    ) -> Result<Option<Principal>, Error> {
        let asked = async { ask.await.map_err(Miss::Failed)?.ok_or(Miss::Unknown) };
        match self.0.try_get_with(hash, asked).await {
            Ok(principal) => Ok(Some(principal)),
            Err(miss) => match Arc::try_unwrap(miss) {
                Ok(Miss::Failed(error)) => Err(error),
                Ok(Miss::Unknown) => Ok(None),
                // Somebody else asked, and has the error itself.
                Err(shared) => match &*shared {
                    Miss::Failed(error) => Err(Error::database(error.to_string())),
                    Miss::Unknown => Ok(None),
                },
            },
        }
    }

    /// Some key is not good any more: nothing that was known before is.
    pub fn forget(&self) {
        self.0.invalidate_all();
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("entries", &self.0.entry_count()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::access::{Identity, Reach};
    use crate::domain::id::TokenId;

    fn principal() -> Principal {
        Principal {
            identity: Identity::Token(TokenId::new()),
            name: "edge".into(),
            reach: Reach::Everything,
            role: None,
            scopes: [].into(),
            expires_at: None,
        }
    }

    #[tokio::test]
    async fn many_ask_once_until_it_is_forgotten() {
        let (known, asked) = (Known::default(), AtomicUsize::new(0));
        let ask = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(Some(principal()))
        };
        let all = (0..100).map(|_| known.principal([1; 32], ask()));
        assert!(futures_util::future::join_all(all).await.into_iter().all(|one| one.unwrap().is_some()));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        known.forget();
        known.principal([1; 32], ask()).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn nobody_and_a_failure_are_not_remembered() {
        let known = Known::default();
        assert!(known.principal([1; 32], async { Ok(None) }).await.unwrap().is_none());
        assert!(known.principal([1; 32], async { Err(Error::database("away")) }).await.is_err());
        assert!(known.principal([1; 32], async { Ok(Some(principal())) }).await.unwrap().is_some());
    }
}
