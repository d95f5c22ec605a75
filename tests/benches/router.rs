//! What a look-up costs, at 10 to 10,000 operations. `cargo bench -p tests --bench router`.
#![allow(clippy::unwrap_used, reason = "a tool of ours ends by panicking")]

use divan::Bencher;
use divan::counter::ItemsCount;
use gateway::router::{Found, RequestPath, Router};
use http::Method;

const OPERATIONS: [usize; 4] = [10, 100, 1_000, 10_000];

fn main() {
    divan::main();
}

/// So many operations, five to a resource, as an API would have them.
fn router(operations: usize) -> Router<usize> {
    let mut router = Router::default();
    for resource in 0..operations / 5 {
        let collection = format!("/v1/resources{resource}");
        let one = format!("{collection}/{{id}}");
        let operations = [
            (Method::GET, &collection),
            (Method::POST, &collection),
            (Method::GET, &one),
            (Method::PUT, &one),
            (Method::DELETE, &one),
        ];
        for (method, path) in operations {
            router.insert(&path.parse().unwrap(), method, resource).unwrap();
        }
    }
    router
}

/// Parses and finds the last resource's path, with one variable.
#[divan::bench(args = OPERATIONS)]
fn found(bencher: Bencher<'_, '_>, operations: usize) {
    let router = router(operations);
    let raw = format!("/v1/resources{}/8f14e45f", operations / 5 - 1);
    bencher.counter(ItemsCount::new(1_usize)).bench(|| {
        let path = RequestPath::parse(divan::black_box(&raw)).unwrap();
        assert!(matches!(router.find(&Method::GET, &raw, &path), Found::Endpoint(..)));
    });
}

/// Parses and does not find a path that goes as deep.
#[divan::bench(args = OPERATIONS)]
fn not_found(bencher: Bencher<'_, '_>, operations: usize) {
    let router = router(operations);
    let raw = "/v1/nothing/8f14e45f";
    bencher.counter(ItemsCount::new(1_usize)).bench(|| {
        let path = RequestPath::parse(divan::black_box(raw)).unwrap();
        assert!(matches!(router.find(&Method::GET, raw, &path), Found::Nothing));
    });
}
