//! Whether a wave is well.

use std::fmt;

use super::engine::Rollout;
use super::manner::Gates;
use crate::domain::deployment::{Reason, ReasonCode};
use crate::domain::node::Traffic;

/// Which gate was breached, and how.
#[derive(Debug, Clone, PartialEq)]
pub enum Breach {
    /// More data planes refused the artifact than may.
    Rejected {
        /// How many did.
        count: usize,
        /// How many may.
        max: u32,
        /// One of them, and what it says.
        example: String,
    },
    /// More requests failed than may.
    ErrorRate {
        /// Of which wave.
        wave: i64,
        /// Of which requests of it.
        over: Over,
        /// Which share did.
        share: f64,
        /// Which share may.
        max: f64,
        /// Of how many.
        requests: i64,
    },
    /// Requests took longer than they may.
    Latency {
        /// Of which wave.
        wave: i64,
        /// Of which requests of it.
        over: Over,
        /// How long they took, in milliseconds.
        p99_ms: f64,
        /// How long they may take.
        max_ms: f64,
    },
    /// A wave took longer than it may.
    TooSlow {
        /// Which wave.
        wave: i64,
        /// How many of its data planes serve.
        serving: usize,
        /// With how many data planes it began.
        all: usize,
        /// How many of those are not there any more.
        missing: usize,
    },
}

/// Which requests of a wave are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// All of them.
    All,
    /// Those of the last minutes: what went well for hours does not make up for them.
    Last,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { count: 1, example, .. } => write!(f, "a data plane refused it: {example}"),
            Self::Rejected { count, max, example } => {
                write!(f, "{count} data planes refused it, and {max} may: {example}")
            }
            Self::ErrorRate { wave, over, share, max, requests } => {
                let (share, max) = (share * 100.0, max * 100.0);
                let which = match over {
                    Over::All => "the",
                    Over::Last => "the last",
                };
                write!(f, "{share:.2}% of {which} {requests} requests of wave {wave} failed, and {max:.2}% may")
            }
            Self::Latency { wave, over, p99_ms, max_ms } => {
                let which = match over {
                    Over::All => "",
                    Over::Last => "the last requests of ",
                };
                write!(f, "the 99th percentile of {which}wave {wave} is {p99_ms:.1} ms, and may be {max_ms:.1} ms")
            }
            Self::TooSlow { wave, serving, all, missing: 0 } => {
                write!(f, "wave {wave} took too long: {serving} of {all} data planes serve it")
            }
            Self::TooSlow { wave, serving, all, missing } => {
                write!(f, "wave {wave} took too long: {serving} of {all} data planes serve it, and {missing} are gone")
            }
        }
    }
}

impl From<&Breach> for Reason {
    fn from(breach: &Breach) -> Self {
        let code = match breach {
            Breach::Rejected { .. } => ReasonCode::Rejected,
            Breach::ErrorRate { .. } => ReasonCode::ErrorRate,
            Breach::Latency { .. } => ReasonCode::Latency,
            Breach::TooSlow { .. } => ReasonCode::TooSlow,
        };
        Self { code, detail: breach.to_string() }
    }
}

/// The first gate that is breached, in any wave that nobody answers for.
pub(super) fn breach(rollout: &Rollout) -> Option<Breach> {
    rejections(rollout).or_else(|| {
        let deployment = &rollout.deployment;
        ((deployment.promoted + 1)..=deployment.wave).find_map(|wave| traffic_breach(rollout, wave))
    })
}

fn rejections(rollout: &Rollout) -> Option<Breach> {
    let deployment = &rollout.deployment;
    let max = deployment.manner.gates.max_rejections;
    let refused: Vec<String> = rollout
        .members()
        .filter(|(_, member)| member.wave > deployment.promoted)
        .filter_map(|(node, member)| {
            let refusal = node.refusal(deployment.artifact, member.joined_at)?;
            Some(format!("{}: {} ({})", node.name, refusal.detail, refusal.code))
        })
        .collect();
    let is_too_many = refused.len() > usize::try_from(max).unwrap_or(usize::MAX);
    let example = refused.first()?.clone();
    is_too_many.then_some(Breach::Rejected { count: refused.len(), max, example })
}

fn traffic_breach(rollout: &Rollout, wave: i64) -> Option<Breach> {
    let gates = &rollout.deployment.manner.gates;
    let judged = [(Over::All, rollout.traffic(wave)), (Over::Last, rollout.recent_traffic(wave))];
    judged.into_iter().find_map(|(over, traffic)| breach_of(gates, (wave, over), traffic))
}

fn breach_of(gates: &Gates, (wave, over): (i64, Over), traffic: Traffic) -> Option<Breach> {
    if traffic.requests < i64::from(gates.min_requests) {
        return None;
    }
    if let Some(max) = gates.max_error_rate.filter(|max| traffic.error_share() > *max) {
        let (share, requests) = (traffic.error_share(), traffic.requests);
        return Some(Breach::ErrorRate { wave, over, share, max, requests });
    }
    let max_ms = gates.max_p99_ms.filter(|max| traffic.p99_ms() > *max)?;
    Some(Breach::Latency { wave, over, p99_ms: traffic.p99_ms(), max_ms })
}
