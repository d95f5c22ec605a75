//! `/builds`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde::Deserialize;

use super::Api;
use super::caller::Caller;
use super::extract::{Json, Paging, Path, Query};
use super::problem::Problem;
use super::reply::Accepted;
use crate::domain::build::{Build, BuildFilter, BuildsOf, NewBuild, State as BuildState};
use crate::domain::id::{BuildId, ProjectId, SpecId};
use crate::domain::page::Page;
use crate::domain::store::At;

/// Which builds of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Choice {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many builds the page has at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
    /// Only those in this state.
    #[param(inline)]
    state: Option<BuildState>,
}

/// Compile a revision of a spec into an artifact. The build is queued; `Location` says where to look how far it is.
#[utoipa::path(
    post, path = "/specs/{spec}/compile", tag = "builds", request_body = Option<NewBuild>,
    params(("spec" = SpecId, Path)), responses((status = 202, body = Build, headers(("Location" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Path(spec): Path<SpecId>,
    new: Option<Json<NewBuild>>,
) -> Result<Accepted<Build>, Problem> {
    let new = new.map(|Json(new)| new).unwrap_or_default();
    new.check()?;
    let build = api.store.create_build(&caller.act, At { reach: caller.reach(), id: spec }, new).await?;
    Ok(Accepted { location: format!("/api/v1/builds/{}", build.id), body: build })
}

/// One build: how far it is, what is wrong with the documents, and what came of it.
#[utoipa::path(
    get, path = "/builds/{build}", tag = "builds", params(("build" = BuildId, Path)),
    responses((status = 200, body = Build))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<BuildId>,
) -> Result<axum::Json<Build>, Problem> {
    Ok(axum::Json(api.store.build(caller.reach(), id).await?))
}

/// What the compiler said, as text for people; nothing while it has said nothing.
#[utoipa::path(
    get, path = "/builds/{build}/log", tag = "builds", params(("build" = BuildId, Path)),
    responses((status = 200, body = String, content_type = "text/plain"))
)]
pub(super) async fn log(State(api): State<Api>, caller: Caller, Path(id): Path<BuildId>) -> Result<Response, Problem> {
    let log = api.store.build_log(caller.reach(), id).await?;
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, log).into_response())
}

/// Cancel a build that is not done. One that is cancelled already stays so.
#[utoipa::path(
    post, path = "/builds/{build}/cancel", tag = "builds", params(("build" = BuildId, Path)),
    responses((status = 200, body = Build))
)]
pub(super) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<BuildId>,
) -> Result<axum::Json<Build>, Problem> {
    Ok(axum::Json(api.store.cancel_build(&caller.act, caller.reach(), id).await?))
}

/// List a project's builds, newest first.
#[utoipa::path(
    get, path = "/projects/{project}/builds", tag = "builds", operation_id = "of_project",
    params(("project" = ProjectId, Path), Choice), responses((status = 200, body = Page<Build>))
)]
pub(super) async fn of_project(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Query(choice): Query<Choice>,
) -> Result<axum::Json<Page<Build>>, Problem> {
    list(&api, &caller, BuildsOf::Project(project), choice).await
}

/// List a spec's builds, newest first.
#[utoipa::path(
    get, path = "/specs/{spec}/builds", tag = "builds", operation_id = "of_spec",
    params(("spec" = SpecId, Path), Choice), responses((status = 200, body = Page<Build>))
)]
pub(super) async fn of_spec(
    State(api): State<Api>,
    caller: Caller,
    Path(spec): Path<SpecId>,
    Query(choice): Query<Choice>,
) -> Result<axum::Json<Page<Build>>, Problem> {
    list(&api, &caller, BuildsOf::Spec(spec), choice).await
}

async fn list(api: &Api, caller: &Caller, of: BuildsOf, choice: Choice) -> Result<axum::Json<Page<Build>>, Problem> {
    let Choice { cursor, limit, state } = choice;
    let page = Paging { cursor, limit }.request()?;
    Ok(axum::Json(api.store.builds(caller.reach(), BuildFilter { of, state }, &page).await?))
}
