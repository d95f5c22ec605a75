//! Whom this data plane believes: the keys that it was given, until a trust root takes their place.

use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::root::{Error, Root, SignedRoot};
use artifact_format::trust::{Trust, Unsigned};

use super::backoff::Backoff;
use super::connection::ASKED_MAX;
use super::later::moment_within;
use super::record::Record;
use super::target::TOLD_FROM;
use super::{Effect, Failure, FailureKind, Moment};

/// How far down the versions go in search of one that the given keys vouch for.
const DESCENT_MAX: u64 = 64;

#[derive(Debug)]
pub(super) struct Roots {
    project: String,
    pinned: Trust,
    root: Option<Root>,
    /// The newest version that was ever believed.
    floor: Option<NonZeroU64>,
    /// The newest version that the control plane spoke of.
    wanted: Option<NonZeroU64>,
    asking: Asking,
    backoff: Backoff,
    refusal: Option<Error>,
    /// Why the version that was asked for last did not come.
    failure: Option<Failure>,
    unwritten: Option<Unwritten>,
}

/// A root that is believed and was not seen to be on the disk.
#[derive(Debug)]
struct Unwritten {
    root: Box<SignedRoot>,
    /// Why it is not, where that was tried.
    failure: Option<Failure>,
    backoff: Backoff,
    retry_at: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    Nobody,
    Of(NonZeroU64),
    /// Others were told as well: in its turn, then.
    InTurn(Duration),
    /// It did not come about: again, then.
    Later(Duration),
}

/// What a root came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Others are believed now.
    Believed,
    Nothing,
}

impl Roots {
    /// For the project of a record, which says what was believed; with the root that was found.
    pub(super) fn new(record: &Record, pinned: Trust, root: Option<Root>) -> Self {
        let (project, floor) = (record.project.clone(), record.root_version);
        let (asking, backoff) = (Asking::Nobody, Backoff::default());
        let (refusal, failure, unwritten) = (None, None, None);
        Self { project, pinned, root, floor, wanted: None, asking, backoff, refusal, failure, unwritten }
    }

    pub(super) fn version(&self) -> Option<NonZeroU64> {
        self.root.as_ref().map(Root::version)
    }

    /// Why the newest root is not believed.
    pub(super) fn refusal(&self) -> Option<&Error> {
        self.refusal.as_ref()
    }

    /// Why the newest root has not come: where that lasts, or cannot be a matter of the network.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref().filter(|failure| match failure.kind {
            FailureKind::Refused | FailureKind::Damaged => true,
            FailureKind::Unavailable => self.backoff.tries() >= TOLD_FROM,
        })
    }

    /// Whom the root says to believe, where there is one.
    pub(super) fn of_root(&self) -> Option<Trust> {
        self.root.as_ref().map(Root::trust)
    }

    /// Whom to believe about artifacts.
    pub(super) fn of_artifacts(&self) -> Trust {
        self.of_root().unwrap_or_else(|| self.pinned.clone())
    }

    /// Whom to believe about pointers: always somebody.
    pub(super) fn of_pointers(&self) -> Trust {
        self.of_artifacts().with_unsigned(Unsigned::Refuse)
    }

    /// The given keys were read anew.
    pub(super) fn pin(&mut self, pinned: Trust) {
        self.pinned = pinned;
        self.asking = Asking::Nobody;
    }

    /// The control plane says which version is the newest, and that it is to be asked for within so long.
    pub(super) fn told(
        &mut self,
        newest: Option<NonZeroU64>,
        within: Duration,
        (moment, effects): (Moment, &mut Vec<Effect>),
    ) {
        let is_news = newest > self.wanted;
        self.wanted = self.wanted.max(newest);
        let is_to_ask = match self.asking {
            Asking::Nobody => self.version() < self.wanted,
            // What did not come about was another version.
            Asking::Later(_) => is_news,
            // Whoever says it again does not put it off.
            Asking::InTurn(_) | Asking::Of(_) => false,
        };
        if is_to_ask {
            self.asking = Asking::InTurn(if within.is_zero() { moment.now } else { moment_within(within, moment) });
            self.takes_turn(moment.now, effects);
        }
    }

    /// Something waits for the newest version: its turn is now.
    pub(super) fn hurries(&mut self, effects: &mut Vec<Effect>) {
        self.takes_turn(Duration::MAX, effects);
    }

    /// Asks if its turn has come by then.
    fn takes_turn(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if let Asking::InTurn(at) = self.asking
            && at <= now
        {
            self.asking = Asking::Nobody;
            self.ask(effects);
        }
    }

    /// Whether nobody is to be believed about pointers yet: a newer version is on its way, or a lost one is to come again.
    pub(super) fn is_unsettled(&self) -> bool {
        matches!(self.asking, Asking::Of(_)) || self.lost().is_some()
    }

    /// Whether a newer version is named than is believed, and nobody has seen it yet: a key that nobody believes may be one
    /// that it names. One that came and was refused changes nothing.
    pub(super) fn is_awaited(&self) -> bool {
        self.version() < self.wanted && (self.failure.is_some() || self.refusal.is_none())
    }

    /// Why the newest version does not come, where that may pass.
    pub(super) fn missing(&self) -> Option<&Failure> {
        self.failure.as_ref().filter(|failure| failure.kind == FailureKind::Unavailable && self.is_awaited())
    }

    /// The version that was believed before, where only an older one is there, or none.
    pub(super) fn lost(&self) -> Option<NonZeroU64> {
        self.floor.filter(|floor| self.version() < Some(*floor))
    }

    /// A version came, or did not.
    pub(super) fn fetched(
        &mut self,
        version: NonZeroU64,
        fetched: Result<SignedRoot, Failure>,
        (moment, effects): (Moment, &mut Vec<Effect>),
    ) -> Change {
        if self.asking != Asking::Of(version) {
            return Change::Nothing;
        }
        self.asking = Asking::Nobody;
        let fetched = fetched.and_then(|offered| match offered.version() {
            found if found == version => Ok(offered),
            found => Err(Failure::damaged("root_damaged", format!("version {version} of the root says it is {found}"))),
        });
        let offered = match fetched {
            Ok(offered) => offered,
            Err(failure) => {
                self.later(failure.retry_after, moment);
                self.failure = Some(failure);
                return Change::Nothing;
            }
        };
        self.failure = None;
        match self.accept(offered, effects) {
            Ok(()) => {
                self.backoff.reset();
                self.ask(effects);
                Change::Believed
            }
            Err(error) => {
                let newest = self.wanted.map_or(0, NonZeroU64::get);
                let below = NonZeroU64::new(version.get() - 1).filter(|below| newest - below.get() < DESCENT_MAX);
                self.refusal = Some(error);
                match below {
                    // An older one may be vouched for, and lead up to this one.
                    Some(below) if self.root.is_none() => self.ask_for(below, effects),
                    Some(_) | None => self.later(None, moment),
                }
                Change::Nothing
            }
        }
    }

    /// Versions from elsewhere, oldest first: as many as are believed.
    pub(super) fn offered(&mut self, roots: Vec<SignedRoot>, effects: &mut Vec<Effect>) -> Change {
        let mut change = Change::Nothing;
        for root in roots {
            // What was believed meanwhile is nothing to wonder at.
            if self.version().is_some_and(|version| root.version() <= version) {
                continue;
            }
            match self.accept(root, effects) {
                Ok(()) => change = Change::Believed,
                Err(error) => self.refusal = Some(error),
            }
        }
        change
    }

    /// Why the root that is believed is not on the disk.
    pub(super) fn unwritten(&self) -> Option<&Failure> {
        self.unwritten.as_ref()?.failure.as_ref()
    }

    /// A root is on the disk, or not.
    pub(super) fn persisted(&mut self, version: NonZeroU64, persisted: Result<(), Failure>, moment: Moment) {
        let Some(mut unwritten) = self.unwritten.take_if(|unwritten| unwritten.root.version() == version) else {
            return;
        };
        if let Err(failure) = persisted {
            unwritten.failure = Some(failure);
            unwritten.retry_at = Some(moment.now + unwritten.backoff.pause(moment.random));
            self.unwritten = Some(unwritten);
        }
    }

    /// The process ends: what is not on the disk has one more try.
    pub(super) fn stop(&mut self, effects: &mut Vec<Effect>) {
        self.asking = Asking::Nobody;
        if let Some(Unwritten { root, failure: Some(_), .. }) = self.unwritten.take() {
            effects.push(Effect::PersistRoot { root });
        }
    }

    pub(super) fn wakes_at(&self) -> Option<Duration> {
        let asks_at = match self.asking {
            Asking::InTurn(at) | Asking::Later(at) => Some(at),
            Asking::Nobody | Asking::Of(_) => None,
        };
        let writes_at = self.unwritten.as_ref().and_then(|unwritten| unwritten.retry_at);
        asks_at.into_iter().chain(writes_at).min()
    }

    pub(super) fn tick(&mut self, moment: Moment, effects: &mut Vec<Effect>) {
        self.takes_turn(moment.now, effects);
        if let Asking::Later(at) = self.asking
            && at <= moment.now
        {
            self.asking = Asking::Nobody;
            self.ask(effects);
        }
        if let Some(unwritten) = &mut self.unwritten
            && unwritten.retry_at.is_some_and(|retry_at| retry_at <= moment.now)
        {
            unwritten.retry_at = None;
            effects.push(Effect::PersistRoot { root: unwritten.root.clone() });
        }
    }

    /// Believes a version, if it is to be believed.
    fn accept(&mut self, offered: SignedRoot, effects: &mut Vec<Effect>) -> Result<(), Error> {
        let kept = offered.clone();
        let root = if let Some(root) = &self.root {
            let mut next = root.clone();
            next.advance(offered)?;
            next
        } else {
            offered.vouched_for(&self.pinned)?
        };
        if root.project() != self.project {
            let (expected, found) = (self.project.clone(), root.project().to_owned());
            return Err(Error::OtherProject { expected, found });
        }
        self.floor = self.floor.max(Some(root.version()));
        self.root = Some(root);
        self.refusal = None;
        let root = Box::new(kept);
        let (failure, backoff) =
            self.unwritten.take().map_or_else(Default::default, |before| (before.failure, before.backoff));
        self.unwritten = Some(Unwritten { root: root.clone(), failure, backoff, retry_at: None });
        effects.push(Effect::PersistRoot { root });
        Ok(())
    }

    /// Asks for what is missing.
    fn ask(&mut self, effects: &mut Vec<Effect>) {
        let Some(wanted) = self.wanted else { return };
        match self.version() {
            Some(version) if version >= wanted => {}
            Some(version) => self.ask_for(version.saturating_add(1), effects),
            None => self.ask_for(wanted, effects),
        }
    }

    fn ask_for(&mut self, version: NonZeroU64, effects: &mut Vec<Effect>) {
        self.asking = Asking::Of(version);
        effects.push(Effect::FetchRoot { version });
    }

    /// After a pause: its own, or the one that was asked for where that is longer.
    fn later(&mut self, asked: Option<Duration>, moment: Moment) {
        let asked = asked.unwrap_or_default().min(ASKED_MAX);
        self.asking = Asking::Later(moment.now + self.backoff.pause(moment.random).max(asked));
    }
}
