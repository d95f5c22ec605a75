//! `/tokens`.

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Api;
use super::caller::Caller;
use super::extract::{Json, NamedPaging, Path, Query};
use super::problem::{Code, Problem};
use super::reply::{self, Created, Issued};
use crate::domain::access::{Identity, Role, Scope};
use crate::domain::id::{ProjectId, TeamId, TokenId};
use crate::domain::name::Name;
use crate::domain::page::Page;
use crate::domain::secret::{Kind, Secret};
use crate::domain::store::At;
use crate::domain::token::{Fingerprint, Minted, NewToken, Rotation, Token, TokenFilter};

/// A token with its secret, which is shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct IssuedToken {
    /// The token.
    token: Token,
    /// Its secret: `pct_...`. It is kept nowhere.
    #[serde(serialize_with = "reply::reveal")]
    #[schema(value_type = String)]
    secret: Secret,
}

/// Whose credential this is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct WhoAmI {
    /// `token`, or `api-key` of a data plane.
    kind: &'static str,
    /// The credential's id.
    id: String,
    /// What it is called.
    name: String,
    /// What it can be at most; an API key has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// What it allows.
    scopes: Vec<Scope>,
    /// The team that it is for; absent for the whole installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<TeamId>,
    /// The project that an API key is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<ProjectId>,
    /// From when on it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// Which tokens, and which page of them.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TokenQuery {
    /// Of this team only.
    team: Option<TeamId>,
    /// Only what is called exactly this.
    name: Option<Name>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many things the page has at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
}

/// List tokens, newest first, with those that have expired or were revoked.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(TokenQuery), responses((status = 200, body = Page<Token>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<TokenQuery>,
) -> Result<axum::Json<Page<Token>>, Problem> {
    let paging = NamedPaging { name: query.name, cursor: query.cursor, limit: query.limit };
    let filter = TokenFilter { reach: caller.reach(), team: query.team };
    Ok(axum::Json(api.store.tokens(filter, &paging.request()?).await?))
}

/// Make a token. Nobody gives what they do not have: another team, scopes, or a later expiry.
#[utoipa::path(
    post, path = "/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = IssuedToken, headers(("Location" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(new): Json<NewToken>,
) -> Result<Issued<Created<IssuedToken>>, Problem> {
    let new = new.granted_by(&caller.principal)?;
    let secret = generate(Kind::AccessToken)?;
    let token = api.store.create_token(&caller.act, new, Fingerprint::of(&secret)).await?;
    let location = format!("/api/v1/tokens/{}", token.id);
    let body = IssuedToken { token, secret };
    Ok(Issued(Created { location, version: None, body }))
}

/// One token.
#[utoipa::path(
    get, path = "/tokens/{token}", tag = "tokens", params(("token" = TokenId, Path)),
    responses((status = 200, body = Token))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<TokenId>,
) -> Result<axum::Json<Token>, Problem> {
    Ok(axum::Json(api.store.token(caller.reach(), id).await?))
}

/// Revoke a token, at once. Revoking what is revoked changes nothing.
#[utoipa::path(
    delete, path = "/tokens/{token}", tag = "tokens", params(("token" = TokenId, Path)), responses((status = 204))
)]
pub(super) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<TokenId>,
) -> Result<StatusCode, Problem> {
    api.store.revoke_token(&caller.act, caller.reach(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a token another secret. The old one is good for `overlap_seconds` more, which is not at all unless it is said.
#[utoipa::path(
    post, path = "/tokens/{token}/rotate", tag = "tokens", params(("token" = TokenId, Path)),
    request_body = Option<Rotation>, responses((status = 200, body = IssuedToken))
)]
pub(super) async fn rotate(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<TokenId>,
    rotation: Option<Json<Rotation>>,
) -> Result<Issued<axum::Json<IssuedToken>>, Problem> {
    let rotation = rotation.map(|body| body.0).unwrap_or_default();
    rotation.check()?;
    let at = At { reach: caller.reach(), id };
    api.store.token(at.reach, at.id).await?.check_rotation_by(&caller.principal)?;
    let secret = generate(Kind::AccessToken)?;
    let new = Minted { what: rotation, secret: Fingerprint::of(&secret) };
    let token = api.store.rotate_token(&caller.act, at, new).await?;
    Ok(Issued(axum::Json(IssuedToken { token, secret })))
}

/// Whose credential this is, and what it allows.
#[utoipa::path(get, path = "/tokens/self", tag = "tokens", responses((status = 200, body = WhoAmI)))]
pub(super) async fn whoami(caller: Caller) -> axum::Json<WhoAmI> {
    let principal = caller.principal;
    let (kind, id) = match principal.identity {
        Identity::Token(id) => ("token", id.to_string()),
        Identity::ApiKey { id, .. } => ("api-key", id.to_string()),
    };
    axum::Json(WhoAmI {
        kind,
        id,
        project: principal.bound_to(),
        role: principal.role,
        scopes: principal.scopes.into_iter().collect(),
        team: principal.reach.team(),
        name: principal.name,
        expires_at: principal.expires_at,
    })
}

/// A new secret.
pub(super) fn generate(kind: Kind) -> Result<Secret, Problem> {
    Secret::generate(kind).map_err(|error| {
        tracing::error!(%error, "no secret could be made");
        Problem::new(Code::Unavailable).detail(error.to_string()).retry_after(1)
    })
}
