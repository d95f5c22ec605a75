//! How traffic fares, for heartbeats.

use std::sync::Arc;
use std::time::Instant;

use fleet::message;

use crate::metrics::{Metrics, Traffic};

/// What was counted until the last heartbeat, or until the artifact that runs was put to work.
#[derive(Debug)]
pub(super) struct Health {
    metrics: Arc<Metrics>,
    began: Instant,
    since: Instant,
    counted: Traffic,
}

impl Health {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let now = Instant::now();
        Self { metrics, began: now, since: now, counted: Traffic::default() }
    }

    /// Another artifact is served: what came before says nothing about it.
    pub(super) fn restart(&mut self) {
        self.since = Instant::now();
        self.counted = self.metrics.traffic();
    }

    /// What was counted since then.
    pub(super) fn take(&mut self) -> message::Health {
        let (before, now) = (self.since, self.metrics.traffic());
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
    use super::*;

    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
