//! Who guesses secrets waits.
//!
//! Nobody guesses 256 bits; what this keeps away is the load of trying. A client address has some failures for nothing,
//! then each one makes it wait twice as long as the one before. Whoever shares the address with it and shows a secret
//! that was good a moment ago is let through: behind one proxy, one stale pipeline does not lock out everybody.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many failures cost nothing.
const FREE: u32 = 10;
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// How long failures are remembered after the last one.
const MEMORY: Duration = Duration::from_mins(10);
/// How many addresses are remembered.
const SOURCES_MAX: usize = 8192;
/// How many good secrets are remembered.
const PROVEN_MAX: usize = 4096;

/// Where requests come from, as far as one party can choose it: an IPv4 address, or the 64 bits of an IPv6 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

/// Failures, by where they came from.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<HashMap<Source, Failures>>,
    /// SHA-256 of secrets that were good, and when.
    proven: Mutex<HashMap<[u8; 32], Instant>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        let IpAddr::V6(v6) = address.to_canonical() else { return Self(address.to_canonical()) };
        let [a, b, c, d, ..] = v6.segments();
        Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
    }
}

impl Failures {
    fn wait(self) -> Duration {
        match self.count.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(beyond) => Duration::from_secs(1_u64.checked_shl(beyond).unwrap_or(u64::MAX)).min(WAIT_MAX),
        }
    }
}

impl Throttle {
    /// How long this source has to wait before another secret of it is looked at.
    pub fn wait(&self, source: Source, now: Instant) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let known = failures.get(&source)?;
        let left = known.wait().saturating_sub(now.saturating_duration_since(known.last));
        (!left.is_zero()).then_some(left)
    }

    /// A secret was not good.
    pub fn failed(&self, source: Source, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if !failures.contains_key(&source) && failures.len() >= SOURCES_MAX {
            failures.retain(|_, known| now.saturating_duration_since(known.last) < MEMORY);
            let oldest = failures.iter().min_by_key(|(_, known)| known.last).map(|(source, _)| *source);
            if let Some(oldest) = oldest.filter(|_| failures.len() >= SOURCES_MAX) {
                failures.remove(&oldest);
            }
        }
        let known = failures.entry(source).or_insert(Failures { count: 0, last: now });
        if now.saturating_duration_since(known.last) >= MEMORY {
            known.count = 0;
        }
        *known = Failures { count: known.count.saturating_add(1), last: now };
    }

    /// The secret with this SHA-256 was good.
    pub fn succeeded(&self, hash: [u8; 32], now: Instant) {
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if !proven.contains_key(&hash) && proven.len() >= PROVEN_MAX {
            proven.retain(|_, at| now.saturating_duration_since(*at) < MEMORY);
            if proven.len() >= PROVEN_MAX {
                proven.clear();
            }
        }
        proven.insert(hash, now);
    }

    /// Whether the secret with this SHA-256 was good a moment ago.
    pub fn was_good(&self, hash: [u8; 32], now: Instant) -> bool {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.get(&hash).is_some_and(|at| now.saturating_duration_since(*at) < MEMORY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn waits_grow_and_end() {
        let (throttle, start, source) = (Throttle::default(), Instant::now(), source("192.0.2.1"));
        let mut waits = Vec::new();
        for _ in 0..18 {
            throttle.failed(source, start);
            waits.push(throttle.wait(source, start).unwrap_or_default().as_secs());
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(throttle.wait(source, start + WAIT_MAX), None);
        // Long after the last one, it begins anew.
        throttle.failed(source, start + MEMORY);
        assert_eq!(throttle.wait(source, start + MEMORY), None);
    }

    #[test]
    fn a_network_is_one_source_and_another_one_is_not() {
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }

    #[test]
    fn memory_is_bounded() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for number in 0..20_000_u32 {
            throttle.failed(IpAddr::from(number.to_be_bytes()).into(), now);
            throttle.succeeded(std::array::from_fn(|at| number.to_be_bytes()[at % 4]), now);
        }
        assert!(throttle.failures.lock().unwrap().len() <= SOURCES_MAX);
        assert!(throttle.proven.lock().unwrap().len() <= PROVEN_MAX);
    }
}
