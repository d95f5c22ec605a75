//! Whom it believes.

use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::pointer::{Pointer, SignedPointer};
use artifact_format::root::{Root, SignedRoot};
use fleet::agent::{Bootstrap, Effect, Event, Failure, Offer, Start};
use fleet::message::{ArtifactAvailable, FromControlPlane, HeartbeatAck, Wanted};

use crate::rig::*;

fn is_root_fetch(effect: &Effect) -> bool {
    matches!(effect, Effect::FetchRoot { .. })
}

fn version(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).unwrap()
}

/// Versions 1 to 3: of key 1, of keys 1 and 2, of key 2.
fn chain() -> (Root, [SignedRoot; 3]) {
    let (one, first) = root(&[1]);
    let two = one.next(terms(&[1, 2])).unwrap();
    let three = two.next(terms(&[2])).unwrap();
    (one, [first, sign(two.clone(), &[1, 2]), sign(three, &[1, 2])])
}

impl Rig {
    /// The control plane says that this is the newest root; every version that is asked for is there.
    fn learns_of_root(&mut self, newest: u64, chain: &[SignedRoot]) {
        let wanted = Wanted { root_version: Some(version(newest)), ..wanted(self.wants.clone()) };
        let mut effects = self.hears(FromControlPlane::HeartbeatAck(HeartbeatAck { wanted }));
        while let Some(version) = effects.iter().find_map(|effect| match effect {
            Effect::FetchRoot { version } => Some(*version),
            _ => None,
        }) {
            let root = chain.iter().find(|root| root.version() == version).cloned();
            let root = root.map(Box::new).ok_or_else(|| Failure::unavailable("unreachable", String::new()));
            effects = self.happens(Event::RootFetched(version, root));
        }
    }

    fn root_version(&self) -> Option<u64> {
        self.agent.state().root_version.map(NonZeroU64::get)
    }
}

#[test]
fn pointers_of_strangers_and_of_other_projects_are_refused() {
    let unsigned = SignedPointer::new(pointer(1, 7)).unwrap();
    let elsewhere = Pointer { project: "another".to_owned(), ..pointer(1, 7) };
    for (offered, code) in [
        (unsigned.clone(), "pointer_untrusted"),
        (unsigned.sign(&key(9)), "pointer_untrusted"),
        (SignedPointer::new(elsewhere).unwrap().sign(&key(1)), "pointer_other_project"),
    ] {
        let mut rig = Rig::connected();
        rig.is_told_of(&offered);
        assert_eq!((rig.rejects_with().as_deref(), rig.serial(), rig.count(is_fetch)), (Some(code), None, 0));
    }
}

/// Its labels here are none, and somebody may have set others.
#[test]
fn whom_a_pointer_is_for_is_not_judged() {
    let group = "env=prod".to_owned();
    let elsewhere = SignedPointer::new(Pointer { group, ..pointer(1, 7) }).unwrap().sign(&key(1));
    let mut rig = Rig::connected();
    rig.is_told_of(&elsewhere);
    assert!(rig.is_active(7) && rig.serial() == Some(1));
}

#[test]
fn a_root_that_the_given_key_vouches_for_takes_its_place() {
    let (_, chain) = chain();
    let mut rig = Rig::connected();
    rig.learns_of_root(1, &chain);
    assert_eq!(rig.root_version(), Some(1));
    assert_eq!(rig.count(|effect| matches!(effect, Effect::PersistRoot { .. })), 1);
    rig.learns_of_root(3, &chain);
    assert_eq!(rig.root_version(), Some(3));
    rig.is_told_of(&signed(1, 7));
    assert_eq!(rig.rejects_with().as_deref(), Some("pointer_untrusted"), "key 1 is retired");
    rig.is_told_of(&SignedPointer::new(pointer(1, 7)).unwrap().sign(&key(2)));
    assert!(rig.is_active(7));
}

#[test]
fn a_root_that_does_not_name_the_given_key_is_reached_by_the_chain() {
    let (_, chain) = chain();
    let mut rig = Rig::connected();
    rig.learns_of_root(3, &chain);
    assert_eq!(rig.root_version(), Some(3));
}

#[test]
fn a_root_that_nobody_vouches_for_is_refused_and_changes_nothing() {
    let (_, foreign) = root(&[9]);
    let mut rig = Rig::connected();
    rig.learns_of_root(1, &[foreign]);
    assert_eq!((rig.root_version(), rig.alarms()), (None, vec!["root_refused".to_owned()]));
    rig.is_told_of(&signed(1, 7));
    assert!(rig.is_active(7));
}

#[test]
fn a_root_never_goes_back_and_does_not_skip() {
    let (one, chain) = chain();
    let mut current = one;
    current.follow([chain[1].clone()]).unwrap();
    let mut rig = Rig::new(Start { root: Some(current), ..start() });
    rig.connect();
    rig.learns_of_root(1, &chain);
    assert_eq!((rig.root_version(), rig.count(is_root_fetch)), (Some(2), 0));
}

#[test]
fn what_was_refused_is_believed_once_its_key_is() {
    let (_, chain) = chain();
    let mut rig = Rig::connected();
    rig.is_told_of(&SignedPointer::new(pointer(1, 7)).unwrap().sign(&key(2)));
    assert_eq!(rig.rejects_with().as_deref(), Some("pointer_untrusted"));
    rig.learns_of_root(2, &chain);
    assert!(rig.is_active(7), "without being asked again");
}

#[test]
fn what_serves_and_is_not_believed_any_more_goes_on_and_is_told() {
    let (_, chain) = chain();
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    let judged = |rig: &Rig| {
        let ticket = |effect: &Effect| match effect {
            Effect::Judge { ticket, digest, .. } => Some((*ticket, *digest)),
            _ => None,
        };
        rig.done.iter().rev().find_map(ticket)
    };
    let untrusted = || Failure::refused("untrusted", "nobody signed it".to_owned());
    rig.learns_of_root(1, &chain);
    let (first, artifact) = judged(&rig).expect("it is looked at again");
    assert_eq!(artifact, digest(7));
    rig.learns_of_root(3, &chain);
    rig.happens(Event::Judged(first, Err(untrusted())));
    assert!(rig.alarms().is_empty(), "that was of an older root");
    let (last, _) = judged(&rig).unwrap();
    rig.happens(Event::Judged(last, Err(untrusted())));
    assert_eq!((rig.alarms(), rig.agent.running()), (vec!["running_untrusted".to_owned()], Some(digest(7))));
    rig.is_told_of(&SignedPointer::new(pointer(2, 8)).unwrap().sign(&key(2)));
    assert!(rig.is_active(8) && rig.alarms().is_empty());
}

#[test]
fn a_root_that_does_not_come_is_told_when_that_lasts() {
    let mut rig = Rig::connected();
    rig.hears(notice(1));
    let forbidden = || Failure::unavailable("download_unauthorized", "403".to_owned());
    for tries in 1..=3 {
        rig.happens(Event::RootFetched(version(1), Err(forbidden())));
        assert_eq!(rig.alarms().contains(&"root_unavailable".to_owned()), tries == 3, "{tries}");
        rig.until(is_root_fetch);
    }
    let (_, chain) = chain();
    rig.happens(Event::RootFetched(version(1), Ok(Box::new(chain[0].clone()))));
    assert!(rig.alarms().is_empty());

    rig.hears(notice(2));
    rig.happens(Event::RootFetched(version(2), Err(Failure::damaged("root_damaged", "no JSON".to_owned()))));
    assert_eq!(rig.alarms(), ["root_unavailable"], "that is not the network's fault");
}

#[test]
fn a_place_to_start_from_that_answers_late_has_no_roots_to_refuse() {
    let (_, chain) = chain();
    let mut rig = Rig::new(Start { bootstrap: Bootstrap::Available, ..start() });
    rig.until(|effect| matches!(effect, Effect::Connect));
    rig.is_disconnected(None);
    rig.until(|effect| matches!(effect, Effect::AskBootstrap { .. }));
    rig.connect();
    rig.learns_of_root(3, &chain);
    let pointer = SignedPointer::new(pointer(1, 7)).unwrap().sign(&key(2));
    let offer = Offer { pointer, roots: chain.to_vec() };
    rig.happens(Event::Bootstrapped(Ok(Box::new(offer))));
    assert!(rig.alarms().is_empty() && rig.root_version() == Some(3), "{:?}", rig.alarms());
}

/// The control plane is there by then, and wants nothing, or what could not be served.
#[test]
fn a_place_to_start_from_that_answers_late_overrules_nobody() {
    for refused in [None, Some(signed(9, 8))] {
        let mut rig = Rig::new(Start { bootstrap: Bootstrap::Available, ..start() });
        rig.until(|effect| matches!(effect, Effect::Connect));
        rig.is_disconnected(None);
        rig.until(|effect| matches!(effect, Effect::AskBootstrap { .. }));
        rig.connect();
        rig.loads = Outcome::Fails(Failure::refused("unknown_listener", "there is no such listener".to_owned()));
        refused.iter().for_each(|pointer| drop(rig.is_told_of(pointer)));
        rig.loads = Outcome::Succeeds;
        let said = rig.phase();
        let offer = Offer { pointer: signed(8, 7), roots: Vec::new() };
        rig.happens(Event::Bootstrapped(Ok(Box::new(offer))));
        rig.passes(Duration::from_mins(5));
        assert_eq!((rig.agent.running(), rig.phase()), (None, said));
    }
}

/// The pointer is by a key that is believed, and its artifact by one that only a root names which did not come at
/// first.
#[test]
fn what_was_refused_is_believed_once_the_place_to_start_from_has_its_root() {
    let (_, chain) = chain();
    let mut rig = Rig::new(Start { bootstrap: Bootstrap::Available, ..start() });
    rig.until(|effect| matches!(effect, Effect::Connect));
    rig.is_disconnected(None);
    let is_ask = |effect: &Effect| matches!(effect, Effect::AskBootstrap { .. });
    let answer = |rig: &mut Rig, roots: &[SignedRoot]| {
        rig.until(is_ask);
        let offer = Offer { pointer: signed(1, 7), roots: roots.to_vec() };
        rig.happens(Event::Bootstrapped(Ok(Box::new(offer))));
    };
    rig.loads = Outcome::Fails(Failure::refused("untrusted", "nobody signed it".to_owned()));
    for _ in 0..2 {
        answer(&mut rig, &chain[..1]);
        assert_eq!((rig.rejects_with().as_deref(), rig.root_version()), (Some("untrusted"), Some(1)));
    }
    assert_eq!(rig.count(is_load), 1, "nobody else is believed meanwhile");
    rig.loads = Outcome::Succeeds;
    answer(&mut rig, &chain[..2]);
    assert!(rig.is_active(7) && rig.root_version() == Some(2));
}

/// A notice of something that key 2 signed, from a control plane that has this version of the root.
fn notice(newest: u64) -> FromControlPlane {
    notice_of(1, newest)
}

/// The same, with a pointer that has this serial.
fn notice_of(serial: u64, newest: u64) -> FromControlPlane {
    let pointer = SignedPointer::new(pointer(serial, 7)).unwrap().sign(&key(2));
    FromControlPlane::ArtifactAvailable(ArtifactAvailable {
        pointer: pointer.into(),
        root_version: Some(version(newest)),
        fetch_within_ms: 0,
    })
}

#[test]
fn a_pointer_that_comes_with_a_newer_root_is_judged_when_that_is_there() {
    let (_, chain) = chain();
    let mut rig = Rig::connected();
    rig.hears(notice(1));
    assert_eq!((rig.rejects_with(), rig.serial()), (None, None), "nobody knows yet");
    rig.happens(Event::RootFetched(version(1), Ok(Box::new(chain[0].clone()))));
    assert_eq!(rig.rejects_with().as_deref(), Some("pointer_untrusted"));

    let effects = rig.hears(notice(2));
    assert!(reported(&effects).is_empty(), "and what was said stands until then");
    let effects = rig.happens(Event::RootFetched(version(2), Ok(Box::new(chain[1].clone()))));
    assert!(rig.is_active(7) && !reported(&effects).contains(&"rejected"), "{effects:?}");
}

#[test]
fn a_newer_root_that_does_not_come_holds_up_only_what_it_may_vouch_for() {
    let (_, chain) = chain();
    let mut rig = Rig::connected();
    rig.learns_of_root(1, &chain);
    rig.hears(notice(2));
    let failure = || Err(Failure::unavailable("unreachable", String::new()));
    for _ in 0..3 {
        let effects = rig.happens(Event::RootFetched(version(2), failure()));
        assert!(reported(&effects).is_empty() && rig.rejects_with().is_none(), "nobody knows yet");
        rig.hears(notice(2));
        assert!(rig.rejects_with().is_none(), "nor when it is said again");
        rig.until(is_root_fetch);
    }
    rig.happens(Event::RootFetched(version(2), failure()));
    assert_eq!(rig.alarms(), ["root_unavailable"]);
    let effects = rig.hears(notice(3));
    assert!(effects.iter().any(is_root_fetch), "another version is news");
    rig.happens(Event::RootFetched(version(2), failure()));
    rig.is_told_of(&signed(1, 8));
    assert!(rig.is_active(8), "who was believed is believed");
    rig.hears(notice_of(2, 3));
    rig.until(is_root_fetch);
    rig.happens(Event::RootFetched(version(2), Ok(Box::new(chain[1].clone()))));
    let effects = rig.happens(Event::RootFetched(version(3), Ok(Box::new(chain[2].clone()))));
    assert!(rig.is_active(7) && !reported(&effects).contains(&"rejected"), "{effects:?}");
}

/// The pointer is by a key that is believed, and its artifact by one that only the newer root names.
#[test]
fn an_artifact_that_a_root_which_does_not_come_may_vouch_for_is_not_refused() {
    let (_, chain) = chain();
    let mut rig = Rig::connected();
    rig.learns_of_root(1, &chain);
    rig.loads = Outcome::Fails(Failure::refused("untrusted", "nobody signed it".to_owned()));
    let (pointer, root_version) = (signed(1, 7).into(), Some(version(2)));
    rig.hears(FromControlPlane::ArtifactAvailable(ArtifactAvailable { pointer, root_version, fetch_within_ms: 0 }));
    rig.happens(Event::RootFetched(version(2), Err(Failure::unavailable("unreachable", String::new()))));
    assert_eq!((rig.count(is_load), rig.serial(), rig.rejects_with()), (1, Some(1), None));
    rig.until(is_root_fetch);
    rig.loads = Outcome::Succeeds;
    rig.happens(Event::RootFetched(version(2), Ok(Box::new(chain[1].clone()))));
    rig.passes(Duration::ZERO);
    assert!(rig.is_active(7));
}

#[test]
fn a_root_is_not_asked_for_again_sooner_than_the_control_plane_asks() {
    let mut rig = Rig::connected();
    rig.hears(notice(1));
    let retry_after = Some(Duration::from_secs(20));
    let busy = Failure { retry_after, ..Failure::unavailable("busy", "429".to_owned()) };
    rig.happens(Event::RootFetched(version(1), Err(busy)));
    assert_eq!(rig.until(is_root_fetch), Duration::from_secs(20));
}

/// What came and is not believed is no reason to wait: somebody is to be told.
#[test]
fn a_newer_root_that_is_refused_holds_nothing_up() {
    let (_, foreign) = root(&[9]);
    let mut rig = Rig::connected();
    rig.hears(notice(1));
    rig.happens(Event::RootFetched(version(1), Ok(Box::new(foreign))));
    assert_eq!(
        (rig.rejects_with().as_deref(), rig.alarms()),
        (Some("pointer_untrusted"), vec!["root_refused".to_owned()])
    );
}

/// Whoever has keys read anew forgets no root that is on its way.
#[test]
fn keys_that_are_read_anew_while_a_newer_root_is_fetched_refuse_nothing() {
    let (_, chain) = chain();
    let mut rig = Rig::connected();
    rig.learns_of_root(1, &chain);
    rig.hears(notice(2));
    rig.happens(Event::Rekeyed { pinned: pinned(&[1]) });
    assert_eq!(rig.rejects_with(), None);
    rig.hears(notice(2));
    rig.happens(Event::RootFetched(version(2), Ok(Box::new(chain[1].clone()))));
    assert!(rig.is_active(7));
}

#[test]
fn keys_that_a_root_replaced_are_not_believed_again_where_it_is_lost() {
    let (_, chain) = chain();
    let mut rig = Rig::connected();
    rig.learns_of_root(3, &chain);
    assert_eq!(rig.on_disk().root_version, Some(version(3)));
    let mut rig = Rig::restarted(rig.on_disk().boot().record, None);
    // Key 1 is given, and retired.
    rig.is_told_of(&signed(1, 7));
    assert_eq!((rig.count(is_fetch), rig.serial(), rig.alarms()), (0, None, vec!["root_lost".to_owned()]));
    rig.learns_of_root(2, &chain);
    assert_eq!((rig.count(is_fetch), rig.root_version(), rig.alarms()), (0, Some(2), vec!["root_lost".to_owned()]));
    rig.learns_of_root(3, &chain);
    assert_eq!((rig.rejects_with().as_deref(), rig.alarms().len()), (Some("pointer_untrusted"), 0));
    rig.is_told_of(&SignedPointer::new(pointer(1, 7)).unwrap().sign(&key(2)));
    assert!(rig.is_active(7));
}
