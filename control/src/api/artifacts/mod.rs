//! `/artifacts`: listed, shown, uploaded, compared, forgotten; and, in `download`, downloaded.

pub(super) mod comparison;
pub(super) mod download;
pub(super) mod push;
pub(super) mod served;

use axum::extract::State;
use http::StatusCode;

use super::Api;
use super::caller::Caller;
use super::extract::{Paging, Path, Query};
use super::problem::Problem;
use crate::domain::artifact::{Artifact, ArtifactAt};
use crate::domain::digest::Digest;
use crate::domain::id::ProjectId;
use crate::domain::page::Page;

/// List a project's artifacts, newest first.
#[utoipa::path(
    get, path = "/projects/{project}/artifacts", tag = "artifacts", params(("project" = ProjectId, Path), Paging),
    responses((status = 200, body = Page<Artifact>))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Page<Artifact>>, Problem> {
    Ok(axum::Json(api.store.artifacts(caller.within(project), &paging.request()?).await?))
}

/// One artifact, and what it says of itself. Where several projects have it, the newest of them is shown.
#[utoipa::path(
    get, path = "/artifacts/{artifact}", tag = "artifacts", params(("artifact" = Digest, Path)),
    responses((status = 200, body = Artifact))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(digest): Path<Digest>,
) -> Result<axum::Json<Artifact>, Problem> {
    Ok(axum::Json(api.store.artifact(at(&caller, digest)).await?))
}

/// Forget an artifact. One that a deployment names stays.
#[utoipa::path(
    delete, path = "/projects/{project}/artifacts/{artifact}", tag = "artifacts",
    params(("project" = ProjectId, Path), ("artifact" = Digest, Path)), responses((status = 204))
)]
pub(super) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    Path((project, digest)): Path<(ProjectId, Digest)>,
) -> Result<StatusCode, Problem> {
    api.store.delete_artifact(&caller.act, caller.within(project), digest).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The artifact as far as the caller reaches: a data plane's key, no further than its project.
fn at(caller: &Caller, digest: Digest) -> ArtifactAt {
    ArtifactAt { reach: caller.reach(), project: caller.principal.bound_to(), digest }
}
