//! What can be seen of the conversation from outside.

use std::num::NonZeroU64;

use fleet::message::{Alarm, Phase};
use serde::Serialize;

use super::{Connected, moment};
use crate::reload::Rejected;

/// How it stands with the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Where it is.
    pub url: String,
    /// Whether it knows this data plane now.
    pub connected: bool,
    /// What this data plane is doing about what it is to serve.
    pub phase: Phase,
    /// The artifact that it is to serve.
    pub desired: Option<String>,
    /// The newest pointer that it ever took.
    pub pointer_serial: Option<NonZeroU64>,
    /// When that one expires, in seconds since 1970-01-01T00:00:00Z.
    pub pointer_expires_at: Option<u64>,
    /// The trust root that it believes.
    pub root_version: Option<NonZeroU64>,
    /// What somebody should look at.
    pub alarms: Vec<Alarm>,
}

impl Connected {
    /// Says how it stands: in the log where something changed, and for whoever asks.
    pub(super) fn publish(&mut self) {
        let state = self.agent.state();
        if self.told.as_ref() != Some(&state.phase) {
            self.say(&state.phase);
            self.told = Some(state.phase.clone());
        }
        let taken = self.agent.record().taken;
        let mut alarms = self.agent.alarms(moment(self.began));
        alarms.extend(self.client.alarm());
        let report = Report {
            url: self.url.clone(),
            connected: self.agent.is_connected(),
            phase: state.phase,
            desired: self.agent.record().wanted().map(|wanted| wanted.artifact.to_string()),
            pointer_serial: state.pointer_serial,
            pointer_expires_at: taken.map(|taken| taken.expires_at),
            root_version: state.root_version,
            alarms,
        };
        let before = self.environment.metrics.control_plane().replace(report.clone());
        let before = before.unwrap_or_else(|| Report { connected: false, alarms: Vec::new(), ..report.clone() });
        match (before.connected, report.connected) {
            (false, true) => tracing::info!(control_plane = %self.url, "connected to the control plane"),
            (true, false) => tracing::warn!(control_plane = %self.url, "the control plane is away; what runs goes on"),
            (true, true) | (false, false) => {}
        }
        for Alarm { code, detail } in raised(&before.alarms, &report.alarms) {
            tracing::warn!(code, detail, "alarm");
        }
    }

    fn say(&mut self, phase: &Phase) {
        match phase {
            Phase::Waiting => self.waits(),
            Phase::Downloading { digest } => tracing::info!(sha256 = digest, "downloading"),
            Phase::Verifying { digest } => tracing::info!(sha256 = digest, "verifying"),
            Phase::Loading { digest } => tracing::info!(sha256 = digest, "loading"),
            Phase::Active { digest } => {
                self.swap.confirm();
                tracing::info!(sha256 = digest, "serving what was deployed");
            }
            Phase::Rejected { digest, code, detail, .. } => {
                self.refused = digest.parse().ok();
                let rejected = Rejected { digest: self.refused, code: code.clone().into(), message: detail.clone() };
                self.swap.refuse(rejected);
            }
            Phase::RolledBack { digest, detail } => {
                tracing::error!(sha256 = digest, detail, "rolled back to what served before");
            }
        }
    }

    /// What was refused is not wanted any more. What was refused of the command line's file is another matter.
    fn waits(&mut self) {
        let refused = self.refused.take();
        if refused.is_some() && refused == self.swap.rejected().and_then(|rejected| rejected.digest) {
            self.swap.confirm();
        }
        if let Some(digest) = self.agent.deployed() {
            tracing::info!(sha256 = %digest, "serving what was deployed before");
        } else {
            tracing::info!("waiting for something to be deployed");
        }
    }
}

/// Alarms of which there was none of the same code before: one that lasts is not new because a number in it changes.
fn raised<'a>(before: &'a [Alarm], now: &'a [Alarm]) -> impl Iterator<Item = &'a Alarm> {
    now.iter().filter(|alarm| before.iter().all(|earlier| earlier.code != alarm.code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_that_lasts_is_raised_once_whatever_number_is_in_it() {
        let alarm = |code: &str, detail: &str| Alarm { code: code.to_owned(), detail: detail.to_owned() };
        let before = [alarm("clock_skew", "301 seconds ahead")];
        let now = [alarm("clock_skew", "302 seconds ahead"), alarm("root_lost", "")];
        assert_eq!(raised(&[], &now).count(), 2);
        assert_eq!(raised(&before, &now).map(|alarm| alarm.code.as_str()).collect::<Vec<_>>(), ["root_lost"]);
        assert_eq!(raised(&now, &now).count(), 0);
    }
}
