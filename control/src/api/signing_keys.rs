//! `/projects/{project}/signing-keys`, and the trust roots that say which of them are believed.

use std::num::NonZeroU64;

use artifact_format::root::SignedRoot;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Api;
use super::caller::Caller;
use super::extract::{Json, NamedPaging, Paging, Path, Query};
use super::problem::Problem;
use super::reply::Created;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{ProjectId, SigningKeyId};
use crate::domain::page::Page;
use crate::domain::signing_key::{NewRetirement, NewSigningKey, SigningKey};

/// List a project's signing keys, newest first.
#[utoipa::path(
    get, path = "/projects/{project}/signing-keys", tag = "signing-keys",
    params(("project" = ProjectId, Path), NamedPaging), responses((status = 200, body = Page<SigningKey>))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Query(paging): Query<NamedPaging>,
) -> Result<axum::Json<Page<SigningKey>>, Problem> {
    Ok(axum::Json(api.store.signing_keys(caller.within(project), &paging.request()?).await?))
}

/// Add a signing key: what it signs is believed from then on. The project's trust root gets a new version.
#[utoipa::path(
    post, path = "/projects/{project}/signing-keys", tag = "signing-keys", request_body = NewSigningKey,
    params(("project" = ProjectId, Path)),
    responses((status = 201, body = SigningKey, headers(("Location" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Json(new): Json<NewSigningKey>,
) -> Result<Created<SigningKey>, Problem> {
    Ok(created(api.keys.add(&caller.act, caller.within(project), new).await?))
}

/// One of a project's signing keys.
#[utoipa::path(
    get, path = "/projects/{project}/signing-keys/{key}", tag = "signing-keys",
    params(("project" = ProjectId, Path), ("key" = SigningKeyId, Path)),
    responses((status = 200, body = SigningKey))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, SigningKeyId)>,
) -> Result<axum::Json<SigningKey>, Problem> {
    Ok(axum::Json(api.store.signing_key(caller.within(project), id).await?))
}

/// Replace the active signing key by a new one, which signs from then on. What the old one signed is believed until it is
/// retired. The project's trust root gets a new version, signed by both.
#[utoipa::path(
    post, path = "/projects/{project}/signing-keys/{key}/rotate", tag = "signing-keys", request_body = NewSigningKey,
    params(("project" = ProjectId, Path), ("key" = SigningKeyId, Path, description = "The active key")),
    responses((status = 201, body = SigningKey, headers(("Location" = String))))
)]
pub(super) async fn rotate(
    State(api): State<Api>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, SigningKeyId)>,
    Json(new): Json<NewSigningKey>,
) -> Result<Created<SigningKey>, Problem> {
    Ok(created(api.keys.rotate(&caller.act, (caller.within(project), id), new).await?))
}

/// Retire a signing key: what it signed is believed no more, its private half is forgotten, and it never comes back. The
/// active one must be rotated first, and what only this one vouches for replaced where it is deployed, unless it is
/// given up. The project's trust root gets a new version.
#[utoipa::path(
    post, path = "/projects/{project}/signing-keys/{key}/retire", tag = "signing-keys",
    request_body = Option<NewRetirement>,
    params(("project" = ProjectId, Path), ("key" = SigningKeyId, Path)),
    responses((status = 200, body = SigningKey))
)]
pub(super) async fn retire(
    State(api): State<Api>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, SigningKeyId)>,
    new: Option<Json<NewRetirement>>,
) -> Result<axum::Json<SigningKey>, Problem> {
    let NewRetirement { deployed } = new.map(|Json(new)| new).unwrap_or_default();
    Ok(axum::Json(api.keys.retire(&caller.act, caller.within(project), (id, deployed)).await?))
}

/// A version of a trust root, as gateways read it: `root.json`.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustRoot {
    /// 1.
    format: u32,
    /// The project's id.
    project: ProjectId,
    /// Its place in the chain, from 1. Each is signed with keys of the one before, and with its own.
    #[schema(value_type = u64, minimum = 1)]
    version: NonZeroU64,
    /// When it was issued, in seconds since 1970.
    issued_at: u64,
    /// How many of the keys must have signed an artifact, or the next version.
    threshold: u16,
    /// The keys that are believed, 1 to 16.
    keys: Vec<TrustedKey>,
    /// Who signed this version.
    signatures: Vec<RootSignature>,
}

/// A key that is believed.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TrustedKey {
    /// The SHA-256 of the key, in hexadecimal digits.
    id: String,
    /// An Ed25519 public key: 32 bytes in base64.
    public: String,
}

/// A signature of a trust root.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RootSignature {
    /// The id of the key that made it.
    key: String,
    /// 64 bytes in base64.
    signature: String,
}

impl TryFrom<SignedRoot> for TrustRoot {
    type Error = Error;

    /// Through JSON, which is the form that gateways read.
    fn try_from(root: SignedRoot) -> Result<Self, Error> {
        let document = serde_json::to_value(root).map_err(|_| Error::Damaged(Noun::TrustRoot))?;
        serde_json::from_value(document).map_err(|_| Error::Damaged(Noun::TrustRoot))
    }
}

/// A project's trust root: the newest version.
#[utoipa::path(
    get, path = "/projects/{project}/trust-root", tag = "trust-roots", params(("project" = ProjectId, Path)),
    responses((status = 200, body = TrustRoot)), operation_id = "newest"
)]
pub(super) async fn newest_root(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
) -> Result<axum::Json<TrustRoot>, Problem> {
    Ok(axum::Json(api.store.known_trust_root(caller.within(project), None).await?.try_into()?))
}

/// List every version of a project's trust root, newest first.
#[utoipa::path(
    get, path = "/projects/{project}/trust-roots", tag = "trust-roots",
    params(("project" = ProjectId, Path), Paging), responses((status = 200, body = Page<TrustRoot>)),
    operation_id = "list"
)]
pub(super) async fn list_roots(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Page<TrustRoot>>, Problem> {
    let Page { items, next_cursor } = api.store.trust_roots(caller.within(project), &paging.request()?).await?;
    let items = items.into_iter().map(TrustRoot::try_from).collect::<Result<_, _>>()?;
    Ok(axum::Json(Page { items, next_cursor }))
}

/// One version of a project's trust root.
#[utoipa::path(
    get, path = "/projects/{project}/trust-roots/{version}", tag = "trust-roots",
    params(("project" = ProjectId, Path), ("version" = u64, Path, minimum = 1)),
    responses((status = 200, body = TrustRoot)), operation_id = "get"
)]
pub(super) async fn get_root(
    State(api): State<Api>,
    caller: Caller,
    Path((project, version)): Path<(ProjectId, NonZeroU64)>,
) -> Result<axum::Json<TrustRoot>, Problem> {
    Ok(axum::Json(api.store.known_trust_root(caller.within(project), Some(version)).await?.try_into()?))
}

fn created(key: SigningKey) -> Created<SigningKey> {
    let location = format!("/api/v1/projects/{}/signing-keys/{}", key.project, key.id);
    Created { location, version: None, body: key }
}
