//! The bytes of artifacts, for many who want the same: read from their store once, verified, and kept for a while.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use moka::future::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::artifact::{ArtifactBytes, ArtifactStream};
use crate::domain::digest::Digest;
use crate::domain::error::{Dependency, Error, Noun};
use crate::telemetry::Metrics;

/// How many bytes are kept.
const KEPT_BYTES_MAX: u64 = 128 << 20;
/// The largest artifact that is kept, in bytes; a larger one is read each time.
const ARTIFACT_BYTES_MAX: u64 = 32 << 20;
/// How long an artifact is kept that nobody asks for.
const KEPT: Duration = Duration::from_mins(10);
/// How many downloads may be under way.
const DOWNLOADS_MAX: usize = 512;
/// How many artifacts are read whole at a time; whoever wants another one waits.
const READ_AT_ONCE: usize = 4;
/// How much of an artifact is sent at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Artifacts, to be sent.
#[derive(Clone)]
pub struct Served {
    store: Arc<dyn ArtifactBytes>,
    metrics: Arc<Metrics>,
    kept: Cache<Digest, Bytes>,
    turns: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

/// More are under way than may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

impl Served {
    /// From this store.
    pub fn new(store: Arc<dyn ArtifactBytes>, metrics: Arc<Metrics>) -> Self {
        let weigh = |_: &Digest, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let kept = Cache::builder().max_capacity(KEPT_BYTES_MAX).weigher(weigh).time_to_idle(KEPT).build();
        let (turns, reads) = (Arc::new(Semaphore::new(DOWNLOADS_MAX)), Arc::new(Semaphore::new(READ_AT_ONCE)));
        Self { store, metrics, kept, turns, reads }
    }

    /// A turn, for as long as a download takes.
    pub fn turn(&self) -> Result<OwnedSemaphorePermit, TooMany> {
        Arc::clone(&self.turns).try_acquire_owned().map_err(|_| TooMany)
    }

    /// A part of an artifact of so many bytes, whose hash was compared before the last of it is given out.
    pub async fn read(&self, (digest, size): (Digest, u64), range: Range<u64>) -> Result<ArtifactStream, Error> {
        if size > ARTIFACT_BYTES_MAX {
            self.metrics.fleet.artifact_reads.inc();
            return self.store.read(digest, range).await;
        }
        let whole = self.kept.try_get_with(digest, self.load(digest, size)).await;
        let whole = whole.map_err(|error| again(&error))?;
        let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(whole.len());
        let part = whole.slice(at(range.start)..at(range.end).max(at(range.start)));
        let pieces = stream::unfold(part, |mut left| async move {
            let piece = left.split_to(PIECE_BYTES.min(left.len()));
            (!piece.is_empty()).then_some((Ok(piece), left))
        });
        Ok(pieces.boxed())
    }

    async fn load(&self, digest: Digest, size: u64) -> Result<Bytes, Error> {
        // It is never closed.
        let _turn = self.reads.acquire().await.ok();
        self.metrics.fleet.artifact_reads.inc();
        let mut pieces = self.store.read(digest, 0..size).await?;
        let mut whole = BytesMut::with_capacity(usize::try_from(size).unwrap_or_default());
        while let Some(piece) = pieces.try_next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

/// The error of whoever read it, for all who waited for that.
fn again(error: &Error) -> Error {
    match error {
        Error::Unavailable { dependency: Dependency::Database, source } | Error::Refused(source) => {
            Error::database(source.to_string())
        }
        Error::Damaged(_) => Error::Damaged(Noun::Artifact),
        error => Error::artifact_store(error.to_string()),
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("kept", &self.kept.entry_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use futures_util::stream::BoxStream;
    use jiff::Timestamp;

    use super::*;

    #[derive(Debug, Default)]
    struct Counted(AtomicUsize);

    #[async_trait]
    impl ArtifactBytes for Counted {
        async fn put(&self, _: Digest, _: Bytes) -> Result<(), Error> {
            Ok(())
        }

        async fn reach(&self) -> Result<(), Error> {
            Ok(())
        }

        async fn read(&self, digest: Digest, range: Range<u64>) -> Result<ArtifactStream, Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            if digest.0[0] == 0 {
                return Err(Error::Damaged(Noun::Artifact));
            }
            let piece = Bytes::from(vec![digest.0[0]; usize::try_from(range.end - range.start).unwrap()]);
            Ok(stream::iter([Ok(piece)]).boxed())
        }

        fn older_than(&self, _: Timestamp) -> BoxStream<'static, Result<Digest, Error>> {
            stream::empty().boxed()
        }

        async fn remove_unfinished(&self, _: Timestamp) -> Result<usize, Error> {
            Ok(0)
        }

        async fn remove(&self, _: Digest, _: Timestamp) -> Result<(), Error> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_artifact_is_read_once_for_all_who_want_it() {
        let store = Arc::new(Counted::default());
        let served = Served::new(Arc::clone(&store) as _, Arc::default());
        let wanted = (Digest([7; 32]), 200_000);
        let parts = (0..50_u64).map(|from| async move { from * 1000..from * 1000 + 70_000 });
        for range in futures_util::future::join_all(parts).await {
            let read: Vec<Bytes> = served.read(wanted, range).await.unwrap().try_collect().await.unwrap();
            assert_eq!(read.concat(), vec![7; 70_000]);
        }
        let all = (0..50).map(|_| served.read((Digest([8; 32]), 10), 0..10));
        assert!(futures_util::future::join_all(all).await.into_iter().all(|read| read.is_ok()));
        assert_eq!(store.0.load(Ordering::Relaxed), 2);
        // What failed is not kept.
        for _ in 0..2 {
            assert!(matches!(served.read((Digest([0; 32]), 10), 0..10).await, Err(Error::Damaged(_))));
        }
        assert_eq!(store.0.load(Ordering::Relaxed), 4);
    }
}
