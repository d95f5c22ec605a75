//! What somebody should look at.

use super::{Agent, Failure, Moment};
use crate::message::Alarm;

impl Agent {
    /// What somebody should look at now.
    pub fn alarms(&self, moment: Moment) -> Vec<Alarm> {
        let alarm = |code: &str, detail: String| Alarm { code: code.to_owned(), detail };
        let mut alarms = self.alarms.clone();
        alarms.extend(self.damaged.record.iter().chain(&self.damaged.root).cloned());
        if let Some(taken) = self.target.record().wanted().filter(|taken| taken.expires_at <= moment.unix_seconds) {
            let serial = taken.floor.serial;
            let detail = format!("pointer {serial} has expired, or this machine's clock is wrong: what runs goes on");
            alarms.push(alarm("pointer_expired", detail));
        }
        if let Some(skew) = self.clock.and_then(|clock| clock.skew(moment)) {
            let detail = format!("this machine's clock is {skew} seconds ahead of the control plane's");
            alarms.push(alarm("clock_skew", detail));
        }
        if let Some(failure) = self.target.unwritten().or(self.roots.unwritten()) {
            alarms.push(alarm(failure.code, failure.detail.clone()));
        }
        alarms.extend(self.unreadable.clone());
        if let Some((code, detail)) = self.connection.unwanted() {
            alarms.push(alarm(code, detail.clone()));
        }
        if let Some(detail) = &self.untrusted {
            alarms.push(alarm("running_untrusted", format!("what serves is not believed any more: {detail}")));
        }
        if let Some(version) = self.roots.lost() {
            let detail =
                format!("trust root {version} was believed and is lost: no pointer is taken until it is there");
            alarms.push(alarm("root_lost", detail));
        }
        if let Some(Failure { code, detail, .. }) = self.roots.failure() {
            alarms.push(alarm("root_unavailable", format!("the newest trust root does not come ({code}): {detail}")));
        }
        if let Some(error) = self.roots.refusal() {
            alarms.push(alarm("root_refused", error.to_string()));
        }
        alarms
    }
}
