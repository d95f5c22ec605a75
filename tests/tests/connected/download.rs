//! What may happen to an artifact on its way.

use std::num::NonZeroU64;
use std::ops::Range;
use std::time::Instant;

use artifact_format::container::{digest, open};
use artifact_format::limits::Limits;
use artifact_format::model::{Spec, SpecFormat, SpecRole};
use artifact_format::pointer::Pointer;
use artifact_format::trust::Trust;
use fleet::message::Phase;
use tests::api::test_key;
use tests::scripted_control::{Delivery, pointer, signed};
use tests::{Api, compiled, process, wait};

use crate::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn control_plane_killed_mid_download() {
    let mut stage = Stage::set().await;
    let next = stage.version(1);
    let half = next.len() / 2;
    stage.control.delivers(Delivery::HeldAfter(half));
    let pointer = stage.control.points_to(&next);
    stage.control.announces(&pointer);
    wait::until("the download is under way", async || stage.control.is_holding()).await;
    stage.control.dies();
    let part = stage.artifact(1).with_extension("part");
    wait::until("what came is kept", async || std::fs::metadata(&part).is_ok_and(|part| part.len() > 0)).await;
    stage.runs(0).await;

    stage.control.delivers(Delivery::Whole);
    stage.control.wants(&pointer);
    stage.control.comes_back().await;
    stage.control.sees_active(&next).await;
    stage.runs(1).await;
    let last = stage.control.downloads().pop().unwrap();
    let begin: usize = last.range.unwrap().trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
    assert!((1..=half).contains(&begin), "it goes on where it ended: {begin}");
    assert_eq!(last.if_range.unwrap(), format!("\"{}\"", digest(&next)));
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_bit_on_the_way() {
    let stage = Stage::set().await;
    let next = stage.version(1);
    for at in [0, 40, next.len() / 2, next.len() - 1] {
        stage.control.delivers(Delivery::Flipped(at));
        let pointer = stage.control.points_to(&next);
        stage.control.wants(&pointer);
        stage.control.announces(&pointer);
        stage.control.sees_rejected("digest_mismatch").await;
        stage.runs(0).await;
    }
    stage.control.delivers(Delivery::Whole);
    stage.control.sees_active(&next).await;
    stage.ends_well().await;
}

/// Pointers to something that nobody could have signed whole: it is refused before it is decoded.
#[tokio::test(flavor = "multi_thread")]
async fn truncation_or_one_flipped_bit_in_every_section_and_in_the_envelope() {
    let stage = Stage::set().await;
    let next = stage.version(1);
    let (envelope, sections) = parts(&next);
    assert!(sections.len() >= 4, "{sections:?}");
    let mut cases = Vec::new();
    for section in &sections {
        for at in [section.start, section.start + section.len() / 2, section.end - 1] {
            cases.push((flipped(&next, at), vec!["section_mismatch"]));
        }
        cases.push((next[..section.start + section.len() / 2].to_vec(), vec!["truncated"]));
    }
    for at in 0..12 {
        let at = at * (envelope - 1) / 11;
        cases.push((flipped(&next, at), ENVELOPE_CODES.to_vec()));
        cases.push((next[..=at].to_vec(), vec!["truncated"]));
    }
    for (bad, codes) in cases {
        stage.control.deploys(&bad);
        let refused = digest(&bad).to_string();
        let told = async || match stage.control.state().map(|state| state.phase) {
            Some(Phase::Rejected { digest, code, .. }) if digest == refused => {
                assert!(codes.contains(&code.as_str()), "{code} instead of {codes:?}");
                true
            }
            _ => false,
        };
        wait::until(&format!("{refused} is refused"), told).await;
        assert_eq!(stage.gateway.running().await, digest(&stage.version(0)).to_string());
    }
    stage.moves_to(1).await;
    stage.ends_well().await;
}

/// What may be said of an artifact whose header, manifest or signatures have one bit the wrong way round.
const ENVELOPE_CODES: [&str; 7] =
    ["not_an_artifact", "truncated", "trailing_bytes", "format_too_new", "format_too_old", "too_large", "damaged"];

/// How long the envelope is, and where the sections are.
fn parts(file: &[u8]) -> (usize, Vec<Range<usize>>) {
    let verified = open(file, &Trust::any_of([test_key().public()]), &Limits::DEFAULT).unwrap();
    let entries = &verified.manifest().sections;
    let place = |number: u64| usize::try_from(number).unwrap();
    let last = entries.last().unwrap();
    let envelope = file.len() - place(last.offset + last.length);
    let sections =
        entries.iter().map(|entry| envelope + place(entry.offset)..envelope + place(entry.offset + entry.length));
    (envelope, sections.filter(|section| !section.is_empty()).collect())
}

fn flipped(file: &[u8], at: usize) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at] ^= 1;
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_promised() {
    let stage = Stage::set().await;
    let next = stage.version(1);
    stage.control.points_to(&next);
    let length = NonZeroU64::new(next.len() as u64 - 1).unwrap();
    let short = signed(Pointer { length, ..pointer(9, &next) });
    stage.control.wants(&short);
    stage.control.announces(&short);
    stage.control.sees_rejected("length_mismatch").await;
    stage.runs(0).await;
    stage.ends_well().await;
}

/// Documents that are 128 MiB long and come in 128 KiB: nobody who serves needs them.
#[tokio::test(flavor = "multi_thread")]
async fn decompression_bomb_is_bounded_at_load() {
    let stage = Stage::set().await;
    let mut model = Api::at(&stage.upstream).get("/steady").model();
    let (path, text) = ("test.yaml".to_owned(), " ".repeat(128 << 20));
    model.specs.specs = vec![Spec { path, role: SpecRole::Entry, format: SpecFormat::Yaml, text }];
    let bomb = compiled::signed(&model);
    drop(model);
    assert!(bomb.len() < 1 << 20);
    let work = async {
        stage.control.deploys(&bomb);
        stage.control.sees_active(&bomb).await;
    };
    let grown = process::growth_bytes(stage.gateway.pid(), work).await;
    assert!(grown < 32 << 20, "{grown} bytes more");
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_without_time_is_asked_again_when_it_says() {
    let stage = Stage::set().await;
    stage.control.delivers(Delivery::Busy(2));
    let asked = Instant::now();
    stage.control.deploys(&stage.version(1));
    wait::until("it asked", async || stage.control.downloads().len() == 2).await;
    stage.control.delivers(Delivery::Whole);
    stage.control.sees_active(&stage.version(1)).await;
    assert!(asked.elapsed().as_millis() >= 2000, "{:?}", asked.elapsed());
    stage.ends_well().await;
}
