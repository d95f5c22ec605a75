//! The engine over fleets that do whatever they like.

mod absence;
mod judged;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::strategy::Strategy as Strategy_;
use uuid::Uuid;

use super::Strategy;
use super::*;
use crate::domain::deployment::{State, deployed};
use crate::domain::digest::Digest;
use crate::domain::id::DataPlaneId;
use crate::domain::label::Labels;
use crate::domain::node::{Instance, Node, Phase, Presence, Rejection, Traffic};

const NEW: Digest = Digest([2; 32]);
const OLD: Digest = Digest([1; 32]);

/// A deployment and a fleet, without a database.
struct World {
    rollout: Rollout,
    /// Every step that was taken.
    taken: Vec<&'static str>,
}

fn manner(sizes: &[Share], gates: &GatesWanted) -> Manner {
    let strategy = if sizes.is_empty() { Strategy::AllAtOnce } else { Strategy::Waves { sizes: sizes.to_vec() } };
    Manner {
        promotion: Promotion::Automatic,
        gates: Gates::of(gates, &strategy),
        on_failure: OnFailure::Rollback,
        unpin: false,
        strategy,
    }
}

fn node(index: usize) -> Node {
    Node {
        id: DataPlaneId(Uuid::from_u128(index as u128 + 1)),
        name: format!("edge-{index}").parse().unwrap(),
        labels: Labels::new(),
        instances: vec![instance(index)],
        traffic: BTreeMap::new(),
        earlier: BTreeMap::new(),
    }
}

fn instance(index: usize) -> Instance {
    Instance {
        id: Uuid::from_u128(index as u128 + 1000),
        presence: Presence::Connected,
        running: Some(OLD),
        pointer_serial: NonZeroU64::new(1),
        phase: Phase::Active { digest: OLD },
        phase_at: Timestamp::UNIX_EPOCH,
    }
}

impl World {
    fn new(nodes: usize, manner: Manner) -> Self {
        let deployment = deployed(NEW, manner);
        let now = deployment.created_at;
        let nodes = (0..nodes).map(node).collect();
        Self { rollout: Rollout { deployment, members: BTreeMap::new(), nodes, now }, taken: Vec::new() }
    }

    fn pass(&mut self, seconds: i64) {
        self.rollout.now = self.rollout.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    /// Takes steps until there is none, as a store does.
    fn settle(&mut self) {
        for _ in 0..100 {
            let Some(step) = self.rollout.next() else { return };
            self.take(step);
        }
        panic!("it goes round in circles: {:?}", self.taken);
    }

    fn take(&mut self, step: Step) {
        self.taken.push(step.name());
        let now = self.rollout.now;
        let deployment = &mut self.rollout.deployment;
        deployment.version = deployment.version.next();
        match step {
            Step::Start(wave) => {
                deployment.state = State::InProgress;
                deployment.started_at = Some(now);
                deployment.pointer_serial = Some(2);
                wave.into_iter().for_each(|wave| self.begin(wave));
            }
            Step::Begin(wave) => self.begin(wave),
            Step::Found(others) => {
                let began = self.rollout.deployment.wave_began_at.unwrap();
                self.join(others, began);
            }
            Step::Admit(others) => self.join(others, self.rollout.now),
            Step::Bake => deployment.baking_since = Some(now),
            Step::Unsettle => deployment.baking_since = None,
            Step::AwaitPromotion { reason, .. } => {
                deployment.state = State::Paused;
                deployment.reason = Some(reason);
            }
            Step::Pause(_) => deployment.state = State::Paused,
            Step::Succeed(_) => deployment.state = State::Succeeded,
            Step::RollBack(_) => deployment.state = State::RolledBack,
        }
    }

    fn begin(&mut self, wave: Wave) {
        let deployment = &mut self.rollout.deployment;
        assert!(wave.number > deployment.wave && wave.number <= deployment.waves, "waves follow each other");
        deployment.wave = wave.number;
        deployment.wave_began_at = Some(self.rollout.now);
        deployment.baking_since = None;
        self.join(wave.joining, self.rollout.now);
        let online = self.rollout.nodes.iter().filter(|node| node.is_online()).count();
        let index = usize::try_from(wave.number).unwrap() - 1;
        if let Some(size) = self.rollout.deployment.manner.strategy.sizes().get(index) {
            let most = size.of(online).max(self.before(wave.number));
            assert!(self.rollout.members.len() <= most, "wave {} has too many", wave.number);
        }
    }

    fn before(&self, wave: i64) -> usize {
        self.rollout.members.values().filter(|member| member.wave < wave).count()
    }

    fn join(&mut self, joining: Vec<Join>, joined_at: Timestamp) {
        let wave = self.rollout.deployment.wave;
        for Join { data_plane, before } in joining {
            let known = self.rollout.members.insert(data_plane, Member { wave, joined_at, before });
            assert_eq!(known, None, "nobody joins twice");
        }
    }

    /// The members that have not, serve it.
    fn obey(&mut self) {
        let members: BTreeSet<DataPlaneId> = self.rollout.members.keys().copied().collect();
        for node in self.rollout.nodes.iter_mut().filter(|node| members.contains(&node.id)) {
            for instance in &mut node.instances {
                instance.running = Some(NEW);
                instance.pointer_serial = NonZeroU64::new(2);
                instance.phase = Phase::Active { digest: NEW };
            }
        }
    }

    /// Its connections are lost, and it has time to come back.
    fn away(&mut self, index: usize) {
        for instance in &mut self.rollout.nodes[index].instances {
            instance.presence = Presence::Away;
        }
    }

    fn refuse(&mut self, index: usize) {
        let now = self.rollout.now;
        for instance in &mut self.rollout.nodes[index].instances {
            let (code, detail, outcome) = ("bad".into(), "no".into(), Rejection::Refused);
            instance.phase = Phase::Rejected { digest: NEW, code, detail, outcome };
            instance.phase_at = now;
        }
    }

    fn serve(&mut self, index: usize, (requests, errors): (u64, u64), p99_ms: f64) {
        let sum = self.rollout.nodes[index].traffic.entry(NEW).or_default();
        *sum = sum.plus(Traffic::of_window(requests, errors, Some(p99_ms)));
    }

    fn state(&self) -> (State, i64, usize) {
        (self.rollout.deployment.state, self.rollout.deployment.wave, self.rollout.members.len())
    }
}

fn waves(texts: &[&str]) -> Vec<Share> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn gates() -> GatesWanted {
    GatesWanted { bake_seconds: Some(10), wave_seconds_max: Some(100), ..GatesWanted::default() }
}

#[test]
fn waves_follow_each_other_once_each_is_well() {
    let mut world = World::new(20, manner(&waves(&["1", "10%", "50%"]), &gates()));
    for (wave, members) in [(1, 1), (2, 2), (3, 10), (4, 20)] {
        world.settle();
        assert_eq!(world.state(), (State::InProgress, wave, members));
        world.pass(5);
        world.settle();
        assert_eq!(world.state().1, wave, "nobody serves it yet");
        world.obey();
        world.settle();
        world.pass(9);
        world.settle();
        assert_eq!(world.state().1, wave, "it has to last");
        world.pass(1);
    }
    world.settle();
    assert_eq!(world.state().0, State::Succeeded);
}

#[test]
fn all_at_once_is_everyone_at_once() {
    let mut world = World::new(3, manner(&[], &GatesWanted::default()));
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 1, 3));
    world.obey();
    world.settle();
    assert_eq!(world.state().0, State::Succeeded);
    // Where nobody is, nobody waits.
    let mut empty = World::new(0, manner(&waves(&["1", "50%"]), &gates()));
    empty.settle();
    empty.pass(10);
    empty.settle();
    assert_eq!(empty.state(), (State::Succeeded, 3, 0));
}

#[test]
fn a_refusal_takes_it_back_unless_so_many_may() {
    let mut world = World::new(4, manner(&waves(&["2"]), &gates()));
    world.settle();
    world.refuse(0);
    world.settle();
    assert_eq!(world.state(), (State::RolledBack, 1, 2));

    let mut world = World::new(4, manner(&waves(&["2"]), &GatesWanted { max_rejections: Some(1), ..gates() }));
    world.settle();
    world.obey();
    world.refuse(0);
    world.settle();
    world.pass(10);
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 2, 4), "one may");
}

/// Whether they may or not: nobody knows yet how it is.
#[test]
fn those_who_refuse_it_do_not_vouch_for_it() {
    let may = |count| GatesWanted { max_rejections: Some(count), ..gates() };
    for (sizes, refusing) in [(waves(&["1"]), 1), (waves(&["2"]), 2), (waves(&[]), 4)] {
        let mut world = World::new(4, manner(&sizes, &may(4)));
        world.settle();
        (0..refusing).for_each(|index| world.refuse(index));
        for seconds in [0, 10, 99] {
            world.pass(seconds);
            world.settle();
            assert_eq!(world.state(), (State::InProgress, 1, refusing), "{sizes:?}");
        }
        world.pass(1);
        world.settle();
        assert_eq!(world.state().0, State::RolledBack, "{sizes:?}");
    }

    // The canary serves it, and of the others so many may refuse it as there are.
    let mut world = World::new(2, manner(&waves(&["1"]), &may(1)));
    world.settle();
    world.obey();
    world.settle();
    world.pass(10);
    world.settle();
    world.refuse(1);
    world.settle();
    world.pass(10);
    world.settle();
    assert_eq!(world.state(), (State::Succeeded, 2, 2));
}

/// What was to be gone back to may have lost its key since. Everybody was told by then.
#[test]
fn a_way_back_that_is_refused_is_no_success() {
    for refusing in [1, 3] {
        let way_back = Manner { gates: Gates::of_rollback(), on_failure: OnFailure::Pause, ..manner(&[], &gates()) };
        let mut world = World::new(3, way_back);
        world.settle();
        assert_eq!(world.state(), (State::InProgress, 1, 3));
        (0..refusing).for_each(|index| world.refuse(index));
        let breach = gate::breach(&world.rollout).unwrap();
        assert!(matches!(breach, Breach::Rejected { count, max: 0, .. } if count == refusing), "{breach}");
        world.settle();
        assert_eq!(world.state(), (State::Paused, 1, 3));
    }
}

#[test]
fn a_refusal_of_long_ago_is_no_refusal() {
    let mut world = World::new(1, manner(&[], &gates()));
    world.refuse(0);
    world.pass(1);
    world.settle();
    assert_eq!(world.state().0, State::InProgress);
    world.pass(1);
    world.refuse(0);
    world.settle();
    assert_eq!(world.state().0, State::RolledBack);
}

#[test]
fn failing_requests_and_slow_ones_take_it_back() {
    let limits = GatesWanted { max_error_rate: Some(0.01), max_p99_ms: Some(50.0), ..gates() };
    for (requests, errors, p99_ms, expected) in [
        (99, 99, 1.0, State::InProgress),
        (1000, 10, 50.0, State::InProgress),
        (1000, 11, 1.0, State::RolledBack),
        (1000, 0, 51.0, State::RolledBack),
    ] {
        let mut world = World::new(2, manner(&waves(&["1"]), &limits));
        // What the artifact did before is not held against it.
        world.serve(0, (10_000, 10_000), 1.0);
        world.settle();
        world.obey();
        world.settle();
        world.serve(0, (requests, errors), p99_ms);
        world.settle();
        assert_eq!(world.state().0, expected, "{requests} {errors} {p99_ms}");
    }
}

/// Hours that went well do not make up for minutes that do not.
#[test]
fn what_begins_to_fail_late_takes_it_back() {
    let limits = GatesWanted { max_error_rate: Some(0.01), bake_seconds: Some(3600), ..gates() };
    for (requests, errors, expected) in
        [(99, 99, State::InProgress), (1000, 10, State::InProgress), (1000, 11, State::RolledBack)]
    {
        let mut world = World::new(2, manner(&waves(&["1"]), &limits));
        world.settle();
        world.obey();
        world.settle();
        world.serve(0, (100_000, 0), 1.0);
        let node = &mut world.rollout.nodes[0];
        node.earlier = node.traffic.clone();
        world.serve(0, (requests, errors), 1.0);
        let breach = gate::breach(&world.rollout).map(|breach| breach.to_string());
        world.settle();
        assert_eq!(world.state().0, expected, "{requests} {errors}");
        let said = "1.10% of the last 1000 requests of wave 1 failed, and 1.00% may";
        assert_eq!(breach.as_deref(), (expected == State::RolledBack).then_some(said));
    }
}

/// The waves before are judged on, and one does not make up for another.
#[test]
fn a_wave_that_was_well_is_judged_on() {
    let mut world = World::new(4, manner(&waves(&["1"]), &GatesWanted { max_error_rate: Some(0.1), ..gates() }));
    world.settle();
    world.obey();
    world.serve(0, (100, 0), 1.0);
    world.settle();
    world.pass(10);
    world.settle();
    assert_eq!(world.state().1, 2);
    world.serve(0, (100, 50), 1.0);
    for index in 1..4 {
        world.serve(index, (1000, 0), 1.0);
    }
    world.settle();
    assert_eq!(world.state().0, State::RolledBack);
}

#[test]
fn a_wave_that_takes_too_long_is_taken_back() {
    let mut world = World::new(2, manner(&waves(&["1"]), &gates()));
    world.settle();
    world.pass(109);
    world.settle();
    assert_eq!(world.state().0, State::InProgress);
    world.pass(1);
    world.settle();
    assert_eq!(world.state().0, State::RolledBack);
}

/// Two processes of one data plane both have to.
#[test]
fn a_data_plane_serves_it_when_all_its_processes_do() {
    let mut world = World::new(1, manner(&[], &GatesWanted::default()));
    world.rollout.nodes[0].instances.push(instance(1));
    world.settle();
    world.obey();
    world.rollout.nodes[0].instances[1].running = Some(OLD);
    world.settle();
    assert_eq!(world.state().0, State::InProgress);
    world.obey();
    world.settle();
    assert_eq!(world.state().0, State::Succeeded);
}

/// Who serves the artifact already has to take the pointer all the same.
#[test]
fn who_has_not_heard_of_it_does_not_serve_it() {
    let mut world = World::new(1, manner(&[], &GatesWanted::default()));
    world.rollout.nodes[0].instances[0].running = Some(NEW);
    world.settle();
    assert_eq!(world.state().0, State::InProgress);
}

#[test]
fn somebody_lets_the_next_wave_begin() {
    let by_hand = Manner { promotion: Promotion::Manual, ..manner(&waves(&["1", "2"]), &gates()) };
    let mut world = World::new(4, by_hand.clone());
    world.settle();
    world.obey();
    world.settle();
    world.pass(10);
    world.settle();
    assert_eq!(world.state(), (State::Paused, 1, 1));
    world.pass(1000);
    world.settle();
    assert_eq!(world.state(), (State::Paused, 1, 1));
    (world.rollout.deployment.promoted, world.rollout.deployment.state) = (1, State::InProgress);
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 2, 2));
    // To everyone, whatever the gates say.
    world.refuse(0);
    (world.rollout.deployment.promoted, world.rollout.deployment.state) = (2, State::InProgress);
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 3, 4));

    // Paused, it is judged all the same.
    let mut world = World::new(4, by_hand);
    world.settle();
    world.rollout.deployment.state = State::Paused;
    world.refuse(0);
    world.settle();
    assert_eq!(world.state().0, State::RolledBack);
}

/// A wave that passes, with what that leaves open.
#[test]
fn what_was_not_seen_is_said() {
    let check = |requests: u64, gone: usize, expected: &[Remark]| {
        let on_unjudged = Some(OnUnjudged::Continue);
        let limits = GatesWanted { max_error_rate: Some(0.5), bake_seconds: Some(0), on_unjudged, ..gates() };
        let mut world = World::new(9, manner(&waves(&["3"]), &limits));
        world.settle();
        world.obey();
        (0..gone).for_each(|index| world.rollout.nodes[index].instances.clear());
        world.serve(2, (requests, 0), 1.0);
        let progress = world.rollout.progress().waves.remove(0);
        assert_eq!((progress.unjudged, progress.missing), (requests < 100, gone));
        let Some(Step::Begin(wave)) = world.rollout.next() else { panic!("{:?}", world.rollout.next()) };
        assert_eq!((wave.number, wave.remarks.as_slice()), (2, expected));
    };
    let unjudged = Remark::Unjudged { wave: 1, requests: 99, min_requests: 100 };
    let lost = Remark::Lost { wave: 1, missing: 1, all: 3 };
    check(100, 0, &[]);
    check(99, 0, std::slice::from_ref(&unjudged));
    check(100, 1, std::slice::from_ref(&lost));
    check(99, 1, &[unjudged, lost]);
}

#[test]
fn it_starts_when_its_time_has_come() {
    let mut world = World::new(1, manner(&[], &gates()));
    world.rollout.deployment.scheduled_for = world.rollout.now.checked_add(SignedDuration::from_secs(60)).ok();
    world.pass(59);
    world.settle();
    assert_eq!(world.state().0, State::Scheduled);
    world.pass(1);
    world.settle();
    assert_eq!(world.state().0, State::InProgress);
}

#[derive(Debug, Clone)]
enum Event {
    Pass(i64),
    Obey,
    Refuse(usize),
    Serve(usize, u64, u64),
    Leave(usize),
    Return(usize),
    Register,
}

fn events() -> impl Strategy_<Value = Vec<Event>> {
    let index = 0..12_usize;
    let event = prop_oneof![
        4 => (1..40_i64).prop_map(Event::Pass),
        6 => Just(Event::Obey),
        1 => index.clone().prop_map(Event::Refuse),
        3 => (index.clone(), 0..400_u64, 0..20_u64).prop_map(|(at, all, bad)| Event::Serve(at, all, bad)),
        1 => index.clone().prop_map(Event::Leave),
        2 => index.prop_map(Event::Return),
        1 => Just(Event::Register),
    ];
    proptest::collection::vec(event, 0..60)
}

fn sizes() -> impl Strategy_<Value = Vec<Share>> {
    let size = prop_oneof![(1..8_u32).prop_map(Share::Count), (1..=100_u8).prop_map(Share::Percent)];
    proptest::collection::vec(size, 0..4)
}

proptest! {
    /// Whatever a fleet does: never more than a wave's data planes get it (which `begin` asserts), waves and members only
    /// grow, nothing begins after a breach or before it is judged, and there is an end to it, unless nobody is there to
    /// begin with.
    #[test]
    fn whatever_a_fleet_does(
        nodes in 0..10_usize,
        sizes in sizes(),
        events in events(),
        (pauses, waits) in any::<(bool, bool)>(),
    ) {
        let on_unjudged = Some(if waits { OnUnjudged::Wait } else { OnUnjudged::Continue });
        let wanted = GatesWanted { max_error_rate: Some(0.05), on_unjudged, ..gates() };
        let on_failure = if pauses { OnFailure::Pause } else { OnFailure::Rollback };
        let mut world = World::new(nodes, Manner { on_failure, ..manner(&sizes, &wanted) });
        world.settle();
        for event in events {
            let (before, members) = (world.rollout.deployment.wave, world.rollout.members.clone());
            let count = world.rollout.nodes.len();
            match event {
                Event::Pass(seconds) => world.pass(seconds),
                Event::Obey => world.obey(),
                Event::Refuse(at) if at < count => world.refuse(at),
                Event::Serve(at, all, bad) if at < count => world.serve(at, (all, bad.min(all)), 1.0),
                Event::Leave(at) if at < count => world.rollout.nodes[at].instances.clear(),
                Event::Return(at) if at < count => world.rollout.nodes[at].instances = vec![instance(at)],
                Event::Register => world.rollout.nodes.push(node(count)),
                Event::Refuse(_) | Event::Serve(..) | Event::Leave(_) | Event::Return(_) => {}
            }
            let breached = gate::breach(&world.rollout);
            world.settle();
            prop_assert!(world.rollout.deployment.wave >= before);
            prop_assert!(members.iter().all(|(id, member)| world.rollout.members.get(id) == Some(member)));
            let goes_on = breached.is_some() && world.rollout.deployment.state == State::InProgress;
            prop_assert!(!goes_on, "it goes on in spite of {breached:?}");
            if breached.is_some() {
                prop_assert_eq!(world.rollout.deployment.wave, before, "a wave began in spite of a breach");
            }
            let over = (1..world.rollout.deployment.wave).find(|wave| remark::unjudged(&world.rollout, *wave).is_some());
            prop_assert!(!waits || over.is_none(), "wave {over:?} was over before it was judged");
        }
        // Left alone, it ends, in so much time as its waves may take.
        let waves = world.rollout.deployment.waves + 1;
        for _ in 0..(waves * 2) {
            world.pass(110);
            world.settle();
        }
        let (state, wave, _) = world.state();
        let waits = wave == 0 && !world.rollout.nodes.iter().any(|node| node.instances.iter().any(Instance::is_connected));
        prop_assert!(state.is_final() || state == State::Paused || waits, "{:?}", world.state());
    }
}
