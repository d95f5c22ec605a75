//! `/projects/{project}/api-keys`.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

use super::Api;
use super::caller::Caller;
use super::extract::{Json, NamedPaging, Path, Query};
use super::problem::Problem;
use super::reply::{self, Created, Issued};
use super::tokens::generate;
use crate::domain::api_key::{ApiKey, NewApiKey};
use crate::domain::id::{ApiKeyId, ProjectId};
use crate::domain::page::Page;
use crate::domain::secret::{Kind, Secret};
use crate::domain::store::ApiKeyAt;
use crate::domain::token::{Fingerprint, Minted, Rotation};

/// An API key with its secret, which is shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct IssuedApiKey {
    /// The key.
    api_key: ApiKey,
    /// Its secret: `pdk_...`. It is kept nowhere.
    #[serde(serialize_with = "reply::reveal")]
    #[schema(value_type = String)]
    secret: Secret,
}

/// List a project's API keys, newest first, with those that have expired or were revoked.
#[utoipa::path(
    get, path = "/projects/{project}/api-keys", tag = "api-keys", params(("project" = ProjectId, Path), NamedPaging),
    responses((status = 200, body = Page<ApiKey>))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Query(paging): Query<NamedPaging>,
) -> Result<axum::Json<Page<ApiKey>>, Problem> {
    Ok(axum::Json(api.store.api_keys(caller.reach(), project, &paging.request()?).await?))
}

/// Make an API key for the data planes of a project. It is good for nothing else.
#[utoipa::path(
    post, path = "/projects/{project}/api-keys", tag = "api-keys", params(("project" = ProjectId, Path)),
    request_body = NewApiKey, responses((status = 201, body = IssuedApiKey, headers(("Location" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Json(new): Json<NewApiKey>,
) -> Result<Issued<Created<IssuedApiKey>>, Problem> {
    new.check(&caller.principal)?;
    let secret = generate(Kind::DataPlaneKey)?;
    let new = Minted { what: new, secret: Fingerprint::of(&secret) };
    let api_key = api.store.create_api_key(&caller.act, caller.within(project), new).await?;
    let location = format!("/api/v1/projects/{project}/api-keys/{}", api_key.id);
    let body = IssuedApiKey { api_key, secret };
    Ok(Issued(Created { location, version: None, body }))
}

/// One API key.
#[utoipa::path(
    get, path = "/projects/{project}/api-keys/{api_key}", tag = "api-keys",
    params(("project" = ProjectId, Path), ("api_key" = ApiKeyId, Path)), responses((status = 200, body = ApiKey))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, ApiKeyId)>,
) -> Result<axum::Json<ApiKey>, Problem> {
    Ok(axum::Json(api.store.api_key(ApiKeyAt { reach: caller.reach(), project, id }).await?))
}

/// Revoke an API key, at once. Revoking what is revoked changes nothing.
#[utoipa::path(
    delete, path = "/projects/{project}/api-keys/{api_key}", tag = "api-keys",
    params(("project" = ProjectId, Path), ("api_key" = ApiKeyId, Path)), responses((status = 204))
)]
pub(super) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, ApiKeyId)>,
) -> Result<StatusCode, Problem> {
    api.store.revoke_api_key(&caller.act, ApiKeyAt { reach: caller.reach(), project, id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give an API key another secret. The old one is good for `overlap_seconds` more: time to tell the data planes.
#[utoipa::path(
    post, path = "/projects/{project}/api-keys/{api_key}/rotate", tag = "api-keys",
    params(("project" = ProjectId, Path), ("api_key" = ApiKeyId, Path)),
    request_body = Option<Rotation>, responses((status = 200, body = IssuedApiKey))
)]
pub(super) async fn rotate(
    State(api): State<Api>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, ApiKeyId)>,
    rotation: Option<Json<Rotation>>,
) -> Result<Issued<axum::Json<IssuedApiKey>>, Problem> {
    let rotation = rotation.map(|body| body.0).unwrap_or_default();
    rotation.check()?;
    let at = ApiKeyAt { reach: caller.reach(), project, id };
    api.store.api_key(at).await?.check_rotation_by(&caller.principal)?;
    let secret = generate(Kind::DataPlaneKey)?;
    let new = Minted { what: rotation, secret: Fingerprint::of(&secret) };
    let api_key = api.store.rotate_api_key(&caller.act, at, new).await?;
    Ok(Issued(axum::Json(IssuedApiKey { api_key, secret })))
}
