//! Pointers that are offered: when each is looked at, and by whose keys.

use std::time::Duration;

use artifact_format::pointer::{Error, SignedPointer};

use super::later::{Later, moment_within};
use super::roots::Change;
use super::{Agent, Asking, Effect, Failure, Moment, Offer, Source};
use crate::message::{Alarm, Offered, Wanted};

/// The code of an artifact that nobody who is believed signed.
const UNTRUSTED: &str = "untrusted";

/// A pointer that was offered.
#[derive(Debug, Clone)]
pub(super) struct Considered {
    pointer: SignedPointer,
    source: Source,
    judged: Judged,
}

/// Whether somebody said already if a pointer is to be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    Yes,
    /// A newer trust root is named and did not come yet, and the pointer may be signed by a key that only that one names.
    NotYet,
}

impl Agent {
    pub(super) fn wants(&mut self, wanted: Wanted, moment: Moment, effects: &mut Vec<Effect>) {
        let within = Duration::from_millis(wanted.fetch_within_ms);
        self.roots.told(wanted.root_version, within, (moment, effects));
        if let Some(pointer) = wanted.pointer {
            self.reads(pointer, within, (moment, effects));
        } else {
            (self.later, self.offered, self.unreadable) = (None, None, None);
            self.target.unwanted(effects);
        }
    }

    /// The control plane wants this to be followed, within so long.
    pub(super) fn reads(&mut self, offered: Offered, within: Duration, (moment, effects): (Moment, &mut Vec<Effect>)) {
        self.unreadable = None;
        let before = self.later.take();
        let unreadable = match offered {
            Offered::Readable(pointer) if within.is_zero() || !self.target.can_wait(pointer.artifact()) => {
                return self.consider(*pointer, Source::ControlPlane, (moment, effects));
            }
            Offered::Readable(pointer) => {
                // Whoever says it again does not put it off.
                let at = before.filter(|later| later.pointer.artifact() == pointer.artifact()).map(|later| later.at);
                let at = at.unwrap_or_else(|| moment_within(within, moment));
                self.later = Some(Later { at, pointer: *pointer });
                return;
            }
            Offered::Unreadable(unreadable) => unreadable,
        };
        let (code, detail) = (unreadable.code(), format!("the pointer cannot be read: {}", unreadable.detail));
        if let Some(artifact) = unreadable.artifact() {
            self.target.refuse(artifact, Failure::refused(code, detail.clone()));
        }
        self.unreadable = Some(Alarm { code: code.to_owned(), detail });
    }

    /// Looks whether a pointer is to be followed: at once, or when it is known whom to believe.
    pub(super) fn consider(
        &mut self,
        pointer: SignedPointer,
        source: Source,
        (moment, effects): (Moment, &mut Vec<Effect>),
    ) {
        let artifact = pointer.artifact();
        let is_new = self.target.record().wanted().is_none_or(|taken| taken.floor.serial != pointer.serial());
        if is_new && self.target.record().needed().all(|needed| needed != artifact) {
            // The newest root may name who signed the artifact, however well the pointer is believed.
            self.roots.hurries(effects);
        }
        let judge = |pointer: SignedPointer| pointer.verify(&self.roots.of_pointers(), &self.target.record().project);
        let verdict = if self.roots.is_unsettled() { None } else { Some(judge(pointer.clone())) };
        let verdict = verdict.filter(|verdict| !matches!(verdict, Err(Error::Trust(_))) || !self.roots.is_awaited());
        let judged = if verdict.is_some() { Judged::Yes } else { Judged::NotYet };
        self.offered = Some(Considered { pointer, source, judged });
        match verdict {
            Some(Ok(pointer)) => self.target.take(&pointer, source, (moment, effects)),
            Some(Err(error)) => self.target.refuse(artifact, Failure::from(&error)),
            None if is_new => self.roots.hurries(effects),
            // What was taken goes on without.
            None => {}
        }
    }

    /// An artifact that nobody who is believed signed may be signed by a key that only the root names that does not come:
    /// then that is what fails.
    pub(super) fn excuses(&self, failure: Failure) -> Failure {
        match self.roots.missing() {
            Some(missing) if failure.code == UNTRUSTED => {
                let detail = format!("{}; the newest trust root does not come: {}", failure.detail, missing.detail);
                Failure::unavailable(missing.code, detail)
            }
            Some(_) | None => failure,
        }
    }

    /// Others may be believed now, or nobody else will be for a while: what was offered is looked at again.
    pub(super) fn believes(&mut self, change: Change, moment: Moment, effects: &mut Vec<Effect>) {
        if change == Change::Believed {
            self.target.reconsiders();
            self.target.believed(self.roots.version(), effects);
            self.judging = self.target.deployed().map(|digest| {
                let ticket = self.target.ticket();
                effects.push(Effect::Judge { ticket, digest, trust: self.roots.of_artifacts() });
                ticket
            });
        }
        let Some(Considered { pointer, source, judged }) = self.offered.clone() else { return };
        if change == Change::Believed || judged == Judged::NotYet {
            self.consider(pointer, source, (moment, effects));
        }
    }

    pub(super) fn bootstrapped(
        &mut self,
        answer: Result<Box<Offer>, Failure>,
        moment: Moment,
        effects: &mut Vec<Effect>,
    ) {
        let Asking::Waiting(mut backoff) = std::mem::replace(&mut self.asking, Asking::Never) else { return };
        self.asking = Asking::At(moment.now + backoff.pause(moment.random).max(Duration::from_millis(100)), backoff);
        let Ok(offer) = answer else { return };
        let Offer { pointer, roots } = *offer;
        let change = self.roots.offered(roots, effects);
        // What serves by now, or is on its way, or comes from a control plane that is there by now, is better.
        if self.needs_bootstrap() {
            self.target.is_offered(pointer.artifact(), Source::Bootstrap, moment);
            self.offered = Some(Considered { pointer, source: Source::Bootstrap, judged: Judged::NotYet });
        }
        self.believes(change, moment, effects);
    }
}
