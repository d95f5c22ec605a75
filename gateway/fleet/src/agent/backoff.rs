//! How long to wait before the next try.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
/// Whatever chance says, nobody tries again and again without a breath.
const LEAST: Duration = Duration::from_millis(10);
const LAST: Duration = Duration::from_mins(1);

/// Pauses that grow from try to try: exponential, from one second to one minute, with full jitter, so that those who
/// failed together do not try again together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// A pause of random length, and longer ones from then on.
    pub(super) fn pause(&mut self, random: u64) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.tries.min(6)).min(LAST);
        self.tries = self.tries.saturating_add(1);
        part(longest, random).max(LEAST)
    }

    /// Pauses since the last success.
    pub(super) fn tries(self) -> u32 {
        self.tries
    }

    /// It went well.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

/// A part of a time, between none and all of it, as a random number has it.
pub(super) fn part(whole: Duration, random: u64) -> Duration {
    let nanos = (whole.as_nanos() * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_any_part_of_them_may_be_waited() {
        let mut backoff = Backoff::default();
        let longest: Vec<u128> = (0..8).map(|_| backoff.pause(u64::MAX).as_millis()).collect();
        assert_eq!(longest, [999, 1_999, 3_999, 7_999, 15_999, 31_999, 59_999, 59_999]);
        assert_eq!((backoff.pause(0), backoff.pause(1 << 63)), (LEAST, Duration::from_secs(30)));
        backoff.reset();
        assert_eq!(backoff.pause(1 << 63), Duration::from_millis(500));
    }
}
