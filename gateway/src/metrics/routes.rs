//! Request durations by route. Handles are resolved when an artifact is loaded, not when a request comes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::Histogram;

/// How many statuses of a route are told apart; further ones share one series.
const STATUSES: usize = 16;

/// Every route that some artifact still holds.
#[derive(Debug)]
pub struct Routes {
    workers: usize,
    routes: Mutex<HashMap<RouteKey, Weak<RouteMetrics>>>,
}

/// `http_request_method` and `http_route`; no route for requests that match none.
type RouteKey = (String, Option<String>);

/// The durations of one method on one route.
#[derive(Debug)]
pub struct RouteMetrics {
    method: String,
    route: Option<String>,
    workers: Box<[OnceLock<Box<ByStatus>>]>,
    /// By [`Examination`].
    examined: [AtomicU64; 3],
}

/// What came of looking at a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Examination {
    /// It is what the description promises.
    Kept,
    /// It is not.
    Broken,
    /// Nothing is promised, or it could not be judged: too large, or of a media type that says nothing.
    Unjudged,
}

impl Examination {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Kept, Self::Broken, Self::Unjudged];

    /// As a label says it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::Unjudged => "unjudged",
        }
    }
}

/// How many responses of a route were looked at, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Examined {
    pub(super) method: String,
    pub(super) route: Option<String>,
    pub(super) result: Examination,
    pub(super) count: u64,
}

#[derive(Debug, Default)]
struct ByStatus {
    statuses: [OnceLock<Box<(u16, Histogram)>>; STATUSES],
    other: Histogram,
}

/// The sum of a route's and status's durations over all workers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) method: String,
    pub(super) route: Option<String>,
    /// `None` beyond the statuses that are told apart.
    pub(super) status: Option<u16>,
    pub(super) counts: [u64; super::BUCKETS_SECONDS.len() + 1],
    pub(super) sum: f64,
}

impl Routes {
    pub(super) fn new(workers: usize) -> Self {
        Self { workers, routes: Mutex::default() }
    }

    /// The handle of a route: the same one as long as anyone holds it, so that counts survive a reload.
    pub fn handle(&self, method: &str, route: Option<String>) -> Arc<RouteMetrics> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (method.to_owned(), route);
        if let Some(known) = routes.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        let workers = (0..self.workers).map(|_| OnceLock::new()).collect();
        let (method, route) = key.clone();
        let new = Arc::new(RouteMetrics { method, route, workers, examined: Default::default() });
        routes.insert(key, Arc::downgrade(&new));
        new
    }

    /// Every series that has counted something, in a stable order. Forgets routes that nobody holds.
    pub(super) fn series(&self) -> Vec<Series> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|_, route| route.strong_count() > 0);
        drop(routes);
        let mut series: Vec<_> = self.held().iter().flat_map(|route| route.series()).collect();
        series.sort_by(|a, b| (&a.route, &a.method, a.status).cmp(&(&b.route, &b.method, b.status)));
        series
    }

    /// What came of looking at responses, in a stable order, where anything was looked at.
    pub(super) fn examined(&self) -> Vec<Examined> {
        let mut examined: Vec<_> = self.held().iter().flat_map(|route| route.examinations()).collect();
        examined
            .sort_by(|a, b| (&a.route, &a.method, a.result.as_str()).cmp(&(&b.route, &b.method, b.result.as_str())));
        examined
    }

    fn held(&self) -> Vec<Arc<RouteMetrics>> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.values().filter_map(Weak::upgrade).collect()
    }
}

impl RouteMetrics {
    /// Counts a response. Only the worker with this number may call it with this number.
    pub fn record(&self, worker: usize, status: u16, took: Duration) {
        let by_status = self.workers[worker].get_or_init(Box::default);
        for slot in &by_status.statuses {
            let (known, histogram) = &**slot.get_or_init(|| Box::new((status, Histogram::default())));
            if *known == status {
                return histogram.record(took);
            }
        }
        by_status.other.record(took);
    }

    /// Counts a response that was looked at.
    pub fn examined(&self, result: Examination) {
        self.examined[result as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn examinations(&self) -> Vec<Examined> {
        let counts = Examination::ALL.iter().zip(&self.examined);
        let counts = counts.map(|(result, count)| (*result, count.load(Ordering::Relaxed)));
        let examined = |(result, count)| {
            let (method, route) = (self.method.clone(), self.route.clone());
            Examined { method, route, result, count }
        };
        counts.filter(|(_, count)| *count > 0).map(examined).collect()
    }

    fn series(&self) -> Vec<Series> {
        let mut series: Vec<Series> = Vec::new();
        for by_status in self.workers.iter().filter_map(OnceLock::get) {
            let known = by_status.statuses.iter().filter_map(OnceLock::get);
            let known = known.map(|slot| (Some(slot.0), &slot.1));
            for (status, histogram) in known.chain([(None, &by_status.other)]) {
                let at = series.iter().position(|known| known.status == status).unwrap_or_else(|| {
                    let (method, route) = (self.method.clone(), self.route.clone());
                    series.push(Series { method, route, status, counts: Default::default(), sum: 0.0 });
                    series.len() - 1
                });
                let sum = &mut series[at];
                histogram.add_to(&mut sum.counts, &mut sum.sum);
            }
        }
        series.retain(|series| series.counts.iter().any(|count| *count > 0));
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(routes: &Routes) -> Vec<(Option<u16>, u64)> {
        routes.series().iter().map(|series| (series.status, series.counts.iter().sum())).collect()
    }

    #[test]
    fn workers_add_up_by_status() {
        let routes = Routes::new(2);
        let handle = routes.handle("GET", Some("/a".into()));
        handle.record(0, 200, Duration::ZERO);
        handle.record(1, 200, Duration::ZERO);
        handle.record(1, 404, Duration::ZERO);
        assert_eq!(counted(&routes), [(Some(200), 2), (Some(404), 1)]);
    }

    #[test]
    fn counts_survive_while_somebody_holds_the_route() {
        let routes = Routes::new(1);
        let old = routes.handle("GET", None);
        old.record(0, 200, Duration::ZERO);
        let new = routes.handle("GET", None);
        drop(old);
        assert_eq!(counted(&routes), [(Some(200), 1)]);
        drop(new);
        assert_eq!(counted(&routes), []);
    }

    #[test]
    fn statuses_beyond_the_room_share_a_series() {
        let routes = Routes::new(1);
        let handle = routes.handle("GET", None);
        (200..220).for_each(|status| handle.record(0, status, Duration::ZERO));
        assert_eq!(counted(&routes)[0], (None, 4));
    }
}
