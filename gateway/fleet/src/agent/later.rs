//! When to look at what is new: a fleet that is told at once does not fetch at once.

use std::time::Duration;

use artifact_format::pointer::SignedPointer;

use super::Moment;
use super::backoff::part;
use super::connection::ASKED_MAX;

/// A pointer that is looked at later.
#[derive(Debug)]
pub(super) struct Later {
    pub(super) at: Duration,
    pub(super) pointer: SignedPointer,
}

/// One of the moments within so long. In the first tenth others are still told.
pub(super) fn moment_within(within: Duration, moment: Moment) -> Duration {
    let within = within.min(ASKED_MAX);
    let telling = within / 10;
    moment.now + telling + part(within.saturating_sub(telling), moment.random)
}
