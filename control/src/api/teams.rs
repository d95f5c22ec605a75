//! `/teams`.

use axum::extract::State;
use http::StatusCode;

use super::Api;
use super::caller::{Caller, Editor};
use super::extract::{Json, NamedPaging, Path, Query};
use super::problem::Problem;
use super::reply::{Created, Current};
use crate::domain::access::{Reach, Scope};
use crate::domain::error::Error;
use crate::domain::id::TeamId;
use crate::domain::page::Page;
use crate::domain::team::{NewTeam, Team, TeamUpdate};

/// List the teams within reach, newest first.
#[utoipa::path(get, path = "/teams", tag = "teams", params(NamedPaging), responses((status = 200, body = Page<Team>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Query(paging): Query<NamedPaging>,
) -> Result<axum::Json<Page<Team>>, Problem> {
    Ok(axum::Json(api.store.teams(caller.reach(), &paging.request()?).await?))
}

/// Make a team: with a token of the whole installation.
#[utoipa::path(
    post, path = "/teams", tag = "teams", request_body = NewTeam,
    responses((status = 201, body = Team, headers(("Location" = String), ("ETag" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(new): Json<NewTeam>,
) -> Result<Created<Team>, Problem> {
    new.check()?;
    of_the_installation(caller.reach())?;
    let team = api.store.create_team(&caller.act, new).await?;
    Ok(Created { location: format!("/api/v1/teams/{}", team.id), version: Some(team.version), body: team })
}

/// One team.
#[utoipa::path(
    get, path = "/teams/{team}", tag = "teams", params(("team" = TeamId, Path)),
    responses((status = 200, body = Team, headers(("ETag" = String))))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<TeamId>,
) -> Result<Current<Team>, Problem> {
    let team = api.store.team(caller.reach(), id).await?;
    Ok(Current(team.version, team))
}

/// Change a team: what is absent stays.
#[utoipa::path(
    patch, path = "/teams/{team}", tag = "teams", request_body = TeamUpdate,
    params(("team" = TeamId, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Team, headers(("ETag" = String))))
)]
pub(super) async fn update(
    State(api): State<Api>,
    Editor { act, at }: Editor<TeamId>,
    Json(update): Json<TeamUpdate>,
) -> Result<Current<Team>, Problem> {
    update.check()?;
    of_the_installation_or_unknown(&api, at.reach, at.id).await?;
    let team = api.store.update_team(&act, at, update).await?;
    Ok(Current(team.version, team))
}

/// Delete a team that owns nothing any more.
#[utoipa::path(
    delete, path = "/teams/{team}", tag = "teams",
    params(("team" = TeamId, Path), ("If-Match" = String, Header)), responses((status = 204))
)]
pub(super) async fn delete(State(api): State<Api>, Editor { act, at }: Editor<TeamId>) -> Result<StatusCode, Problem> {
    of_the_installation_or_unknown(&api, at.reach, at.id).await?;
    api.store.delete_team(&act, at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Teams are changed with a token of the whole installation.
fn of_the_installation(reach: Reach) -> Result<(), Error> {
    if reach == Reach::Everything { Ok(()) } else { Err(Error::MissingScope(Scope::TeamsWrite)) }
}

/// The same for a team that is there: another team's is not, for whoever may not see it.
async fn of_the_installation_or_unknown(api: &Api, reach: Reach, id: TeamId) -> Result<(), Error> {
    api.store.team(reach, id).await?;
    of_the_installation(reach)
}
