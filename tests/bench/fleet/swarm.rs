//! Data planes, by the thousand.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tests::drone::{Drone, Site, random};
use tests::wait;

/// How often it is looked how they are.
const GLANCE: Duration = Duration::from_millis(20);
/// After how long nobody doubts an artifact any more: twice as long as an agent does.
const SETTLED_AFTER: Duration = Duration::from_secs(20);

pub(super) struct Swarm {
    drones: Vec<Drone>,
}

impl Swarm {
    pub(super) fn new(site: &Arc<Site>, count: usize) -> Self {
        Self { drones: (0..count).map(|number| Drone::new(site, format!("edge-{number}"))).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.drones.len()
    }

    /// Starts all that do not run.
    pub(super) fn boots(&mut self) {
        self.drones.iter_mut().for_each(Drone::boots);
    }

    /// Has so many end, at random: every second one without warning, if it has settled on what is wanted, and the rest in
    /// order. A machine that goes twice while it tries an artifact would have it set aside, and be right. Returns how many
    /// ended without warning.
    pub(super) fn lose(&mut self, count: usize, wanted: &str) -> usize {
        let all = self.drones.len() as u64;
        let mut killed = 0;
        for turn in 0..count {
            let drone = &mut self.drones[(random() % all) as usize];
            if turn % 2 == 0 && has_settled(drone, wanted) {
                drone.dies();
                killed += 1;
            } else {
                drone.ends();
            }
        }
        killed
    }

    /// How many serve what is none of these.
    pub(super) fn serve_else(&self, artifacts: &[String]) -> usize {
        let serves_else =
            |drone: &&Drone| drone.seen().serves.is_some_and(|(digest, _)| !artifacts.contains(&digest.to_string()));
        self.drones.iter().filter(serves_else).count()
    }

    /// How many of these, by name, had been connected for at least so long at this moment, and are still.
    pub(super) fn connected_for(&self, least: Duration, at: Instant, names: &[String]) -> usize {
        let numbers = names.iter().filter_map(|name| name.strip_prefix("edge-")?.parse::<usize>().ok());
        let since = numbers.filter_map(|number| self.drones.get(number)?.seen().connected_since);
        since.filter(|since| at.saturating_duration_since(*since) >= least).count()
    }

    /// Waits until all are connected, each since this moment at the earliest. Returns how long that took after it, and
    /// nothing where it takes longer than `patience`.
    pub(super) async fn connected(&self, after: Instant, patience: Duration) -> Option<Duration> {
        self.all(patience, after, |drone| drone.seen().connected_since.filter(|since| *since >= after)).await
    }

    /// Waits until all serve this, and says how long that took after this moment.
    pub(super) async fn serve(&self, digest: &str, after: Instant, patience: Duration) -> Option<Duration> {
        let since = |drone: &Drone| {
            let (serves, since) = drone.seen().serves?;
            (serves.to_string() == digest).then_some(since)
        };
        self.all(patience, after, since).await
    }

    /// Those that do not serve this, the first few.
    pub(super) fn others(&self, digest: &str) -> Vec<String> {
        let serves = |drone: &&Drone| drone.seen().serves.is_none_or(|(serves, _)| serves.to_string() != digest);
        let say = |drone: &Drone| format!("{:?}, alive: {}, {:?}", drone.seen(), drone.is_alive(), drone.record());
        self.drones.iter().filter(serves).take(3).map(say).collect()
    }

    /// How long after this moment each was told of this serial, in milliseconds, the shortest first.
    pub(super) fn told(&self, serial: NonZeroU64, after: Instant) -> Vec<f64> {
        let told = self.drones.iter().filter_map(|drone| drone.seen().told.filter(|(told, _)| *told >= serial));
        let mut all: Vec<f64> = told.map(|(_, at)| at.saturating_duration_since(after).as_secs_f64() * 1e3).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// How often they were asked to come back later.
    pub(super) fn turned_away(&self) -> u64 {
        self.drones.iter().map(|drone| u64::from(drone.seen().turned_away)).sum()
    }

    /// How long after a moment the last one did something.
    async fn all(
        &self,
        patience: Duration,
        after: Instant,
        did: impl Fn(&Drone) -> Option<Instant>,
    ) -> Option<Duration> {
        let deadline = Instant::now() + patience;
        loop {
            let last = self.drones.iter().map(&did).try_fold(after, |last, at| Some(last.max(at?)));
            if let Some(last) = last {
                return Some(last - after);
            }
            if Instant::now() > deadline {
                return None;
            }
            wait::pass(GLANCE).await;
        }
    }
}

/// Whether it has served this for so long that its next end is not taken for the artifact's fault.
fn has_settled(drone: &Drone, artifact: &str) -> bool {
    let serves = drone.seen().serves;
    serves.is_some_and(|(digest, since)| digest.to_string() == artifact && since.elapsed() > SETTLED_AFTER)
}
