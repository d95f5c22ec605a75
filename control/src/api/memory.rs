//! What requests hold in memory together: files that arrive, or leave, or are compared. Of each room, a team has a
//! share that leaves something for the others.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use crate::domain::access::Reach;

/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much one unit of room is.
const UNIT_BYTES: usize = 1 << 10;

/// The room there is, for all requests.
#[derive(Debug, Clone)]
pub struct Memory {
    units: Arc<Semaphore>,
    share_units: usize,
    patience: Duration,
    /// The shares of those who hold something.
    shares: Arc<Mutex<HashMap<Reach, Weak<Semaphore>>>>,
}

/// Some of it, given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    room: Arc<Semaphore>,
    share: Arc<Semaphore>,
    share_units: usize,
    patience: Duration,
    units: usize,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Memory {
    /// Room for bodies that arrive: 96 MiB, of which a team has 64 MiB.
    pub fn for_arrivals() -> Self {
        Self::of(96 << 20, 64 << 20)
    }

    /// Room for everything that is made of them: 160 MiB, of which a team has 128 MiB.
    pub fn for_work() -> Self {
        Self::of(160 << 20, 128 << 20)
    }

    /// So much room, and so much of it for one team.
    pub fn of(bytes: usize, share_bytes: usize) -> Self {
        let units = Arc::new(Semaphore::new(bytes / UNIT_BYTES));
        let share_units = share_bytes.min(bytes) / UNIT_BYTES;
        Self { units, share_units, patience: PATIENCE, shares: Arc::default() }
    }

    /// None yet, of the share of a team, or of those who reach everything.
    pub fn nothing(&self, whose: Reach) -> Held {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.retain(|_, share| share.strong_count() > 0);
        let share = shares.get(&whose).and_then(Weak::upgrade).unwrap_or_else(|| {
            let share = Arc::new(Semaphore::new(self.share_units));
            shares.insert(whose, Arc::downgrade(&share));
            share
        });
        let Self { units, share_units, patience, .. } = self;
        let (room, share_units, patience) = (Arc::clone(units), *share_units, *patience);
        Held { room, share, share_units, patience, units: 0, permits: Vec::new() }
    }

    /// Room for so many bytes.
    ///
    /// # Errors
    /// As [`Held::grow`].
    pub async fn hold(&self, whose: Reach, bytes: usize) -> Result<Held, Problem> {
        let mut held = self.nothing(whose);
        held.grow(bytes).await?;
        Ok(held)
    }
}

impl Held {
    /// Room for so many bytes in all, or for the whole share where that is less, in the order of those who wait.
    ///
    /// # Errors
    /// There is none within ten seconds. What it has, it has still.
    pub async fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let more = bytes.div_ceil(UNIT_BYTES).min(self.share_units).saturating_sub(self.units);
        if more == 0 {
            return Ok(());
        }
        let units = u32::try_from(more).unwrap_or(u32::MAX);
        let mut grown = Vec::new();
        let growing = async {
            for of in [&self.share, &self.room] {
                // Neither is ever closed.
                grown.extend(Arc::clone(of).acquire_many_owned(units).await.ok());
            }
        };
        let in_time = tokio::time::timeout(self.patience, growing).await;
        in_time.map_err(|_| Problem::busy("too many files arrive, leave or are compared"))?;
        self.permits.append(&mut grown);
        self.units += more;
        Ok(())
    }

    /// Whether others wait for what it has.
    pub fn is_wanted(&self) -> bool {
        // Whoever waits has taken what was left.
        [&self.share, &self.room].iter().any(|of| of.available_permits() == 0)
    }
}

impl Held {
    /// A body, with its room until it has left.
    pub fn with(self, bytes: Bytes) -> Body {
        Body::new(Leaving { body: Full::new(bytes), _held: self })
    }
}

/// A body that leaves.
struct Leaving {
    body: Full<Bytes>,
    _held: Held,
}

impl hyper::body::Body for Leaving {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::problem::Code;
    use crate::domain::id::TeamId;

    const KIB: usize = 1 << 10;

    fn memory() -> Memory {
        Memory { patience: Duration::from_millis(20), ..Memory::of(10 * KIB, 8 * KIB) }
    }

    #[tokio::test]
    async fn room_is_given_back() {
        let memory = Memory::of(10 * KIB, 10 * KIB);
        let first = memory.hold(Reach::Everything, 6 * KIB).await.unwrap();
        let mut second = Box::pin(memory.hold(Reach::Everything, 1 << 40));
        assert!(futures_util::poll!(&mut second).is_pending());
        let body = first.with(Bytes::from_static(b"abc"));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(body);
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_team_leaves_room_for_others() {
        let memory = memory();
        let (greedy, other) = (Reach::Team(TeamId::new()), Reach::Team(TeamId::new()));
        let mut held = memory.hold(greedy, 4 * KIB).await.unwrap();
        held.grow(1 << 40).await.unwrap();
        assert_eq!(memory.hold(greedy, KIB).await.unwrap_err().code(), Code::Busy);
        memory.hold(other, 2 * KIB).await.unwrap();
        drop(held);
        memory.hold(greedy, 8 * KIB).await.unwrap();
    }

    #[tokio::test]
    async fn who_holds_knows_that_others_wait() {
        let memory = memory();
        let held = memory.hold(Reach::Everything, 5 * KIB).await.unwrap();
        let mut waiting = Box::pin(memory.hold(Reach::Everything, 4 * KIB));
        assert!(!held.is_wanted());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert!(held.is_wanted());
        // Until they have given up.
        assert_eq!(waiting.await.unwrap_err().code(), Code::Busy);
        assert!(!held.is_wanted());
    }
}
