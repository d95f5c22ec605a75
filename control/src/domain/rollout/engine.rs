//! What comes next for a deployment.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::gate::{self, Breach};
use super::manner::{OnFailure, OnUnjudged, Promotion};
use super::remark::{self, Remark};
use crate::domain::deployment::{Deployment, Reason, ReasonCode, State};
use crate::domain::id::DataPlaneId;
use crate::domain::node::{Instance, Node, Traffic};

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
    /// What is to be said of the one before, which was well.
    pub remarks: Vec<Remark>,
}

/// What comes next for a deployment.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It starts, with a wave if there is anybody for one.
    Start(Option<Wave>),
    /// A wave begins.
    Begin(Wave),
    /// Its last wave has begun, for everyone: these were there, or may be back in a moment. They are told first, and
    /// written down then.
    Found(Vec<Join>),
    /// In its last wave, others came.
    Admit(Vec<Join>),
    /// Every data plane of the wave serves it.
    Bake,
    /// One of them does not any more.
    Unsettle,
    /// Somebody has to say that it shall go on.
    AwaitPromotion {
        /// Why: the wave is well, or nothing has judged it.
        reason: Reason,
        /// What else is to be said of the wave.
        remarks: Vec<Remark>,
    },
    /// The last wave is well.
    Succeed(Vec<Remark>),
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
            Self::Found(_) => "found",
            Self::Admit(_) => "admit",
            Self::Bake => "bake",
            Self::Unsettle => "unsettle",
            Self::AwaitPromotion { .. } => "await promotion",
            Self::Succeed(_) => "succeed",
            Self::Pause(_) => "pause",
            Self::RollBack(_) => "roll back",
        }
    }

    /// Whether everybody that it is for is told at once.
    pub fn tells_everyone(&self) -> bool {
        match self {
            Self::Start(Some(wave)) | Self::Begin(wave) => wave.joining.is_empty(),
            Self::RollBack(_) => true,
            Self::Start(None)
            | Self::Found(_)
            | Self::Admit(_)
            | Self::Bake
            | Self::Unsettle
            | Self::AwaitPromotion { .. }
            | Self::Succeed(_)
            | Self::Pause(_) => false,
        }
    }

    /// Whether pointers are issued with it.
    pub fn is_signed(&self) -> bool {
        match self {
            Self::Start(_) | Self::RollBack(_) => true,
            Self::Begin(_)
            | Self::Found(_)
            | Self::Admit(_)
            | Self::Bake
            | Self::Unsettle
            | Self::AwaitPromotion { .. }
            | Self::Succeed(_)
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

    /// What the traffic of a wave with the artifact has come to, since each of its data planes was let to it.
    pub(super) fn traffic(&self, wave: i64) -> Traffic {
        self.traffic_since(wave, |_, member| member.before)
    }

    /// The same, of the last five minutes, or up to ten.
    pub(super) fn recent_traffic(&self, wave: i64) -> Traffic {
        let artifact = self.deployment.artifact;
        self.traffic_since(wave, |node, member| member.before.max(node.earlier_with(artifact)))
    }

    fn traffic_since(&self, wave: i64, before: impl Fn(&Node, Member) -> Traffic) -> Traffic {
        let artifact = self.deployment.artifact;
        let members = self.members().filter(|(_, member)| member.wave == wave);
        members.fold(Traffic::default(), |sum, (node, member)| {
            sum.plus(node.traffic_with(artifact).since(before(node, member)))
        })
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
        // Somebody answers for the last wave.
        if deployment.is_for_everyone() && deployment.promoted >= deployment.wave {
            return Some(Step::Succeed(Vec::new()));
        }
        // Nobody was there to begin with, or somebody said that it shall go on.
        if !deployment.is_for_everyone() && deployment.promoted >= deployment.wave {
            // Where nobody is there for the next one, it waits. What is past is not slow: somebody answers for that.
            return self.wave_after(deployment.promoted).map(Step::Begin);
        }
        if deployment.is_for_everyone() {
            // One that nobody is in is settled at once: where its bake has begun, it has begun with nobody.
            let is_first = deployment.baking_since.is_none() && self.wave_members().next().is_none();
            // It begins with those that are away, too: a fleet that is about to come back is not nobody.
            let came = self.others().filter(|node| is_first || answers(node));
            let came: Vec<Join> = came.map(|node| self.join(node)).collect();
            if !came.is_empty() {
                return Some(if is_first { Step::Found(came) } else { Step::Admit(came) });
            }
        }
        let bake_seconds = deployment.manner.gates.bake_seconds;
        match (self.is_settled(), deployment.baking_since) {
            (true, None) if bake_seconds > 0 => Some(Step::Bake),
            (false, Some(_)) => Some(Step::Unsettle),
            (true, since) if since.is_none_or(|since| self.is_over(since, bake_seconds)) && self.is_enough() => {
                self.lasted()
            }
            _ => self.too_slow(),
        }
    }

    /// Enough of the wave serve it, and have for long enough. It is well once what was to be judged was judged, too:
    /// where too little was seen, it is waited for, and in the end somebody is asked.
    fn lasted(&self) -> Option<Step> {
        let unjudged = remark::unjudged(self, self.deployment.wave);
        match (unjudged, self.deployment.manner.gates.on_unjudged) {
            (None, _) | (Some(_), OnUnjudged::Continue) => self.well(),
            (Some(unjudged), OnUnjudged::Wait) => self.is_time_up().then(|| {
                let Reason { code, detail } = Reason::from(&unjudged);
                let reason = Reason { code, detail: format!("{detail}; promote it, or resume it to wait on") };
                Step::AwaitPromotion { reason, remarks: remark::lost(self).into_iter().collect() }
            }),
        }
    }

    /// The wave is well.
    fn well(&self) -> Option<Step> {
        let deployment = &self.deployment;
        let remarks = remark::on(self);
        if deployment.is_for_everyone() {
            return Some(Step::Succeed(remarks));
        }
        match deployment.manner.promotion {
            Promotion::Manual => {
                let detail = format!("wave {} is well; promote it", deployment.wave);
                Some(Step::AwaitPromotion { reason: Reason { code: ReasonCode::PromotionAwaited, detail }, remarks })
            }
            Promotion::Automatic => self.wave_after(deployment.wave).map(|wave| Step::Begin(Wave { remarks, ..wave })),
        }
    }

    /// Whether a data plane has said that it does not serve it: whether so many may is the gates' business.
    pub(super) fn has_refused(&self, node: &Node) -> bool {
        let member = self.members.get(&node.id);
        member.is_some_and(|member| node.refusal(self.deployment.artifact, member.joined_at).is_some())
    }

    /// Whether a data plane serves the artifact because of this deployment.
    pub(super) fn is_serving(&self, node: &Node) -> bool {
        let least = self.deployment.pointer_serial.and_then(|serial| u64::try_from(serial).ok()).unwrap_or_default();
        let took = |serial: Option<std::num::NonZeroU64>| serial.is_some_and(|serial| serial.get() >= least);
        let does = |instance: &Instance| instance.is_connected() && took(instance.pointer_serial);
        node.serves(self.deployment.artifact) && node.instances.iter().all(does)
    }

    /// Those that are there or away, and that it was not let to.
    fn others(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_online() && !self.members.contains_key(&node.id))
    }

    /// Those of them that answer.
    fn candidates(&self) -> impl Iterator<Item = &Node> {
        self.others().filter(|node| answers(node))
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
        if begun < sizes.len() && online == 0 && !self.nodes.is_empty() {
            return None;
        }
        for (index, size) in sizes.iter().enumerate().skip(begun) {
            let room = size.of(online).saturating_sub(reached);
            // Whoever could be in it is away: that is no reason to pass over it.
            if room > 0 && self.others().next().is_some() && self.candidates().next().is_none() {
                return None;
            }
            let joining: Vec<Join> = self.candidates().take(room).map(|node| self.join(node)).collect();
            if !joining.is_empty() {
                let number = i64::try_from(index).ok()?.checked_add(1)?;
                return Some(Wave { number, joining, remarks: Vec::new() });
            }
        }
        // Ten thousand are told at once; that they were is written down after that.
        Some(Wave { number: self.deployment.waves, joining: Vec::new(), remarks: Vec::new() })
    }

    fn is_over(&self, since: Timestamp, seconds: u32) -> bool {
        since.checked_add(SignedDuration::from_secs(i64::from(seconds))).is_ok_and(|end| end <= self.now)
    }

    /// Whether the wave has had all the time that it may take.
    fn is_time_up(&self) -> bool {
        let deployment = &self.deployment;
        let gates = &deployment.manner.gates;
        let seconds = gates.wave_seconds_max.saturating_add(gates.bake_seconds);
        deployment.wave_began_at.or(deployment.started_at).is_some_and(|began| self.is_over(began, seconds))
    }

    fn too_slow(&self) -> Option<Step> {
        let wave = self.deployment.wave;
        self.is_time_up().then(|| {
            let all = self.founders(wave).count();
            let serving = self.founders(wave).filter(|node| self.is_serving(node)).count();
            self.halted(Breach::TooSlow { wave, serving, all, missing: self.missing(wave).count() })
        })
    }
}

/// Whether any of its processes is connected.
fn answers(node: &Node) -> bool {
    node.instances.iter().any(Instance::is_connected)
}
