//! Waves that follow each other: who is told when, and what lets the next one begin.

use super::*;

#[test]
fn waves_follow_each_other_once_each_is_well() {
    let mut world = World::new(20, manner(&waves(&["1", "10%", "50%"]), &gates()));
    for (wave, members) in [(1, 1), (2, 2), (3, 10), (4, 20)] {
        world.settle();
        assert_eq!(world.state(), (State::InProgress, wave, members));
        world.goes_on(5);
        assert_eq!(world.state().1, wave, "nobody serves it yet");
        world.obey();
        world.settle();
        world.goes_on(9);
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
    empty.goes_on(10);
    assert_eq!(empty.state(), (State::Succeeded, 3, 0));
}

#[test]
fn a_wave_that_takes_too_long_is_taken_back() {
    let mut world = World::new(2, manner(&waves(&["1"]), &gates()));
    world.settle();
    world.goes_on(109);
    assert_eq!(world.state().0, State::InProgress);
    world.goes_on(1);
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
    let mut world = World::serving(4, by_hand.clone());
    world.goes_on(10);
    assert_eq!(world.state(), (State::Paused, 1, 1));
    world.goes_on(1000);
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

#[test]
fn it_starts_when_its_time_has_come() {
    let mut world = World::new(1, manner(&[], &gates()));
    world.rollout.deployment.scheduled_for = world.rollout.now.checked_add(SignedDuration::from_secs(60)).ok();
    world.goes_on(59);
    assert_eq!(world.state().0, State::Scheduled);
    world.goes_on(1);
    assert_eq!(world.state().0, State::InProgress);
}
