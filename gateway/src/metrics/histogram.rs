//! A histogram with one writer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds, in seconds.
pub const BUCKETS_SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const BUCKETS_NANOS: [u64; 14] = [
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// How long things took. Only one thread may [`record`](Self::record); any may read.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS_NANOS.len() + 1],
    sum_nanos: AtomicU64,
}

impl Histogram {
    /// Counts one.
    pub fn record(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_NANOS.iter().position(|bound| nanos <= *bound).unwrap_or(BUCKETS_NANOS.len());
        add(&self.buckets[bucket], 1);
        add(&self.sum_nanos, nanos);
    }

    /// Adds what was counted so far to `counts` (one per bucket, the last one unbounded) and `sum` (seconds).
    #[expect(clippy::cast_precision_loss, reason = "a sum of seconds is a float in the exposition")]
    pub fn add_to(&self, counts: &mut [u64; BUCKETS_NANOS.len() + 1], sum: &mut f64) {
        for (count, bucket) in counts.iter_mut().zip(&self.buckets) {
            *count += bucket.load(Ordering::Relaxed);
        }
        *sum += self.sum_nanos.load(Ordering::Relaxed) as f64 / 1e9;
    }
}

/// Adds without a locked instruction, which is enough while there is one writer.
pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fall_into_the_bucket_that_bounds_them() {
        let histogram = Histogram::default();
        for millis in [1, 1, 2, 60_000] {
            histogram.record(Duration::from_millis(millis));
        }
        let (mut counts, mut sum) = ([0; 15], 0.0);
        histogram.add_to(&mut counts, &mut sum);
        assert_eq!((counts[1], counts[2], counts[14], counts.iter().sum::<u64>()), (2, 1, 1, 4));
        assert!((sum - 60.004).abs() < 1e-9);
    }

    #[test]
    fn both_spellings_of_the_bounds_agree() {
        for (seconds, nanos) in BUCKETS_SECONDS.iter().zip(BUCKETS_NANOS) {
            assert_eq!(Duration::from_secs_f64(*seconds), Duration::from_nanos(nanos));
        }
    }
}
