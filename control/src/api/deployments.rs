//! `/projects/{project}/deploy` and `/projects/{project}/rollback`, what was deployed, and what is pinned.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;

use super::Api;
use super::caller::Caller;
use super::extract::{Json, Paging, Path, Query, parse};
use super::problem::Problem;
use super::reply::{Accepted, Current};
use crate::domain::deployment::{Deployment, NewDeployment, NewRollback, Pin};
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::page::Page;

/// Which pins.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Pinned {
    /// Those on any data plane that this chooses, as in `env=prod`; absent: all of the project's.
    selector: Option<String>,
}

/// Deploy an artifact: wave by wave, it becomes what the data planes serve that the selector chooses. `Location` says where
/// to look how far it is.
#[utoipa::path(
    post, path = "/projects/{project}/deploy", tag = "deployments", request_body = NewDeployment,
    params(("project" = ProjectId, Path)),
    responses((status = 202, body = Deployment, headers(("Location" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Json(new): Json<NewDeployment>,
) -> Result<Accepted<Deployment>, Problem> {
    new.check()?;
    Ok(accepted(api.store.create_deployment(&caller.act, caller.within(project), new).await?))
}

/// Take back what was deployed: its data planes serve what they served before, or what is said here, at once. Pipelines do
/// not deploy over it until somebody unpins. What is rolled back already goes further back only to what is said here.
#[utoipa::path(
    post, path = "/projects/{project}/rollback", tag = "deployments", request_body = Option<NewRollback>,
    params(("project" = ProjectId, Path)),
    responses((status = 202, body = Deployment, headers(("Location" = String))))
)]
pub(super) async fn rollback(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    new: Option<Json<NewRollback>>,
) -> Result<Accepted<Deployment>, Problem> {
    let new = new.map(|Json(new)| new).unwrap_or_default();
    new.check()?;
    Ok(accepted(api.store.create_rollback(&caller.act, caller.within(project), new).await?))
}

/// List a project's deployments, newest first.
#[utoipa::path(
    get, path = "/projects/{project}/deployments", tag = "deployments",
    params(("project" = ProjectId, Path), Paging), responses((status = 200, body = Page<Deployment>))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Page<Deployment>>, Problem> {
    Ok(axum::Json(api.store.deployments(caller.within(project), &paging.request()?).await?))
}

/// A project's newest deployment that was not taken back: what its data planes are to serve.
#[utoipa::path(
    get, path = "/projects/{project}/deployment", tag = "deployments",
    params(("project" = ProjectId, Path)),
    responses((status = 200, body = Deployment, headers(("ETag" = String))))
)]
pub(super) async fn newest(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
) -> Result<Current<Deployment>, Problem> {
    let deployment = api.store.newest_deployment(caller.within(project)).await?;
    Ok(Current(deployment.version, deployment))
}

/// One deployment, and how far it is.
#[utoipa::path(
    get, path = "/deployments/{deployment}", tag = "deployments",
    params(("deployment" = DeploymentId, Path)),
    responses((status = 200, body = Deployment, headers(("ETag" = String))))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
) -> Result<Current<Deployment>, Problem> {
    let deployment = api.store.deployment(caller.reach(), id).await?;
    Ok(Current(deployment.version, deployment))
}

/// What pipelines do not deploy over: what was taken back, by somebody or by a gate. At most 100.
#[utoipa::path(
    get, path = "/projects/{project}/pins", tag = "deployments",
    params(("project" = ProjectId, Path)), responses((status = 200, body = Page<Pin>))
)]
pub(super) async fn pins(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
) -> Result<axum::Json<Page<Pin>>, Problem> {
    let items = api.store.pins(caller.within(project)).await?;
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// Let pipelines deploy again.
#[utoipa::path(
    delete, path = "/projects/{project}/pins", tag = "deployments",
    params(("project" = ProjectId, Path), Pinned), responses((status = 204))
)]
pub(super) async fn unpin(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Query(pinned): Query<Pinned>,
) -> Result<StatusCode, Problem> {
    let selector = parse("selector", pinned.selector.as_deref().unwrap_or_default())?;
    api.store.unpin(&caller.act, caller.within(project), &selector).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn accepted(deployment: Deployment) -> Accepted<Deployment> {
    Accepted { location: format!("/api/v1/deployments/{}", deployment.id), body: deployment }
}
