//! The control plane's server with a fleet's worth of rows, on both databases.
//!
//! Read in this order:
//! - [`place`]: the two databases; [`seed`]: what is in them, of which [`rows`] makes most;
//! - [`questions`]: lists and gets of every kind, asked by [`crate::pace`];
//! - [`builds`]: how long builds take, and what they leave in memory;
//! - [`table`]: all of it, for people.

pub(crate) mod builds;
pub(crate) mod place;
mod questions;
mod rows;
mod seed;
pub(crate) mod table;

use std::time::Duration;

use tests::{ControlPlane, wait};

use crate::pace::{self, Pace, Wait};
use builds::Builds;
use place::{Kind, Place};
use questions::Questions;

/// How many specs there are.
pub(crate) const SPECS: usize = 10_000;
/// How many audit events.
pub(crate) const EVENTS: usize = 1_000_000;
/// How many requests a second.
pub(crate) const RATE: f64 = 200.0;
/// What we hold ourselves to: of the slowest one in a hundred of each kind, in milliseconds.
pub(crate) const P99_MAX_MS: f64 = 20.0;
/// The same of an idle server's memory, in MiB.
pub(crate) const IDLE_MAX_MIB: u64 = 60;
/// The same of a build of GitHub's document, in seconds.
pub(crate) const BUILD_MAX_SECONDS: u64 = 3;
/// How long an idle server is left alone.
const IDLE: Duration = Duration::from_secs(30);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Runs of the load.
    pub(crate) runs: usize,
    /// How long each is.
    pub(crate) duration: Duration,
}

/// What was measured on one database.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) database: &'static str,
    /// Of each run, the waits of each kind and of all of them.
    pub(crate) runs: Vec<Run>,
    /// After the start, on an empty database.
    pub(crate) rss_started_bytes: u64,
    /// After a start with everything in the database, and half a minute of nothing.
    pub(crate) rss_idle_bytes: u64,
    /// After the load.
    pub(crate) rss_loaded_bytes: u64,
    pub(crate) builds: Builds,
}

/// One run of the load.
#[derive(Debug)]
pub(crate) struct Run {
    /// How busy the machine was in the minute before.
    pub(crate) load_before: f64,
    /// Each kind, and its waits in microseconds, the shortest first.
    pub(crate) kinds: Vec<(&'static str, Vec<f64>)>,
    /// All of them together.
    pub(crate) all: Vec<f64>,
}

/// Measures both databases, or the one.
pub(crate) fn run(plan: Plan, only: Option<Kind>) -> Vec<Measured> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let kinds = Kind::ALL.into_iter().filter(|kind| only.is_none_or(|only| only == *kind));
    kinds.map(|kind| runtime.block_on(measure(plan, kind))).collect()
}

async fn measure(plan: Plan, kind: Kind) -> Measured {
    let (place, mut control) = Place::open(kind).await;
    let rss_started_bytes = control.rss_bytes();
    let began = std::time::Instant::now();
    let seeded = seed::fill(&control, &place, kind).await;
    eprintln!("{}: {SPECS} specs and {EVENTS} events in {:.0} s", kind.name(), began.elapsed().as_secs_f64());
    control.restart().await;
    wait::pass(IDLE).await;
    let rss_idle_bytes = control.rss_bytes();
    let questions = Questions::about(&control, &seeded).await;
    let mut runs = Vec::new();
    for number in 1..=plan.runs {
        let run = one_run(plan, &control, &questions).await;
        eprintln!("{}, run {number}: {}", kind.name(), table::in_short(&run));
        runs.push(run);
    }
    let rss_loaded_bytes = control.rss_bytes();
    let builds = builds::measure(&control, &seeded.cast.teams[0].projects[1].id).await;
    Measured { database: kind.name(), runs, rss_started_bytes, rss_idle_bytes, rss_loaded_bytes, builds }
}

async fn one_run(plan: Plan, control: &ControlPlane, questions: &Questions) -> Run {
    let load_before = crate::machine::load();
    let (address, requests) = (control.address(), questions.requests.clone());
    let pace = Pace { requests_per_second: RATE, duration: plan.duration };
    let waits = tokio::task::spawn_blocking(move || pace::ask(address, &requests, pace));
    let waits = waits.await.expect("every answer is a 200");
    let of_kind = |kind| waits.iter().filter(move |wait: &&Wait| questions.kind_of[wait.request] == kind);
    let kinds = questions.kinds.iter().enumerate().map(|(kind, name)| (*name, pace::sorted_us(of_kind(kind))));
    Run { load_before, kinds: kinds.collect(), all: pace::sorted_us(&waits) }
}
