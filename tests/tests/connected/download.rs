//! What may happen to an artifact on its way.

use std::time::Instant;

use artifact_format::container::digest;
use artifact_format::pointer::Pointer;
use std::num::NonZeroU64;
use tests::scripted_control::{Delivery, pointer, signed};
use tests::wait;

use crate::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn control_plane_killed_mid_download() {
    let mut stage = Stage::set().await;
    let next = stage.version(1);
    let half = next.len() / 2;
    stage.control.delivers(Delivery::CutAfter(half));
    let pointer = stage.control.points_to(&next);
    stage.control.announces(&pointer);
    let part = stage.state.path().join("artifacts").join(format!("{}.part", digest(&next)));
    wait::until("a part came", async || std::fs::metadata(&part).is_ok_and(|part| part.len() >= half as u64)).await;
    stage.control.dies();
    stage.runs(0).await;

    stage.control.delivers(Delivery::Whole);
    stage.control.wants(&pointer);
    stage.control.comes_back().await;
    stage.control.sees_active(&next).await;
    stage.runs(1).await;
    let last = stage.control.downloads().pop().unwrap();
    let begin: usize = last.range.unwrap().trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
    assert!(begin >= half, "it goes on where it ended: {begin}");
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

#[tokio::test(flavor = "multi_thread")]
async fn truncation_or_one_flipped_bit_in_every_section_and_in_the_envelope() {
    let stage = Stage::set().await;
    let next = stage.version(1);
    // A pointer to something that nobody could have signed whole: it is refused before it is decoded.
    let flipped = (0..24).map(|part| {
        let mut bytes = next.clone();
        let at = part * (next.len() - 1) / 23;
        bytes[at] ^= 1;
        bytes
    });
    let cut = (1..8).map(|part| next[..part * next.len() / 8].to_vec());
    for bad in flipped.chain(cut) {
        stage.control.deploys(&bad);
        let refused = digest(&bad).to_string();
        wait::until(&format!("{refused} is refused"), async || stage.gateway.rejected().await == refused).await;
        assert_eq!(stage.gateway.running().await, digest(&stage.version(0)).to_string());
    }
    stage.moves_to(1).await;
    stage.ends_well().await;
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
