//! What failed, is said once, and is left alone for a while.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What failed when it was last tried, and until when each is left alone.
#[derive(Debug)]
pub(crate) struct Setbacks<K> {
    left_alone: Duration,
    until: Mutex<BTreeMap<K, Instant>>,
}

/// Whether it had not failed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    Yes,
    No,
}

impl<K: Copy + Ord> Setbacks<K> {
    /// Each is left alone for so long.
    pub(crate) fn new(left_alone: Duration) -> Self {
        Self { left_alone, until: Mutex::default() }
    }

    /// Whether it may be tried.
    pub(crate) fn is_due(&self, what: K, now: Instant) -> bool {
        self.until().get(&what).is_none_or(|until| *until <= now)
    }

    /// It was tried, and failed.
    pub(crate) fn failed(&self, what: K, now: Instant) -> News {
        if self.until().insert(what, now + self.left_alone).is_none() { News::Yes } else { News::No }
    }

    /// It was tried, and did not fail.
    pub(crate) fn succeeded(&self, what: K) {
        self.until().remove(&what);
    }

    /// Others need not be tried any more.
    pub(crate) fn retain(&self, is_to_do: impl Fn(K) -> bool) {
        self.until().retain(|what, _| is_to_do(*what));
    }

    /// Whether it failed when it was last tried.
    pub(crate) fn has_failed(&self, what: K) -> bool {
        self.until().contains_key(&what)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.until().len()
    }

    fn until(&self) -> MutexGuard<'_, BTreeMap<K, Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_said_once_and_left_alone_for_a_while() {
        let (setbacks, began) = (Setbacks::new(Duration::from_mins(1)), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        assert!(setbacks.is_due('a', at(0)));
        assert_eq!(setbacks.failed('a', at(0)), News::Yes);
        assert_eq!([0, 59, 60].map(|seconds| setbacks.is_due('a', at(seconds))), [false, false, true]);
        assert!(setbacks.is_due('b', at(0)), "another one is not kept from anything");
        assert_eq!(['a', 'b'].map(|what| setbacks.has_failed(what)), [true, false]);
        assert_eq!(setbacks.failed('a', at(60)), News::No);
        assert!(!setbacks.is_due('a', at(119)));
        setbacks.succeeded('a');
        assert_eq!(setbacks.count(), 0);
        assert_eq!(setbacks.failed('a', at(60)), News::Yes);
        setbacks.retain(|what| what == 'b');
        assert_eq!(setbacks.count(), 0);
    }
}
