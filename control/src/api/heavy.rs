//! What takes much memory or time is done a few at a time, and not where requests are answered.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Code, Problem};

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose turn it is.
#[derive(Debug, Clone)]
pub struct Turns {
    turns: Arc<Semaphore>,
    patience: Duration,
}

/// A turn, until it is dropped or its work is done.
#[derive(Debug)]
pub struct Turn(OwnedSemaphorePermit);

impl Turns {
    /// So many at a time.
    pub fn of(at_once: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once)), patience: PATIENCE }
    }

    /// Waits for a turn, in the order of those who wait.
    ///
    /// # Errors
    /// There is none within ten seconds.
    pub async fn turn(&self) -> Result<Turn, Problem> {
        let turn = tokio::time::timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await;
        // It is never closed.
        turn.ok().and_then(Result::ok).map(Turn).ok_or_else(|| Problem::busy("too much is worked on"))
    }
}

impl Turn {
    /// Works on a thread that may take its time. The turn lasts as long as the work, whoever stops waiting for it.
    pub async fn work<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let working = tokio::task::spawn_blocking(move || {
            let _turn = self.0;
            work()
        });
        working.await.map_err(|error| {
            tracing::error!(%error, "a piece of work was lost");
            Problem::new(Code::Internal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_is_not_waited_for_without_end() {
        let turns = Turns { patience: Duration::from_millis(20), ..Turns::of(1) };
        let turn = turns.turn().await.unwrap();
        assert_eq!(turns.turn().await.unwrap_err().code(), Code::Busy);
        assert_eq!(turn.work(|| 7).await.unwrap(), 7);
        turns.turn().await.unwrap();
    }
}
