//! What a reader of today answers to files of tomorrow and of yesterday, as the compatibility policy says.

mod models;
mod sealing;

use artifact_format::container::{FORMAT_VERSION, SectionId, open};
use artifact_format::limits::Limits;
use sealing::{Parts, Section};

/// Opens and decodes a file made of these parts. Returns the error's code, or `ok`.
fn check(parts: &Parts, expected: &str) {
    let file = parts.seal(&models::key());
    let limits = Limits { section_max_bytes: 1 << 20, ..Limits::DEFAULT };
    let code = open(&file, &models::trust(), &limits)
        .and_then(|verified| verified.decode())
        .map_or_else(|error| error.code(), |_| "ok");
    assert_eq!(code, expected);
}

fn small() -> Parts {
    Parts::of(&models::file(&models::small()))
}

fn tomorrow(critical: bool) -> Section<'static> {
    Section { id: 99, revision: 1, codec: 1, critical, bytes: b"from the future" }
}

#[test]
fn the_layout_is_the_one_that_is_documented() {
    let file = models::file(&models::small());
    assert!(Parts::of(&file).seal(&models::key()) == file);
}

#[test]
fn a_newer_format_is_refused_and_so_is_one_that_never_was() {
    check(&Parts { format: FORMAT_VERSION + 1, ..small() }, "format_too_new");
    check(&Parts { format: 0, ..small() }, "format_too_old");
}

#[test]
fn an_unknown_section_is_passed_over_unless_it_is_critical() {
    check(&small().with_section(&tomorrow(false)), "ok");
    check(&small().with_section(&tomorrow(true)), "unknown_section");
}

#[test]
fn a_known_section_of_another_revision_or_codec_is_refused() {
    let changed = |at: usize| {
        let mut parts = small();
        parts.entry(0)[at] = 9;
        parts
    };
    check(&changed(2), "unknown_section");
    check(&changed(4), "unknown_section");
}

#[test]
fn a_section_that_is_missing_is_named() {
    let mut parts = small();
    assert_eq!(parts.entry(4)[..2], SectionId::SPECS.0.to_le_bytes());
    parts.entry(4)[..2].copy_from_slice(&99_u16.to_le_bytes());
    parts.entry(4)[6] = 0;
    check(&parts, "missing_section");
}

#[test]
fn a_signed_table_of_contents_must_still_fit_the_file() {
    let mutated = |section: usize, at: usize, value: u64| {
        let mut parts = small();
        parts.entry(section)[at..at + 8].copy_from_slice(&value.to_le_bytes());
        parts
    };
    for (section, at, value, expected) in [
        (1, 7, 0, "damaged"),                // overlaps the first
        (1, 7, 1 << 40, "damaged"),          // a gap
        (4, 15, u64::MAX, "damaged"),        // reaches past the end, and past 64 bits
        (4, 15, 1, "damaged"),               // leaves bytes that belong to nobody
        (4, 23, (1 << 20) + 1, "too_large"), // decompresses to more than is allowed
        (4, 23, 1, "undecodable"),           // decompresses to more than it says
        (0, 23, 1, "undecodable"),           // says another length than it has
    ] {
        check(&mutated(section, at, value), expected);
    }
}

#[test]
fn the_same_section_twice_is_refused() {
    let mut parts = small();
    let first = parts.entry(0)[..2].to_vec();
    parts.entry(1)[..2].copy_from_slice(&first);
    check(&parts, "damaged");
}

#[test]
fn what_is_between_sections_is_zero() {
    let mut parts = small();
    let end = u64::from_le_bytes(parts.entry(0)[15..23].try_into().unwrap());
    let padding = usize::try_from(end).unwrap();
    assert!(padding % 64 != 0, "there is padding after the first section");
    parts.sections[padding] = 1;
    check(&parts, "damaged");
}
