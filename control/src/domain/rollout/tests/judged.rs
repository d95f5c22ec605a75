//! Waves that enough serve or too few, and that gates on requests have seen enough of or too little.

use super::*;
use crate::domain::deployment::ReasonCode;

/// With a gate on requests.
fn judging() -> GatesWanted {
    GatesWanted { max_error_rate: Some(0.01), ..gates() }
}

fn reason(world: &World) -> Option<ReasonCode> {
    world.rollout.deployment.reason.as_ref().map(|reason| reason.code)
}

/// What became of a data plane with which a wave began.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Serves,
    Refuses,
    /// It has said nothing yet.
    Loads,
    Away,
    Offline,
}

impl World {
    /// Its only wave so far began with these, and answered so many requests.
    fn came_to(&mut self, fates: &[Fate], requests: u64) {
        self.settle();
        self.obey();
        for (index, fate) in fates.iter().enumerate() {
            let instances = &mut self.rollout.nodes[index].instances;
            match fate {
                Fate::Serves => {}
                Fate::Refuses => {
                    *instances = vec![instance(index)];
                    self.refuse(index);
                }
                Fate::Loads => *instances = vec![instance(index)],
                Fate::Away => self.away(index),
                Fate::Offline => instances.clear(),
            }
        }
        self.serve(0, (requests, 0), 1.0);
        self.settle();
        self.goes_on(10);
    }
}

/// Enough serve it, and what was asked to be judged was judged.
#[test]
fn what_a_wave_passes_with() {
    use Fate::{Away, Loads, Offline, Refuses, Serves};
    // With others after it, and as the last.
    let cases: [(&[Fate], u64, (bool, bool)); 14] = [
        (&[Serves], 100, (true, true)),
        (&[Serves], 99, (false, false)),
        (&[Serves, Loads], 100, (false, false)),
        (&[Loads], 100, (false, false)),
        (&[Serves, Refuses], 100, (true, true)),
        (&[Serves, Refuses, Refuses], 100, (true, true)),
        (&[Refuses], 100, (false, false)),
        (&[Serves, Away], 100, (false, true)),
        (&[Serves, Offline], 100, (false, true)),
        (&[Serves, Serves, Away], 100, (true, true)),
        (&[Serves, Refuses, Away], 100, (false, true)),
        (&[Serves, Away, Offline], 100, (false, false)),
        (&[Refuses, Away], 100, (false, false)),
        (&[Away], 100, (false, false)),
    ];
    for (fates, requests, (expected, expected_last)) in cases {
        let wanted = GatesWanted { max_rejections: Some(9), ..judging() };
        let size = waves(&[fates.len().to_string().as_str()]);
        let mut world = World::new(fates.len() + 1, manner(&size, &wanted));
        world.came_to(fates, requests);
        assert_eq!(world.state().1 == 2, expected, "{fates:?} {requests}");
        let mut world = World::new(fates.len(), manner(&[], &wanted));
        world.came_to(fates, requests);
        assert_eq!(world.state().0 == State::Succeeded, expected_last, "{fates:?} {requests}, last");
    }
}

#[test]
fn what_is_not_judged_yet_is_waited_for() {
    for (sizes, nodes) in [(waves(&["1"]), 2), (waves(&[]), 1)] {
        let mut world = World::new(nodes, manner(&sizes, &judging()));
        world.came_to(&[Fate::Serves], 0);
        world.serve(0, (60, 60), 1.0);
        world.goes_on(50);
        assert_eq!(world.state(), (State::InProgress, 1, 1), "of 60 requests nothing is known");
        world.serve(0, (40, 40), 1.0);
        world.settle();
        assert_eq!(world.state(), (State::RolledBack, 1, 1));
    }
}

/// In the end, somebody: a data plane without traffic says nothing of an artifact.
#[test]
fn what_nothing_judges_waits_for_somebody() {
    for promotion in [Promotion::Automatic, Promotion::Manual] {
        let mut world = World::new(2, Manner { promotion, ..manner(&waves(&["1"]), &judging()) });
        world.came_to(&[Fate::Serves], 99);
        world.goes_on(99);
        assert_eq!(world.state(), (State::InProgress, 1, 1));
        world.goes_on(1);
        assert_eq!((world.state().0, reason(&world)), (State::Paused, Some(ReasonCode::Unjudged)));

        // It goes on waiting, if somebody says so.
        let deployment = &mut world.rollout.deployment;
        (deployment.state, deployment.wave_began_at) = (State::InProgress, Some(world.rollout.now));
        world.settle();
        world.goes_on(109);
        assert_eq!(world.state().0, State::InProgress);
        world.goes_on(1);
        assert_eq!(world.state(), (State::Paused, 1, 1));

        // Or it goes on; and the last wave, which waits as well, is answered for.
        (world.rollout.deployment.promoted, world.rollout.deployment.state) = (1, State::InProgress);
        world.settle();
        world.obey();
        world.settle();
        world.goes_on(110);
        assert_eq!(world.state(), (State::Paused, 2, 2));
        assert!(world.rollout.deployment.is_halted());
        (world.rollout.deployment.promoted, world.rollout.deployment.state) = (2, State::InProgress);
        world.settle();
        assert_eq!(world.state().0, State::Succeeded);
    }
}

#[test]
fn what_waits_for_somebody_is_judged_as_soon_as_it_can_be() {
    let mut world = World::new(2, manner(&waves(&["1"]), &judging()));
    world.came_to(&[Fate::Serves], 0);
    world.goes_on(100);
    assert_eq!(world.state().0, State::Paused);
    world.serve(0, (100, 2), 1.0);
    world.settle();
    assert_eq!(world.state().0, State::RolledBack);
}

#[test]
fn what_is_not_judged_goes_on_where_somebody_said_so_before() {
    let wanted = GatesWanted { on_unjudged: Some(OnUnjudged::Continue), ..judging() };
    let mut world = World::new(2, manner(&waves(&["1"]), &wanted));
    world.came_to(&[Fate::Serves], 0);
    assert_eq!(world.state(), (State::InProgress, 2, 2));
    world.obey();
    world.settle();
    world.goes_on(10);
    assert_eq!(world.state().0, State::Succeeded);
}

/// Nobody is in the last wave, or there is nobody at all.
#[test]
fn there_is_nothing_to_judge_where_nobody_is() {
    let mut world = World::new(1, manner(&waves(&["1"]), &judging()));
    world.came_to(&[Fate::Serves], 100);
    world.goes_on(10);
    assert_eq!(world.state(), (State::Succeeded, 2, 1));

    let mut world = World::new(0, manner(&[], &judging()));
    world.settle();
    world.goes_on(10);
    assert_eq!(world.state(), (State::Succeeded, 1, 0));

    // Who comes while it lasts is no reason to wait for requests.
    let mut world = World::new(1, manner(&waves(&["1"]), &judging()));
    world.came_to(&[Fate::Serves], 100);
    world.rollout.nodes.push(node(1));
    world.goes_on(5);
    assert_eq!(world.state(), (State::InProgress, 2, 2));
    world.obey();
    world.settle();
    world.goes_on(10);
    assert_eq!(world.state(), (State::Succeeded, 2, 2));
}
