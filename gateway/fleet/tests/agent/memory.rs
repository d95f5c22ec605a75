//! What outlives the process, and what a disk may do to it.

use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::container::Digest;
use fleet::agent::record::Record;
use fleet::agent::{Damaged, Effect, Event, Failure, SETTLES_AFTER, Start};
use fleet::message::{Alarm, FromControlPlane, HeartbeatAck, Phase, Wanted};

use crate::rig::*;

fn full() -> Outcome {
    Outcome::Fails(Failure::unavailable("state_unwritable", "no space left on device".to_owned()))
}

#[test]
fn the_floor_outlives_a_restart() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(5, 7));
    let mut rig = Rig::restarted(rig.on_disk().boot().record, Some(digest(7)));
    rig.is_told_of(&signed(4, 8));
    assert_eq!((rig.rejects_with().as_deref(), rig.agent.running()), (Some("pointer_older"), Some(digest(7))));
}

#[test]
fn what_cannot_be_noted_is_not_tried_and_what_runs_goes_on() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.persists = full();
    rig.is_told_of(&signed(2, 8));
    rig.passes(Duration::from_secs(20));
    assert_eq!((rig.agent.running(), rig.count(is_load)), (Some(digest(7)), 1));
    assert_eq!(rig.rejects_with().as_deref(), Some("state_unwritable"));
    assert_eq!(rig.alarms(), ["state_unwritable"]);

    rig.persists = Outcome::Succeeds;
    rig.is_asked_for(&signed(2, 8));
    rig.passes(Duration::from_secs(40));
    assert!(rig.is_active(8) && rig.alarms().is_empty(), "{:?} {:?}", rig.phase(), rig.alarms());
}

#[test]
fn a_record_that_was_not_written_is_written_later() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.persists = full();
    rig.is_told_of(&signed(2, 7));
    assert_eq!((rig.is_active(7), rig.alarms()), (true, vec!["state_unwritable".to_owned()]));
    rig.persists = Outcome::Succeeds;
    rig.passes(Duration::from_secs(3));
    assert!(rig.alarms().is_empty());
    assert_eq!(rig.on_disk().taken.unwrap().floor.serial.get(), 2);
}

#[test]
fn what_was_damaged_is_told_until_it_is_written_anew() {
    let alarm = |code: &str| Some(Alarm { code: code.to_owned(), detail: String::new() });
    let damaged = Damaged { record: alarm("state_damaged"), root: alarm("state_unreadable") };
    let mut rig = Rig::new(Start { damaged, ..start() });
    rig.connect();
    assert_eq!(rig.alarms(), ["state_damaged", "state_unreadable"]);
    rig.is_told_of(&signed(1, 7));
    assert_eq!(rig.alarms(), ["state_unreadable"]);
    let (_, signed) = root(&[1]);
    let wanted = Wanted { root_version: NonZeroU64::new(1), ..wanted(None) };
    rig.hears(FromControlPlane::HeartbeatAck(HeartbeatAck { wanted }));
    rig.happens(Event::RootFetched(NonZeroU64::MIN, Ok(Box::new(signed))));
    assert!(rig.alarms().is_empty());
}

#[test]
fn a_root_that_was_not_written_is_written_later_and_until_then_it_is_told() {
    let writes = |effects: &[Effect]| {
        let root = |effect: &Effect| match effect {
            Effect::PersistRoot { root } => Some(root.version().get()),
            _ => None,
        };
        effects.iter().filter_map(root).collect::<Vec<_>>()
    };
    let mut rig = Rig::connected();
    rig.persists = full();
    let wanted = Wanted { root_version: NonZeroU64::new(1), ..wanted(None) };
    rig.hears(FromControlPlane::HeartbeatAck(HeartbeatAck { wanted }));
    let (_, signed) = root(&[1]);
    let effects = rig.happens(Event::RootFetched(NonZeroU64::MIN, Ok(Box::new(signed))));
    assert_eq!((writes(&effects), rig.alarms()), (vec![1], vec!["state_unwritable".to_owned()]));

    rig.persists = Outcome::Succeeds;
    let effects = rig.passes(Duration::from_secs(2));
    assert_eq!((writes(&effects), rig.alarms().len()), (vec![1], 0));
    assert!(writes(&rig.happens(Event::Stop)).is_empty(), "it is there");
}

/// The process ends while `artifact` is loaded, and another one begins.
fn dies_while_loading(record: Record, serial: u64, artifact: u8) -> Record {
    let mut rig = Rig::restarted(record, None);
    rig.loads = Outcome::Hangs;
    rig.is_told_of(&signed(serial, artifact));
    assert!(matches!(rig.phase(), Phase::Loading { .. }));
    rig.on_disk()
}

#[test]
fn what_ended_the_process_twice_is_set_aside_and_told() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.passes(SETTLES_AFTER);
    let once = dies_while_loading(rig.on_disk().boot().record, 2, 8);
    let twice = dies_while_loading(once.boot().record, 2, 8);
    let boot = twice.boot();
    assert_eq!((&boot.candidates[..], boot.set_aside), (&[digest(7)][..], Some(digest(8))));

    let (record, set_aside) = (boot.record, boot.set_aside);
    let mut rig = Rig::new(Start { record: record.clone(), set_aside, running: Some(digest(7)), ..start() });
    rig.wants = Some(signed(2, 8));
    rig.connect();
    assert!(matches!(rig.phase(), Phase::RolledBack { .. }));
    rig.is_told_of(&signed(2, 8));
    assert!(matches!(rig.phase(), Phase::RolledBack { .. }) && rig.count(is_fetch) == 0);
    rig.is_told_of(&signed(3, 8));
    assert_eq!((rig.count(is_fetch), rig.agent.running()), (0, Some(digest(7))));
    rig.is_told_of(&signed(4, 9));
    assert!(rig.is_active(9), "another one is welcome");

    let mut later = Rig::restarted(record, Some(digest(7)));
    later.is_told_of(&signed(2, 8));
    assert_eq!(later.rejects_with().as_deref(), Some("quarantined"), "also after another restart");
}

/// Its listener had no address when the process began, say.
#[test]
fn what_served_last_is_what_to_go_back_to_where_it_does_not_serve_either() {
    let record = Record { current: Some(digest(7)), previous: Some(digest(6)), ..Record::new(PROJECT) };
    let mut rig = Rig::restarted(record, None);
    assert_eq!((rig.agent.running(), rig.agent.deployed()), (None, None));
    rig.is_told_of(&signed(1, 8));
    assert!(rig.is_active(8) && rig.agent.deployed() == Some(digest(8)));
    let Record { current, previous, .. } = rig.on_disk();
    assert_eq!((current, previous), (Some(digest(8)), Some(digest(7))));
}

/// What was deployed last needs a listener that this process was not given, say.
fn serves_only_the_one_before() -> Rig {
    let record = Record { current: Some(digest(8)), previous: Some(digest(7)), ..Record::new(PROJECT) };
    let mut rig = Rig::new(Start { record, running: Some(digest(7)), ..start() });
    rig.loads = Outcome::Fails(Failure::refused("unknown_listener", String::new()));
    rig.wants = Some(signed(1, 8));
    rig.connect();
    let running = Some(digest(7));
    assert_eq!((rig.rejects_with().as_deref(), rig.agent.deployed()), (Some("unknown_listener"), running));
    rig
}

#[test]
fn what_was_deployed_is_remembered_and_kept_where_only_the_one_before_serves() {
    let mut rig = serves_only_the_one_before();
    let kept = kept_before_fetch(&rig.is_asked_for_nothing());
    assert!(kept.len() == 1 && [7, 8].into_iter().all(|number| kept[0].contains(&digest(number))), "{kept:?}");
    assert_eq!(rig.on_disk().boot().candidates, [digest(8), digest(7)]);
}

#[test]
fn the_one_before_is_what_to_go_back_to_where_it_is_what_serves() {
    let remembered = |rig: &Rig| (rig.on_disk().current, rig.on_disk().previous);
    let mut rig = serves_only_the_one_before();
    rig.loads = Outcome::Succeeds;
    rig.is_told_of(&signed(2, 9));
    assert!(rig.is_active(9));
    assert_eq!(remembered(&rig), (Some(digest(9)), Some(digest(7))));

    let mut rig = serves_only_the_one_before();
    rig.loads = Outcome::Succeeds;
    rig.is_told_of(&signed(2, 7));
    assert!(rig.is_active(7));
    assert_eq!(remembered(&rig), (Some(digest(7)), Some(digest(8))));
}

#[test]
fn what_came_with_the_command_line_is_nothing_to_go_back_to() {
    let mut rig = Rig::restarted(Record::new(PROJECT), Some(digest(5)));
    rig.is_told_of(&signed(1, 8));
    assert_eq!((rig.on_disk().current, rig.on_disk().previous), (Some(digest(8)), None));
}

/// The machine was short of memory, say, and somebody gave it more.
#[test]
fn what_was_set_aside_is_tried_again_where_somebody_says_so() {
    let mut record = Record::new(PROJECT);
    record.current = Some(digest(7));
    record.quarantined = vec![digest(8)];
    for set_aside in [Some(digest(8)), None] {
        let (record, running) = (record.clone(), Some(digest(7)));
        let mut rig = Rig::new(Start { record, set_aside, running, ..start() });
        rig.wants = Some(signed(2, 8));
        rig.connect();
        assert_eq!((rig.count(is_fetch), rig.agent.running()), (0, Some(digest(7))));
        rig.happens(Event::Pardoned);
        rig.happens(Event::Rekeyed { pinned: pinned(&[1]) });
        assert!(rig.is_active(8) && rig.on_disk().quarantined.is_empty());
    }
}

/// The simulation found it: a data plane that served what it was to serve said that it had gone back, for ever.
#[test]
fn what_was_set_aside_is_not_told_where_something_else_is_wanted_by_then() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.passes(SETTLES_AFTER);
    rig.is_told_of(&signed(2, 8));
    let mut record = dies_while_loading(rig.on_disk(), 3, 7);
    record.trials.insert(digest(8), 2);
    let boot = record.boot();
    assert_eq!((boot.record.current, boot.set_aside), (Some(digest(7)), Some(digest(8))));
    let (record, set_aside) = (boot.record, boot.set_aside);
    let mut rig = Rig::new(Start { record, set_aside, running: Some(digest(7)), ..start() });
    rig.connect();
    assert!(rig.is_active(7));
    rig.is_told_of(&signed(3, 7));
    assert!(rig.is_active(7));
}

/// The simulation found it: a data plane that ended again and again with what it had gone back to.
#[test]
fn what_was_left_before_it_was_known_to_be_well_is_doubted_when_it_is_gone_back_to() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.is_told_of(&signed(2, 8));
    assert!(rig.is_active(8));
    let back = dies_at_boot(dies_at_boot(rig.on_disk()).record);
    assert_eq!((&back.candidates[..], back.set_aside), (&[digest(7)][..], Some(digest(8))));
    let again = dies_at_boot(back.record);
    assert_eq!(again.candidates, [digest(7)], "the first end with it was another's doing");
    let last = dies_at_boot(again.record);
    assert!(last.candidates.is_empty() && last.record.is_quarantined(&digest(7)));
}

/// It ended a process once, and another time it was only refused.
#[test]
fn what_is_refused_in_order_is_doubted_as_it_was() {
    let mut record = Record::new(PROJECT);
    record.trials.insert(digest(8), 1);
    let mut rig = Rig::restarted(record, None);
    rig.loads = Outcome::Fails(Failure::refused("unknown_listener", "there is no such listener".to_owned()));
    rig.is_told_of(&signed(1, 8));
    assert_eq!(rig.on_disk().trials.get(&digest(8)), Some(&1));
    rig.is_told_of(&signed(2, 9));
    assert_eq!(rig.on_disk().trials.get(&digest(9)), None);
}

/// It was not at work when the other one took its place.
#[test]
fn what_does_not_serve_is_doubted_as_it_was_where_another_one_takes_its_place() {
    let mut record = Record::new(PROJECT);
    record.current = Some(digest(8));
    record.trials.insert(digest(8), 1);
    let mut rig = Rig::restarted(record, None);
    rig.is_told_of(&signed(1, 9));
    assert!(rig.is_active(9) && rig.on_disk().previous == Some(digest(8)));
    assert_eq!(rig.on_disk().trials.get(&digest(8)), Some(&1));
}

#[test]
fn what_serves_for_a_while_is_doubted_no_more() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    assert_eq!(rig.on_disk().trials.get(&digest(7)), Some(&1));
    let effects = rig.passes(SETTLES_AFTER);
    assert!(rig.on_disk().trials.is_empty());
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Collect { needed } if needed.contains(&digest(7)))));
}

/// What is kept by each order to remove what is of no use, before what is fetched next.
fn kept_before_fetch(effects: &[Effect]) -> Vec<Vec<Digest>> {
    let needed = |effect: &Effect| match effect {
        Effect::Collect { needed } => Some(needed.clone()),
        _ => None,
    };
    effects.iter().take_while(|effect| !is_fetch(effect)).filter_map(needed).collect()
}

#[test]
fn what_was_refused_makes_room_for_what_comes_next() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.loads = Outcome::Fails(Failure::refused("unsupported", String::new()));
    rig.is_told_of(&signed(2, 8));
    assert_eq!(rig.rejects_with().as_deref(), Some("unsupported"));
    let kept = kept_before_fetch(&rig.is_told_of(&signed(3, 9)));
    assert!(kept.len() == 1 && !kept[0].contains(&digest(8)), "{kept:?}");
    assert!([7, 9].into_iter().all(|number| kept[0].contains(&digest(number))), "{kept:?}");
}

#[test]
fn what_is_loaded_is_not_removed() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.loads = Outcome::Hangs;
    rig.is_told_of(&signed(2, 8));
    let kept = kept_before_fetch(&rig.is_told_of(&signed(3, 9)));
    assert!(kept.len() == 1 && [7, 8, 9].into_iter().all(|number| kept[0].contains(&digest(number))), "{kept:?}");
}

#[test]
fn room_is_made_before_another_try() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.fetches = full();
    rig.is_told_of(&signed(2, 8));
    let before = rig.done.len();
    rig.until(is_fetch);
    assert_eq!(kept_before_fetch(&rig.done[before..]), [[digest(7), digest(8), digest(7)]]);

    rig.persists = full();
    rig.is_told_of(&signed(3, 7));
    let before = rig.done.len();
    rig.until(|effect| matches!(effect, Effect::Persist { .. }));
    assert!(matches!(&rig.done[before..], [Effect::Collect { .. }, Effect::Persist { .. }, ..]));
}

#[test]
fn what_nobody_wants_any_more_makes_room() {
    let mut rig = Rig::connected();
    rig.fetches = full();
    rig.is_told_of(&signed(1, 7));
    assert_eq!(kept_before_fetch(&rig.is_asked_for_nothing()), [Vec::<Digest>::new()]);
}

#[test]
fn an_end_in_order_blames_nobody() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    let effects = rig.happens(Event::Stop);
    assert!(rig.on_disk().trials.is_empty() && effects.iter().any(|effect| matches!(effect, Effect::Disconnect)));
    assert_eq!(rig.agent.wakes_at(), None, "it does not come back");
}

#[test]
fn what_could_not_be_written_when_the_process_began_is_written_later_or_at_its_end() {
    let unwritten = Some(Failure::unavailable("state_unwritable", "no space left on device".to_owned()));
    let mut rig = Rig::new(Start { unwritten, ..start() });
    assert_eq!(rig.alarms(), ["state_unwritable"]);
    rig.persists = full();
    rig.happens(Event::Tick);
    assert_eq!(rig.alarms(), ["state_unwritable"]);
    let effects = rig.happens(Event::Stop);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Persist { .. })));

    let unwritten = Some(Failure::unavailable("state_unwritable", String::new()));
    let mut rig = Rig::new(Start { unwritten, ..start() });
    rig.happens(Event::Tick);
    assert_eq!((rig.alarms().len(), rig.on_disk()), (0, Record::new(PROJECT)));
}
