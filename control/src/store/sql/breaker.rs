//! Whether a server is worth asking, by what became of those who asked last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long nobody asks a server that did not answer, in milliseconds. Then one asks, and nobody waits for it.
const AGAIN_MS: u64 = 3000;

/// While a server answers, everybody asks it: that costs one look at a number. While it does not, one asks every few
/// seconds, and nobody else waits for it.
#[derive(Debug)]
pub(super) struct Breaker {
    began: Instant,
    /// When somebody may ask again, in milliseconds since then; 0 while it answers.
    again_at_ms: AtomicU64,
    /// When it last answered, in milliseconds since then.
    answered_at_ms: AtomicU64,
}

/// What whoever wants to ask does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Ask,
    GoElsewhere,
}

/// Whether that is another answer than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Yes,
    No,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), again_at_ms: AtomicU64::new(0), answered_at_ms: AtomicU64::new(0) }
    }

    /// What to do now. Who is to ask says what became of it; who is dropped before that is followed by another one.
    pub(super) fn turn(&self) -> Turn {
        if self.is_whole() { Turn::Ask } else { self.turn_at(self.now_ms()) }
    }

    fn turn_at(&self, now_ms: u64) -> Turn {
        let again_at = self.again_at_ms.load(Ordering::Relaxed);
        let next = now_ms + AGAIN_MS;
        let is_first =
            || self.again_at_ms.compare_exchange(again_at, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if again_at == 0 || (now_ms >= again_at && is_first()) { Turn::Ask } else { Turn::GoElsewhere }
    }

    /// Whether it answered when it was last asked.
    pub(super) fn is_whole(&self) -> bool {
        self.again_at_ms.load(Ordering::Relaxed) == 0
    }

    /// It answered.
    pub(super) fn answered(&self) -> News {
        self.answered_at_ms.store(self.now_ms(), Ordering::Relaxed);
        if self.is_whole() || self.again_at_ms.swap(0, Ordering::Relaxed) == 0 { News::No } else { News::Yes }
    }

    /// Whether it answered anybody in that time.
    pub(super) fn answered_within(&self, time: Duration) -> bool {
        let since = self.now_ms().saturating_sub(self.answered_at_ms.load(Ordering::Relaxed));
        u128::from(since) < time.as_millis()
    }

    /// It did not answer.
    pub(super) fn failed(&self) -> News {
        self.failed_at(self.now_ms())
    }

    fn failed_at(&self, now_ms: u64) -> News {
        if self.again_at_ms.swap(now_ms + AGAIN_MS, Ordering::Relaxed) == 0 { News::Yes } else { News::No }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_asks_again_every_few_seconds_what_did_not_answer() {
        let breaker = Breaker::new();
        let check = |at_ms: u64, expected: [Turn; 2]| {
            assert_eq!([breaker.turn_at(at_ms), breaker.turn_at(at_ms)], expected, "at {at_ms} ms");
        };
        check(0, [Turn::Ask; 2]);
        assert_eq!((breaker.failed_at(0), breaker.failed_at(100)), (News::Yes, News::No));
        check(AGAIN_MS + 99, [Turn::GoElsewhere; 2]);
        check(AGAIN_MS + 100, [Turn::Ask, Turn::GoElsewhere]);
        // Whoever asks may be dropped before anything becomes of it.
        check(2 * AGAIN_MS + 100, [Turn::Ask, Turn::GoElsewhere]);
        assert_eq!(breaker.failed_at(2 * AGAIN_MS + 200), News::No);
        check(3 * AGAIN_MS + 199, [Turn::GoElsewhere; 2]);
        check(3 * AGAIN_MS + 200, [Turn::Ask, Turn::GoElsewhere]);
        assert_eq!((breaker.answered(), breaker.answered()), (News::Yes, News::No));
        check(3 * AGAIN_MS + 200, [Turn::Ask; 2]);
        assert_eq!(breaker.turn(), Turn::Ask);
    }
}
