//! Many are told at once, and fetch in turn.

use std::time::Duration;

use artifact_format::pointer::SignedPointer;
use fleet::agent::record::Record;
use fleet::agent::{Effect, Event};
use fleet::message::{FromControlPlane, Wanted, Welcome};
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

/// What came with the command line is not in the state folder: it has to be fetched as any other.
#[test]
fn what_came_with_the_command_line_is_fetched_in_turn() {
    let mut rig = Rig::restarted(Record::new(PROJECT), Some(digest(7)));
    rig.random = u64::MAX;
    assert!(rig.is_told_within(WITHIN, &signed(1, 7)).is_empty());
    assert_eq!(fetches_after(&mut rig).as_secs(), 19);
}
