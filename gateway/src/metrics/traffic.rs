//! How traffic fares between two moments.

use std::collections::HashMap;

use super::routes::Series;
use super::{BUCKETS_SECONDS, Metrics};

type Counts = [u64; BUCKETS_SECONDS.len() + 1];

/// What was counted up to a moment.
#[derive(Debug, Default)]
pub struct Traffic {
    series: HashMap<(String, Option<String>, Option<u16>), Counts>,
}

/// What was counted between two moments.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Requests answered.
    pub requests: u64,
    /// Of them, with a status of 500 and above.
    pub server_errors: u64,
    /// The 99th percentile of how long they took, in milliseconds; none without requests.
    pub p99_ms: Option<f64>,
}

impl Metrics {
    /// What was counted until now.
    pub fn traffic(&self) -> Traffic {
        let named = |Series { method, route, status, counts, .. }| ((method, route, status), counts);
        Traffic { series: self.routes.series().into_iter().map(named).collect() }
    }
}

impl Traffic {
    /// What was counted since an earlier moment, on the routes that there still are.
    pub fn since(&self, earlier: &Self) -> Figures {
        let mut counts = Counts::default();
        let mut server_errors = 0;
        for (name, now) in &self.series {
            let before = earlier.series.get(name).copied().unwrap_or_default();
            for (bucket, (now, before)) in now.iter().zip(before).enumerate() {
                // A route that went and came back counts from its return.
                let more = now.checked_sub(before).unwrap_or(*now);
                counts[bucket] += more;
                server_errors += if name.2.is_some_and(|status| status >= 500) { more } else { 0 };
            }
        }
        Figures { requests: counts.iter().sum(), server_errors, p99_ms: p99_ms(&counts) }
    }
}

/// As histograms are read: evenly spread inside a bucket, and no further than the last bound.
#[expect(clippy::cast_precision_loss, reason = "counts of requests, and a figure that is an estimate anyway")]
fn p99_ms(counts: &Counts) -> Option<f64> {
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return None;
    }
    let rank = all as f64 * 0.99;
    let (mut below, mut lower) = (0.0, 0.0);
    for (count, upper) in counts.iter().zip(BUCKETS_SECONDS) {
        let count = *count as f64;
        if below + count >= rank {
            return Some((lower + (upper - lower) * ((rank - below) / count)) * 1e3);
        }
        below += count;
        lower = upper;
    }
    Some(lower * 1e3)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_came_since_counts() {
        let metrics = Metrics::new(1);
        let kept = metrics.routes.handle("GET", Some("/a".into()));
        kept.record(0, 200, Duration::from_millis(1));
        let dropped = metrics.routes.handle("GET", Some("/b".into()));
        dropped.record(0, 500, Duration::from_millis(1));
        let before = metrics.traffic();
        assert_eq!(before.since(&before), Figures::default());
        drop(dropped);
        (0..99).for_each(|_| kept.record(0, 200, Duration::from_millis(1)));
        kept.record(0, 503, Duration::from_millis(40));
        let figures = metrics.traffic().since(&before);
        assert_eq!((figures.requests, figures.server_errors), (100, 1));
        assert!((figures.p99_ms.unwrap() - 1.0).abs() < 1e-9, "{figures:?}");
    }

    #[test]
    fn a_percentile_lies_in_its_bucket_and_not_beyond_the_last() {
        let check = |millis: &[u64], expected: std::ops::RangeInclusive<f64>| {
            let metrics = Metrics::new(1);
            let route = metrics.routes.handle("GET", None);
            millis.iter().for_each(|millis| route.record(0, 200, Duration::from_millis(*millis)));
            let p99 = metrics.traffic().since(&Traffic::default()).p99_ms.unwrap();
            assert!(expected.contains(&p99), "{p99}");
        };
        check(&[1, 1, 1, 40], 25.0..=50.0);
        check(&[60_000], 10_000.0..=10_000.0);
    }
}
