//! How the traffic of one snapshot fares, from the requests that it judged.
//!
//! A route's durations are the process's: they go on when another artifact is put to work, and a request is counted
//! there when it ends. What ends long after a swap began before it, and says nothing about what serves now.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::histogram::add;
use super::{BUCKETS_SECONDS, Histogram};

type Counts = [u64; BUCKETS_SECONDS.len() + 1];

/// The requests of one snapshot, on all of its routes, by worker.
#[derive(Debug)]
pub struct Traffic {
    workers: Box<[OnceLock<Box<Counted>>]>,
}

/// What one worker counted. Boxed by that worker, so no two of them write to one cache line.
#[derive(Debug, Default)]
struct Counted {
    durations: Histogram,
    server_errors: AtomicU64,
}

/// What was counted up to a moment.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Counters {
    counts: Counts,
    server_errors: u64,
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

impl Traffic {
    /// Of a snapshot that so many workers serve.
    pub fn new(workers: usize) -> Self {
        Self { workers: (0..workers).map(|_| OnceLock::new()).collect() }
    }

    /// Counts a response. Only the worker with this number may call it with this number.
    ///
    /// Beside the route's own histogram this is at most three more stores of the worker's to lines that nobody else
    /// writes and that every request of the worker's touches: no lock, no look-up, and no second look at the clock.
    pub fn record(&self, worker: usize, status: u16, took: Duration) {
        let counted = self.workers[worker].get_or_init(Box::default);
        counted.durations.record(took);
        if status >= 500 {
            add(&counted.server_errors, 1);
        }
    }

    /// What was counted until now.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for counted in self.workers.iter().filter_map(OnceLock::get) {
            counted.durations.add_to(&mut counters.counts, &mut 0.0);
            counters.server_errors += counted.server_errors.load(Ordering::Relaxed);
        }
        counters
    }
}

impl Counters {
    /// What was counted since an earlier moment, of the same snapshot.
    pub fn since(&self, earlier: &Self) -> Figures {
        let counts: Counts = std::array::from_fn(|bucket| self.counts[bucket].saturating_sub(earlier.counts[bucket]));
        let requests = counts.iter().sum();
        // A worker may be between its two stores while it is read.
        let server_errors = self.server_errors.saturating_sub(earlier.server_errors).min(requests);
        Figures { requests, server_errors, p99_ms: p99_ms(&counts) }
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
    use super::*;

    #[test]
    fn only_what_came_since_counts() {
        let traffic = Traffic::new(2);
        traffic.record(0, 500, Duration::from_millis(1));
        let before = traffic.counters();
        assert_eq!(before.since(&before), Figures::default());
        (0..99).for_each(|request| traffic.record(request % 2, 200, Duration::from_millis(1)));
        traffic.record(1, 503, Duration::from_millis(40));
        let figures = traffic.counters().since(&before);
        assert_eq!((figures.requests, figures.server_errors), (100, 1));
        assert!((figures.p99_ms.unwrap() - 1.0).abs() < 1e-9, "{figures:?}");
    }

    #[test]
    fn a_percentile_lies_in_its_bucket_and_not_beyond_the_last() {
        let check = |millis: &[u64], expected: std::ops::RangeInclusive<f64>| {
            let traffic = Traffic::new(1);
            millis.iter().for_each(|millis| traffic.record(0, 200, Duration::from_millis(*millis)));
            let p99 = traffic.counters().since(&Counters::default()).p99_ms.unwrap();
            assert!(expected.contains(&p99), "{p99}");
        };
        check(&[1, 1, 1, 40], 25.0..=50.0);
        check(&[60_000], 10_000.0..=10_000.0);
    }
}
