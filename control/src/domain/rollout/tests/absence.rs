//! Data planes that are away, that are gone, and that come.

use super::*;

#[test]
fn who_is_away_holds_nobody_up_and_vouches_for_nobody() {
    for (size, expected, why) in [("3", 2, "two of three are enough"), ("2", 1, "one of two is not")] {
        let mut world = World::new(5, manner(&waves(&[size]), &gates()));
        world.rollout.nodes[4].instances.clear();
        world.settle();
        world.obey();
        world.rollout.nodes[0].instances.clear();
        world.settle();
        world.goes_on(10);
        assert_eq!(world.state().1, expected, "{why}");
    }

    let mut world = World::new(3, manner(&waves(&["1"]), &gates()));
    world.settle();
    world.obey();
    world.rollout.nodes[0].instances.clear();
    world.settle();
    world.goes_on(60);
    assert_eq!(world.state().1, 1, "none is not");

    let mut world = World::new(1, manner(&waves(&["1"]), &gates()));
    world.rollout.nodes[0].instances.clear();
    world.settle();
    world.goes_on(1_000_000);
    assert_eq!(world.state(), (State::InProgress, 0, 0), "nobody is there to tell, and nobody is slow");
    world.rollout.nodes[0].instances.push(instance(0));
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 1, 1));
}

/// Of five, four are gone: the one that is left does not vouch for them.
#[test]
fn a_wave_that_is_lost_does_not_vouch() {
    let mut world = World::serving(9, manner(&waves(&["5"]), &gates()));
    for index in 0..4 {
        world.rollout.nodes[index].instances.clear();
    }
    world.goes_on(10);
    assert_eq!(world.state(), (State::InProgress, 1, 5));
    // Back again, they have to last as long as the others.
    for index in 0..4 {
        world.rollout.nodes[index].instances.push(instance(index));
    }
    world.obey();
    world.settle();
    world.goes_on(9);
    assert_eq!(world.state().1, 1);
    world.goes_on(1);
    assert_eq!(world.state().1, 2);

    let mut world = World::new(9, manner(&waves(&["5"]), &gates()));
    world.settle();
    world.obey();
    (0..4).for_each(|index| world.rollout.nodes[index].instances.clear());
    world.goes_on(110);
    assert_eq!(world.state(), (State::RolledBack, 1, 5), "and it is not waited for ever");
}

/// Its connection is lost, and nobody knows yet whether it is.
#[test]
fn who_is_away_is_waited_for() {
    let mut world = World::serving(2, manner(&waves(&["1"]), &gates()));
    world.away(0);
    world.goes_on(10);
    assert_eq!(world.state().1, 1);
    // It is back: that it was away for a moment makes nobody begin anew.
    world.rollout.nodes[0].instances = vec![instance(0)];
    world.obey();
    world.settle();
    assert_eq!(world.state().1, 2);

    // A process that came instead is not enough, while the one before may still come back.
    let mut world = World::serving(2, manner(&waves(&["1"]), &gates()));
    world.away(0);
    world.rollout.nodes[0].instances.push(instance(7));
    world.obey();
    world.goes_on(10);
    assert_eq!(world.state().1, 1);
    world.rollout.nodes[0].instances.remove(0);
    world.settle();
    assert_eq!(world.state().1, 2);
}

/// A canary is somebody who answers; and that all who might be one are away is no reason to go to everyone.
#[test]
fn who_is_away_is_no_canary() {
    let mut world = World::new(3, manner(&waves(&["1"]), &gates()));
    world.away(0);
    world.settle();
    assert_eq!(world.rollout.members.keys().copied().collect::<Vec<_>>(), [node(1).id]);

    let mut world = World::new(2, manner(&waves(&["1"]), &gates()));
    (0..2).for_each(|index| world.away(index));
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 0, 0));
    world.rollout.nodes[1].instances = vec![instance(1)];
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 1, 1));
}

/// As after a restart of the control plane, which everybody comes back from.
#[test]
fn who_is_away_as_the_last_wave_begins_is_waited_for() {
    let mut world = World::new(2, manner(&[], &GatesWanted::default()));
    (0..2).for_each(|index| world.away(index));
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 1, 2), "nobody serves it");
    (0..2).for_each(|index| world.rollout.nodes[index].instances = vec![instance(index)]);
    world.settle();
    assert_eq!(world.state().0, State::InProgress, "they are back, and do not serve it yet");
    world.obey();
    world.settle();
    assert_eq!(world.state(), (State::Succeeded, 1, 2));

    // The first that is back does not vouch for the others, and what those say counts.
    for (refuses, expected) in [(false, State::Succeeded), (true, State::RolledBack)] {
        let mut world = World::new(4, manner(&[], &GatesWanted::default()));
        (1..4).for_each(|index| world.away(index));
        world.settle();
        world.obey();
        world.settle();
        assert_eq!(world.state(), (State::InProgress, 1, 4), "one of four");
        world.rollout.nodes[1].instances = vec![instance(1)];
        world.obey();
        if refuses {
            world.refuse(1);
        }
        world.settle();
        assert_eq!(world.state().0, expected, "two of four");
    }

    // After a canary it is the same.
    let mut world = World::new(3, manner(&waves(&["1"]), &gates()));
    (1..3).for_each(|index| world.away(index));
    world.settle();
    world.obey();
    world.settle();
    world.goes_on(10);
    world.goes_on(10);
    assert_eq!(world.state(), (State::InProgress, 2, 3));
}

/// Those who do not come back are waited for as long as any wave, and those who are gone are not waited for at all.
#[test]
fn who_stays_away_is_waited_for_as_long_as_a_wave_may_take() {
    let mut world = World::new(2, manner(&[], &gates()));
    (0..2).for_each(|index| world.away(index));
    world.settle();
    world.goes_on(109);
    assert_eq!(world.state().0, State::InProgress);
    world.goes_on(1);
    assert_eq!(world.state().0, State::RolledBack);

    let mut world = World::new(2, manner(&[], &GatesWanted::default()));
    (0..2).for_each(|index| world.rollout.nodes[index].instances.clear());
    world.settle();
    assert_eq!(world.state(), (State::Succeeded, 1, 0));
}

/// Somebody answers for a wave whose time is up, while everybody else comes back from a restart of the control plane.
#[test]
fn what_somebody_answers_for_is_not_slow_whoever_is_away() {
    let by_hand = Manner { promotion: Promotion::Manual, ..manner(&waves(&["1", "50%"]), &gates()) };
    let mut world = World::serving(4, by_hand);
    world.goes_on(10);
    assert_eq!(world.state(), (State::Paused, 1, 1));
    (0..4).for_each(|index| world.away(index));
    (world.rollout.deployment.promoted, world.rollout.deployment.state) = (1, State::InProgress);
    world.goes_on(1000);
    assert_eq!(world.state(), (State::InProgress, 1, 1), "nobody is there for the next wave");
    (0..4).for_each(|index| world.rollout.nodes[index].instances = vec![instance(index)]);
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 2, 2));
}

/// Fleets grow while they are deployed to.
#[test]
fn who_comes_during_the_last_wave_holds_nobody_up() {
    let mut world = World::serving(2, manner(&[], &gates()));
    for count in 2..5 {
        world.pass(4);
        world.rollout.nodes.push(node(count));
        world.settle();
    }
    assert_eq!(world.state(), (State::Succeeded, 1, 5), "{:?}", world.taken);

    // And it is theirs, too: what they say of it counts.
    let mut world = World::serving(2, manner(&[], &gates()));
    world.pass(4);
    world.rollout.nodes.push(node(2));
    world.settle();
    world.refuse(2);
    world.settle();
    assert_eq!(world.state().0, State::RolledBack);
}

/// The canary is all that is there. Another one comes for a moment, is told, and goes before it serves it.
#[test]
fn who_comes_to_a_last_wave_that_began_with_nobody_holds_nobody_up() {
    let mut world = World::new(2, manner(&waves(&["1"]), &gates()));
    world.rollout.nodes[1].instances.clear();
    world.settle();
    world.obey();
    world.settle();
    world.goes_on(10);
    assert_eq!(world.state(), (State::InProgress, 2, 1), "the last wave is baking");
    world.pass(4);
    world.rollout.nodes[1].instances.push(instance(1));
    world.settle();
    assert_eq!(world.state(), (State::InProgress, 2, 2));
    world.rollout.nodes[1].instances.clear();
    world.settle();
    world.goes_on(6);
    assert_eq!(world.state(), (State::Succeeded, 2, 2), "{:?}", world.taken);
}

/// Every process of a fleet is replaced by another one, as a new image is rolled out.
#[test]
fn who_comes_instead_vouches_in_the_last_wave() {
    let mut world = World::new(3, manner(&[], &gates()));
    world.settle();
    world.obey();
    for index in 0..3 {
        world.pass(1);
        world.rollout.nodes[index].instances.clear();
        world.rollout.nodes.push(node(3 + index));
        world.settle();
        world.obey();
        world.settle();
    }
    world.goes_on(10);
    assert_eq!(world.state(), (State::Succeeded, 1, 6));
}
