//! The connection: when there is one, and how long its silence is borne.

use std::time::Duration;

use super::backoff::{Backoff, part};
use super::{Effect, Moment};
use crate::message::{Goodbye, Reason, Wanted};

/// How long an attempt to connect may take.
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// How long the control plane may take to answer `hello`.
const WELCOME_MAX: Duration = Duration::from_secs(10);
/// A connection that lasted so long was a good one.
const STABLE: Duration = Duration::from_mins(1);
/// The pause where coming back is of no use until somebody does something.
const HOPELESS: Duration = Duration::from_mins(1);
/// Whatever the control plane asks for, it is not waited for longer.
pub const ASKED_MAX: Duration = Duration::from_mins(10);
/// Between these lies the time from one heartbeat to the next.
const HEARTBEAT: [Duration; 2] = [Duration::from_millis(100), Duration::from_mins(10)];

/// Why no connection came about, or why it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The network, or a control plane that has no time. It may have said how long to stay away.
    Unavailable {
        /// How long.
        retry_after: Option<Duration>,
    },
    /// The control plane does not want this data plane: for its key, or since it was removed.
    Unwanted {
        /// Why, in a word that stays the same.
        code: &'static str,
        /// Why, for people.
        detail: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Apart { until: Duration },
    Connecting { until: Duration },
    Greeting { until: Duration },
    Established(Established),
    Stopped,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Established {
    since: Duration,
    heard: Duration,
    every: Duration,
    beats_at: Duration,
    /// When to go elsewhere.
    leaves_at: Option<Duration>,
}

/// What the clock brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Say that this data plane is alive.
    Heartbeat,
    /// Whoever was there is there no more.
    Lost,
}

#[derive(Debug)]
pub(super) struct Connection {
    state: State,
    /// Of attempts that nobody answered, or that somebody answered who does not want this data plane.
    failures: Backoff,
    /// Of those that were answered with how long to stay away.
    refusals: Backoff,
    /// Why the control plane does not want this data plane, until it does.
    unwanted: Option<(&'static str, String)>,
}

impl Connection {
    /// To be made at once.
    pub(super) fn new() -> Self {
        let (failures, refusals) = (Backoff::default(), Backoff::default());
        Self { state: State::Apart { until: Duration::ZERO }, failures, refusals, unwanted: None }
    }

    pub(super) fn is_established(&self) -> bool {
        matches!(self.state, State::Established(_))
    }

    /// Whether the last attempt came to nothing.
    pub(super) fn is_failing(&self) -> bool {
        !self.is_established() && self.failures.tries() + self.refusals.tries() > 0
    }

    pub(super) fn unwanted(&self) -> Option<&(&'static str, String)> {
        self.unwanted.as_ref()
    }

    /// The socket is open. False where nobody asked for one.
    pub(super) fn opened(&mut self, moment: Moment) -> Opened {
        match self.state {
            State::Connecting { .. } => {
                self.state = State::Greeting { until: moment.now + WELCOME_MAX };
                Opened::Greet
            }
            State::Apart { .. } | State::Greeting { .. } | State::Established(_) | State::Stopped => Opened::Unasked,
        }
    }

    /// There is none, or none any more.
    pub(super) fn ended(&mut self, ended: Ended, moment: Moment) {
        let since = match &self.state {
            State::Apart { .. } | State::Stopped => return,
            State::Connecting { .. } | State::Greeting { .. } => moment.now,
            State::Established(established) => established.since,
        };
        if moment.now.saturating_sub(since) >= STABLE {
            self.failures.reset();
            self.refusals.reset();
        }
        let pause = match ended {
            Ended::Unavailable { retry_after: None } => self.failures.pause(moment.random),
            Ended::Unavailable { retry_after: Some(asked) } => self.refused(asked, moment.random),
            Ended::Unwanted { code, detail } => {
                self.failures.pause(moment.random);
                self.unwanted = Some((code, detail));
                HOPELESS + part(HOPELESS / 6, moment.random)
            }
        };
        self.state = State::Apart { until: moment.now + pause };
    }

    /// How long to stay away after somebody said how long at least: up to as long again, so that not all are back at once,
    /// and never longer than [`ASKED_MAX`].
    ///
    /// Whoever asks for a second, again and again, has more than a busy second: so the pauses of these refusals grow, too,
    /// and the longer one counts. They grow by themselves: after a restart ten thousand had some attempts that nobody
    /// answered, and are then sent away for a while by a control plane that lets in so many a second. With all of that in one
    /// count, some would stay away for most of a minute that is enough for all to be back.
    fn refused(&mut self, asked: Duration, random: u64) -> Duration {
        let asked = asked.min(ASKED_MAX);
        let again = part(asked.min(ASKED_MAX.saturating_sub(asked)), random);
        self.refusals.pause(random).max(asked + again)
    }

    /// `welcome` came. False where it is not its turn.
    pub(super) fn welcomed(&mut self, wanted: &Wanted, moment: Moment) -> bool {
        let State::Greeting { .. } = self.state else { return false };
        self.unwanted = None;
        let every = every(wanted);
        self.state = State::Established(Established {
            since: moment.now,
            heard: moment.now,
            every,
            beats_at: moment.now + part(every, moment.random),
            leaves_at: None,
        });
        true
    }

    /// Anything came.
    pub(super) fn heard(&mut self, moment: Moment) {
        if let State::Established(established) = &mut self.state {
            established.heard = moment.now;
        }
    }

    /// The control plane says how often it wants to hear.
    pub(super) fn paced(&mut self, wanted: &Wanted, moment: Moment) {
        if let State::Established(established) = &mut self.state {
            let every = every(wanted);
            if every < established.every {
                established.beats_at = established.beats_at.min(moment.now + part(every, moment.random));
            }
            established.every = every;
        }
    }

    /// The control plane is about to end: to be left at a random moment.
    pub(super) fn drains(&mut self, within: Duration, moment: Moment) {
        if let State::Established(established) = &mut self.state {
            let leaves_at = moment.now + part(within.min(ASKED_MAX), moment.random);
            established.leaves_at = Some(established.leaves_at.map_or(leaves_at, |earlier| earlier.min(leaves_at)));
        }
    }

    /// The control plane says why it ends the connection.
    pub(super) fn dismissed(&mut self, goodbye: Goodbye, moment: Moment) {
        let ended = match goodbye.reason {
            Reason::Unauthorized => Ended::Unwanted { code: "unauthorized", detail: goodbye.detail },
            Reason::Removed => Ended::Unwanted { code: "removed", detail: goodbye.detail },
            // The same would be said again a moment later.
            Reason::Protocol => Ended::Unwanted { code: "protocol", detail: goodbye.detail },
            Reason::Disconnected | Reason::Silent | Reason::Ending | Reason::Other => {
                Ended::Unavailable { retry_after: None }
            }
        };
        self.ended(ended, moment);
    }

    /// Another key may change its mind: whoever waits for long does not.
    pub(super) fn hopes(&mut self, moment: Moment) {
        if let (State::Apart { until }, Some(_)) = (&mut self.state, &self.unwanted) {
            *until = moment.now;
        }
    }

    /// It is not to be made again.
    pub(super) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// When to look at the clock again.
    pub(super) fn wakes_at(&self) -> Option<Duration> {
        match &self.state {
            State::Apart { until } | State::Connecting { until } | State::Greeting { until } => Some(*until),
            State::Established(established) => {
                let Established { beats_at, leaves_at, .. } = *established;
                let wakes_at = beats_at.min(established.silent_at());
                Some(leaves_at.map_or(wakes_at, |leaves_at| wakes_at.min(leaves_at)))
            }
            State::Stopped => None,
        }
    }

    /// Looks at the clock.
    pub(super) fn tick(&mut self, moment: Moment, effects: &mut Vec<Effect>) -> Due {
        let now = moment.now;
        match &mut self.state {
            State::Apart { until } if *until <= now => {
                self.connect(moment, effects);
                Due::Nothing
            }
            State::Connecting { until } | State::Greeting { until } if *until <= now => {
                effects.push(Effect::Disconnect);
                self.ended(Ended::Unavailable { retry_after: None }, moment);
                Due::Lost
            }
            State::Established(established) if established.silent_at() <= now => {
                effects.push(Effect::Disconnect);
                self.ended(Ended::Unavailable { retry_after: None }, moment);
                Due::Lost
            }
            State::Established(Established { leaves_at: Some(leaves_at), .. }) if *leaves_at <= now => {
                effects.push(Effect::Disconnect);
                self.connect(moment, effects);
                Due::Nothing
            }
            State::Established(established) if established.beats_at <= now => {
                // A little sooner than asked: those who started together drift apart.
                established.beats_at = now + established.every * 9 / 10 + part(established.every / 10, moment.random);
                Due::Heartbeat
            }
            State::Apart { .. }
            | State::Connecting { .. }
            | State::Greeting { .. }
            | State::Established(_)
            | State::Stopped => Due::Nothing,
        }
    }

    fn connect(&mut self, moment: Moment, effects: &mut Vec<Effect>) {
        effects.push(Effect::Connect);
        self.state = State::Connecting { until: moment.now + CONNECT_MAX };
    }
}

/// What to do about a socket that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// Say hello.
    Greet,
    /// Nobody asked for it: it is of an attempt that was given up.
    Unasked,
}

impl Established {
    /// One interval and a half without a word.
    fn silent_at(&self) -> Duration {
        self.heard + self.every * 3 / 2
    }
}

fn every(wanted: &Wanted) -> Duration {
    let [least, most] = HEARTBEAT;
    Duration::from_millis(wanted.heartbeat_ms).clamp(least, most)
}
