//! What large descriptions cost the gateway, as it is shipped: time and memory, with all their validators.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;
use tests::api::test_key;
use tests::{compiled, config};

use crate::contestant::{Probe, Running, free_address, words, write};
use crate::measure::median;

/// A description of the corpus and what its artifact may cost.
struct Description {
    file: &'static str,
    title: &'static str,
    ready_max_ms: u16,
    rss_max_mib: u16,
}

const DESCRIPTIONS: [Description; 2] = [
    Description { file: "github-api-2022-07.oas30.json", title: "GitHub", ready_max_ms: 100, rss_max_mib: 40 },
    Description { file: "openai-2026-08.oas31.json", title: "OpenAI", ready_max_ms: 300, rss_max_mib: 100 },
];

/// The cores that the gateway may use: validators are built on all of them.
const CORES: &str = "0,1";

/// What was measured of one description; medians over the starts where nothing else is said.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) title: &'static str,
    pub(crate) operations: usize,
    pub(crate) artifact_bytes: usize,
    /// From the start of the process to its first answer on `/readyz`.
    pub(crate) ready_ms: f64,
    /// Of the quickest start: what a neighbour on the machine spoilt least.
    pub(crate) ready_best_ms: f64,
    pub(crate) ready_max_ms: u16,
    /// Processor time of all threads until then, to 10 ms.
    pub(crate) processor_ms: f64,
    /// What a reload says it took, in the same process: reading, verifying, decoding and building.
    pub(crate) load_ms: f64,
    /// Of the whole process, when it is ready.
    pub(crate) rss_bytes: u64,
    pub(crate) rss_max_mib: u16,
}

/// Starts the gateway so often on each description. Nothing, with a line that says so, where there is no corpus.
pub(crate) fn run(starts: usize) -> Vec<Loaded> {
    DESCRIPTIONS.iter().filter_map(|description| measure(description, starts)).collect()
}

fn measure(description: &Description, starts: usize) -> Option<Loaded> {
    let nowhere: SocketAddr = ([127, 0, 0, 1], 9).into();
    let artifact = compiled::compile(description.file, nowhere)?;
    let file = compiled::signed(&artifact);
    let (mut ready, mut processor) = (Vec::new(), Vec::new());
    let (mut load, mut rss) = (Vec::new(), Vec::new());
    for _ in 0..starts {
        let running = start(&file);
        ready.push(running.ready.as_secs_f64() * 1e3);
        processor.push(running.processor_time().as_secs_f64() * 1e3);
        rss.push(running.rss_bytes());
        load.push(reload_ms(&running));
    }
    rss.sort_unstable();
    Some(Loaded {
        title: description.title,
        operations: artifact.routes.operations.len(),
        artifact_bytes: file.len(),
        ready_best_ms: ready.iter().copied().fold(f64::INFINITY, f64::min),
        ready_ms: median(ready),
        processor_ms: median(processor),
        ready_max_ms: description.ready_max_ms,
        load_ms: median(load),
        rss_bytes: rss[starts / 2],
        rss_max_mib: description.rss_max_mib,
    })
}

fn start(file: &[u8]) -> Running {
    let folder: TempDir = tempfile::tempdir().expect("a temporary folder");
    let artifact = write(folder.path(), "api.bca", file);
    let (admin, key) = (free_address(), test_key().public().to_base64());
    let arguments =
        words(&format!("serve --artifact {artifact} --listen 127.0.0.1:0 --admin {admin} --trusted-key {key}"));
    let program = config::gateway_binary().display().to_string();
    Running::start(CORES, (&program, &arguments), folder, Probe { address: admin, target: "/readyz" })
}

/// Asks for a reload of the same file and waits for what the log says of it.
fn reload_ms(running: &Running) -> f64 {
    kill_process(running.pid(), Signal::HUP).expect("the gateway runs");
    let began = Instant::now();
    loop {
        let log = running.log();
        let entries = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let took = entries.into_iter().find_map(|entry| entry.get("took_ms")?.as_f64());
        if let Some(took) = took {
            return took;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it does not reload:\n{log}");
        std::thread::yield_now();
    }
}
