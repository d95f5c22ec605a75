//! What is said of a wave that was well, where that means less than it could.

use super::engine::Rollout;
use crate::domain::deployment::{Reason, ReasonCode};

/// Why it means less that a wave was well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// There are gates on requests, and it has answered too few to be judged by them.
    Unjudged {
        /// Which wave.
        wave: i64,
        /// How many it has answered.
        requests: i64,
        /// From how many on it would have been judged.
        min_requests: u32,
    },
    /// Some of those with whom it began are not there any more.
    Lost {
        /// Which wave.
        wave: i64,
        /// How many.
        missing: usize,
        /// Of how many.
        all: usize,
    },
}

impl From<&Remark> for Reason {
    fn from(remark: &Remark) -> Self {
        match remark {
            Remark::Unjudged { wave, requests, min_requests } => Self {
                code: ReasonCode::Unjudged,
                detail: format!("wave {wave} was not judged by its {requests} requests: that takes {min_requests}"),
            },
            Remark::Lost { wave, missing, all } => Self {
                code: ReasonCode::Lost,
                detail: format!("{missing} of the {all} data planes with which wave {wave} began are gone"),
            },
        }
    }
}

/// What is to be said of the wave that is under way, as it passes.
pub(super) fn on(rollout: &Rollout) -> Vec<Remark> {
    unjudged(rollout, rollout.deployment.wave).into_iter().chain(lost(rollout)).collect()
}

/// Whether some of those are gone with whom the wave that is under way began.
pub(super) fn lost(rollout: &Rollout) -> Option<Remark> {
    let wave = rollout.deployment.wave;
    let missing = rollout.missing(wave).count();
    (missing > 0).then(|| Remark::Lost { wave, missing, all: rollout.founders(wave).count() })
}

/// Whether there are gates on requests, and a wave has answered too few to be judged by them. One that began with nobody
/// has nothing to be judged by, whoever comes to it since.
pub(super) fn unjudged(rollout: &Rollout, wave: i64) -> Option<Remark> {
    let gates = &rollout.deployment.manner.gates;
    let requests = rollout.traffic(wave).requests;
    let min_requests = gates.min_requests;
    let is_judged = !gates.judge_requests() || requests >= i64::from(min_requests);
    let is_empty = rollout.founders(wave).next().is_none();
    (!is_judged && !is_empty).then_some(Remark::Unjudged { wave, requests, min_requests })
}
