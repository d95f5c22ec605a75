//! How far a deployment is, for people.

use serde::Serialize;

use super::engine::Rollout;
use super::remark;
use crate::domain::node::Node;

/// How far a deployment is.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = DeploymentProgress)]
pub struct Progress {
    /// How many data planes it is for: its selector chooses them, and no deployment that started later has reached them.
    /// Where it was withdrawn, or decides nothing any more: no other one has.
    pub data_planes: usize,
    /// How many of them are online.
    pub online: usize,
    /// How many of them serve it.
    pub serving: usize,
    /// Each wave that has begun.
    pub waves: Vec<WaveProgress>,
}

/// How far a wave is.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WaveProgress {
    /// Which, from 1.
    pub wave: i64,
    /// How many data planes it was let to.
    pub data_planes: usize,
    /// How many of them are online.
    pub online: usize,
    /// How many of them serve it.
    pub serving: usize,
    /// How many of them refuse it.
    pub rejected: usize,
    /// How many of those with whom it began are not there any more, or not with every process.
    pub missing: usize,
    /// How many requests they have answered since they serve it.
    pub requests: i64,
    /// Whether that is too few to judge it by, where a gate does.
    pub unjudged: bool,
    /// Which share of them with a status of 500 and above, from 0 to 1.
    pub error_rate: f64,
    /// The 99th percentile, averaged over all of them, in milliseconds.
    pub p99_ms: f64,
}

impl Rollout {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        let count = |holds: &dyn Fn(&Node) -> bool| self.nodes.iter().filter(|node| holds(node)).count();
        Progress {
            data_planes: self.nodes.len(),
            online: count(&Node::is_online),
            serving: count(&|node| self.is_serving(node)),
            waves: (1..=self.deployment.wave).map(|wave| self.progress_of(wave)).collect(),
        }
    }

    fn progress_of(&self, wave: i64) -> WaveProgress {
        let members: Vec<_> = self.members().filter(|(_, member)| member.wave == wave).collect();
        let count = |holds: &dyn Fn(&Node) -> bool| members.iter().filter(|(node, _)| holds(node)).count();
        let traffic = self.traffic(wave);
        WaveProgress {
            wave,
            data_planes: members.len(),
            online: count(&Node::is_online),
            serving: count(&|node| self.is_serving(node)),
            rejected: count(&|node| self.has_refused(node)),
            missing: self.missing(wave).count(),
            requests: traffic.requests,
            unjudged: remark::unjudged(self, wave).is_some(),
            error_rate: traffic.error_share(),
            p99_ms: traffic.p99_ms(),
        }
    }
}
