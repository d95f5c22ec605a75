//! Time, read as seldom as will do.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// A clock that remembers when it was read.
#[derive(Debug)]
pub(super) struct Clock {
    last: Cell<Instant>,
    beats: Cell<u32>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { last: Cell::new(Instant::now()), beats: Cell::new(0) }
    }
}

impl Clock {
    /// How long a beat is: the resolution of every timeout of a connection.
    pub(super) const BEAT: Duration = Duration::from_millis(500);

    /// Reads the clock.
    pub(super) fn tick(&self) -> Instant {
        let now = Instant::now();
        self.last.set(now);
        now
    }

    /// What it said when it was last read.
    pub(super) fn now(&self) -> Instant {
        self.last.get()
    }

    /// Counts a beat.
    pub(super) fn beat(&self) {
        self.beats.set(self.beats.get().wrapping_add(1));
    }

    /// Beats so far, modulo 2^32: 68 years.
    pub(super) fn beats(&self) -> u32 {
        self.beats.get()
    }

    /// How many beats have surely passed once `time` has.
    pub(super) fn beats_in(time: Duration) -> u32 {
        let beats = time.as_millis().div_ceil(Self::BEAT.as_millis());
        u32::try_from(beats).unwrap_or(u32::MAX - 1).saturating_add(1)
    }
}
