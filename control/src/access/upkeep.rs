//! What is done every now and then.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Access;
use crate::domain::error::Error;
use crate::domain::store::Store;
use crate::domain::time::now;

/// How often what was noted is written: twice in the minute within which `last_used_at` is right.
const WRITTEN_EVERY: Duration = Duration::from_secs(30);
/// How often what is too old is removed.
const REMOVED_EVERY: Duration = Duration::from_hours(1);

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// For ever.
    Forever,
    /// For so long.
    For(Duration),
}

/// How long each kind of thing is kept that would grow for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Audit events.
    pub events: Retention,
    /// Builds that ended, but for those that an artifact came of.
    pub builds: Retention,
}

/// A text that is no retention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("give `forever`, or a time of at least a day such as `400d` or `2years`")]
pub struct RetentionError;

/// Writes what was noted and removes what is too old.
#[derive(Clone)]
pub struct Upkeep {
    /// Where to.
    pub store: Arc<dyn Store>,
    /// What was noted.
    pub access: Arc<Access>,
    /// How long what ended is kept.
    pub keep: Keep,
}

impl Upkeep {
    /// Goes on until `stop` ends, and then writes what is left. What fails is tried again the next time.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let mut ticks = interval(WRITTEN_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut removed: Option<Instant> = None;
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = ticks.tick() => {}
            }
            self.write().await;
            self.access.limits.forget_idle();
            if removed.is_none_or(|at| at.elapsed() >= REMOVED_EVERY) {
                // It may take as long as it likes, but not from whoever stops: what is half removed is not removed.
                tokio::select! {
                    () = &mut stop => break,
                    () = self.remove() => {}
                }
                removed = Some(Instant::now());
            }
        }
        self.write().await;
    }

    /// Writes what was noted.
    pub async fn write(&self) {
        let uses = self.access.uses.take();
        if let Err(error) = self.store.note_uses(&uses).await {
            tracing::warn!(%error, "when credentials were last used is not written yet");
            self.access.uses.put_back(uses);
        }
        let summaries = self.access.refusals.summaries();
        if !summaries.is_empty()
            && let Err(error) = self.store.record_refusals(summaries).await
        {
            tracing::error!(%error, "refusals are missing in the audit log");
        }
    }

    /// Removes what is too old.
    pub async fn remove(&self) {
        if let Err(error) = self.try_remove().await {
            tracing::warn!(%error, "what is too old stays for now");
        }
    }

    async fn try_remove(&self) -> Result<(), Error> {
        while self.store.forget_answers().await? > 0 {}
        if let Some(before) = self.keep.events.before(now()) {
            while self.store.prune_events(before).await? > 0 {}
        }
        if let Some(before) = self.keep.builds.before(now()) {
            while self.store.prune_builds(before).await? > 0 {}
        }
        Ok(())
    }
}

impl fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upkeep").field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl Retention {
    /// Before when what is from is too old.
    fn before(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::For(time) => now.checked_sub(SignedDuration::try_from(time).ok()?).ok(),
        }
    }
}

impl FromStr for Retention {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, RetentionError> {
        if text == "forever" {
            return Ok(Self::Forever);
        }
        let time = humantime::parse_duration(text).map_err(|_| RetentionError)?;
        if time >= Duration::from_hours(24) { Ok(Self::For(time)) } else { Err(RetentionError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_is_a_time_of_days_or_forever() {
        assert_eq!("forever".parse(), Ok(Retention::Forever));
        assert_eq!("400d".parse(), Ok(Retention::For(Duration::from_hours(400 * 24))));
        for text in ["", "0", "0s", "-1d", "1h", "d400"] {
            assert_eq!(text.parse::<Retention>(), Err(RetentionError), "{text}");
        }
    }
}
