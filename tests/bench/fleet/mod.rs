//! A fleet on one control plane: how long it takes to tell everybody, to be told by everybody, and what that costs.
//!
//! Data planes are [`tests::drone`]s: the real agent, real sockets, real downloads, in this process, on the same cores. The
//! control plane is the program that is shipped, on PostgreSQL.
//! Read in this order:
//! - [`swarm`]: the data planes; [`stage`]: the control plane, and how it is asked what it believes;
//! - [`scenes`]: everybody comes, everybody is told, everybody comes back; [`soak`]: an hour of coming and going;
//! - [`table`]: all of it, for people, and a plot.

mod scenes;
mod soak;
mod stage;
mod swarm;
pub(crate) mod table;

use std::time::Duration;

use soak::Soaked;
use stage::Stage;

/// What we hold ourselves to: of the slowest one in a hundred, from the deployment's request to the notice.
pub(crate) const NOTIFY_P99_MAX: Duration = Duration::from_secs(1);
/// The same of everybody's return after the control plane was killed.
pub(crate) const RETURN_MAX: Duration = Duration::from_mins(1);
/// The same of the control plane's resident memory for each connection.
pub(crate) const RSS_MAX_BYTES: u64 = 50_000;
/// How many times its memory at first a control plane may take at last, where data planes come and go.
pub(crate) const GROWTH_MAX: f64 = 1.1;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// How many data planes.
    pub(crate) data_planes: usize,
    /// How often they are told to serve something else.
    pub(crate) deployments: usize,
    /// How long they come and go.
    pub(crate) soak: Duration,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) data_planes: usize,
    pub(crate) artifact_bytes: usize,
    /// How long it took until all were connected that were started at once.
    pub(crate) came: Duration,
    pub(crate) rss_before_bytes: u64,
    /// With all of them connected, and a minute of heartbeats.
    pub(crate) rss_connected_bytes: u64,
    pub(crate) told: Vec<Told>,
    /// How long it took until all were connected again, from when the control plane listened again.
    pub(crate) came_back: Duration,
    /// How often they were asked to come back later meanwhile.
    pub(crate) turned_away: u64,
    /// The most memory that there ever was until then.
    pub(crate) rss_peak_bytes: u64,
    pub(crate) soaked: Option<Soaked>,
}

/// One deployment to everybody.
#[derive(Debug)]
pub(crate) struct Told {
    /// From the request to the notice, of each, in milliseconds; the shortest first.
    pub(crate) after_ms: Vec<f64>,
    /// From the request until everybody served it.
    pub(crate) served: Duration,
    /// How often the artifact was read from its store.
    pub(crate) store_reads: f64,
}

impl Measured {
    pub(crate) fn rss_each_bytes(&self) -> u64 {
        self.rss_connected_bytes.saturating_sub(self.rss_before_bytes) / self.data_planes as u64
    }
}

/// Measures all of it.
pub(crate) fn run(plan: Plan) -> Measured {
    raise_file_limit();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut stage = Stage::set(plan.data_planes).await;
        scenes::play(&mut stage, plan).await
    })
}

/// Each data plane is a socket, here and there.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits }).expect("up to the maximum anybody may");
}
