//! `/deployments/{deployment}`: how one goes on, and how it is steered.

use axum::extract::State;

use super::Api;
use super::caller::Caller;
use super::extract::{IfMatch, Json, Paging, Path, Query};
use super::problem::Problem;
use super::reply::Current;
use crate::domain::deployment::{
    Deployment, DeploymentEvent, NewPromotion, NodeEvent, State as DeploymentState, Steering,
};
use crate::domain::error::{Error, Noun};
use crate::domain::id::DeploymentId;
use crate::domain::page::Page;
use crate::domain::pointer::Issuer;
use crate::domain::rollout::Progress;
use crate::domain::signing::Signer as _;
use crate::domain::store::Edit;
use crate::domain::version::Expected;

/// What happened to a deployment, newest first.
#[utoipa::path(
    get, path = "/deployments/{deployment}/events", tag = "deployments",
    params(("deployment" = DeploymentId, Path), Paging), responses((status = 200, body = Page<DeploymentEvent>))
)]
pub(super) async fn events(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Page<DeploymentEvent>>, Problem> {
    Ok(axum::Json(api.store.deployment_events(caller.reach(), id, &paging.request()?).await?))
}

/// What became of a deployment on each data plane, newest first. What failed stays.
#[utoipa::path(
    get, path = "/deployments/{deployment}/history", tag = "deployments",
    params(("deployment" = DeploymentId, Path), Paging), responses((status = 200, body = Page<NodeEvent>))
)]
pub(super) async fn history(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Page<NodeEvent>>, Problem> {
    Ok(axum::Json(api.store.node_events(caller.reach(), id, &paging.request()?).await?))
}

/// How far a deployment is, by wave: of its data planes, how many are there, serve it, and refuse it; and how their
/// traffic fares.
#[utoipa::path(
    get, path = "/deployments/{deployment}/progress", tag = "deployments",
    params(("deployment" = DeploymentId, Path)), responses((status = 200, body = Progress))
)]
pub(super) async fn progress(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
) -> Result<axum::Json<Progress>, Problem> {
    let deployment = api.store.deployment(caller.reach(), id).await?;
    let rollout = api.store.rollout(deployment.id).await?.ok_or(Error::NotFound(Noun::Deployment))?;
    Ok(axum::Json(rollout.progress()))
}

/// Let a deployment go no further. Whom it has reached goes on serving it. `If-Match` is heeded and need not be sent.
#[utoipa::path(
    post, path = "/deployments/{deployment}/pause", tag = "deployments",
    params(("deployment" = DeploymentId, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Deployment, headers(("ETag" = String))))
)]
pub(super) async fn pause(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
    expected: Option<IfMatch>,
) -> Result<Current<Deployment>, Problem> {
    steer(&api, &caller, (id, expected), Steering::Pause).await
}

/// Let a deployment go on that goes no further. `If-Match` is heeded and need not be sent.
#[utoipa::path(
    post, path = "/deployments/{deployment}/resume", tag = "deployments",
    params(("deployment" = DeploymentId, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Deployment, headers(("ETag" = String))))
)]
pub(super) async fn resume(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
    expected: Option<IfMatch>,
) -> Result<Current<Deployment>, Problem> {
    steer(&api, &caller, (id, expected), Steering::Resume).await
}

/// Let the next wave begin, or the last one, whatever the gates say; or, where a gate halted it in its last wave, end it
/// well. `If-Match` is heeded and need not be sent.
#[utoipa::path(
    post, path = "/deployments/{deployment}/promote", tag = "deployments", request_body = Option<NewPromotion>,
    params(("deployment" = DeploymentId, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Deployment, headers(("ETag" = String))))
)]
pub(super) async fn promote(
    State(api): State<Api>,
    caller: Caller,
    (Path(id), expected): (Path<DeploymentId>, Option<IfMatch>),
    new: Option<Json<NewPromotion>>,
) -> Result<Current<Deployment>, Problem> {
    let NewPromotion { to } = new.map(|Json(new)| new).unwrap_or_default();
    steer(&api, &caller, (id, expected), Steering::Promote(to)).await
}

/// End a deployment: whom it had reached goes back to what it served before. `If-Match` is heeded and need not be sent.
#[utoipa::path(
    post, path = "/deployments/{deployment}/abort", tag = "deployments",
    params(("deployment" = DeploymentId, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Deployment, headers(("ETag" = String))))
)]
pub(super) async fn abort(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
    expected: Option<IfMatch>,
) -> Result<Current<Deployment>, Problem> {
    let deployment = api.store.deployment(caller.reach(), id).await?;
    let issuer = match deployment.state {
        // What never started left nothing that would have to be said anew.
        DeploymentState::Scheduled => None,
        state if state.is_final() => None,
        _ => Some(Issuer::new(api.keys.signing_key(deployment.project).await?)),
    };
    let deployment = api.store.abort_deployment(&caller.act, edit(&caller, id, expected), issuer.as_ref()).await?;
    Ok(Current(deployment.version, deployment))
}

async fn steer(
    api: &Api,
    caller: &Caller,
    (id, expected): (DeploymentId, Option<IfMatch>),
    how: Steering,
) -> Result<Current<Deployment>, Problem> {
    let deployment = api.store.steer_deployment(&caller.act, edit(caller, id, expected), how).await?;
    Ok(Current(deployment.version, deployment))
}

fn edit(caller: &Caller, id: DeploymentId, expected: Option<IfMatch>) -> Edit<DeploymentId> {
    let expected = expected.map_or(Expected::Any, |IfMatch(expected)| expected);
    Edit { reach: caller.reach(), id, expected }
}
