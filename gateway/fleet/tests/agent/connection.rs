//! When to connect, when to speak, and when to give up on somebody.

use std::time::Duration;

use fleet::agent::{Bootstrap, Effect, Ended, Event, Failure, Offer, Source, Start};
use fleet::message::{Drain, FromControlPlane, FromDataPlane, Goodbye, HeartbeatAck, Reason, Wanted, Welcome};
use uuid::Uuid;

use crate::rig::*;

const SECOND: Duration = Duration::from_secs(1);

fn is_connect(effect: &Effect) -> bool {
    matches!(effect, Effect::Connect)
}

fn is_disconnect(effect: &Effect) -> bool {
    matches!(effect, Effect::Disconnect)
}

fn is_heartbeat(effect: &Effect) -> bool {
    matches!(effect, Effect::Heartbeat { .. })
}

#[test]
fn it_says_hello_first_and_nothing_else_until_it_is_welcome() {
    let mut rig = Rig::new(start());
    rig.until(is_connect);
    let effects = rig.happens(Event::Connected);
    assert!(matches!(&effects[..], [Effect::Send(message)] if matches!(**message, FromDataPlane::Hello(_))));
    assert!(rig.is_asked_for(&signed(1, 7)).is_empty(), "out of turn");
    assert!(rig.passes(Duration::from_secs(11)).iter().any(is_disconnect), "nobody said welcome");
}

#[test]
fn an_attempt_that_leads_nowhere_ends() {
    let mut rig = Rig::new(start());
    rig.until(is_connect);
    assert!(rig.passes(Duration::from_secs(31)).iter().any(is_disconnect));
    assert!(rig.count(is_connect) >= 2);
}

#[test]
fn it_beats_as_often_as_it_is_asked_to() {
    let mut rig = Rig::connected();
    rig.random = 0;
    assert!(rig.passes(SECOND).iter().any(is_heartbeat), "some time in the first interval");
    rig.is_asked_for(&signed(1, 7));
    assert!(rig.until(is_heartbeat) <= HEARTBEAT);
    let wanted = Wanted { heartbeat_ms: 5_000, ..wanted(None) };
    rig.hears(FromControlPlane::HeartbeatAck(HeartbeatAck { wanted }));
    assert!(rig.until(is_heartbeat) <= Duration::from_secs(5));
}

#[test]
fn whoever_is_silent_for_an_interval_and_a_half_is_given_up() {
    let mut rig = Rig::connected();
    rig.random = u64::MAX;
    assert!(!rig.passes((HEARTBEAT * 3 / 2).saturating_sub(SECOND)).iter().any(is_disconnect));
    rig.happens(Event::Heard);
    assert!(!rig.passes(HEARTBEAT).iter().any(is_disconnect), "a ping is a sign of life");
    assert!(rig.passes(HEARTBEAT).iter().any(is_disconnect));
    assert!(!rig.agent.is_connected());
}

#[test]
fn pauses_grow_and_are_forgotten_after_a_stable_minute() {
    let mut rig = Rig::connected();
    rig.random = u64::MAX;
    let pause = |rig: &mut Rig| {
        rig.is_disconnected(None);
        rig.until(is_connect).as_millis()
    };
    assert_eq!([pause(&mut rig), pause(&mut rig), pause(&mut rig)], [999, 1_999, 3_999]);
    rig.connect_now();
    assert_eq!(pause(&mut rig), 7_999, "a moment of peace is none");
    rig.connect_now();
    for _ in 0..3 {
        rig.passes(Duration::from_secs(25));
        rig.is_asked_for(&signed(1, 7));
    }
    assert_eq!(pause(&mut rig), 999);
}

impl Rig {
    /// The socket that was asked for opens.
    fn connect_now(&mut self) {
        self.happens(Event::Connected);
        let welcome = Welcome { data_plane: Uuid::nil(), now_ms: BEGIN * 1000, wanted: wanted(None) };
        self.hears(FromControlPlane::Welcome(welcome));
        assert!(self.agent.is_connected());
    }
}

#[test]
fn a_control_plane_without_time_is_left_in_peace() {
    let mut rig = Rig::connected();
    rig.is_disconnected(Some(Duration::from_secs(20)));
    assert_eq!(rig.until(is_connect), Duration::from_secs(20));
    rig.random = u64::MAX;
    rig.is_disconnected(Some(Duration::from_secs(20)));
    assert!(rig.until(is_connect) > Duration::from_secs(39), "and not by all at once");
    rig.random = 0;
    rig.is_disconnected(Some(Duration::MAX));
    assert_eq!(rig.until(is_connect), Duration::from_mins(10), "nor for ever");
    rig.random = u64::MAX;
    for asked in [Duration::MAX, Duration::from_mins(9)] {
        rig.is_disconnected(Some(asked));
        assert!(rig.until(is_connect) <= Duration::from_mins(10), "whatever chance says");
    }
}

#[test]
fn whoever_is_asked_again_and_again_to_come_back_soon_comes_back_later_and_later() {
    for asked in [0, 1] {
        let mut rig = Rig::connected();
        rig.random = u64::MAX;
        let pauses: Vec<_> = (0..8)
            .map(|_| {
                rig.is_disconnected(Some(Duration::from_secs(asked)));
                rig.until(is_connect).as_millis()
            })
            .collect();
        assert_eq!(pauses[1..], [1_999, 3_999, 7_999, 15_999, 31_999, 59_999, 59_999]);
        assert!((999..2000).contains(&pauses[0]), "{pauses:?}");
    }
}

/// All are back within a minute of a restart: whom a control plane sends away for some seconds, since so many come, does not
/// stay away for longer because nobody answered before.
#[test]
fn a_busy_control_plane_is_left_for_as_long_as_it_asks() {
    let mut rig = Rig::connected();
    rig.random = u64::MAX;
    for expected in [999, 1_999, 3_999, 7_999, 15_999] {
        rig.is_disconnected(None);
        assert_eq!(rig.until(is_connect).as_millis(), expected);
    }
    let asked = Duration::from_secs(10);
    for _ in 0..4 {
        rig.is_disconnected(Some(asked));
        assert_eq!(rig.until(is_connect).as_secs(), 19, "up to as long again");
    }
    rig.is_disconnected(None);
    assert_eq!(rig.until(is_connect).as_millis(), 31_999, "and what nobody answers is a count of its own");
}

#[test]
fn a_control_plane_that_ends_is_left_within_the_time_it_names() {
    let mut rig = Rig::connected();
    rig.random = 1 << 63;
    rig.hears(FromControlPlane::Drain(Drain { within_ms: 4_000 }));
    assert_eq!(rig.until(is_connect), 2 * SECOND);
    assert!(matches!(rig.done[rig.done.len() - 2..], [Effect::Disconnect, Effect::Connect]));
}

#[test]
fn without_a_good_key_it_comes_back_slowly_and_says_why() {
    for ended in [true, false] {
        let mut rig = Rig::connected();
        if ended {
            let unwanted = Ended::Unwanted { code: "unauthorized", detail: "revoked".to_owned() };
            rig.happens(Event::Disconnected(unwanted));
        } else {
            let goodbye = Goodbye { reason: Reason::Unauthorized, detail: "revoked".to_owned() };
            rig.hears(FromControlPlane::Goodbye(goodbye));
        }
        assert_eq!(rig.alarms(), ["unauthorized"]);
        assert!(rig.until(is_connect) >= Duration::from_mins(1));
        rig.connect_now();
        assert!(rig.alarms().is_empty());
    }
}

#[test]
fn whoever_says_what_it_must_not_comes_back_slowly_and_says_why() {
    let mut rig = Rig::new(start());
    rig.until(is_connect);
    rig.happens(Event::Connected);
    let detail = "`name`: not a name".to_owned();
    rig.hears(FromControlPlane::Goodbye(Goodbye { reason: Reason::Protocol, detail }));
    assert_eq!(rig.alarms(), ["protocol"]);
    assert!(rig.until(is_connect) >= Duration::from_mins(1));
}

#[test]
fn another_key_is_tried_at_once() {
    let mut rig = Rig::connected();
    rig.hears(FromControlPlane::Goodbye(Goodbye { reason: Reason::Removed, detail: String::new() }));
    rig.happens(Event::Rekeyed { pinned: pinned(&[1]) });
    assert_eq!(rig.until(is_connect), Duration::ZERO);
}

#[test]
fn what_changed_while_nobody_listened_is_in_the_next_hello() {
    let mut rig = Rig::connected();
    rig.fetches = Outcome::Hangs;
    let effects = rig.is_told_of(&signed(1, 7));
    let Some(Effect::Fetch { ticket, .. }) = effects.iter().find(|effect| is_fetch(effect)) else { panic!() };
    rig.is_disconnected(None);
    let effects = rig.happens(Event::Fetched(*ticket, Ok(())));
    assert!(reported(&effects).is_empty() && rig.is_active(7), "it goes on without");
    rig.until(is_connect);
    let effects = rig.happens(Event::Connected);
    let Effect::Send(message) = &effects[0] else { panic!() };
    let FromDataPlane::Hello(hello) = &**message else { panic!() };
    assert_eq!(hello.state, rig.agent.state());
}

/// What it has is in `hello`, what is wanted in `welcome`, and what becomes of that is told at once.
#[test]
fn after_an_outage_nothing_waits_for_a_heartbeat() {
    for random in [0, 1 << 63, u64::MAX] {
        let mut rig = Rig::connected();
        rig.random = random;
        rig.is_told_of(&signed(1, 7));
        rig.is_disconnected(None);
        let (done, beats) = (rig.done.len(), rig.count(is_heartbeat));
        rig.wants = Some(signed(2, 8));
        rig.connect();
        assert!(rig.is_active(8) && rig.serial() == Some(2));
        assert_eq!(reported(&rig.done[done..]), ["downloading", "verifying", "loading", "active"]);
        assert_eq!(rig.count(is_heartbeat), beats);
    }
}

#[test]
fn after_an_outage_of_many_it_is_its_turn_within_a_heartbeat() {
    let mut rig = Rig::connected();
    rig.is_told_of(&signed(1, 7));
    rig.random = u64::MAX;
    rig.is_disconnected(None);
    rig.until(is_connect);
    rig.happens(Event::Connected);
    let fetch_within_ms = HEARTBEAT.as_millis() as u64;
    let wanted = Wanted { fetch_within_ms, ..wanted(Some(signed(2, 8))) };
    rig.hears(FromControlPlane::Welcome(Welcome { data_plane: Uuid::nil(), now_ms: BEGIN * 1000, wanted }));
    assert!(rig.until(is_fetch) <= HEARTBEAT && rig.is_active(8));
}

#[test]
fn clocks_that_disagree_are_worth_a_word() {
    let mut rig = Rig::new(start());
    rig.until(is_connect);
    rig.happens(Event::Connected);
    let now_ms = (BEGIN - 3600) * 1000;
    rig.hears(FromControlPlane::Welcome(Welcome { data_plane: Uuid::nil(), now_ms, wanted: wanted(None) }));
    assert_eq!(rig.alarms(), ["clock_skew"]);
    rig.passes(Duration::from_secs(20));
    assert_eq!(rig.alarms(), ["clock_skew"]);
    rig.unix_seconds -= 3600;
    assert!(rig.alarms().is_empty(), "somebody put it right");
}

#[test]
fn the_place_to_start_from_is_asked_only_where_nobody_else_is_and_nothing_serves() {
    let with_bootstrap = || Start { bootstrap: Bootstrap::Available, ..start() };
    let is_ask = |effect: &Effect| matches!(effect, Effect::AskBootstrap { .. });
    let mut rig = Rig::new(with_bootstrap());
    rig.until(is_connect);
    assert_eq!(rig.count(is_ask), 0, "the control plane is asked first");
    rig.is_disconnected(None);
    rig.happens(Event::Tick);
    assert_eq!(rig.count(is_ask), 1);
    let effects = rig.happens(Event::Bootstrapped(Ok(Box::new(Offer { pointer: signed(3, 7), roots: Vec::new() }))));
    let is_from_there = |effect: &Effect| matches!(effect, Effect::Fetch { source: Source::Bootstrap, .. });
    assert!(effects.iter().any(is_from_there) && rig.is_active(7) && rig.serial() == Some(3));
    rig.passes(Duration::from_mins(5));
    assert_eq!(rig.count(is_ask), 1, "something serves");

    // What the control plane wants and cannot hand out any more may be there: the same, or what was wanted before.
    for (serial, artifact) in [(4, 8), (3, 8), (5, 9)] {
        let mut waiting = Rig::new(with_bootstrap());
        waiting.connect();
        waiting.fetches = Outcome::Fails(Failure::unavailable("unreachable", String::new()));
        waiting.is_told_of(&signed(4, 8));
        waiting.is_disconnected(None);
        waiting.until(is_ask);
        waiting.fetches = Outcome::Succeeds;
        let offer = Offer { pointer: signed(serial, artifact), roots: Vec::new() };
        waiting.happens(Event::Bootstrapped(Ok(Box::new(offer))));
        let effects = [waiting.done.clone(), waiting.passes(Duration::ZERO)].concat();
        assert!(effects.iter().any(is_from_there), "{effects:?}");
        assert_eq!(waiting.agent.running(), Some(digest(artifact)));
    }

    let mut serving = Rig::new(Start { running: Some(digest(7)), ..with_bootstrap() });
    serving.until(is_connect);
    serving.is_disconnected(None);
    serving.passes(Duration::from_mins(5));
    assert_eq!(serving.count(is_ask), 0);
}
