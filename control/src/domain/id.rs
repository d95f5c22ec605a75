//! Names of things: UUIDs version 7 (RFC 9562 section 5.7), which sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
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
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
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
}
