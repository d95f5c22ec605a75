//! How traffic fares, for heartbeats.

use std::sync::Arc;
use std::time::Instant;

use fleet::message;

use crate::metrics::{Counters, Traffic};

/// What was counted until the last heartbeat, of the requests that are judged by what runs.
#[derive(Debug)]
pub(super) struct Health {
    traffic: Arc<Traffic>,
    began: Instant,
    since: Instant,
    counted: Counters,
}

impl Health {
    pub(super) fn new(traffic: Arc<Traffic>) -> Self {
        let now = Instant::now();
        Self { traffic, began: now, since: now, counted: Counters::default() }
    }

    /// This is the traffic of what is served. Where that is something else than before, what came before says nothing
    /// about it, nor does what began before and has yet to end: that is counted where it began.
    pub(super) fn is_of(&mut self, traffic: Arc<Traffic>) {
        if !Arc::ptr_eq(&self.traffic, &traffic) {
            (self.traffic, self.since, self.counted) = (traffic, Instant::now(), Counters::default());
        }
    }

    /// What was counted since then.
    pub(super) fn take(&mut self) -> message::Health {
        let (before, now) = (self.since, self.traffic.counters());
        let figures = now.since(&self.counted);
        self.counted = now;
        self.since = Instant::now();
        message::Health {
            window_ms: u64::try_from(self.since.duration_since(before).as_millis()).unwrap_or(u64::MAX),
            requests: figures.requests,
            server_errors: figures.server_errors,
            p99_ms: figures.p99_ms,
            memory_bytes: resident_bytes().unwrap_or_default(),
            uptime_seconds: self.began.elapsed().as_secs(),
        }
    }
}

/// `VmRSS` of proc(5).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_ends_late_is_not_charged_to_what_runs() {
        let (old, new) = (Arc::new(Traffic::new(1)), Arc::new(Traffic::new(1)));
        let mut health = Health::new(old.clone());
        old.record(0, 200, Duration::from_millis(1));
        assert_eq!(health.take().requests, 1);
        health.is_of(new.clone());
        (0..100).for_each(|_| old.record(0, 504, Duration::from_mins(1)));
        new.record(0, 200, Duration::from_millis(1));
        let taken = health.take();
        assert_eq!((taken.requests, taken.server_errors), (1, 0));
        assert!(taken.p99_ms.unwrap() < 2.0, "{taken:?}");
    }

    #[test]
    fn what_is_still_served_is_not_counted_twice() {
        let traffic = Arc::new(Traffic::new(1));
        let mut health = Health::new(traffic.clone());
        traffic.record(0, 503, Duration::ZERO);
        assert_eq!(health.take().server_errors, 1);
        health.is_of(traffic);
        assert_eq!(health.take().requests, 0);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
