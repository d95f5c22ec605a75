//! Who may do what.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::error::Error;
use super::id::{ApiKeyId, ProjectId, TeamId, TokenId};

macro_rules! scopes {
    ($($(#[$meta:meta])* $name:ident = $text:tt),+ $(,)?) => {
        // A `literal` would be hidden from those who write the schema.
        /// One thing that a credential allows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum Scope {$(
            $(#[$meta])*
            #[serde(rename = $text)]
            $name,
        )+}

        impl Scope {
            /// Every scope.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

scopes! {
    /// See teams.
    TeamsRead = "teams:read",
    /// Make, change and delete teams: of the whole installation only.
    TeamsWrite = "teams:write",
    /// See projects and their settings.
    ProjectsRead = "projects:read",
    /// Make, change and delete projects.
    ProjectsWrite = "projects:write",
    /// See specs and what they say.
    SpecsRead = "specs:read",
    /// Upload and delete specs.
    SpecsWrite = "specs:write",
    /// See builds.
    BuildsRead = "builds:read",
    /// Start and cancel builds.
    BuildsWrite = "builds:write",
    /// See, download and compare artifacts.
    ArtifactsRead = "artifacts:read",
    /// Upload artifacts that were signed elsewhere.
    ArtifactsWrite = "artifacts:write",
    /// See data planes.
    DataPlanesRead = "data-planes:read",
    /// Make, change and remove data planes.
    DataPlanesWrite = "data-planes:write",
    /// Be a data plane: register, and fetch what is to be served.
    DataPlanesConnect = "data-planes:connect",
    /// See deployments.
    DeploymentsRead = "deployments:read",
    /// Deploy and roll back.
    DeploymentsWrite = "deployments:write",
    /// See signing keys and trust roots; no private key is ever shown.
    KeysRead = "keys:read",
    /// Make, import, rotate and retire signing keys.
    KeysWrite = "keys:write",
    /// See API keys of data planes.
    ApiKeysRead = "api-keys:read",
    /// Make and revoke API keys of data planes.
    ApiKeysWrite = "api-keys:write",
    /// See access tokens.
    TokensRead = "tokens:read",
    /// Make and revoke access tokens; none can give what it does not have.
    TokensWrite = "tokens:write",
    /// See the audit log.
    AuditRead = "audit:read",
    /// See the control plane's own metrics: of the whole installation only.
    MetricsRead = "metrics:read",
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a scope")]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let known = Self::ALL.iter().find(|scope| scope.as_str() == text);
        known.copied().ok_or_else(|| ScopeError(text.to_owned()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Scope {
    /// Whether it only looks.
    fn is_read(self) -> bool {
        self.as_str().ends_with(":read")
    }

    /// Whether it is about the whole installation, so that no team's credential has it.
    pub fn is_of_installation(self) -> bool {
        matches!(self, Self::TeamsWrite | Self::MetricsRead)
    }

    /// Whether it is about who may come in, rather than about what is served.
    fn is_administrative(self) -> bool {
        matches!(
            self,
            Self::TeamsWrite
                | Self::KeysWrite
                | Self::TokensRead
                | Self::TokensWrite
                | Self::AuditRead
                | Self::MetricsRead
        )
    }
}

/// What a credential can be at most; its scopes narrow it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything within reach.
    Admin,
    /// Everything but keys to the house: tokens, signing keys, the audit log.
    Editor,
    /// Looks, and changes nothing.
    Viewer,
}

impl Role {
    /// Whether the role has a scope.
    pub fn has(self, scope: Scope) -> bool {
        match self {
            // What a data plane is, no person is.
            _ if scope == Scope::DataPlanesConnect => false,
            Self::Admin => true,
            Self::Editor => !scope.is_administrative(),
            Self::Viewer => scope.is_read() && !scope.is_administrative(),
        }
    }
}

/// How far a credential reaches. What is out of reach does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Every team: an installation's own token.
    Everything,
    /// One team.
    Team(TeamId),
}

impl Reach {
    /// The team, if there is one.
    pub fn team(self) -> Option<TeamId> {
        match self {
            Self::Everything => None,
            Self::Team(team) => Some(team),
        }
    }

    /// Whether something of that team is within reach.
    pub fn includes(self, team: TeamId) -> bool {
        self.team().is_none_or(|own| own == team)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Which credential was shown.
    pub identity: Identity,
    /// What it is called.
    pub name: String,
    /// How far it reaches.
    pub reach: Reach,
    /// What it can be at most; a data plane's key has no role.
    pub role: Option<Role>,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Which credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A person's or pipeline's token.
    Token(TokenId),
    /// A data plane's key, which is for one project.
    ApiKey {
        /// Which key.
        id: ApiKeyId,
        /// The only project it is good for.
        project: ProjectId,
    },
}

impl Principal {
    /// Whether it may.
    ///
    /// # Errors
    /// [`Error::MissingScope`].
    pub fn require(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(Error::MissingScope(scope)) }
    }

    /// Whether it has all of these scopes: nobody gives what they do not have.
    ///
    /// # Errors
    /// [`Error::MissingScope`] with the first that it has not.
    pub fn require_all<'a>(&self, scopes: impl IntoIterator<Item = &'a Scope>) -> Result<(), Error> {
        scopes.into_iter().try_for_each(|scope| self.require(*scope))
    }

    /// The project that a data plane's key is bound to.
    pub fn bound_to(&self) -> Option<ProjectId> {
        match self.identity {
            Identity::Token(_) => None,
            Identity::ApiKey { project, .. } => Some(project),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(*scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert!("specs:*".parse::<Scope>().is_err());
    }

    #[test]
    fn a_viewer_changes_nothing_and_an_editor_lets_nobody_in() {
        for scope in Scope::ALL {
            assert!(!Role::Viewer.has(*scope) || Role::Editor.has(*scope), "{scope}");
            assert!(!Role::Editor.has(*scope) || Role::Admin.has(*scope), "{scope}");
            assert!(!Role::Viewer.has(*scope) || scope.as_str().ends_with(":read"), "{scope}");
        }
        assert!(!Role::Editor.has(Scope::TokensWrite) && !Role::Editor.has(Scope::KeysWrite));
        assert!(!Role::Admin.has(Scope::DataPlanesConnect));
    }
}
