//! `/projects`.

use axum::extract::State;
use http::StatusCode;

use super::Api;
use super::caller::{Caller, Editor};
use super::extract::{Json, NamedPaging, Path, Query};
use super::problem::Problem;
use super::reply::{Created, Current};
use crate::domain::access::Reach;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{ProjectId, TeamId};
use crate::domain::page::Page;
use crate::domain::project::{NewProject, Project};
use crate::domain::project_update::ProjectUpdate;

/// List projects, newest first.
#[utoipa::path(get, path = "/projects", tag = "projects", params(NamedPaging), responses((status = 200, body = Page<Project>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Query(paging): Query<NamedPaging>,
) -> Result<axum::Json<Page<Project>>, Problem> {
    Ok(axum::Json(api.store.projects(caller.reach(), &paging.request()?).await?))
}

/// Make a project.
#[utoipa::path(
    post, path = "/projects", tag = "projects", request_body = NewProject,
    responses((status = 201, body = Project, headers(("Location" = String), ("ETag" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(new): Json<NewProject>,
) -> Result<Created<Project>, Problem> {
    new.check()?;
    let team = team_for(&api, &caller, new.team).await?;
    let project = api.keys.found(&caller.act, team, new).await?;
    let location = format!("/api/v1/projects/{}", project.id);
    Ok(Created { location, version: Some(project.version), body: project })
}

/// One project.
#[utoipa::path(
    get, path = "/projects/{project}", tag = "projects", params(("project" = ProjectId, Path)),
    responses((status = 200, body = Project, headers(("ETag" = String))))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<ProjectId>,
) -> Result<Current<Project>, Problem> {
    let project = api.store.project(caller.reach(), id).await?;
    Ok(Current(project.version, project))
}

/// Change a project: what is absent stays, in its settings as well (RFC 7396).
#[utoipa::path(
    patch, path = "/projects/{project}", tag = "projects", request_body = ProjectUpdate,
    params(("project" = ProjectId, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Project, headers(("ETag" = String))))
)]
pub(super) async fn update(
    State(api): State<Api>,
    Editor { act, at }: Editor<ProjectId>,
    Json(update): Json<ProjectUpdate>,
) -> Result<Current<Project>, Problem> {
    update.check()?;
    let project = api.store.update_project(&act, at, update).await?;
    Ok(Current(project.version, project))
}

/// Delete a project, with its specs, builds, artifacts, keys and deployments.
#[utoipa::path(
    delete, path = "/projects/{project}", tag = "projects",
    params(("project" = ProjectId, Path), ("If-Match" = String, Header)), responses((status = 204))
)]
pub(super) async fn delete(
    State(api): State<Api>,
    Editor { act, at }: Editor<ProjectId>,
) -> Result<StatusCode, Problem> {
    api.store.delete_project(&act, at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The team that something new will belong to: the caller's, the one named, or `default`.
async fn team_for(api: &Api, caller: &Caller, named: Option<TeamId>) -> Result<TeamId, Error> {
    match (caller.reach(), named) {
        (Reach::Team(own), None) => Ok(own),
        (reach, Some(team)) if reach.includes(team) => Ok(team),
        (Reach::Team(_), Some(_)) => Err(Error::NotFound(Noun::Team)),
        (Reach::Everything, _) => Ok(api.store.default_team().await?.id),
    }
}
