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

/// How many permits a place in a queue takes of those that it has. One is left over, which whoever waits has taken: so
/// whoever has the place sees that they wait.
const PLACE: u32 = 2;
const PLACE_PERMITS: usize = 3;

/// The room there is, for all requests.
#[derive(Debug, Clone)]
pub struct Memory {
    units: Arc<Semaphore>,
    share_units: usize,
    /// Where there is room beside that: for one at a time, who then needs no more.
    reserve: Option<Arc<Semaphore>>,
    patience: Duration,
    /// The shares of those who hold something.
    shares: Arc<Mutex<HashMap<Reach, Weak<Share>>>>,
}

/// What a team has of the room.
#[derive(Debug)]
struct Share {
    units: Arc<Semaphore>,
    /// Which of those who wait is the one that may have the reserve: no team waits for it more than once.
    first: Arc<Semaphore>,
}

/// Some of it, given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    room: Memory,
    share: Arc<Share>,
    has: Has,
    permits: Vec<OwnedSemaphorePermit>,
}

/// How much somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Has {
    /// So many units of the room.
    Units(usize),
    /// The reserve, which is enough for anything.
    Reserve,
}

impl Memory {
    /// Room for bodies that arrive: 64 MiB, of which a team has 32 MiB, and 64 MiB for one of those that find none. The
    /// largest body is no larger. Many that have begun and need more may have all the room and wait for each other, but
    /// that one ends, and then the next.
    pub fn for_arrivals() -> Self {
        Self { reserve: Some(place()), ..Self::of(64 << 20, 32 << 20) }
    }

    /// Room for everything that is made of them: 160 MiB, of which a team has 128 MiB.
    pub fn for_work() -> Self {
        Self::of(160 << 20, 128 << 20)
    }

    /// So much room, and so much of it for one team.
    pub fn of(bytes: usize, share_bytes: usize) -> Self {
        let units = Arc::new(Semaphore::new(bytes / UNIT_BYTES));
        let share_units = share_bytes.min(bytes) / UNIT_BYTES;
        Self { units, share_units, reserve: None, patience: PATIENCE, shares: Arc::default() }
    }

    /// None yet, of the share of a team, or of those who reach everything.
    pub fn nothing(&self, whose: Reach) -> Held {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.retain(|_, share| share.strong_count() > 0);
        let share = shares.get(&whose).and_then(Weak::upgrade).unwrap_or_else(|| {
            let share = Arc::new(Share { units: Arc::new(Semaphore::new(self.share_units)), first: place() });
            shares.insert(whose, Arc::downgrade(&share));
            share
        });
        Held { room: self.clone(), share, has: Has::Units(0), permits: Vec::new() }
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
    /// Room for so many bytes in all, in the order of those who wait. What is more than a share has the reserve, or the
    /// whole share where there is no reserve.
    ///
    /// # Errors
    /// There is none within ten seconds. What it has, it has still.
    pub async fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let Has::Units(units) = self.has else { return Ok(()) };
        let needed = bytes.div_ceil(UNIT_BYTES);
        let more = needed.min(self.room.share_units).saturating_sub(units);
        if more == 0 && needed <= self.room.share_units {
            return Ok(());
        }
        let growing = async {
            // Whoever needs the reserve in the end does not wait for anything else.
            if needed > self.room.share_units && self.room.reserve.is_some() {
                std::future::pending::<()>().await;
            }
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            acquire([&self.share.units, &self.room.units], more).await
        };
        let reserve = async {
            match &self.room.reserve {
                Some(reserve) => acquire([&self.share.first, reserve], PLACE).await,
                None => std::future::pending().await,
            }
        };
        let found = async {
            tokio::select! {
                biased;
                permits = growing => (Has::Units(units + more), permits),
                permits = reserve => (Has::Reserve, permits),
            }
        };
        let in_time = tokio::time::timeout(self.room.patience, found).await;
        let (has, permits) = in_time.map_err(|_| Problem::busy("too many files arrive, leave or are compared"))?;
        if has == Has::Reserve {
            // It needs nothing else any more.
            self.permits.clear();
        }
        self.permits.extend(permits);
        self.has = has;
        Ok(())
    }

    /// Whether others wait for what it has.
    pub fn is_wanted(&self) -> bool {
        // Whoever waits has taken what was left.
        let is_used_up = |of: &Semaphore| of.available_permits() == 0;
        match self.has {
            Has::Units(_) => is_used_up(&self.share.units) || is_used_up(&self.room.units),
            Has::Reserve => is_used_up(&self.share.first) || self.room.reserve.as_deref().is_some_and(is_used_up),
        }
    }
}

/// The place of one who has something alone.
fn place() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PLACE_PERMITS))
}

/// The same of both, one after the other.
async fn acquire(of: [&Arc<Semaphore>; 2], permits: u32) -> Vec<OwnedSemaphorePermit> {
    let mut acquired = Vec::with_capacity(of.len());
    for of in of {
        // None is ever closed.
        acquired.extend(Arc::clone(of).acquire_many_owned(permits).await.ok());
    }
    acquired
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
impl Memory {
    /// The same, for those who wait less.
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::problem::Code;
    use crate::domain::id::TeamId;

    const KIB: usize = 1 << 10;

    fn memory() -> Memory {
        Memory::of(10 * KIB, 8 * KIB).with_patience(Duration::from_millis(20))
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

    /// Each has a part of what it needs, and together they have everything.
    #[tokio::test]
    async fn who_waits_first_has_the_reserve_and_one_after_the_other_ends() {
        let memory = Memory { reserve: Some(place()), ..memory() };
        let team = Reach::Team(TeamId::new());
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(memory.hold(team, KIB).await.unwrap());
        }
        let mut last = held.pop().unwrap();
        let mut growing: Vec<_> = held
            .into_iter()
            .map(|mut held| {
                Box::pin(async move {
                    held.grow(4 * KIB).await?;
                    // More than it said, and more than a share.
                    held.grow(20 * KIB).await?;
                    Ok::<_, Problem>(held)
                })
            })
            .collect();
        let mut first = growing.remove(0);
        let first = futures_util::poll!(&mut first);
        let Poll::Ready(first) = first else { panic!("the first of them has the reserve") };
        let first = first.unwrap();
        assert!(!first.is_wanted());
        // It gave back what it had, and that is enough for nobody else.
        assert!(futures_util::poll!(&mut growing[0]).is_pending());
        assert!(first.is_wanted());
        drop(first);
        let each = growing.into_iter().map(|growing| async { growing.await.map(drop) });
        futures_util::future::join_all(each).await.into_iter().for_each(Result::unwrap);
        last.grow(8 * KIB).await.unwrap();
    }

    /// A team's many wait for the reserve in one place.
    #[tokio::test]
    async fn no_team_keeps_the_reserve_from_another() {
        let memory = Memory { reserve: Some(place()), ..Memory::of(10 * KIB, 8 * KIB) };
        let (greedy, other) = (Reach::Team(TeamId::new()), Reach::Team(TeamId::new()));
        let first = memory.hold(greedy, 9 * KIB).await.unwrap();
        let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(memory.hold(greedy, 9 * KIB))).collect();
        for waiting in &mut waiting {
            assert!(futures_util::poll!(waiting).is_pending());
        }
        let mut others = Box::pin(memory.hold(other, 9 * KIB));
        assert!(futures_util::poll!(&mut others).is_pending());
        drop(first);
        // All of the greedy team's came before it, and none of them is before it now.
        let others = others.await.unwrap();
        assert!(futures_util::poll!(&mut waiting[0]).is_pending());
        drop(others);
        waiting.remove(0).await.unwrap();
    }
}
