//! Gates that take a deployment back, and what they let pass.

use super::*;

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
    world.goes_on(10);
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
            world.goes_on(seconds);
            assert_eq!(world.state(), (State::InProgress, 1, refusing), "{sizes:?}");
        }
        world.goes_on(1);
        assert_eq!(world.state().0, State::RolledBack, "{sizes:?}");
    }

    // The canary serves it, and of the others so many may refuse it as there are.
    let mut world = World::serving(2, manner(&waves(&["1"]), &may(1)));
    world.goes_on(10);
    world.refuse(1);
    world.settle();
    world.goes_on(10);
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
    world.goes_on(1);
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
        let mut world = World::serving(2, manner(&waves(&["1"]), &limits));
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
    world.goes_on(10);
    assert_eq!(world.state().1, 2);
    world.serve(0, (100, 50), 1.0);
    for index in 1..4 {
        world.serve(index, (1000, 0), 1.0);
    }
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
