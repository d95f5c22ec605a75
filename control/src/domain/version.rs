//! How often a thing was changed: what an `ETag` says, and what `If-Match` asks for (RFC 9110 sections 8.8.3, 13.1.1).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::Error;

/// Counts the states of a thing, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Version(pub i64);

impl Version {
    /// Of a thing that was just made.
    pub const FIRST: Self = Self(1);

    /// The state after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which state a change is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is: `If-Match: *`.
    Any,
    /// This one: any other makes the change [`Stale`](Error::Stale).
    Exactly(Version),
}

impl Expected {
    /// Whether a thing in this state may be changed.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn check(self, current: Version) -> Result<(), Error> {
        match self {
            Self::Exactly(version) if version != current => Err(Error::Stale { current }),
            Self::Any | Self::Exactly(_) => Ok(()),
        }
    }
}
