//! The control plane's clock, next to this machine's.

use std::time::Duration;

use super::Moment;

/// Clocks that are further apart than this are worth a word.
const SKEW_MAX: Duration = Duration::from_mins(5);

/// What the control plane's clock said, and when that was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    said_seconds: u64,
    at: Duration,
}

impl Clock {
    /// It says this many milliseconds since 1970 now.
    pub(super) fn said(unix_ms: u64, moment: Moment) -> Self {
        Self { said_seconds: unix_ms / 1000, at: moment.now }
    }

    /// How far this machine's is ahead of it, in seconds, where that is worth a word.
    pub(super) fn skew(self, moment: Moment) -> Option<i128> {
        let theirs = self.said_seconds.saturating_add(moment.now.saturating_sub(self.at).as_secs());
        let skew = i128::from(moment.unix_seconds) - i128::from(theirs);
        (skew.unsigned_abs() > u128::from(SKEW_MAX.as_secs())).then_some(skew)
    }
}
