//! Access tokens: how people and pipelines show who they are.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::{Role, Scope};
use super::id::{TeamId, TokenId};
use super::name::Name;

/// An access token, without its secret, which nobody can tell any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// The team that it is for; absent for a token of the whole installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// For people.
    pub name: Name,
    /// What it can be at most.
    pub role: Role,
    /// How its secret begins.
    pub prefix: String,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last shown, within a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Since when it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// For people.
    pub name: Name,
    /// The team that it will be for. A team's token makes tokens of its own team only.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// What it can be at most.
    #[serde(default = "viewer")]
    pub role: Role,
    /// What it will allow, within its role and within what its maker may; absent: all of that.
    #[serde(default)]
    pub scopes: Option<BTreeSet<Scope>>,
    /// From when on it will be refused.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

fn viewer() -> Role {
    Role::Viewer
}

/// What is kept of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// How it begins.
    pub prefix: String,
    /// Its SHA-256.
    pub hash: [u8; 32],
}

impl NewToken {
    /// What it will allow.
    pub fn effective_scopes(&self) -> BTreeSet<Scope> {
        let of_role = Scope::ALL.iter().copied().filter(|scope| self.role.has(*scope));
        match &self.scopes {
            None => of_role.collect(),
            Some(named) => of_role.filter(|scope| named.contains(scope)).collect(),
        }
    }
}
