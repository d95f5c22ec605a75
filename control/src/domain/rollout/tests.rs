//! The engine over fleets that do as a test says.

mod absence;
mod gates;
mod judged;
mod waves;
mod whatever;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

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

    /// One whose first wave serves it.
    fn serving(nodes: usize, manner: Manner) -> Self {
        let mut world = Self::new(nodes, manner);
        world.settle();
        world.obey();
        world.settle();
        world
    }

    /// Takes the steps there are after so long.
    fn goes_on(&mut self, seconds: i64) {
        self.pass(seconds);
        self.settle();
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
