//! How many data planes are let in at a time, so that ten thousand that come back at once find a server that answers.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use rand_core::{OsRng, RngCore as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds on data planes, for one control plane.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many are let in each second, and how many at once after a quiet second.
    pub admitted_each_second: NonZeroU32,
    /// How many are connected at a time.
    pub connected_max: usize,
}

/// How many sockets may be open that have not said who they are. Each has ten seconds to.
const STRANGERS_MAX: usize = 2048;
/// How many are looked up in the database, or written into it, at a time; the others wait in the order in which they came.
const REGISTERED_AT_ONCE: usize = 8;
/// Whoever is refused comes back at a random moment within so many seconds.
const RETURN_SECONDS_MAX: u64 = 20;

/// Who is let in.
#[derive(Debug)]
pub(super) struct Admission {
    rate: DefaultDirectRateLimiter,
    places: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    registering: Semaphore,
}

/// A place for one data plane, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    /// Given back as soon as it is known who it is.
    stranger: Option<OwnedSemaphorePermit>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { admitted_each_second: NonZeroU32::MIN.saturating_add(399), connected_max: 20_000 }
    }
}

impl Admission {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            rate: RateLimiter::direct(Quota::per_second(bounds.admitted_each_second)),
            places: Arc::new(Semaphore::new(bounds.connected_max.min(Semaphore::MAX_PERMITS))),
            strangers: Arc::new(Semaphore::new(STRANGERS_MAX)),
            registering: Semaphore::new(REGISTERED_AT_ONCE),
        }
    }

    /// A place, or in how long to ask again.
    pub(super) fn admit(&self) -> Result<Place, Duration> {
        let later = |_| Duration::from_secs(1 + random_below(RETURN_SECONDS_MAX));
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(later)?;
        let stranger = Arc::clone(&self.strangers).try_acquire_owned().map_err(later)?;
        // Last: whoever finds no place has not used up a turn.
        self.rate.check().map_err(|_| later(tokio::sync::TryAcquireError::NoPermits))?;
        Ok(Place { _place: place, stranger: Some(stranger) })
    }

    /// Waits for a turn at the database.
    pub(super) async fn turn(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // It is never closed.
        self.registering.acquire().await.ok()
    }
}

impl Place {
    /// It is known who it is.
    pub(super) fn is_known(&mut self) {
        self.stranger = None;
    }
}

/// Spreads those who come back; nothing secret depends on it.
pub(crate) fn random_below(end: u64) -> u64 {
    OsRng.next_u64() % end.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(rate: u32, connected_max: usize) -> Bounds {
        Bounds { admitted_each_second: NonZeroU32::new(rate).unwrap(), connected_max }
    }

    #[test]
    fn as_many_as_the_rate_are_let_in_at_once_and_the_others_come_back_later() {
        let admission = Admission::new(bounds(5, 100));
        let admitted: Vec<_> = (0..50).map(|_| admission.admit()).collect();
        assert_eq!(admitted.iter().filter(|place| place.is_ok()).count(), 5);
        let waits = admitted.into_iter().filter_map(Result::err);
        assert!(waits.into_iter().all(|wait| (1..=RETURN_SECONDS_MAX).contains(&wait.as_secs())));
    }

    #[test]
    fn a_place_is_given_back() {
        let admission = Admission::new(bounds(100, 1));
        let place = admission.admit().unwrap();
        assert!(admission.admit().is_err());
        drop(place);
        assert!(admission.admit().is_ok());
    }
}
