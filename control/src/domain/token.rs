//! Access tokens: how people and pipelines show who they are.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::{Principal, Reach, Role, Scope};
use super::error::{Error, Fault, Noun};
use super::id::{TeamId, TokenId};
use super::name::Name;
use super::secret::Secret;
use super::time::{self, kept, now};

/// How long a secret may be good after it was replaced.
pub const OVERLAP_MAX: Duration = Duration::from_hours(24);

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
    /// The team that it will be for. A team's token makes tokens of its own team only; one of the whole installation
    /// that does not say makes another one of those.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// What it can be at most.
    #[serde(default = "viewer")]
    pub role: Role,
    /// What it will allow, within its role and within what its maker may; absent: all of that. A team's token has
    /// neither `teams:write` nor `metrics:read`, which are of the whole installation.
    #[serde(default)]
    pub scopes: Option<BTreeSet<Scope>>,
    /// From when on it will be refused: not later than its maker is, which is also what it means where it is absent.
    #[serde(default, deserialize_with = "time::optional")]
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

/// Something that gets a secret which was just made: only what is kept of it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minted<T> {
    /// What gets it, or how.
    pub what: T,
    /// What is kept of the secret.
    pub secret: Fingerprint,
}

/// How a secret is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rotation {
    /// For how many seconds the old secret stays good: at most 86400, a day.
    #[schema(maximum = 86_400)]
    pub overlap_seconds: u32,
}

/// Which tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenFilter {
    /// How far whoever asks reaches.
    pub reach: Reach,
    /// Of this team only.
    pub team: Option<TeamId>,
}

impl Fingerprint {
    /// Of this secret.
    pub fn of(secret: &Secret) -> Self {
        Self { prefix: secret.prefix().to_owned(), hash: secret.hash().0 }
    }
}

impl NewToken {
    /// What it will allow.
    pub fn effective_scopes(&self) -> BTreeSet<Scope> {
        let of_role = Scope::ALL.iter().copied().filter(|scope| fault_of(self, *scope).is_none());
        match &self.scopes {
            None => of_role.collect(),
            Some(named) => of_role.filter(|scope| named.contains(scope)).collect(),
        }
    }

    /// The same token as its maker can give it: their team, nothing that they do not have, and not for longer.
    ///
    /// # Errors
    /// [`Error::NotFound`] for another team, [`Error::MissingScope`] for what the maker has not, [`Error::Invalid`] for
    /// what its role has not and for a time that is over or too late.
    pub fn granted_by(mut self, maker: &Principal) -> Result<Self, Error> {
        self.team = match (maker.reach, self.team) {
            (Reach::Team(own), None) => Some(own),
            (reach, Some(team)) if !reach.includes(team) => return Err(Error::NotFound(Noun::Team)),
            (_, named) => named,
        };
        let scopes = match self.scopes.take() {
            None => self.effective_scopes().intersection(&maker.scopes).copied().collect(),
            Some(named) => {
                let faults: Vec<_> = named.iter().filter_map(|scope| fault_of(&self, *scope)).collect();
                if !faults.is_empty() {
                    return Err(Error::Invalid(faults));
                }
                maker.require_all(&named)?;
                named
            }
        };
        self.scopes = Some(scopes);
        check_expiry(self.expires_at)?;
        self.expires_at = match (self.expires_at.map(kept), maker.expires_at) {
            (Some(named), Some(own)) if named > own => {
                let message =
                    format!("the token that makes this one expires at {own}: give that time or an earlier one");
                return Err(Error::invalid("/expires_at", message));
            }
            (named, own) => named.or(own),
        };
        Ok(self)
    }
}

impl Token {
    /// Whether somebody may have its next secret: who could have made it.
    ///
    /// # Errors
    /// [`Error::MissingScope`] for what they have not, [`Error::Conflict`] where it outlives their own credential.
    pub fn check_rotation_by(&self, caller: &Principal) -> Result<(), Error> {
        caller.require_all(&self.scopes)?;
        let outlives = |own| self.expires_at.is_none_or(|expiry| expiry > own);
        if caller.expires_at.is_some_and(outlives) {
            return Err(Error::Conflict(
                "it is good for longer than the credential that asks: use one that lasts".into(),
            ));
        }
        Ok(())
    }
}

impl Rotation {
    /// Whether it can be meant.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn check(self) -> Result<(), Error> {
        if Duration::from_secs(self.overlap_seconds.into()) <= OVERLAP_MAX {
            return Ok(());
        }
        let message = format!("at most {}, a day", OVERLAP_MAX.as_secs());
        Err(Error::invalid("/overlap_seconds", message))
    }
}

/// Whether a credential can be made that expires then.
///
/// # Errors
/// [`Error::Invalid`] where it is over already.
pub fn check_expiry(at: Option<Timestamp>) -> Result<(), Error> {
    match at {
        Some(at) if at <= now() => Err(Error::invalid("/expires_at", "this time is over: give one to come")),
        _ => Ok(()),
    }
}

/// Why a token cannot have a scope.
fn fault_of(token: &NewToken, scope: Scope) -> Option<Fault> {
    let message = if !token.role.has(scope) {
        format!("`{scope}` is not in the role: leave it out, or give another role")
    } else if token.team.is_some() && scope.is_of_installation() {
        format!("`{scope}` is of the whole installation, and a team's token is not: leave it out")
    } else {
        return None;
    };
    Some(Fault { pointer: "/scopes".to_owned(), message })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::access::Identity;

    fn maker(reach: Reach, scopes: &[Scope]) -> Principal {
        let scopes = scopes.iter().copied().collect();
        let identity = Identity::Token(TokenId::new());
        Principal { identity, name: "maker".into(), reach, role: Some(Role::Admin), scopes, expires_at: None }
    }

    fn new(role: Role, scopes: Option<&[Scope]>) -> NewToken {
        let scopes = scopes.map(|scopes| scopes.iter().copied().collect());
        NewToken { name: "made".parse().unwrap(), team: None, role, scopes, expires_at: None }
    }

    #[test]
    fn nobody_gives_what_they_do_not_have() {
        let maker = maker(Reach::Everything, &[Scope::TokensWrite, Scope::SpecsRead]);
        let given = new(Role::Admin, None).granted_by(&maker).unwrap();
        assert_eq!(given.scopes, Some(maker.scopes.clone()));
        let named = new(Role::Admin, Some(&[Scope::SpecsWrite])).granted_by(&maker);
        assert!(matches!(named, Err(Error::MissingScope(Scope::SpecsWrite))));
        // What the role has not is said, and not left out in silence.
        let beyond = new(Role::Viewer, Some(&[Scope::SpecsRead, Scope::TokensWrite])).granted_by(&maker);
        assert!(matches!(beyond, Err(Error::Invalid(faults)) if faults.len() == 1));
    }

    #[test]
    fn a_teams_token_makes_tokens_of_its_team() {
        let (own, other) = (TeamId::new(), TeamId::new());
        let maker = maker(Reach::Team(own), &[Scope::SpecsRead]);
        assert_eq!(new(Role::Viewer, None).granted_by(&maker).unwrap().team, Some(own));
        let elsewhere = NewToken { team: Some(other), ..new(Role::Viewer, None) };
        assert!(matches!(elsewhere.granted_by(&maker), Err(Error::NotFound(Noun::Team))));
    }

    #[test]
    fn no_token_outlives_its_maker() {
        let at = |seconds| now() + SignedDuration::from_secs(seconds);
        let (soon, later) = (at(100), at(200));
        let maker = Principal { expires_at: Some(soon), ..maker(Reach::Everything, &[]) };
        let expiring = |expires_at| NewToken { expires_at, ..new(Role::Viewer, None) };
        assert_eq!(expiring(None).granted_by(&maker).unwrap().expires_at, Some(soon));
        assert!(matches!(expiring(Some(later)).granted_by(&maker), Err(Error::Invalid(_))));
        assert!(matches!(expiring(Some(at(-1))).granted_by(&maker), Err(Error::Invalid(_))));
    }
}
