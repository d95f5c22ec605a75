//! What comes next for a deployment.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::gate::{self, Breach};
use super::manner::{OnFailure, Promotion};
use crate::domain::deployment::{Deployment, State};
use crate::domain::id::DataPlaneId;
use crate::domain::node::{Node, Traffic};

/// A deployment at some moment.
#[derive(Debug, Clone)]
pub struct Rollout {
    /// The deployment.
    pub deployment: Deployment,
    /// Whom it was let to.
    pub members: BTreeMap<DataPlaneId, Member>,
    /// The data planes that it is for: its selector chooses them, and no deployment that started later has reached them.
    pub nodes: Vec<Node>,
    /// What time it is, by the database's clock.
    pub now: Timestamp,
}

/// A data plane that a deployment was let to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// In which wave.
    pub wave: i64,
    /// When.
    pub joined_at: Timestamp,
    /// What its traffic with the artifact had come to by then.
    pub before: Traffic,
}

/// A data plane that a deployment is let to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Join {
    /// Which.
    pub data_plane: DataPlaneId,
    /// What its traffic with the artifact has come to by now.
    pub before: Traffic,
}

/// A wave that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// Which, from 1.
    pub number: i64,
    /// Who is new in it.
    pub joining: Vec<Join>,
}

/// What comes next for a deployment.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It starts, with a wave if there is anybody for one.
    Start(Option<Wave>),
    /// A wave begins.
    Begin(Wave),
    /// In its last wave, others came.
    Admit(Vec<Join>),
    /// Every data plane of the wave serves it.
    Bake,
    /// One of them does not any more.
    Unsettle,
    /// The wave is well, and somebody has to say so.
    AwaitPromotion,
    /// The last wave is well.
    Succeed,
    /// A gate is breached, and it goes no further.
    Pause(Breach),
    /// A gate is breached, and whom it has reached goes back.
    RollBack(Breach),
}

impl Step {
    /// What it is called in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Begin(_) => "begin",
            Self::Admit(_) => "admit",
            Self::Bake => "bake",
            Self::Unsettle => "unsettle",
            Self::AwaitPromotion => "await promotion",
            Self::Succeed => "succeed",
            Self::Pause(_) => "pause",
            Self::RollBack(_) => "roll back",
        }
    }

    /// Whether pointers are issued with it.
    pub fn is_signed(&self) -> bool {
        match self {
            Self::Start(_) | Self::RollBack(_) => true,
            Self::Begin(_)
            | Self::Admit(_)
            | Self::Bake
            | Self::Unsettle
            | Self::AwaitPromotion
            | Self::Succeed
            | Self::Pause(_) => false,
        }
    }
}

impl Rollout {
    /// What comes next; nothing, where it has to wait for something.
    pub fn next(&self) -> Option<Step> {
        match self.deployment.state {
            State::Scheduled => {
                let is_due = self.deployment.scheduled_for.is_none_or(|time| time <= self.now);
                is_due.then(|| Step::Start(self.wave_after(0)))
            }
            State::InProgress => self.judged().or_else(|| self.onward()),
            // Whom it has reached serves it all the same.
            State::Paused => self.judged().filter(|step| matches!(step, Step::RollBack(_))),
            State::Succeeded | State::Failed | State::Aborted | State::RolledBack | State::Superseded => None,
        }
    }

    /// Whom it was let to, of those that it is for.
    pub(super) fn members(&self) -> impl Iterator<Item = (&Node, Member)> {
        self.nodes.iter().filter_map(|node| Some((node, *self.members.get(&node.id)?)))
    }

    fn judged(&self) -> Option<Step> {
        gate::breach(self).map(|breach| self.halted(breach))
    }

    fn halted(&self, breach: Breach) -> Step {
        match self.deployment.manner.on_failure {
            OnFailure::Rollback => Step::RollBack(breach),
            OnFailure::Pause => Step::Pause(breach),
        }
    }

    fn onward(&self) -> Option<Step> {
        let deployment = &self.deployment;
        // Nobody was there to begin with, or somebody said that it shall go on.
        if !deployment.is_for_everyone() && deployment.promoted >= deployment.wave {
            return self.wave_after(deployment.promoted).map(Step::Begin).or_else(|| self.too_slow());
        }
        if deployment.is_for_everyone() {
            let others: Vec<Join> = self.others().map(|node| self.join(node)).collect();
            if !others.is_empty() {
                return Some(Step::Admit(others));
            }
        }
        match (self.is_settled(), deployment.baking_since) {
            (true, None) if deployment.manner.gates.bake_seconds == 0 => self.well(),
            (true, None) => Some(Step::Bake),
            (true, Some(since)) if self.is_over(since, deployment.manner.gates.bake_seconds) => self.well(),
            (false, Some(_)) => Some(Step::Unsettle),
            (true, Some(_)) | (false, None) => self.too_slow(),
        }
    }

    /// The wave is well.
    fn well(&self) -> Option<Step> {
        let deployment = &self.deployment;
        if deployment.is_for_everyone() {
            return Some(Step::Succeed);
        }
        match deployment.manner.promotion {
            Promotion::Manual => Some(Step::AwaitPromotion),
            Promotion::Automatic => self.wave_after(deployment.wave).map(Step::Begin),
        }
    }

    /// Whether every data plane of the wave that is there has made up its mind. A wave of which nobody is there tells
    /// nothing, and is not settled unless it is the last.
    fn is_settled(&self) -> bool {
        let deployment = &self.deployment;
        let present: Vec<&Node> = self.wave_members().filter(|node| node.is_online()).collect();
        let is_enough = deployment.is_for_everyone() || !present.is_empty() || self.wave_members().next().is_none();
        is_enough && present.iter().all(|node| self.is_serving(node) || self.has_refused(node))
    }

    /// Whether a data plane has said that it does not serve it: whether so many may is the gates' business.
    pub(super) fn has_refused(&self, node: &Node) -> bool {
        let member = self.members.get(&node.id);
        member.is_some_and(|member| node.refusal(self.deployment.artifact, member.joined_at).is_some())
    }

    fn wave_members(&self) -> impl Iterator<Item = &Node> {
        let wave = self.deployment.wave;
        self.members().filter(move |(_, member)| member.wave == wave).map(|(node, _)| node)
    }

    /// Whether a data plane serves the artifact because of this deployment.
    pub(super) fn is_serving(&self, node: &Node) -> bool {
        let least = self.deployment.pointer_serial.and_then(|serial| u64::try_from(serial).ok()).unwrap_or_default();
        let took = |serial: Option<std::num::NonZeroU64>| serial.is_some_and(|serial| serial.get() >= least);
        node.serves(self.deployment.artifact) && node.instances.iter().all(|instance| took(instance.pointer_serial))
    }

    /// Those that are there, and that it was not let to.
    fn others(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_online() && !self.members.contains_key(&node.id))
    }

    fn join(&self, node: &Node) -> Join {
        Join { data_plane: node.id, before: node.traffic_with(self.deployment.artifact) }
    }

    /// The wave to begin after this one: the next that lets it to anybody else. None, where nobody is there who could
    /// tell how it is.
    fn wave_after(&self, wave: i64) -> Option<Wave> {
        let sizes = self.deployment.manner.strategy.sizes();
        let online = self.nodes.iter().filter(|node| node.is_online()).count();
        let reached = self.members().count();
        let begun = usize::try_from(wave).unwrap_or_default();
        let next = sizes.iter().enumerate().skip(begun).find_map(|(index, size)| {
            let room = size.of(online).saturating_sub(reached);
            let joining: Vec<Join> = self.others().take(room).map(|node| self.join(node)).collect();
            (!joining.is_empty()).then_some((index, joining))
        });
        if let Some((index, joining)) = next {
            return Some(Wave { number: i64::try_from(index).ok()?.checked_add(1)?, joining });
        }
        let is_blind = begun < sizes.len() && online == 0 && !self.nodes.is_empty();
        let everyone = || self.others().map(|node| self.join(node)).collect();
        (!is_blind).then(|| Wave { number: self.deployment.waves, joining: everyone() })
    }

    fn is_over(&self, since: Timestamp, seconds: u32) -> bool {
        since.checked_add(SignedDuration::from_secs(i64::from(seconds))).is_ok_and(|end| end <= self.now)
    }

    fn too_slow(&self) -> Option<Step> {
        let deployment = &self.deployment;
        let gates = &deployment.manner.gates;
        let began = deployment.wave_began_at.or(deployment.started_at)?;
        if !self.is_over(began, gates.wave_seconds_max.saturating_add(gates.bake_seconds)) {
            return None;
        }
        let all = self.wave_members().count();
        let serving = self.wave_members().filter(|node| self.is_serving(node)).count();
        Some(self.halted(Breach::TooSlow { wave: deployment.wave, serving, all }))
    }
}
