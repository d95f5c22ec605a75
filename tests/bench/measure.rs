//! Rounds that alternate between the contestants, so that a noisy minute hits all of them, and their medians.

use std::process::Command;

use crate::contestant::{Contestant, LOAD_CORE, Running};
use crate::pace::Latencies;
use crate::saturate::{self, Request, Saturated};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Rounds of each kind.
    pub(crate) rounds: usize,
    /// Seconds of each run.
    pub(crate) seconds: u64,
}

/// What was measured of one contestant; medians over the rounds.
#[derive(Debug, Clone)]
pub(crate) struct Result {
    pub(crate) contestant: Contestant,
    pub(crate) version: String,
    pub(crate) get: Cost,
    pub(crate) post: Cost,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) rss_idle_bytes: u64,
    pub(crate) rss_loaded_bytes: u64,
    pub(crate) ready_ms: f64,
}

/// At saturation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) requests_per_second: f64,
    pub(crate) processor_us_per_request: f64,
    /// How many times what nginx needed in the same round: what a neighbour does to one it does to the other.
    pub(crate) times_nginx: f64,
}

/// Everything.
#[derive(Debug, Clone)]
pub(crate) struct Results {
    pub(crate) plan: Plan,
    /// The rate at which the latencies were measured: half of what nginx saturates at.
    pub(crate) rate: f64,
    pub(crate) entries: Vec<Result>,
}

/// A contestant while it is measured.
struct Entry {
    contestant: Contestant,
    running: Running,
    ready_ms: f64,
    rss_idle_bytes: u64,
    get: Vec<Saturated>,
    post: Vec<Saturated>,
    latencies: Vec<Latencies>,
}

/// Runs the plan on every contestant whose program is there.
pub(crate) fn run(plan: Plan) -> Results {
    let upstream = Running::upstream();
    let installed = Contestant::ALL.into_iter().filter(|contestant| contestant.is_installed());
    let mut entries: Vec<Entry> = installed.map(|contestant| Entry::start(contestant, &upstream, plan)).collect();
    for round in 1..=plan.rounds {
        for entry in &mut entries {
            entry.get.push(saturate::run(&entry.running, Request::Get, plan.seconds));
            entry.post.push(saturate::run(&entry.running, Request::Post, plan.seconds));
            let (get, post) = (entry.get[round - 1], entry.post[round - 1]);
            eprintln!(
                "round {round}: {:<10} GET {:>6.0}/s {:>5.1} µs   POST {:>6.0}/s {:>5.1} µs",
                entry.contestant.name(),
                get.requests_per_second,
                get.processor_us_per_request,
                post.requests_per_second,
                post.processor_us_per_request
            );
        }
    }
    let nginx = entries.iter().find(|entry| entry.contestant == Contestant::Nginx).expect("nginx is always measured");
    let rate = (median(nginx.get.iter().map(|run| run.requests_per_second).collect()) / 2.0 / 500.0).round() * 500.0;
    for round in 1..=plan.rounds {
        for entry in &mut entries {
            let latencies = pace(&entry.running, rate, plan.seconds);
            eprintln!(
                "round {round}: {:<10} at {rate:.0}/s: p50, p99, p99.9, answered, due: {latencies}",
                entry.contestant.name()
            );
            entry.latencies.push(latencies);
        }
    }
    let nginx = entries.iter().find(|entry| entry.contestant == Contestant::Nginx).expect("nginx is always measured");
    Results { plan, rate, entries: entries.iter().map(|entry| entry.result(nginx)).collect() }
}

impl Entry {
    fn start(contestant: Contestant, upstream: &Running, plan: Plan) -> Self {
        let starts: Vec<f64> =
            (0..plan.rounds).map(|_| contestant.start(upstream.address).ready.as_secs_f64() * 1e3).collect();
        let running = contestant.start(upstream.address);
        let rss_idle_bytes = running.rss_bytes();
        let ready_ms = median(starts);
        Self { contestant, running, ready_ms, rss_idle_bytes, get: Vec::new(), post: Vec::new(), latencies: Vec::new() }
    }

    fn result(&self, nginx: &Self) -> Result {
        let latency = |of: fn(&Latencies) -> f64| median(self.latencies.iter().map(of).collect());
        Result {
            contestant: self.contestant,
            version: self.contestant.version(),
            get: cost(&self.get, &nginx.get),
            post: cost(&self.post, &nginx.post),
            p50_us: latency(|latencies| latencies.p50_us),
            p99_us: latency(|latencies| latencies.p99_us),
            p999_us: latency(|latencies| latencies.p999_us),
            rss_idle_bytes: self.rss_idle_bytes,
            rss_loaded_bytes: self.running.rss_bytes(),
            ready_ms: self.ready_ms,
        }
    }
}

/// The load generator, as a process of its own on the upstream's core.
fn pace(proxy: &Running, rate: f64, seconds: u64) -> Latencies {
    let own = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE]).arg(own).arg("pace").arg(proxy.address.to_string());
    let output = command.arg(rate.to_string()).arg(seconds.to_string()).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.parse().unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn cost(runs: &[Saturated], nginx: &[Saturated]) -> Cost {
    let ratio = |(own, nginx): (&Saturated, &Saturated)| own.processor_us_per_request / nginx.processor_us_per_request;
    Cost {
        requests_per_second: median(runs.iter().map(|run| run.requests_per_second).collect()),
        processor_us_per_request: median(runs.iter().map(|run| run.processor_us_per_request).collect()),
        times_nginx: median(runs.iter().zip(nginx).map(ratio).collect()),
    }
}

/// The middle one; at least one is there.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[middle] } else { f64::midpoint(numbers[middle - 1], numbers[middle]) }
}
