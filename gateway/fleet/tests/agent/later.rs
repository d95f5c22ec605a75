//! Many are told at once, and fetch in turn.

use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::pointer::SignedPointer;
use fleet::agent::record::Record;
use fleet::agent::{Effect, Event};
use fleet::message::{FromControlPlane, HeartbeatAck, Wanted, Welcome};
use uuid::Uuid;

use crate::rig::*;

/// Nothing is heard of the control plane for less than this time, and nothing has to be.
const WITHIN: Duration = Duration::from_secs(20);

/// One that serves 7, is told of something else, and has drawn this number.
fn told(pointer: &SignedPointer, random: u64) -> Rig {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.passes(Duration::from_secs(11));
    rig.random = random;
    let effects = rig.is_told_within(WITHIN, pointer);
    assert!(effects.is_empty(), "{effects:?}");
    rig
}

/// How long it is until it fetches.
fn fetches_after(rig: &mut Rig) -> Duration {
    rig.until(is_fetch)
}

#[test]
fn each_fetches_at_a_moment_of_its_own_after_all_were_told() {
    let check = |random: u64, expected: Duration| {
        let mut rig = told(&signed(2, 8), random);
        assert_eq!((rig.serial(), rig.is_active(7)), (Some(1), true));
        assert_eq!(fetches_after(&mut rig).as_millis(), expected.as_millis());
        assert!(rig.is_active(8) && rig.serial() == Some(2));
    };
    check(0, WITHIN / 10);
    check(1 << 63, WITHIN.mul_f64(0.55));
    check(u64::MAX, Duration::from_millis(19_999));
}

#[test]
fn whoever_hears_it_again_does_not_put_it_off() {
    let mut rig = told(&signed(2, 8), 1 << 63);
    rig.passes(Duration::from_secs(8));
    // The same, under a newer pointer: that one is taken.
    rig.random = u64::MAX;
    assert!(rig.is_told_within(WITHIN, &signed(3, 8)).is_empty());
    assert_eq!(fetches_after(&mut rig), Duration::from_secs(3));
    assert!(rig.is_active(8) && rig.serial() == Some(3));
}

#[test]
fn who_comes_with_nothing_waits_for_nothing() {
    let mut rig = Rig::new(start());
    rig.random = u64::MAX;
    rig.until(|effect| matches!(effect, Effect::Connect));
    rig.happens(Event::Connected);
    let wanted = Wanted { fetch_within_ms: 20_000, ..wanted(Some(signed(1, 7))) };
    rig.hears(FromControlPlane::Welcome(Welcome { data_plane: Uuid::nil(), now_ms: 0, wanted }));
    assert!(rig.is_active(7));
}

/// The first thing that is ever deployed to a fleet is fetched by all of it.
#[test]
fn who_has_nothing_and_is_told_with_others_waits_for_its_turn() {
    let mut rig = Rig::connected();
    rig.random = u64::MAX;
    assert!(rig.is_told_within(WITHIN, &signed(1, 7)).is_empty());
    assert_eq!(fetches_after(&mut rig).as_secs(), 19);
    assert!(rig.is_active(7));
}

#[test]
fn the_way_back_waits_for_nothing() {
    let mut rig = told(&signed(2, 8), 0);
    rig.passes(WITHIN);
    assert!(rig.is_active(8));
    rig.random = u64::MAX;
    rig.is_told_within(WITHIN, &signed(3, 7));
    assert!(rig.is_active(7) && rig.serial() == Some(3));
}

#[test]
fn what_is_wanted_instead_is_what_counts() {
    let mut rig = told(&signed(2, 8), u64::MAX);
    rig.is_told_within(WITHIN, &signed(3, 7));
    assert!(rig.is_active(7) && rig.serial() == Some(3), "it runs already");
    let fetches = rig.count(is_fetch);
    rig.passes(WITHIN);
    assert!(rig.is_active(7) && rig.count(is_fetch) == fetches, "the other one is forgotten");
}

#[test]
fn what_is_not_wanted_any_more_is_not_fetched() {
    let mut rig = told(&signed(2, 8), u64::MAX);
    rig.is_asked_for_nothing();
    rig.passes(WITHIN);
    assert!(rig.is_active(7) && rig.serial() == Some(1));
}

/// Nobody waits while something is under way that is not wanted.
#[test]
fn what_is_under_way_makes_room_at_once() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.fetches = Outcome::Hangs;
    rig.is_told_of(&signed(2, 8));
    rig.fetches = Outcome::Succeeds;
    let effects = rig.is_told_within(WITHIN, &signed(3, 9));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::CancelFetch { .. })), "{effects:?}");
    assert!(rig.is_active(9) && rig.serial() == Some(3));
}

fn is_root_fetch(effect: &Effect) -> bool {
    matches!(effect, Effect::FetchRoot { .. })
}

/// What is wanted is what serves, and there is a trust root now; others are told, too.
fn rotated() -> Wanted {
    let fetch_within_ms = WITHIN.as_millis() as u64;
    Wanted { root_version: NonZeroU64::new(1), fetch_within_ms, ..wanted(Some(signed(1, 7))) }
}

/// One that serves 7, is told of a root, and has drawn this number.
fn told_of_root(random: u64) -> Rig {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.passes(Duration::from_secs(11));
    rig.random = random;
    let effects = rig.hears(FromControlPlane::HeartbeatAck(HeartbeatAck { wanted: rotated() }));
    assert!(effects.is_empty(), "{effects:?}");
    rig
}

#[test]
fn each_fetches_a_newer_root_at_a_moment_of_its_own() {
    for (random, expected) in [(0, WITHIN / 10), (1 << 63, WITHIN.mul_f64(0.55))] {
        let mut rig = told_of_root(random);
        assert_eq!(rig.until(is_root_fetch).as_millis(), expected.as_millis());
    }
    let mut rig = told_of_root(1 << 63);
    rig.passes(Duration::from_secs(8));
    rig.random = u64::MAX;
    rig.hears(FromControlPlane::HeartbeatAck(HeartbeatAck { wanted: rotated() }));
    assert_eq!(rig.until(is_root_fetch), Duration::from_secs(3), "whoever says it again does not put it off");
}

#[test]
fn who_comes_with_nothing_fetches_the_root_at_once() {
    let mut rig = Rig::new(start());
    rig.random = u64::MAX;
    rig.until(|effect| matches!(effect, Effect::Connect));
    rig.happens(Event::Connected);
    let welcome = Welcome { data_plane: Uuid::nil(), now_ms: 0, wanted: rotated() };
    assert!(rig.hears(FromControlPlane::Welcome(welcome)).iter().any(is_root_fetch));
}

/// Its key, or its artifact's, may be one that only the root names.
#[test]
fn a_root_that_something_new_waits_for_is_fetched_with_it() {
    let (_, first) = root(&[1, 2]);
    let by_two = |artifact| SignedPointer::new(pointer(2, artifact)).unwrap().sign(&key(2));
    let check = |offered: &SignedPointer, artifact: u8, waits: Duration| {
        let mut rig = told_of_root(u64::MAX);
        rig.random = 0;
        let effects = rig.is_told_within(WITHIN, offered);
        let asks = effects.iter().any(is_root_fetch);
        let waited = if asks { Duration::ZERO } else { rig.until(is_root_fetch) };
        assert_eq!((waited, rig.serial()), (waits, Some(1)));
        rig.happens(Event::RootFetched(NonZeroU64::MIN, Ok(Box::new(first.clone()))));
        assert!(rig.is_active(artifact) && rig.serial() == Some(2));
    };
    check(&signed(2, 8), 8, WITHIN / 10);
    check(&by_two(8), 8, WITHIN / 10);
    // What is at hand waits for nothing else.
    check(&by_two(7), 7, Duration::ZERO);
}

/// What came with the command line is not in the state folder: it has to be fetched as any other.
#[test]
fn what_came_with_the_command_line_is_fetched_in_turn() {
    let mut rig = Rig::restarted(Record::new(PROJECT), Some(digest(7)));
    rig.random = u64::MAX;
    assert!(rig.is_told_within(WITHIN, &signed(1, 7)).is_empty());
    assert_eq!(fetches_after(&mut rig).as_secs(), 19);
}
