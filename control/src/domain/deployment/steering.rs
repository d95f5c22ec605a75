//! What somebody says to a deployment that is under way, and what follows.

use jiff::Timestamp;

use super::{Deployment, PromoteTo, Reason, State};
use crate::domain::error::Error;

/// What somebody says to a deployment that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    /// Go no further.
    Pause,
    /// Go on.
    Resume,
    /// Let the next wave begin, or the last one, whatever the gates say.
    Promote(PromoteTo),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steered {
    /// It does so from now on.
    Now,
    /// It did so before, and nothing changed.
    Already,
}

impl Deployment {
    /// Does what somebody says, at this time.
    ///
    /// # Errors
    /// [`Conflict`](Error::Conflict), where it is not under way, or there is nothing to promote it to.
    pub fn steer(&mut self, how: Steering, (who, now): (&str, Timestamp)) -> Result<Steered, Error> {
        match (how, self.state) {
            (_, State::Scheduled) => {
                return Err(Error::Conflict("it has not started: wait for it, or abort it".to_owned()));
            }
            (_, state) if state.is_final() => return Err(self.has_ended()),
            (Steering::Pause, State::Paused) | (Steering::Resume, State::InProgress) => return Ok(Steered::Already),
            (Steering::Pause, _) => {
                self.state = State::Paused;
                self.reason = Some(Reason::by_hand(who));
                return Ok(Steered::Now);
            }
            (Steering::Resume, _) => {
                // It was not looked at in the meantime: what it waits for begins anew.
                self.wave_began_at = Some(now);
                self.baking_since = None;
            }
            // Whoever answers for it ends it well.
            (Steering::Promote(_), _) if self.is_for_everyone() && self.is_halted() => self.promoted = self.wave,
            (Steering::Promote(_), _) if self.is_for_everyone() => {
                return Err(Error::Conflict("it is in its last wave: there is none to promote it to".to_owned()));
            }
            (Steering::Promote(PromoteTo::Next), _) => self.promoted = self.wave,
            (Steering::Promote(PromoteTo::Everyone), _) => self.promoted = self.waves - 1,
        }
        self.state = State::InProgress;
        self.reason = None;
        Ok(Steered::Now)
    }

    /// Why one that has ended does not go on.
    pub fn has_ended(&self) -> Error {
        Error::Conflict(format!(
            "deployment {} has ended: it {}",
            self.serial,
            match self.state {
                State::Succeeded => "succeeded",
                State::Failed => "failed",
                State::Aborted => "was aborted",
                State::RolledBack => "was rolled back",
                State::Superseded => "was superseded",
                State::Scheduled | State::InProgress | State::Paused => "goes on",
            }
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deployment::{ReasonCode, deployed};
    use crate::domain::digest::Digest;
    use crate::domain::rollout::{Gates, GatesWanted, Manner, OnFailure, Promotion, Share, Strategy};

    /// One of three waves, in this one.
    fn of(state: State, wave: i64) -> Deployment {
        let strategy = Strategy::Waves { sizes: vec![Share::Count(1), Share::Count(2)] };
        let gates = Gates::of(&GatesWanted::default(), &strategy);
        let (promotion, on_failure) = (Promotion::Automatic, OnFailure::Rollback);
        let manner = Manner { strategy, promotion, gates, on_failure, unpin: false };
        Deployment { state, wave, ..deployed(Digest([1; 32]), manner) }
    }

    /// What comes of it: its state then, and up to which wave it was promoted. None: it is refused.
    fn check(mut deployment: Deployment, how: Steering, expected: Option<(Steered, State, i64)>) {
        let before = deployment.clone();
        let steered = deployment.steer(how, ("tester", Timestamp::UNIX_EPOCH)).ok();
        let found = steered.map(|steered| (steered, deployment.state, deployment.promoted));
        assert_eq!(found, expected, "{how:?} of {before:?}");
        if found.is_none_or(|(steered, ..)| steered == Steered::Already) {
            assert_eq!(deployment, before);
        }
    }

    #[test]
    fn it_goes_as_somebody_says() {
        let (next, everyone) = (Steering::Promote(PromoteTo::Next), Steering::Promote(PromoteTo::Everyone));
        check(of(State::InProgress, 1), Steering::Pause, Some((Steered::Now, State::Paused, 0)));
        check(of(State::Paused, 1), Steering::Pause, Some((Steered::Already, State::Paused, 0)));
        check(of(State::InProgress, 1), Steering::Resume, Some((Steered::Already, State::InProgress, 0)));
        check(of(State::Paused, 1), Steering::Resume, Some((Steered::Now, State::InProgress, 0)));
        check(of(State::Paused, 1), next, Some((Steered::Now, State::InProgress, 1)));
        check(of(State::InProgress, 1), everyone, Some((Steered::Now, State::InProgress, 2)));
        for how in [Steering::Pause, Steering::Resume, next] {
            check(of(State::Scheduled, 0), how, None);
            check(of(State::Superseded, 1), how, None);
        }
    }

    #[test]
    fn its_last_wave_is_answered_for_where_a_gate_halted_it() {
        let next = Steering::Promote(PromoteTo::Next);
        check(of(State::InProgress, 3), next, None);
        let reason = Some(Reason { code: ReasonCode::Rejected, detail: String::new() });
        let halted = Deployment { reason, ..of(State::Paused, 3) };
        check(halted, next, Some((Steered::Now, State::InProgress, 3)));
    }

    #[test]
    fn what_was_paused_begins_its_wave_anew() {
        let now: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
        let mut deployment = Deployment { baking_since: Some(Timestamp::UNIX_EPOCH), ..of(State::Paused, 1) };
        deployment.steer(Steering::Resume, ("tester", now)).unwrap();
        assert_eq!((deployment.wave_began_at, deployment.baking_since), (Some(now), None));
    }
}
