//! What builds cost: time from the upload to the artifact's last byte, and the memory that they leave behind.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tests::{ControlPlane, config, wait};

use super::seed::{finished, text};
use crate::measure::median;

/// How many builds of a kind.
const RUNS: usize = 6;
/// How long the server is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(15);

/// What was measured.
#[derive(Debug)]
pub(crate) struct Builds {
    /// Of GitHub's document, each from the upload to the artifact's last byte, in seconds. None without a corpus.
    pub(crate) seconds: Option<Range>,
    /// After them.
    pub(crate) rss_github_bytes: Option<u64>,
    /// After builds of a document of 100,000 paths.
    pub(crate) rss_large_bytes: u64,
    /// The most that there ever was.
    pub(crate) rss_peak_bytes: u64,
}

/// The least, the middle and the most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

/// Builds in this project.
pub(super) async fn measure(control: &ControlPlane, project: &str) -> Builds {
    let file = config::corpus().map(|corpus| corpus.join("specs/github-api-2022-07.oas30.json"));
    let mut seconds = None;
    let mut rss_github_bytes = None;
    if let Some(file) = file {
        let document = Bytes::from(fs::read(file).expect("the corpus has it"));
        let mut runs = Vec::new();
        for run in 0..RUNS {
            runs.push(build(control, project, (&format!("github-{run}"), "application/json", &document)).await);
        }
        let least = runs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = runs.iter().copied().fold(0.0, f64::max);
        seconds = Some(Range { least, median: median(runs), most });
        wait::pass(REST).await;
        rss_github_bytes = Some(control.rss_bytes());
    }
    let document = large();
    for run in 0..RUNS {
        build(control, project, (&format!("large-{run}"), "application/yaml", &document)).await;
    }
    wait::pass(REST).await;
    let rss_peak_bytes = tests::process::rss_peak_bytes(control.pid());
    Builds { seconds, rss_github_bytes, rss_large_bytes: control.rss_bytes(), rss_peak_bytes }
}

/// Uploads, compiles, waits and downloads. Returns how many seconds that took.
async fn build(control: &ControlPlane, project: &str, (name, media_type, document): (&str, &str, &Bytes)) -> f64 {
    let began = Instant::now();
    let target = format!("/projects/{project}/specs?name={name}");
    let spec = control.upload(&target, media_type, document.clone()).await;
    assert_eq!(spec.status, 201, "{}", String::from_utf8_lossy(&spec.body));
    let queued = control.send("POST", &format!("/specs/{}/compile", text(&spec.json()["id"])), None).await;
    assert_eq!(queued.status, 202, "{}", String::from_utf8_lossy(&queued.body));
    let artifact = finished(control, &text(&queued.json()["id"])).await;
    let file = control.get(&format!("/artifacts/{artifact}/download")).await;
    assert_eq!((file.status, file.header("content-length")), (200, &*file.body.len().to_string()));
    let took = began.elapsed().as_secs_f64();
    eprintln!("{name}: {took:.2} s, artifact {} bytes, RSS {} MiB", file.body.len(), control.rss_bytes() >> 20);
    took
}

/// A document of 100,000 paths.
fn large() -> Bytes {
    let mut text = "openapi: 3.1.0\ninfo: {title: Large, version: '1'}\npaths:\n".to_owned();
    for path in 0..100_000 {
        writeln!(text, "  /p{path}: {{get: {{operationId: get{path}, responses: {{'200': {{description: OK}}}}}}}}")
            .expect("a string grows");
    }
    text.into()
}
