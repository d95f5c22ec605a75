//! Names of things: UUIDs version 7 (RFC 9562 section 5.7), which sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// How long an id is as text, with its hyphens.
const TEXT_BYTES: usize = 36;

/// A text that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an id: a UUID such as 0198c1f2-7d3a-7cc0-a1b2-c3d4e5f60718")]
pub struct IdError;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(into = "Uuid", try_from = "String")]
        #[schema(value_type = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// One that was never used.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "each one is another")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                // One way to write it, so that one thing has one URL.
                let id = Uuid::try_parse(text).ok().filter(|_| text.len() == TEXT_BYTES);
                id.map(Self).ok_or(IdError)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

ids! {
    /// Of a team.
    TeamId,
    /// Of a project.
    ProjectId,
    /// Of a spec.
    SpecId,
    /// Of one state of a spec's documents.
    RevisionId,
    /// Of a build.
    BuildId,
    /// Of a data plane.
    DataPlaneId,
    /// Of a data plane's API key.
    ApiKeyId,
    /// Of an access token.
    TokenId,
    /// Of a deployment.
    DeploymentId,
    /// Of a signing key's record.
    SigningKeyId,
    /// Of an audit event.
    EventId,
    /// Of a database and everything that belongs to it.
    InstallationId,
}
