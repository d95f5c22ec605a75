//! What happens, and what is to be done about it.

use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::container::Digest;
use artifact_format::pointer::{self, SignedPointer};
use artifact_format::root::SignedRoot;
use artifact_format::trust::Trust;

use super::connection::Ended;
use super::record::Record;
use crate::message::{Alarm, FromControlPlane, FromDataPlane, Rejection, State};

/// When something happened. Two readings of clocks and a random number, since the machine has neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since the process began, by a clock that only goes forward.
    pub now: Duration,
    /// Seconds since 1970-01-01T00:00:00Z, by whatever clock there is.
    pub unix_seconds: u64,
    /// Another one each time, evenly spread.
    pub random: u64,
}

/// Names something that was asked for, so that its outcome is not taken for another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

/// Where a pointer came from, and where its artifact is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The control plane.
    ControlPlane,
    /// The folder or bucket to start from while there is none.
    Bootstrap,
}

/// Why something that was asked for did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, in a word that stays the same.
    pub code: &'static str,
    /// Why, for people.
    pub detail: String,
    /// What that means.
    pub kind: FailureKind,
    /// How long it is not to be tried again, at least.
    pub retry_after: Option<Duration>,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Trying again changes nothing: the artifact is not believed, or cannot be served here.
    Refused,
    /// Something else came than was promised: worth another try, and worth telling.
    Damaged,
    /// The network or the disk: worth another try.
    Unavailable,
}

impl FailureKind {
    /// What follows, as it is told.
    pub fn rejection(self) -> Rejection {
        match self {
            Self::Refused => Rejection::Refused,
            Self::Damaged | Self::Unavailable => Rejection::Retrying,
        }
    }
}

impl Failure {
    /// For good.
    pub fn refused(code: &'static str, detail: String) -> Self {
        Self { code, detail, kind: FailureKind::Refused, retry_after: None }
    }

    /// What came is not what was promised.
    pub fn damaged(code: &'static str, detail: String) -> Self {
        Self { code, detail, kind: FailureKind::Damaged, retry_after: None }
    }

    /// For now.
    pub fn unavailable(code: &'static str, detail: String) -> Self {
        Self { code, detail, kind: FailureKind::Unavailable, retry_after: None }
    }
}

impl From<&pointer::Error> for Failure {
    fn from(error: &pointer::Error) -> Self {
        Self::refused(error.code(), error.to_string())
    }
}

/// What a place to start from has.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What to serve.
    pub pointer: SignedPointer,
    /// Trust roots, oldest first, from the version after the one that is believed, or from the first.
    pub roots: Vec<SignedRoot>,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// Time passed.
    Tick,
    /// The socket that [`Effect::Connect`] asked for is open.
    Connected,
    /// It could not be opened, or it is closed.
    Disconnected(Ended),
    /// A message came.
    Received(Box<FromControlPlane>),
    /// A sign of life that says nothing: a ping, or a message that this program does not know.
    Heard,
    /// What became of [`Effect::Fetch`].
    Fetched(Ticket, Result<(), Failure>),
    /// What became of [`Effect::Persist`].
    Persisted(Ticket, Result<(), Failure>),
    /// What became of [`Effect::Load`].
    Loaded(Ticket, Result<(), Failure>),
    /// What became of [`Effect::Judge`].
    Judged(Ticket, Result<(), Failure>),
    /// What became of [`Effect::PersistRoot`], by the root's version.
    RootPersisted(NonZeroU64, Result<(), Failure>),
    /// What became of [`Effect::FetchRoot`].
    RootFetched(NonZeroU64, Result<Box<SignedRoot>, Failure>),
    /// What became of [`Effect::AskBootstrap`].
    Bootstrapped(Result<Box<Offer>, Failure>),
    /// Keys and credentials were read anew.
    Rekeyed {
        /// The keys to believe, where no root says otherwise.
        pinned: Trust,
    },
    /// Somebody says that nothing that was set aside is to blame.
    Pardoned,
    /// An artifact is served that came with the command line.
    Serves(Digest),
    /// The process is about to end in order.
    Stop,
}

/// What is to be done, in the order in which it is said.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Open a socket to the control plane.
    Connect,
    /// Close it, or stop trying to open it. No [`Event::Disconnected`] is expected.
    Disconnect,
    /// Say this.
    Send(Box<FromDataPlane>),
    /// Say that this data plane is alive, and how traffic fares.
    Heartbeat {
        /// What it is and serves now.
        state: State,
        /// What somebody should look at.
        alarms: Vec<Alarm>,
    },
    /// Have the artifact in the state folder, whole.
    Fetch {
        /// To be named by [`Event::Fetched`].
        ticket: Ticket,
        /// Which artifact.
        digest: Digest,
        /// Its length in bytes.
        length: NonZeroU64,
        /// Where it is to be had.
        source: Source,
    },
    /// Nobody waits for it any more.
    CancelFetch {
        /// As it was named.
        ticket: Ticket,
    },
    /// Verify the artifact in the state folder and build everything. One is under way at a time.
    Load {
        /// To be named by [`Event::Loaded`].
        ticket: Ticket,
        /// Which artifact.
        digest: Digest,
        /// Whom to believe.
        trust: Trust,
    },
    /// Say whether the artifact in the state folder is believed. It serves whatever comes of it.
    Judge {
        /// To be named by [`Event::Judged`].
        ticket: Ticket,
        /// Which artifact.
        digest: Digest,
        /// Whom to believe.
        trust: Trust,
    },
    /// Serve what was loaded last. Where this does not follow upon [`Event::Loaded`], it is not wanted any more.
    Swap {
        /// Which artifact.
        digest: Digest,
    },
    /// Write the record, after those that were given out before.
    Persist {
        /// To be named by [`Event::Persisted`].
        ticket: Ticket,
        /// All of it.
        record: Box<Record>,
    },
    /// Ask the control plane for a version of the trust root.
    FetchRoot {
        /// Which.
        version: NonZeroU64,
    },
    /// Write the trust root that is believed. To be told by [`Event::RootPersisted`].
    PersistRoot {
        /// All of it.
        root: Box<SignedRoot>,
    },
    /// Ask the place to start from.
    AskBootstrap {
        /// The version of the root that is believed.
        after: Option<NonZeroU64>,
    },
    /// Remove artifacts that are none of these.
    Collect {
        /// Those that are of use.
        needed: Vec<Digest>,
    },
}
