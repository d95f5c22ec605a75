//! What it costs to verify, decode and build an artifact, at 10 to 10,000 operations, and for GitHub's description
//! where the corpus is. `cargo bench -p tests --bench load`.
#![allow(clippy::unwrap_used, reason = "a tool of ours ends by panicking")]

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use artifact_format::container::digest;
use artifact_format::trust::Unsigned;
use divan::Bencher;
use gateway::metrics::Metrics;
use gateway::snapshot::{Environment, load};
use gateway::trust::TrustSource;
use tests::api::{Api, Endpoint, test_key};
use tests::compiled;

fn main() {
    divan::main();
}

fn environment() -> Environment {
    let keys = vec![test_key().public().to_base64()];
    let trust = TrustSource { keys, user_folder: None, threshold: NonZeroUsize::MIN, unsigned: Unsigned::Refuse };
    let listeners = vec!["default".to_owned()];
    Environment { listeners, body_max_bytes: 10 << 20, trust, metrics: Arc::new(Metrics::new(2)) }
}

fn measure(bencher: Bencher<'_, '_>, file: &[u8]) {
    let environment = environment();
    let name = digest(file);
    bencher.bench(|| load(name, divan::black_box(file), (None, &environment)).unwrap());
}

#[divan::bench(args = [10, 100, 1_000, 10_000])]
fn synthetic(bencher: Bencher<'_, '_>, operations: usize) {
    let nowhere: SocketAddr = ([127, 0, 0, 1], 9).into();
    let paths = (0..operations).map(|number| Endpoint::new("GET", &format!("/v1/resources{number}/{{id}}")));
    let api = paths.fold(Api::at(nowhere), Api::with);
    measure(bencher, &api.to_bytes());
}

#[divan::bench(args = ["github-api-2022-07.oas30.json", "openai-2026-08.oas31.json"])]
fn real(bencher: Bencher<'_, '_>, description: &str) {
    let nowhere: SocketAddr = ([127, 0, 0, 1], 9).into();
    if let Some(artifact) = compiled::compile(description, nowhere) {
        measure(bencher, &compiled::signed(&artifact));
    }
}
