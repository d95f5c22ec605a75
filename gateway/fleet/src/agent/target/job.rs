//! The way of one artifact: fetched, noted, loaded, put to work; or tried again.

use std::time::Duration;

use artifact_format::container::Digest;

use super::super::backoff::Backoff;
use super::super::connection::ASKED_MAX;
use super::super::record::Taken;
use super::super::{Effect, Failure, FailureKind, Moment, Source, Ticket};
use super::{Refusal, SETTLES_AFTER, TOLD_FROM, Target};

/// The pointer that is being followed.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) taken: Taken,
    pub(super) source: Source,
    pub(super) step: Step,
    pub(super) backoff: Backoff,
    pub(super) failure: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// To be tried again: at the latest then, and not before somebody's `Retry-After` is over.
    Paused {
        until: Duration,
        asked: Duration,
    },
    Fetching(Ticket),
    /// Here, and waiting until what is being loaded is out of the way.
    Fetched,
    Noting(Ticket),
    Loading(Ticket),
}

impl Target {
    /// An artifact may be had elsewhere, too: where it is tried in vain, it is tried there at once.
    pub(in super::super) fn is_offered(&mut self, artifact: Digest, elsewhere: Source, moment: Moment) {
        if let Some(job) = &mut self.job
            && job.taken.artifact == artifact
            && job.source != elsewhere
            && matches!(job.step, Step::Paused { .. })
        {
            job.source = elsewhere;
            job.step = Step::Paused { until: moment.now, asked: moment.now };
        }
    }

    /// The artifact is here, whole, or not.
    pub(in super::super) fn fetched(
        &mut self,
        ticket: Ticket,
        fetched: Result<(), Failure>,
        (moment, effects): (Moment, &mut Vec<Effect>),
    ) {
        let Some(job) = self.job.as_mut().filter(|job| job.step == Step::Fetching(ticket)) else { return };
        match fetched {
            Ok(()) => {
                job.failure = None;
                job.step = Step::Fetched;
                self.note(effects);
            }
            Err(failure) => self.fails(failure, moment),
        }
    }

    /// Writes down what is about to be tried, once nothing else is.
    fn note(&mut self, effects: &mut Vec<Effect>) {
        let ready = self.job.as_ref().filter(|job| job.step == Step::Fetched && self.loading.is_none());
        let Some(artifact) = ready.map(|job| job.taken.artifact) else { return };
        self.record.begin_trial(artifact);
        let ticket = self.persist(effects);
        if let Some(job) = &mut self.job {
            job.step = Step::Noting(ticket);
        }
    }

    /// The artifact was built, or refused.
    pub(in super::super) fn loaded(
        &mut self,
        ticket: Ticket,
        loaded: Result<(), Failure>,
        (moment, effects): (Moment, &mut Vec<Effect>),
    ) {
        let Some((_, digest)) = self.loading.take_if(|(loading, _)| *loading == ticket) else { return };
        let is_wanted = self.job.as_ref().is_some_and(|job| job.step == Step::Loading(ticket));
        match loaded {
            Ok(()) if is_wanted => self.swap(digest, moment, effects),
            Ok(()) => {
                self.record.call_off_trial(digest);
                self.persist(effects);
                self.note(effects);
            }
            Err(failure) => {
                self.record.call_off_trial(digest);
                self.persist(effects);
                if is_wanted {
                    self.fails(failure, moment);
                }
                self.note(effects);
            }
        }
    }

    fn swap(&mut self, digest: Digest, moment: Moment, effects: &mut Vec<Effect>) {
        effects.push(Effect::Swap { digest });
        // Not what came with the command line, which is not in the state folder.
        let last = [self.deployed(), self.record.current, self.record.previous];
        let before = last.into_iter().flatten().find(|last| *last != digest);
        if let Some(before) = self.deployed().filter(|running| *running != digest) {
            self.record.suspend_trial(before);
        }
        for left in last.into_iter().flatten().filter(|left| Some(*left) != before && *left != digest) {
            self.record.end_trial(left);
        }
        self.record.previous = before;
        self.record.current = Some(digest);
        self.running = Some(digest);
        self.job = None;
        self.refused_artifact = None;
        self.set_aside = None;
        self.settles_at = Some(moment.now + SETTLES_AFTER);
        self.persist(effects);
    }

    /// The job came to nothing, for now or for good.
    pub(super) fn fails(&mut self, failure: Failure, moment: Moment) {
        let Some(mut job) = self.job.take() else { return };
        let asked = moment.now.saturating_add(failure.retry_after.unwrap_or_default().min(ASKED_MAX));
        let until = asked.max(moment.now + job.backoff.pause(moment.random));
        match failure.kind {
            FailureKind::Refused => {
                self.refused_artifact = Some(Refusal { digest: job.taken.artifact, failure });
                return;
            }
            FailureKind::Damaged => job.failure = Some(failure),
            FailureKind::Unavailable if job.backoff.tries() >= TOLD_FROM => job.failure = Some(failure),
            FailureKind::Unavailable => {}
        }
        job.step = Step::Paused { until, asked };
        self.job = Some(job);
    }

    /// The control plane is there again: what failed for want of it is tried without delay.
    pub(in super::super) fn hurries(&mut self, moment: Moment) {
        if let Some(Job { step: Step::Paused { until, asked }, source, .. }) = &mut self.job {
            *source = Source::ControlPlane;
            *until = (*until).min(moment.now.max(*asked));
        }
    }
}

pub(super) fn fetch(ticket: Ticket, taken: Taken, source: Source) -> Effect {
    Effect::Fetch { ticket, digest: taken.artifact, length: taken.length, source }
}
