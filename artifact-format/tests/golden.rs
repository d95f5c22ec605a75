//! Files that were written once must be read for as long as their format is, and be written the same way.
//!
//! `PORTCULLIS_UPDATE_GOLDEN=1 cargo nextest run -p artifact-format --test golden` writes them anew: only ever together with
//! a raised revision or format, and an entry in the compatibility policy.
#![allow(clippy::unwrap_used, reason = "a test")]

mod models;

use std::path::PathBuf;

use artifact_format::container::{digest, open};
use artifact_format::limits::Limits;
use artifact_format::model::Artifact;

fn check(name: &str, model: &Artifact) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    let written = models::file(model);
    #[allow(clippy::disallowed_methods, reason = "the one switch of the golden files")]
    if std::env::var_os("PORTCULLIS_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    let verified = open(&golden, &models::trust(), &Limits::DEFAULT).unwrap();
    assert_eq!(&verified.decode().unwrap(), model, "{name} is not read as the model it was written from");
    assert!(written == golden, "{name} is not written the same way: {} is now {}", digest(&golden), digest(&written));
}

#[test]
fn the_small_vector_is_read_and_written() {
    check("small.bca", &models::small());
}

#[test]
fn the_rich_vector_is_read_and_written() {
    check("rich.bca", &models::rich());
}

#[test]
fn serving_needs_everything_but_the_documents() {
    let file = models::file(&models::rich());
    let served = open(&file, &models::trust(), &Limits::DEFAULT).unwrap().decode_for_serving().unwrap();
    assert_eq!(served, Artifact { specs: artifact_format::model::Specs::default(), ..models::rich() });
}
