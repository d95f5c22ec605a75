//! API keys: how data planes show which project they serve.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::{Principal, Scope};
use super::error::{Error, Fault};
use super::id::{ApiKeyId, ProjectId};
use super::name::Name;
use super::time;
use super::token::check_expiry;

/// What an API key can allow.
pub const SCOPES: &[Scope] = &[Scope::DataPlanesConnect, Scope::ArtifactsRead, Scope::DeploymentsRead, Scope::KeysRead];

/// An API key of one project, without its secret, which nobody can tell any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The only project that it is good for.
    pub project: ProjectId,
    /// For people.
    pub name: Name,
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

/// An API key to be made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// For people.
    pub name: Name,
    /// What it will allow: of `data-planes:connect`, `artifacts:read`, `deployments:read` and `keys:read`; absent: the
    /// first two.
    #[serde(default = "default_scopes")]
    pub scopes: BTreeSet<Scope>,
    /// From when on it will be refused.
    #[serde(default, deserialize_with = "time::optional")]
    pub expires_at: Option<Timestamp>,
}

fn default_scopes() -> BTreeSet<Scope> {
    [Scope::DataPlanesConnect, Scope::ArtifactsRead].into()
}

impl NewApiKey {
    /// Whether it can be meant, and given by this maker. It may outlive them: gateways do not stop when a person leaves.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::MissingScope`].
    pub fn check(&self, maker: &Principal) -> Result<(), Error> {
        let beyond = self.scopes.iter().filter(|scope| !SCOPES.contains(scope));
        let faults: Vec<_> = beyond
            .map(|scope| {
                let message = format!("`{scope}` is not for data planes: make a token instead");
                Fault { pointer: "/scopes".to_owned(), message }
            })
            .collect();
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        check_expiry(self.expires_at)?;
        check_giving(&self.scopes, maker)
    }
}

impl ApiKey {
    /// Whether somebody may have its next secret: who could have made it.
    ///
    /// # Errors
    /// [`Error::MissingScope`].
    pub fn check_rotation_by(&self, caller: &Principal) -> Result<(), Error> {
        check_giving(&self.scopes, caller)
    }
}

/// Nobody gives what they do not have, but for being a data plane, which no person is.
fn check_giving(scopes: &BTreeSet<Scope>, maker: &Principal) -> Result<(), Error> {
    maker.require_all(scopes.iter().filter(|scope| **scope != Scope::DataPlanesConnect))
}
