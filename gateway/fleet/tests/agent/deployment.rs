//! From a pointer to an artifact that serves.

use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::pointer::{Pointer, SignedPointer};
use fleet::agent::{Effect, Event, Failure, Ticket};
use fleet::message::Phase;

use crate::rig::*;

fn fetch_ticket(effects: &[Effect]) -> Ticket {
    let ticket = |effect: &Effect| match effect {
        Effect::Fetch { ticket, .. } => Some(*ticket),
        _ => None,
    };
    effects.iter().find_map(ticket).expect("something is fetched")
}

fn load_ticket(effects: &[Effect]) -> Ticket {
    let ticket = |effect: &Effect| match effect {
        Effect::Load { ticket, .. } => Some(*ticket),
        _ => None,
    };
    effects.iter().find_map(ticket).expect("something is loaded")
}

#[test]
fn a_pointer_becomes_an_artifact_that_serves_and_every_step_is_told() {
    let mut rig = Rig::connected();
    let effects = rig.is_told_of(&signed(1, 7));
    assert_eq!(reported(&effects), ["downloading", "verifying", "loading", "active"]);
    assert!(rig.is_active(7) && rig.serial() == Some(1));
    let position = |is_it: fn(&Effect) -> bool| effects.iter().position(is_it).unwrap();
    let noted =
        |effect: &Effect| matches!(effect, Effect::Persist { record, .. } if record.trials.contains_key(&digest(7)));
    assert!(position(is_fetch) < position(noted) && position(noted) < position(is_load), "noted before it is tried");
    assert!(position(is_load) < position(is_swap));
    assert_eq!(rig.on_disk().current, Some(digest(7)));
}

#[test]
fn what_is_asked_for_again_is_not_done_again() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    let (told, asked) = (rig.is_told_of(&signed(1, 7)), rig.is_asked_for(&signed(1, 7)));
    assert!(told.is_empty() && asked.is_empty(), "{told:?} {asked:?}");
}

#[test]
fn a_newer_pointer_to_what_runs_is_taken_without_a_download() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    let effects = rig.is_told_of(&signed(2, 7));
    assert!(!effects.iter().any(|effect| is_fetch(effect) || is_swap(effect)));
    assert!(rig.is_active(7) && rig.serial() == Some(2));
    assert_eq!(rig.on_disk().taken.unwrap().floor.serial.get(), 2);
}

#[test]
fn an_older_pointer_is_refused_and_what_runs_goes_on() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(5, 7));
    let effects = rig.is_asked_for(&signed(4, 8));
    assert_eq!((rig.rejects_with().as_deref(), reported(&effects)), (Some("pointer_older"), vec!["rejected"]));
    assert_eq!((rig.agent.running(), rig.serial()), (Some(digest(7)), Some(5)));
    assert!(rig.is_asked_for(&signed(4, 8)).is_empty(), "it is told once");
    rig.is_asked_for(&signed(5, 7));
    assert!(rig.is_active(7), "the right pointer puts it right");
}

#[test]
fn two_pointers_of_one_serial_are_not_both_taken() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(5, 7));
    rig.is_told_of(&signed(5, 8));
    assert_eq!(rig.rejects_with().as_deref(), Some("pointer_forked"));
    assert_eq!(rig.agent.running(), Some(digest(7)));
}

#[test]
fn a_rollback_is_a_newer_pointer_to_an_older_artifact() {
    let mut rig = Rig::connected();
    for (serial, artifact) in [(1, 7), (2, 8), (3, 7)] {
        rig.is_told_of(&signed(serial, artifact));
        assert!(rig.is_active(artifact));
    }
    let record = rig.on_disk();
    assert_eq!((record.current, record.previous), (Some(digest(7)), Some(digest(8))));
}

fn expiring(serial: u64, artifact: u8, expires_at: u64) -> SignedPointer {
    SignedPointer::new(Pointer { expires_at, ..pointer(serial, artifact) }).unwrap().sign(&key(1))
}

#[test]
fn an_expired_pointer_is_refused_when_it_is_new_and_kept_when_it_is_not() {
    let mut rig = Rig::connected();
    rig.is_told_of(&expiring(1, 7, BEGIN));
    assert_eq!((rig.rejects_with().as_deref(), rig.serial()), (Some("pointer_expired"), None));

    let soon = expiring(2, 8, BEGIN + 60);
    rig.is_told_of(&soon);
    assert!(rig.is_active(8) && rig.alarms().is_empty());
    rig.unix_seconds += 365 * 24 * 3600;
    rig.is_asked_for(&soon);
    assert!(rig.is_active(8), "what was taken in time stays taken");
    assert_eq!(rig.alarms(), ["pointer_expired", "clock_skew"]);
    rig.is_told_of(&expiring(3, 9, BEGIN + 120));
    assert_eq!((rig.rejects_with().as_deref(), rig.agent.running()), (Some("pointer_expired"), Some(digest(8))));
}

#[test]
fn the_latest_pointer_wins_over_a_download_under_way() {
    let mut rig = Rig::connected();
    rig.fetches = Outcome::Hangs;
    let first = fetch_ticket(&rig.is_told_of(&signed(1, 7)));
    let effects = rig.is_told_of(&signed(2, 8));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::CancelFetch { ticket } if *ticket == first)));
    let second = fetch_ticket(&effects);
    rig.happens(Event::Fetched(first, Ok(())));
    assert_eq!(rig.agent.running(), None, "what was called off does not come to serve");
    rig.happens(Event::Fetched(second, Ok(())));
    assert!(rig.is_active(8));
}

#[test]
fn the_latest_pointer_wins_over_a_load_under_way_and_waits_for_its_end() {
    let mut rig = Rig::connected();
    rig.loads = Outcome::Hangs;
    let first = load_ticket(&rig.is_told_of(&signed(1, 7)));
    rig.loads = Outcome::Succeeds;
    let effects = rig.is_told_of(&signed(2, 8));
    assert!(effects.iter().any(is_fetch) && !effects.iter().any(is_load), "one is loaded at a time: {effects:?}");
    rig.happens(Event::Loaded(first, Ok(())));
    assert!(rig.is_active(8) && rig.count(is_swap) == 1);
    assert!(!rig.on_disk().trials.contains_key(&digest(7)), "nobody blames what was called off");
}

#[test]
fn back_to_what_runs_while_something_else_is_on_its_way() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.fetches = Outcome::Hangs;
    let late = fetch_ticket(&rig.is_told_of(&signed(2, 8)));
    rig.is_told_of(&signed(3, 7));
    rig.happens(Event::Fetched(late, Ok(())));
    assert!(rig.is_active(7) && rig.serial() == Some(3) && rig.count(is_swap) == 1);
}

#[test]
fn what_is_refused_for_good_is_not_tried_again_until_something_changes() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.loads = Outcome::Fails(Failure::refused("unsupported", "no".to_owned()));
    rig.is_told_of(&signed(2, 8));
    assert_eq!((rig.rejects_with().as_deref(), rig.agent.running()), (Some("unsupported"), Some(digest(7))));
    assert!(!rig.tries_again());
    let fetches = rig.count(is_fetch);
    rig.is_asked_for(&signed(2, 8));
    rig.passes(HEARTBEAT);
    assert_eq!(rig.count(is_fetch), fetches);

    rig.loads = Outcome::Succeeds;
    rig.happens(Event::Rekeyed { pinned: pinned(&[1]) });
    assert!(rig.is_active(8), "others are believed: it is looked at again");
}

#[test]
fn what_is_refused_for_good_is_not_tried_again_after_a_bad_pointer_either() {
    let mut rig = Rig::connected();
    rig.loads = Outcome::Fails(Failure::refused("unsupported", "no".to_owned()));
    rig.is_told_of(&signed(2, 8));
    for _ in 0..3 {
        rig.is_told_of(&signed(1, 7));
        assert_eq!(rig.rejects_with().as_deref(), Some("pointer_older"));
        rig.is_asked_for(&signed(2, 8));
        assert_eq!((rig.rejects_with().as_deref(), rig.count(is_load)), (Some("unsupported"), 1));
    }
}

#[test]
fn what_is_larger_than_is_read_is_not_fetched() {
    let mut rig = Rig::connected();
    let long = Pointer { length: NonZeroU64::new((256 << 20) + 1).unwrap(), ..pointer(1, 7) };
    rig.is_told_of(&SignedPointer::new(long).unwrap().sign(&key(1)));
    assert_eq!((rig.rejects_with().as_deref(), rig.count(is_fetch), rig.serial()), (Some("too_large"), 0, None));
    rig.is_told_of(&signed(1, 8));
    assert!(rig.is_active(8), "it was not taken");
}

#[test]
fn a_bad_update_and_then_a_good_one() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.loads = Outcome::Fails(Failure::refused("untrusted", "no".to_owned()));
    rig.is_told_of(&signed(2, 8));
    rig.loads = Outcome::Succeeds;
    rig.is_told_of(&signed(3, 9));
    assert!(rig.is_active(9));
}

#[test]
fn what_fails_for_a_while_is_tried_again_and_told_only_when_it_lasts() {
    let mut rig = Rig::connected();
    rig.fetches = Outcome::Fails(Failure::unavailable("unreachable", "no route".to_owned()));
    rig.random = u64::MAX;
    rig.is_told_of(&signed(1, 7));
    assert_eq!(rig.phase(), Phase::Downloading { digest: digest(7).to_string() }, "nobody's business yet");
    let pauses: Vec<u64> = (0..2).map(|_| rig.until(is_fetch).as_millis() as u64).collect();
    assert_eq!((pauses, rig.rejects_with().as_deref()), (vec![999, 1_999], Some("unreachable")));
    assert!(rig.tries_again());
    rig.fetches = Outcome::Succeeds;
    rig.passes(Duration::from_secs(4));
    assert!(rig.is_active(7));
}

#[test]
fn whoever_is_asked_to_come_back_later_does() {
    let mut rig = Rig::connected();
    let retry_after = Some(Duration::from_secs(20));
    rig.fetches = Outcome::Fails(Failure { retry_after, ..Failure::unavailable("busy", String::new()) });
    rig.is_told_of(&signed(1, 7));
    assert_eq!(rig.until(is_fetch), Duration::from_secs(20));
}

#[test]
fn nobody_is_sent_away_for_ever() {
    let mut rig = Rig::connected();
    let failure = Failure::unavailable("busy", String::new());
    rig.fetches = Outcome::Fails(Failure { retry_after: Some(Duration::MAX), ..failure });
    rig.is_told_of(&signed(1, 7));
    assert_eq!(rig.until(is_fetch), Duration::from_mins(10));
}

#[test]
fn what_is_not_what_was_promised_is_told_at_once_and_tried_again() {
    let mut rig = Rig::connected();
    rig.fetches = Outcome::Fails(Failure::damaged("digest_mismatch", "no".to_owned()));
    rig.is_told_of(&signed(1, 7));
    assert_eq!((rig.rejects_with().as_deref(), rig.tries_again()), (Some("digest_mismatch"), true));
    rig.fetches = Outcome::Succeeds;
    rig.passes(Duration::from_secs(2));
    assert!(rig.is_active(7));
}

#[test]
fn nothing_wanted_means_to_go_on() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.is_asked_for_nothing();
    assert!(rig.is_active(7));
}

#[test]
fn what_failed_for_want_of_the_control_plane_is_tried_when_it_is_back() {
    let mut rig = Rig::connected();
    rig.random = u64::MAX;
    rig.fetches = Outcome::Fails(Failure::unavailable("unreachable", String::new()));
    rig.is_told_of(&signed(1, 7));
    rig.passes(Duration::from_secs(20));
    rig.is_disconnected(None);
    rig.fetches = Outcome::Succeeds;
    rig.connect();
    assert!(rig.passes(Duration::ZERO).iter().any(is_fetch) && rig.is_active(7));
}

#[test]
fn a_pointer_of_a_newer_format_is_refused_and_the_conversation_goes_on() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    for (pointer, rejects) in [
        (format!(r#"{{"format": 2, "artifact": "{}", "hue": "mauve"}}"#, digest(8)), Some("pointer_format")),
        (r#"{"format": 2}"#.to_owned(), None),
    ] {
        let frame = format!(r#"{{"type": "artifact_available", "pointer": {pointer}}}"#);
        let Ok(fleet::message::Heard::Message(message)) = fleet::message::read(&frame) else { panic!("{frame}") };
        rig.hears(message);
        assert_eq!((rig.rejects_with().as_deref(), rig.alarms()), (rejects, vec!["pointer_format".to_owned()]));
        rig.is_asked_for(&signed(1, 7));
        assert!(rig.is_active(7) && rig.alarms().is_empty() && rig.agent.is_connected());
    }
}
