//! Fleets that do whatever they like.

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::*;

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

fn events() -> impl Strategy<Value = Vec<Event>> {
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

fn sizes() -> impl Strategy<Value = Vec<Share>> {
    let size = prop_oneof![(1..8_u32).prop_map(Share::Count), (1..=100_u8).prop_map(Share::Percent)];
    proptest::collection::vec(size, 0..4)
}

proptest! {
    /// Whatever a fleet does: never more than a wave's data planes get it (which `begin` asserts), waves and members
    /// only grow, nothing begins after a breach or before it is judged, and there is an end to it, unless nobody is
    /// there to begin with.
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
            let is_unjudged = |wave: &i64| remark::unjudged(&world.rollout, *wave).is_some();
            let over = (1..world.rollout.deployment.wave).find(is_unjudged);
            prop_assert!(!waits || over.is_none(), "wave {over:?} was over before it was judged");
        }
        // Left alone, it ends, in so much time as its waves may take.
        let waves = world.rollout.deployment.waves + 1;
        for _ in 0..(waves * 2) {
            world.goes_on(110);
        }
        let (state, wave, _) = world.state();
        let is_there = |node: &Node| node.instances.iter().any(Instance::is_connected);
        let waits = wave == 0 && !world.rollout.nodes.iter().any(is_there);
        prop_assert!(state.is_final() || state == State::Paused || waits, "{:?}", world.state());
    }
}
