//! How many data planes are let in at a time, so that ten thousand that come back at once find a server that answers.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand_core::{OsRng, RngCore as _};
use tokio::sync::Semaphore;

use super::shares::{Bound, RETURN_SECONDS_MAX, Shares};
use crate::domain::id::ProjectId;

/// Bounds on data planes, for one control plane.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many are let in each second.
    pub admitted_each_second: NonZeroU32,
    /// How many are connected at a time.
    pub connected_max: u64,
    /// How many of one project are.
    pub project_connected_max: u64,
    /// How many data planes a project may have, connected or not.
    pub project_remembered_max: u64,
}

/// How many are looked up in the database, or written into it, at a time; the others wait in the order in which they came.
const REGISTERED_AT_ONCE: usize = 8;

/// Who is let in.
#[derive(Debug)]
pub(super) struct Admission {
    shares: Arc<Mutex<Shares>>,
    registering: Semaphore,
    /// How many data planes a project may have.
    pub(super) remembered_max: u64,
}

/// A place for one data plane, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    shares: Arc<Mutex<Shares>>,
    project: ProjectId,
    holder: Holder,
}

/// Whose place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// It has not said who it is.
    Stranger,
    /// It has.
    Known,
}

/// Nobody is let in now.
#[derive(Debug)]
pub(super) struct Refused {
    /// What it would have been too many for.
    pub(super) bound: Bound,
    /// In how long to ask again.
    pub(super) after: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let connected_max = 20_000;
        let admitted_each_second = NonZeroU32::MIN.saturating_add(399);
        Self {
            admitted_each_second,
            connected_max,
            project_connected_max: connected_max,
            project_remembered_max: 100_000,
        }
    }
}

impl Admission {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            shares: Arc::new(Mutex::new(Shares::new(bounds, Instant::now()))),
            registering: Semaphore::new(REGISTERED_AT_ONCE),
            remembered_max: bounds.project_remembered_max,
        }
    }

    /// A place for a data plane of this project, or in how long to ask again.
    pub(super) fn admit(&self, project: ProjectId) -> Result<Place, Refused> {
        let taken = locked(&self.shares).take(project, Instant::now());
        let later = |bound| Refused { bound, after: Duration::from_secs(1 + random_below(RETURN_SECONDS_MAX)) };
        taken.map_err(later)?;
        Ok(Place { shares: Arc::clone(&self.shares), project, holder: Holder::Stranger })
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
        if self.holder == Holder::Stranger {
            self.holder = Holder::Known;
            locked(&self.shares).introduce(self.project);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever left without a word does not hold anybody up any more, either.
        self.is_known();
        locked(&self.shares).give_back(self.project);
    }
}

fn locked(shares: &Mutex<Shares>) -> MutexGuard<'_, Shares> {
    shares.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Spreads those who come back; nothing secret depends on it.
pub(crate) fn random_below(end: u64) -> u64 {
    OsRng.next_u64() % end.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(rate: u32, connected_max: u64) -> Bounds {
        let admitted_each_second = NonZeroU32::new(rate).unwrap();
        Bounds { admitted_each_second, connected_max, ..Bounds::default() }
    }

    #[test]
    fn as_many_as_the_rate_are_let_in_at_once_and_the_others_come_back_later() {
        let (admission, project) = (Admission::new(bounds(5, 100)), ProjectId::new());
        let admitted: Vec<_> = (0..50).map(|_| admission.admit(project)).collect();
        assert_eq!(admitted.iter().filter(|place| place.is_ok()).count(), 5);
        let mut waits = admitted.into_iter().filter_map(Result::err).map(|refused| refused.after);
        assert!(waits.all(|wait| (1..=RETURN_SECONDS_MAX).contains(&wait.as_secs())));
    }

    #[test]
    fn a_place_is_given_back() {
        let (admission, project) = (Admission::new(bounds(100, 1)), ProjectId::new());
        let mut place = admission.admit(project).unwrap();
        assert_eq!(admission.admit(project).unwrap_err().bound, Bound::Connected);
        place.is_known();
        drop(place);
        let silent = admission.admit(project).unwrap();
        drop(silent);
        assert!(admission.admit(project).is_ok());
    }
}
