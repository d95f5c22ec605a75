//! `/specs`.

use axum::extract::State;
use http::StatusCode;

use super::Api;
use super::caller::{Caller, Editor};
use super::extract::{Json, NamedPaging, Path, Query};
use super::problem::Problem;
use super::reply::{Created, Current};
use super::upload::{Announced, Form, Purpose, Uploaded};
use crate::domain::id::{ProjectId, SpecId};
use crate::domain::name::Name;
use crate::domain::page::Page;
use crate::domain::spec::{NewSpec, Spec, SpecUpdate};

/// List a project's specs, newest first.
#[utoipa::path(
    get, path = "/projects/{project}/specs", tag = "specs", params(("project" = ProjectId, Path), NamedPaging),
    responses((status = 200, body = Page<Spec>))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Query(paging): Query<NamedPaging>,
) -> Result<axum::Json<Page<Spec>>, Problem> {
    Ok(axum::Json(api.store.specs(caller.reach(), project, &paging.request()?).await?))
}

/// Make a spec of one or several documents, or of a zip archive of them.
#[utoipa::path(
    post, path = "/projects/{project}/specs", tag = "specs",
    params(
        ("project" = ProjectId, Path),
        ("name" = Option<Name>, Query, description = "Unique in the project. Without it, the API's title or the \
            file's name, made into a name."),
        ("description" = Option<String>, Query, description = "For people, at most 4096 bytes."),
        ("entry" = Option<Vec<String>>, Query, description = "The path of a document where the API begins. Without \
            it, the only one that has a field `openapi`."),
        ("message" = Option<String>, Query, description = "Why, at most 4096 bytes."),
        ("file" = Option<String>, Query, description = "The path of a document that is sent by itself."),
    ),
    request_body(content(
        (String = "application/yaml"), (Object = "application/json"), (Vec<u8> = "application/zip"),
        (Form = "multipart/form-data"),
    )),
    responses((status = 201, body = Spec, headers(("Location" = String), ("ETag" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    announced: Announced,
) -> Result<Created<Spec>, Problem> {
    // Before anything is received.
    api.store.project(caller.reach(), project).await?;
    let uploaded = Uploaded::receive(&api, &caller, (Purpose::Spec, announced)).await?;
    let name = uploaded.name()?;
    let (description, revision, _held) = uploaded.into_parts();
    let new = NewSpec { project, name, description, revision };
    new.check()?;
    let spec = api.store.create_spec(&caller.act, caller.reach(), new).await?;
    Ok(Created { location: format!("/api/v1/specs/{}", spec.id), version: Some(spec.version), body: spec })
}

/// One spec.
#[utoipa::path(
    get, path = "/specs/{spec}", tag = "specs", params(("spec" = SpecId, Path)),
    responses((status = 200, body = Spec, headers(("ETag" = String))))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<SpecId>,
) -> Result<Current<Spec>, Problem> {
    let spec = api.store.spec(caller.reach(), id).await?;
    Ok(Current(spec.version, spec))
}

/// Change what a spec is called: what is absent stays.
#[utoipa::path(
    patch, path = "/specs/{spec}", tag = "specs", request_body = SpecUpdate,
    params(("spec" = SpecId, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Spec, headers(("ETag" = String))))
)]
pub(super) async fn update(
    State(api): State<Api>,
    Editor { act, at }: Editor<SpecId>,
    Json(update): Json<SpecUpdate>,
) -> Result<Current<Spec>, Problem> {
    update.check()?;
    let spec = api.store.update_spec(&act, at, update).await?;
    Ok(Current(spec.version, spec))
}

/// Delete a spec, with its revisions and builds.
#[utoipa::path(
    delete, path = "/specs/{spec}", tag = "specs",
    params(("spec" = SpecId, Path), ("If-Match" = String, Header)), responses((status = 204))
)]
pub(super) async fn delete(State(api): State<Api>, Editor { act, at }: Editor<SpecId>) -> Result<StatusCode, Problem> {
    api.store.delete_spec(&act, at).await?;
    Ok(StatusCode::NO_CONTENT)
}
