//! `/projects/{project}/deploy`, and what was deployed.

use axum::extract::State;

use super::Api;
use super::caller::Caller;
use super::extract::{Json, Paging, Path, Query};
use super::problem::Problem;
use super::reply::Accepted;
use crate::domain::deployment::{Deployment, NewDeployment};
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::page::Page;

/// Deploy an artifact: it becomes what the project's data planes are to serve.
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
    let deployment = api.store.create_deployment(&caller.act, caller.within(project), new).await?;
    Ok(Accepted { location: format!("/api/v1/deployments/{}", deployment.id), body: deployment })
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

/// A project's newest deployment: what its data planes are to serve.
#[utoipa::path(
    get, path = "/projects/{project}/deployment", tag = "deployments",
    params(("project" = ProjectId, Path)), responses((status = 200, body = Deployment))
)]
pub(super) async fn newest(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
) -> Result<axum::Json<Deployment>, Problem> {
    Ok(axum::Json(api.store.newest_deployment(caller.within(project)).await?))
}

/// One deployment.
#[utoipa::path(
    get, path = "/deployments/{deployment}", tag = "deployments",
    params(("deployment" = DeploymentId, Path)), responses((status = 200, body = Deployment))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
) -> Result<axum::Json<Deployment>, Problem> {
    Ok(axum::Json(api.store.deployment(caller.reach(), id).await?))
}
