//! How long a data plane may be silent, by how often it was told to speak.

use std::time::Duration;

use tokio::time::Instant;

use super::silence;

/// After so many intervals without a message a data plane is not there, whatever its pings say.
const INTERVALS_MAX: u32 = 3;

/// Watches over one connection.
#[derive(Debug)]
pub(super) struct Vigil {
    /// How often it was told to send heartbeats.
    heartbeat: Duration,
    heard_at: Instant,
    /// When it last said something itself: whoever only answers pings has nobody in it.
    spoke_at: Instant,
    was_asked: Asked,
}

/// Whether it was asked if it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    No,
    Yes,
}

/// What its silence calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// To ask whether it is there.
    Ask,
    /// Nothing: nobody is there.
    Lost,
}

impl Vigil {
    pub(super) fn new(heartbeat: Duration, now: Instant) -> Self {
        Self { heartbeat, heard_at: now, spoke_at: now, was_asked: Asked::No }
    }

    /// How often it was told to send heartbeats.
    pub(super) fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// With the answer to a heartbeat it is told how long to wait for the next.
    pub(super) fn is_paced(&mut self, heartbeat: Duration) {
        self.heartbeat = heartbeat;
    }

    /// It is told to speak sooner than it was: it has not been silent by the measure that is new to it.
    pub(super) fn is_hurried(&mut self, heartbeat: Duration, now: Instant) {
        *self = Self::new(heartbeat, now);
    }

    /// Something came, whatever it is.
    pub(super) fn hears(&mut self, now: Instant) {
        self.heard_at = now;
        self.was_asked = Asked::No;
    }

    /// A message came.
    pub(super) fn speaks(&mut self, now: Instant) {
        self.spoke_at = now;
    }

    /// When its silence calls for something.
    pub(super) fn deadline(&self) -> Instant {
        let patience = match self.was_asked {
            Asked::No => self.heartbeat + self.heartbeat / 8,
            Asked::Yes => silence(self.heartbeat),
        };
        (self.heard_at + patience).min(self.lost_at())
    }

    /// The deadline has come.
    pub(super) fn is_due(&mut self, now: Instant) -> Due {
        if self.was_asked == Asked::Yes || now >= self.lost_at() {
            return Due::Lost;
        }
        self.was_asked = Asked::Yes;
        Due::Ask
    }

    fn lost_at(&self) -> Instant {
        self.spoke_at + self.heartbeat * INTERVALS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Duration = Duration::from_secs(30);
    const UNDER_WAY: Duration = Duration::from_secs(5);

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn who_says_nothing_is_asked_and_then_lost() {
        let now = Instant::now();
        let mut vigil = Vigil::new(CALM, now);
        assert_eq!(vigil.deadline() - now, seconds(33.75));
        assert_eq!(vigil.is_due(vigil.deadline()), Due::Ask);
        assert_eq!(vigil.deadline() - now, seconds(45.0));
        assert_eq!(vigil.is_due(vigil.deadline()), Due::Lost);
    }

    #[test]
    fn who_only_answers_pings_is_lost_too() {
        let now = Instant::now();
        let mut vigil = Vigil::new(CALM, now);
        for _ in 0..2 {
            assert_eq!(vigil.is_due(vigil.deadline()), Due::Ask);
            vigil.hears(vigil.deadline());
        }
        assert_eq!(vigil.deadline() - now, 3 * CALM);
        assert_eq!(vigil.is_due(vigil.deadline()), Due::Lost);
    }

    #[test]
    fn whoever_is_told_to_speak_sooner_has_as_long_to_from_then_on() {
        let now = Instant::now();
        let mut vigil = Vigil::new(CALM, now);
        // In calm times it need not have spoken yet: a deployment begins.
        let told_at = now + seconds(29.0);
        vigil.is_hurried(UNDER_WAY, told_at);
        assert_eq!(vigil.deadline() - told_at, seconds(5.625));
        assert_eq!(vigil.is_due(vigil.deadline()), Due::Ask);
        vigil.hears(told_at + seconds(6.0));
        vigil.speaks(told_at + seconds(6.0));
        vigil.is_paced(CALM);
        assert_eq!(vigil.deadline() - told_at, seconds(6.0 + 33.75));
    }
}
