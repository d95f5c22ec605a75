//! What takes much memory or time is done a few at a time, and not where requests are answered.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::problem::{Code, Problem};

/// Whose turn it is.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Semaphore>);

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Heavy<'a>(#[expect(dead_code, reason = "held")] Option<SemaphorePermit<'a>>);

impl Turns {
    /// So many at a time.
    pub fn of(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// Waits for a turn.
    pub async fn turn(&self) -> Heavy<'_> {
        // It is never closed.
        Heavy(self.0.acquire().await.ok())
    }
}

impl Heavy<'_> {
    /// Works on a thread that may take its time.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "a piece of work was lost");
            Problem::new(Code::Internal)
        })
    }
}
