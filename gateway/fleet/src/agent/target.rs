//! What is to be served, and the way there: fetch, note, load, swap, and a while of looking how it goes.
//!
//! `job` is the way of one artifact, `memory` what is written on it; here is which one is wanted.

mod job;
mod memory;

use std::time::Duration;

use artifact_format::container::Digest;
use artifact_format::limits::Limits;
use artifact_format::pointer::{Error, Pointer};

use self::job::{Job, Step, fetch};
use self::memory::Unwritten;
use super::backoff::Backoff;
use super::record::{Record, Taken};
use super::{Effect, Failure, Moment, Source, Ticket};
use crate::message::Phase;

/// How long an artifact serves before nobody doubts any more that it can.
pub const SETTLES_AFTER: Duration = Duration::from_secs(10);
/// What fails for want of a network or a disk is told from this try on: before, it is nobody's business.
pub(super) const TOLD_FROM: u32 = 3;

#[derive(Debug)]
pub(super) struct Target {
    record: Record,
    running: Option<Digest>,
    job: Option<Job>,
    /// What is being loaded, whether or not anybody still wants it: it cannot be called back.
    loading: Option<(Ticket, Digest)>,
    /// Why the pointer that was offered last is not followed: it is judged anew whenever it is offered.
    refused_pointer: Option<Refusal>,
    /// Why the artifact of the pointer that was taken does not serve: it is not tried again.
    refused_artifact: Option<Refusal>,
    set_aside: Option<Digest>,
    settles_at: Option<Duration>,
    tickets: Ticket,
    /// The newest record that was given out to be written.
    newest: Ticket,
    unwritten: Option<Unwritten>,
}

/// What was refused, and why.
#[derive(Debug, Clone)]
struct Refusal {
    digest: Digest,
    failure: Failure,
}

impl Target {
    /// With a record, and why it is not on the disk.
    pub(super) fn new((record, unwritten): (Record, Option<Failure>), running: Option<Digest>, moment: Moment) -> Self {
        let is_tried = running.is_some_and(|running| record.trials.contains_key(&running));
        let settles_at = is_tried.then(|| moment.now + SETTLES_AFTER);
        let unwritten =
            unwritten.map(|failure| Unwritten { failure, backoff: Backoff::default(), retry_at: moment.now });
        let (job, loading, refused_pointer, refused_artifact, set_aside) = (None, None, None, None, None);
        Self {
            record,
            running,
            job,
            loading,
            refused_pointer,
            refused_artifact,
            set_aside,
            settles_at,
            tickets: Ticket(0),
            newest: Ticket(0),
            unwritten,
        }
    }

    pub(super) fn was_set_aside(&mut self, digest: Digest) {
        self.set_aside = Some(digest);
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    pub(super) fn running(&self) -> Option<Digest> {
        self.running
    }

    /// What is served of what was deployed.
    pub(super) fn deployed(&self) -> Option<Digest> {
        self.running.filter(|running| self.record.has_served(*running))
    }

    /// Whether an artifact has to be fetched, and nothing is under way that it would have to stop.
    pub(super) fn can_wait(&self, artifact: Digest) -> bool {
        self.job.is_none() && self.record.needed().all(|needed| needed != artifact)
    }

    /// Whether an artifact is on its way. One that is only to be tried again is not.
    pub(super) fn is_busy(&self) -> bool {
        self.job.as_ref().is_some_and(|job| !matches!(job.step, Step::Paused { .. }))
    }

    /// Something is served that nobody deployed: it came with the command line.
    pub(super) fn serves(&mut self, digest: Digest) {
        self.running = Some(digest);
    }

    /// What to say of all this.
    pub(super) fn phase(&self) -> Phase {
        if let Some(Job { taken, step, failure, .. }) = &self.job {
            let digest = taken.artifact.to_string();
            return match (failure, step) {
                (Some(failure), _) => rejected(taken.artifact, failure),
                (None, Step::Paused { .. } | Step::Fetching(_)) => Phase::Downloading { digest },
                (None, Step::Fetched | Step::Noting(_)) => Phase::Verifying { digest },
                (None, Step::Loading(_)) => Phase::Loading { digest },
            };
        }
        let refusal = self.refused_pointer.as_ref().or(self.refused_artifact.as_ref());
        if let Some(Refusal { digest, failure }) = refusal {
            return rejected(*digest, failure);
        }
        // Unless it is not wanted any more: another pointer came, and no time to follow it before the process ended.
        let is_wanted = |digest: &Digest| self.record.taken.is_none_or(|taken| taken.artifact == *digest);
        if let Some(digest) = self.set_aside.filter(is_wanted) {
            let detail = "the process ended more than once while it was put to work".to_owned();
            return Phase::RolledBack { digest: digest.to_string(), detail };
        }
        match (self.record.taken, self.running) {
            (Some(taken), Some(running)) if taken.artifact == running => Phase::Active { digest: running.to_string() },
            _ => Phase::Waiting,
        }
    }

    /// A pointer is not to be followed.
    pub(super) fn refuse(&mut self, digest: Digest, failure: Failure) {
        self.refused_pointer = Some(Refusal { digest, failure });
    }

    /// A believed pointer of this project: follows it, unless it is too old or too late.
    pub(super) fn take(&mut self, pointer: &Pointer, source: Source, (moment, effects): (Moment, &mut Vec<Effect>)) {
        let offered = Taken::from(pointer);
        let is_new = self.record.wanted().is_none_or(|taken| taken.floor != offered.floor);
        if let Err(failure) = self.admit(pointer, moment) {
            return self.refuse(offered.artifact, failure);
        }
        self.refused_pointer = None;
        if !is_new {
            if let Some(job) = &mut self.job {
                job.source = source;
                return;
            }
            if !self.is_at_work(offered.artifact) && self.refused_artifact.is_none() {
                self.follow(offered, source, effects);
            }
            return;
        }
        self.record.taken = Some(offered);
        self.record.withdrawn = false;
        self.refused_artifact = None;
        self.persist(effects);
        self.collect(effects);
        self.follow(offered, source, effects);
    }

    /// Nobody wants any more what was to be served: what serves goes on, and nothing takes its place.
    pub(super) fn unwanted(&mut self, effects: &mut Vec<Effect>) {
        (self.refused_pointer, self.refused_artifact, self.set_aside) = (None, None, None);
        if self.record.wanted().is_some() {
            self.record.withdrawn = true;
            self.abandon(effects);
            self.persist(effects);
            self.collect(effects);
        }
    }

    /// Whether it is served, and would be after a restart.
    fn is_at_work(&self, digest: Digest) -> bool {
        self.running == Some(digest) && self.record.current == Some(digest)
    }

    fn admit(&self, pointer: &Pointer, moment: Moment) -> Result<(), Failure> {
        let most = Limits::DEFAULT.file_max_bytes;
        if pointer.length.get() > most {
            let detail = format!("the artifact has {} bytes, and at most {most} are read", pointer.length);
            return Err(Failure::refused("too_large", detail));
        }
        let Some(taken) = self.record.taken else { return in_time(pointer, moment) };
        taken.floor.admit(pointer).map_err(|error| Failure::from(&error))?;
        // What was taken in time stays taken.
        if taken.floor.serial == pointer.serial { Ok(()) } else { in_time(pointer, moment) }
    }

    /// Goes for what a pointer says; drops whatever else was under way.
    fn follow(&mut self, taken: Taken, source: Source, effects: &mut Vec<Effect>) {
        if let Some(job) = self.job.as_mut().filter(|job| job.taken.artifact == taken.artifact) {
            job.taken = taken;
            job.source = source;
            return;
        }
        self.abandon(effects);
        if self.record.is_quarantined(&taken.artifact) {
            if self.set_aside != Some(taken.artifact) {
                let detail = "it ended the process more than once: deploy another one, or send SIGHUP";
                let failure = Failure::refused("quarantined", detail.to_owned());
                self.refused_artifact = Some(Refusal { digest: taken.artifact, failure });
            }
            return;
        }
        self.set_aside = None;
        if self.is_at_work(taken.artifact) {
            return;
        }
        let ticket = self.ticket();
        self.job =
            Some(Job { taken, source, step: Step::Fetching(ticket), backoff: Backoff::default(), failure: None });
        effects.push(fetch(ticket, taken, source));
    }

    /// What is under way is not wanted any more.
    fn abandon(&mut self, effects: &mut Vec<Effect>) {
        let Some(Job { taken, step, .. }) = self.job.take() else { return };
        match step {
            Step::Fetching(ticket) => effects.push(Effect::CancelFetch { ticket }),
            // It will not be tried after all.
            Step::Noting(_) => self.record.call_off_trial(taken.artifact),
            Step::Paused { .. } | Step::Fetched | Step::Loading(_) => {}
        }
    }

    /// Others are believed now: what was refused may be believed.
    pub(super) fn reconsiders(&mut self) {
        (self.refused_pointer, self.refused_artifact) = (None, None);
    }

    /// What was set aside may be tried again, when it is offered again.
    pub(super) fn pardon(&mut self, effects: &mut Vec<Effect>) {
        if self.record.quarantined.is_empty() {
            return;
        }
        self.record.quarantined.clear();
        (self.refused_artifact, self.set_aside) = (None, None);
        self.persist(effects);
    }

    /// The process ends in order: nothing is doubted for that.
    pub(super) fn stop(&mut self, effects: &mut Vec<Effect>) {
        if let Some(Job { step: Step::Fetching(ticket), .. }) = self.job.take() {
            effects.push(Effect::CancelFetch { ticket });
        }
        if !self.record.trials.is_empty() || self.unwritten.is_some() {
            self.record.trials.clear();
            self.persist(effects);
        }
        self.settles_at = None;
        self.unwritten = None;
    }

    pub(super) fn wakes_at(&self) -> Option<Duration> {
        let paused = self.job.as_ref().and_then(|job| match job.step {
            Step::Paused { until, .. } => Some(until),
            Step::Fetching(_) | Step::Fetched | Step::Noting(_) | Step::Loading(_) => None,
        });
        let unwritten = self.unwritten.as_ref().map(|unwritten| unwritten.retry_at);
        [paused, unwritten, self.settles_at].into_iter().flatten().min()
    }

    pub(super) fn tick(&mut self, moment: Moment, effects: &mut Vec<Effect>) {
        let next = Ticket(self.tickets.0 + 1);
        if let Some(job) = &mut self.job
            && matches!(job.step, Step::Paused { until, .. } if until <= moment.now)
        {
            self.tickets = next;
            job.step = Step::Fetching(next);
            let fetch = fetch(next, job.taken, job.source);
            // It may have failed for want of room.
            self.collect(effects);
            effects.push(fetch);
        }
        if self.settles_at.is_some_and(|settles_at| settles_at <= moment.now) {
            self.settles_at = None;
            if let Some(running) = self.running {
                self.record.end_trial(running);
                self.persist(effects);
            }
            self.collect(effects);
        }
        if self.unwritten.as_ref().is_some_and(|unwritten| unwritten.retry_at <= moment.now) {
            self.collect(effects);
            self.persist(effects);
            if let Some(unwritten) = &mut self.unwritten {
                unwritten.retry_at = moment.now + unwritten.backoff.pause(moment.random).max(Duration::from_secs(1));
            }
        }
    }

    /// What is of no use any more makes room: of what was refused, and of what something else took the place of.
    fn collect(&self, effects: &mut Vec<Effect>) {
        let loading = self.loading.map(|(_, digest)| digest);
        let needed = self.record.needed().chain(self.running).chain(loading).collect();
        effects.push(Effect::Collect { needed });
    }

    /// A name that nothing else has.
    pub(super) fn ticket(&mut self) -> Ticket {
        self.tickets.0 += 1;
        self.tickets
    }
}

fn rejected(digest: Digest, Failure { code, detail, kind, .. }: &Failure) -> Phase {
    let (code, detail, outcome) = ((*code).to_owned(), detail.clone(), kind.rejection());
    Phase::Rejected { digest: digest.to_string(), code, detail, outcome }
}

fn in_time(pointer: &Pointer, moment: Moment) -> Result<(), Failure> {
    let expired = pointer.expired_for(moment.unix_seconds);
    expired.map_or(Ok(()), |seconds| Err(Failure::from(&Error::Expired { seconds })))
}
