//! Who asks.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::extract::{IfMatch, Path};
use super::problem::Problem;
use crate::domain::access::{Principal, Reach};
use crate::domain::act::{Act, Actor};
use crate::domain::id::ProjectId;
use crate::domain::store::{Edit, OfProject};
use crate::server::ClientAddress;
use crate::telemetry::RequestId;

/// Who asks, by which request: what a handler needs to act for them.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose credential was shown.
    pub principal: Principal,
    /// What changes write into the audit log.
    pub act: Act,
}

impl Caller {
    /// How far they reach.
    pub fn reach(&self) -> Reach {
        self.principal.reach
    }

    /// A project, as far as they reach.
    pub fn within(&self, project: ProjectId) -> OfProject {
        OfProject { reach: self.reach(), project }
    }
}

/// Who changes something, which one, and in which state: the credential, the id in the path, and `If-Match`.
#[derive(Debug)]
pub struct Editor<Id> {
    /// What the audit log will say.
    pub act: Act,
    /// What is to be changed.
    pub at: Edit<Id>,
}

impl<S, Id> FromRequestParts<S> for Editor<Id>
where
    S: Send + Sync,
    Id: DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let Path(id) = Path::from_request_parts(parts, state).await?;
        let IfMatch(expected) = IfMatch::from_request_parts(parts, state).await?;
        let at = Edit { reach: caller.reach(), id, expected };
        Ok(Self { act: caller.act, at })
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let principal = parts.extensions.get::<Principal>().ok_or_else(Problem::unauthenticated)?.clone();
        let act = Act {
            actor: Actor::from(&principal),
            request: parts.extensions.get::<RequestId>().map(|id| id.as_str().to_owned()),
            address: parts.extensions.get::<ClientAddress>().map(|address| address.0),
        };
        Ok(Self { principal, act })
    }
}
