//! What is too large: not written, and refused before it costs what it bounds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod models;
mod sealing;

use artifact_format::container::{Draft, Error, open};
use artifact_format::limits::Limits;
use artifact_format::model::{Artifact, Provenance};
use sealing::Parts;

/// A model whose document is so long, and compresses to almost nothing.
fn with_document(bytes: usize) -> Artifact {
    let mut model = models::small();
    model.specs.specs[0].text = " ".repeat(bytes);
    model
}

fn too_large(error: Error) -> &'static str {
    match error {
        Error::TooLarge { what, actual, limit } if actual > limit => what,
        other => panic!("{other}"),
    }
}

#[test]
fn oversize_artifact_is_refused_when_it_is_made() {
    let most = usize::try_from(Limits::DEFAULT.section_max_bytes).unwrap();
    let encoded = Draft::encode(&with_document(most)).map(drop).unwrap_err();
    assert_eq!(too_large(encoded), "section length in bytes");

    let long = Provenance { source: Some("x".repeat(1 << 20)), ..Provenance::default() };
    let manifest = Draft::encode(&Artifact { provenance: long, ..models::small() }).unwrap().sign(&models::key());
    assert_eq!(too_large(manifest.finish().unwrap_err()), "manifest length in bytes");

    let draft = (0..17).fold(Draft::encode(&models::small()).unwrap(), |draft, _| draft.sign(&models::key()));
    assert_eq!(too_large(draft.finish().unwrap_err()), "number of signatures");
}

/// Every limit one below what the file has: who reads it learns of nothing else that is wrong with it.
#[test]
fn each_limit_is_held_before_what_it_bounds() {
    let good = models::file(&models::rich());
    let mut parts = Parts::of(&good);
    let manifest = u32::try_from(parts.manifest.len()).unwrap();
    let sections = 5;
    let longest = (0..sections).map(|n| u64::from_le_bytes(parts.entry(n)[23..31].try_into().unwrap())).max().unwrap();
    let exact = Limits {
        file_max_bytes: good.len() as u64,
        manifest_max_bytes: manifest,
        section_max_bytes: longest,
        sections_max: sections,
        signatures_max: 1,
    };
    assert!(open(&good, &models::trust(), &exact).is_ok());

    // Neither the checksum nor a signature is right: both are held against what the header says only after the limits.
    let mut unsigned = good.clone();
    unsigned[32..].fill(0);
    for (limits, what) in [
        (Limits { file_max_bytes: exact.file_max_bytes - 1, ..exact }, "file length in bytes"),
        (Limits { manifest_max_bytes: manifest - 1, ..exact }, "manifest length in bytes"),
        (Limits { signatures_max: 0, ..exact }, "number of signatures"),
    ] {
        assert_eq!(too_large(open(&unsigned, &models::trust(), &limits).map(drop).unwrap_err()), what);
    }

    // No section is what the manifest says: their hashes are made only after the limits.
    let hollow = Parts { sections: vec![0; parts.sections.len()], ..parts }.seal(&models::key());
    assert!(matches!(open(&hollow, &models::trust(), &exact), Err(Error::SectionMismatch { .. })));
    for (limits, what) in [
        (Limits { section_max_bytes: longest - 1, ..exact }, "section length in bytes"),
        (Limits { sections_max: sections - 1, ..exact }, "number of sections"),
    ] {
        assert_eq!(too_large(open(&hollow, &models::trust(), &limits).map(drop).unwrap_err()), what);
    }
}
