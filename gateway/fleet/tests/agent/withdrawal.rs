//! Nobody wants any more what was to be served, as after a first deployment that failed: it is not come by after all.

use std::time::Duration;

use fleet::agent::{Effect, Event, Failure, Ticket};
use fleet::message::Phase;

use crate::rig::*;

/// One that serves 7 and follows a pointer to 8.
fn following(fetches: Outcome, loads: Outcome) -> (Rig, Vec<Effect>) {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    (rig.fetches, rig.loads) = (fetches, loads);
    let effects = rig.is_told_of(&signed(2, 8));
    (rig.fetches, rig.loads) = (Outcome::Succeeds, Outcome::Succeeds);
    (rig, effects)
}

fn ticket(effects: &[Effect], of: impl Fn(&Effect) -> Option<Ticket>) -> Ticket {
    effects.iter().find_map(of).expect("it is asked for")
}

#[test]
fn a_download_ends() {
    let (mut rig, effects) = following(Outcome::Hangs, Outcome::Succeeds);
    let fetch = ticket(&effects, |effect| match effect {
        Effect::Fetch { ticket, .. } => Some(*ticket),
        _ => None,
    });
    let effects = rig.is_asked_for_nothing();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::CancelFetch { ticket } if *ticket == fetch)));
    rig.happens(Event::Fetched(fetch, Ok(())));
    rig.passes(Duration::from_mins(1));
    assert_eq!((rig.agent.running(), rig.count(is_fetch), rig.count(is_swap)), (Some(digest(7)), 2, 1));
    assert_eq!((rig.phase(), rig.serial()), (Phase::Waiting, Some(2)));
}

#[test]
fn what_is_loaded_is_not_put_to_work_and_nobody_blames_it() {
    let (mut rig, effects) = following(Outcome::Succeeds, Outcome::Hangs);
    let load = ticket(&effects, |effect| match effect {
        Effect::Load { ticket, .. } => Some(*ticket),
        _ => None,
    });
    rig.is_asked_for_nothing();
    rig.happens(Event::Loaded(load, Ok(())));
    assert_eq!((rig.agent.running(), rig.count(is_swap)), (Some(digest(7)), 1));
    assert!(!rig.on_disk().trials.contains_key(&digest(8)));
}

#[test]
fn what_was_to_be_tried_again_is_not() {
    let unavailable = || Outcome::Fails(Failure::unavailable("unreachable", String::new()));
    let (mut rig, _) = following(unavailable(), Outcome::Succeeds);
    rig.is_asked_for_nothing();
    let fetches = rig.count(is_fetch);
    rig.passes(Duration::from_mins(10));
    assert_eq!((rig.agent.running(), rig.count(is_fetch)), (Some(digest(7)), fetches));
}

#[test]
fn what_was_refused_is_told_no_more() {
    let (mut rig, _) = following(Outcome::Succeeds, Outcome::Fails(Failure::refused("unsupported", String::new())));
    rig.is_told_of(&signed(1, 9));
    assert_eq!(rig.rejects_with().as_deref(), Some("pointer_older"));
    rig.is_asked_for_nothing();
    assert_eq!(rig.phase(), Phase::Waiting);
    rig.happens(Event::Rekeyed { pinned: pinned(&[1]) });
    assert_eq!((rig.phase(), rig.agent.running()), (Phase::Waiting, Some(digest(7))), "nor looked at again");
}

#[test]
fn a_restart_does_not_begin_with_it_and_the_floor_stays() {
    let mut rig = Rig::connected();
    rig.fetches = Outcome::Hangs;
    rig.is_told_of(&signed(5, 7));
    rig.is_asked_for_nothing();
    let boot = rig.on_disk().boot();
    assert!(boot.candidates.is_empty() && boot.record.needed().next().is_none());
    let mut rig = Rig::restarted(boot.record, None);
    rig.is_told_of(&signed(4, 8));
    assert_eq!((rig.rejects_with().as_deref(), rig.count(is_fetch)), (Some("pointer_older"), 0));
}

/// A control plane that was behind said that nothing is wanted, and the next one knows better.
#[test]
fn what_is_wanted_after_all_is_followed_under_the_same_pointer() {
    let (mut rig, _) = following(Outcome::Hangs, Outcome::Succeeds);
    rig.is_asked_for_nothing();
    assert!(rig.on_disk().withdrawn);
    rig.is_asked_for(&signed(2, 8));
    assert!(rig.is_active(8) && !rig.on_disk().withdrawn);
}

#[test]
fn it_is_written_down_once() {
    let (mut rig, _) = following(Outcome::Succeeds, Outcome::Succeeds);
    assert!(rig.is_asked_for_nothing().iter().any(|effect| matches!(effect, Effect::Persist { .. })));
    let again = rig.is_asked_for_nothing();
    assert!(again.is_empty() && rig.is_active(8), "{again:?}");
}
