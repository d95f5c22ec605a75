//! The record, given out to be written: again, until it is.

use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::container::Digest;

use super::super::backoff::Backoff;
use super::super::{Effect, Failure, Moment, Ticket};
use super::Target;
use super::job::Step;

/// The record is not on disk.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) failure: Failure,
    pub(super) backoff: Backoff,
    pub(super) retry_at: Duration,
}

impl Target {
    /// Why the record is not on disk.
    pub(in super::super) fn unwritten(&self) -> Option<&Failure> {
        self.unwritten.as_ref().map(|unwritten| &unwritten.failure)
    }

    /// This trust root is believed: to be remembered, lest older ones be believed after it is lost.
    pub(in super::super) fn believed(&mut self, root: Option<NonZeroU64>, effects: &mut Vec<Effect>) {
        if self.record.root_version < root {
            self.record.root_version = root;
            self.persist(effects);
        }
    }

    /// The record is on disk, or not. Says what is to be loaded then.
    pub(in super::super) fn persisted(
        &mut self,
        ticket: Ticket,
        persisted: Result<(), Failure>,
        moment: Moment,
    ) -> Option<(Ticket, Digest)> {
        let failure = persisted.err();
        match &failure {
            None if ticket == self.newest => self.unwritten = None,
            None => {}
            Some(failure) => {
                let mut backoff = self.unwritten.as_ref().map_or_else(Backoff::default, |unwritten| unwritten.backoff);
                let retry_at = moment.now + backoff.pause(moment.random);
                self.unwritten = Some(Unwritten { failure: failure.clone(), backoff, retry_at });
            }
        }
        let noted = self.job.as_ref().filter(|job| job.step == Step::Noting(ticket))?;
        let artifact = noted.taken.artifact;
        if let Some(failure) = failure {
            // What cannot be written down is not tried: nobody would know after it ended the process.
            self.record.call_off_trial(artifact);
            self.fails(failure, moment);
            return None;
        }
        let ticket = self.ticket();
        self.loading = Some((ticket, artifact));
        if let Some(job) = &mut self.job {
            job.step = Step::Loading(ticket);
        }
        self.loading
    }

    pub(super) fn persist(&mut self, effects: &mut Vec<Effect>) -> Ticket {
        let ticket = self.ticket();
        self.newest = ticket;
        effects.push(Effect::Persist { ticket, record: Box::new(self.record.clone()) });
        ticket
    }
}
