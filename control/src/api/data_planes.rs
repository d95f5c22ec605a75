//! `/teams/{team}/dataplanes`, where data planes are made by hand, and `/projects/{project}/data-planes`, where one sees
//! those that serve a project.

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Api;
use super::caller::Caller;
use super::extract::{IfMatch, Json, NamedPaging, Path, Query, parse};
use super::problem::Problem;
use super::reply::{Created, Current};
use crate::domain::access::Reach;
use crate::domain::data_plane::{DataPlane, DataPlaneUpdate, Filter, Kind, NewDataPlane, Status};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{DataPlaneId, ProjectId, TeamId};
use crate::domain::name::Name;
use crate::domain::node::Presence;
use crate::domain::page::{Page, PageRequest};
use crate::domain::registry::{DRIFT_GRACE_SECONDS, FleetSummary, Instance};
use crate::domain::store::Edit;
use crate::domain::team::Team;
use crate::domain::time::now;
use crate::domain::version::Expected;
use crate::domain::which::Which;

/// Which data planes, and which page of them.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The one that is called exactly this.
    name: Option<Name>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many data planes the page has at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
    /// Those that are so.
    status: Option<Status>,
    /// Those that are this.
    kind: Option<Kind>,
    /// Those whose labels are these: `env=prod,tier!=edge`.
    selector: Option<String>,
}

/// Which data plane of which team.
#[derive(Debug, Deserialize)]
pub(super) struct Address {
    team: Which<TeamId>,
    data_plane: Which<DataPlaneId>,
}

/// A data plane, with its processes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SeenDataPlane {
    /// What is known of it.
    #[serde(flatten)]
    plane: DataPlane,
    /// Since when a process of it that is there serves something else than it is to serve, where that has lasted for more
    /// than two minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift_since: Option<Timestamp>,
    /// Its processes, those that are there first: at most 100. Those that are gone are remembered for a day.
    instances: Vec<Instance>,
}

impl SeenDataPlane {
    fn new(plane: DataPlane, instances: Vec<Instance>) -> Self {
        let here = instances.iter().filter(|instance| instance.presence != Presence::Gone);
        let since = here.filter_map(|instance| instance.drift_since).min();
        let drift_since = since.filter(|since| now().duration_since(*since).as_secs() > DRIFT_GRACE_SECONDS);
        Self { plane, drift_since, instances }
    }
}

async fn seen(api: &Api, plane: DataPlane) -> Result<SeenDataPlane, Error> {
    let instances = api.store.instances(&[plane.id]).await?.remove(&plane.id);
    Ok(SeenDataPlane::new(plane, instances.unwrap_or_default()))
}

async fn seen_page(api: &Api, page: Page<DataPlane>) -> Result<Page<SeenDataPlane>, Error> {
    let ids: Vec<_> = page.items.iter().map(|plane| plane.id).collect();
    let mut instances = api.store.instances(&ids).await?;
    let items = page.items.into_iter().map(|plane| {
        let own = instances.remove(&plane.id).unwrap_or_default();
        SeenDataPlane::new(plane, own)
    });
    Ok(Page { items: items.collect(), next_cursor: page.next_cursor })
}

impl Wanted {
    fn request(self) -> Result<(Filter, PageRequest), Problem> {
        let page = NamedPaging { name: self.name, cursor: self.cursor, limit: self.limit }.request()?;
        let selector = parse("selector", self.selector.as_deref().unwrap_or_default())?;
        Ok((Filter { project: None, status: self.status, kind: self.kind, selector }, page))
    }
}

/// List a team's data planes, newest first.
#[utoipa::path(
    get, path = "/teams/{team}/dataplanes", tag = "data-planes",
    params(("team" = String, Path, description = "The team's id or name"), Wanted),
    responses((status = 200, body = Page<SeenDataPlane>))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(team): Path<Which<TeamId>>,
    Query(wanted): Query<Wanted>,
) -> Result<axum::Json<Page<SeenDataPlane>>, Problem> {
    let (filter, page) = wanted.request()?;
    let team = team_of(&api, &caller, &team).await?;
    Ok(axum::Json(seen_page(&api, api.store.data_planes(Reach::Team(team.id), &filter, &page).await?).await?))
}

/// Make a data plane by hand. It is offline until it says something.
#[utoipa::path(
    post, path = "/teams/{team}/dataplanes", tag = "data-planes", request_body = NewDataPlane,
    params(("team" = String, Path, description = "The team's id or name")),
    responses((status = 201, body = SeenDataPlane, headers(("Location" = String), ("ETag" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Path(team): Path<Which<TeamId>>,
    Json(new): Json<NewDataPlane>,
) -> Result<Created<SeenDataPlane>, Problem> {
    new.check()?;
    let team = team_of(&api, &caller, &team).await?;
    let plane = api.store.create_data_plane(&caller.act, team.id, new).await?;
    let location = format!("/api/v1/teams/{}/dataplanes/{}", team.id, plane.id);
    Ok(Created { location, version: Some(plane.version), body: seen(&api, plane).await? })
}

/// One of a team's data planes.
#[utoipa::path(
    get, path = "/teams/{team}/dataplanes/{data_plane}", tag = "data-planes",
    params(
        ("team" = String, Path, description = "The team's id or name"),
        ("data_plane" = String, Path, description = "The data plane's id or name")
    ),
    responses((status = 200, body = SeenDataPlane, headers(("ETag" = String))))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(address): Path<Address>,
) -> Result<Current<SeenDataPlane>, Problem> {
    let plane = data_plane_at(&api, &caller, &address).await?;
    Ok(Current(plane.version, seen(&api, plane).await?))
}

/// Change a data plane: what is absent stays.
#[utoipa::path(
    patch, path = "/teams/{team}/dataplanes/{data_plane}", tag = "data-planes", request_body = DataPlaneUpdate,
    params(
        ("team" = String, Path, description = "The team's id or name"),
        ("data_plane" = String, Path, description = "The data plane's id or name"),
        ("If-Match" = String, Header)
    ),
    responses((status = 200, body = SeenDataPlane, headers(("ETag" = String))))
)]
pub(super) async fn update(
    State(api): State<Api>,
    caller: Caller,
    (Path(address), IfMatch(expected)): (Path<Address>, IfMatch),
    Json(update): Json<DataPlaneUpdate>,
) -> Result<Current<SeenDataPlane>, Problem> {
    update.check()?;
    let plane = data_plane_at(&api, &caller, &address).await?;
    let at = Edit { reach: Reach::Team(plane.team), id: plane.id, expected };
    let plane = api.store.update_data_plane(&caller.act, at, update).await?;
    Ok(Current(plane.version, seen(&api, plane).await?))
}

/// Remove a data plane.
#[utoipa::path(
    delete, path = "/teams/{team}/dataplanes/{data_plane}", tag = "data-planes",
    params(
        ("team" = String, Path, description = "The team's id or name"),
        ("data_plane" = String, Path, description = "The data plane's id or name"),
        ("If-Match" = String, Header)
    ),
    responses((status = 204))
)]
pub(super) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    (Path(address), IfMatch(expected)): (Path<Address>, IfMatch),
) -> Result<StatusCode, Problem> {
    let plane = data_plane_at(&api, &caller, &address).await?;
    let at = Edit { reach: Reach::Team(plane.team), id: plane.id, expected };
    api.store.delete_data_plane(&caller.act, at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the data planes that serve a project, newest first.
#[utoipa::path(
    get, path = "/projects/{project}/data-planes", tag = "data-planes",
    params(("project" = ProjectId, Path), Wanted), responses((status = 200, body = Page<SeenDataPlane>)),
    operation_id = "list_of_project"
)]
pub(super) async fn list_of_project(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
    Query(wanted): Query<Wanted>,
) -> Result<axum::Json<Page<SeenDataPlane>>, Problem> {
    let (filter, page) = wanted.request()?;
    let project = api.store.project(caller.reach(), project).await?;
    let filter = Filter { project: Some(project.id), ..filter };
    Ok(axum::Json(seen_page(&api, api.store.data_planes(caller.reach(), &filter, &page).await?).await?))
}

/// One of the data planes that serve a project.
#[utoipa::path(
    get, path = "/projects/{project}/data-planes/{data_plane}", tag = "data-planes",
    params(("project" = ProjectId, Path), ("data_plane" = DataPlaneId, Path)),
    responses((status = 200, body = SeenDataPlane, headers(("ETag" = String)))), operation_id = "get_of_project"
)]
pub(super) async fn get_of_project(
    State(api): State<Api>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, DataPlaneId)>,
) -> Result<Current<SeenDataPlane>, Problem> {
    let plane = of_project(api.store.data_plane(caller.reach(), id).await?, project)?;
    Ok(Current(plane.version, seen(&api, plane).await?))
}

/// Remove one of the data planes that serve a project. `If-Match` is heeded and need not be sent: whoever removes a data
/// plane by this path means it whatever it has become.
#[utoipa::path(
    delete, path = "/projects/{project}/data-planes/{data_plane}", tag = "data-planes",
    params(("project" = ProjectId, Path), ("data_plane" = DataPlaneId, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204)), operation_id = "delete_of_project"
)]
pub(super) async fn delete_of_project(
    State(api): State<Api>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, DataPlaneId)>,
    expected: Option<IfMatch>,
) -> Result<StatusCode, Problem> {
    let plane = of_project(api.store.data_plane(caller.reach(), id).await?, project)?;
    let expected = expected.map_or(Expected::Any, |IfMatch(expected)| expected);
    let at = Edit { reach: caller.reach(), id: plane.id, expected };
    api.store.delete_data_plane(&caller.act, at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have a data plane connect anew: each of its connections is ended, and it comes back by itself, wherever a load balancer
/// sends it. Traffic does not notice.
#[utoipa::path(
    post, path = "/projects/{project}/data-planes/{data_plane}/disconnect", tag = "data-planes",
    params(("project" = ProjectId, Path), ("data_plane" = DataPlaneId, Path)), responses((status = 204))
)]
pub(super) async fn disconnect(
    State(api): State<Api>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, DataPlaneId)>,
) -> Result<StatusCode, Problem> {
    let plane = of_project(api.store.data_plane(caller.reach(), id).await?, project)?;
    let at = Edit { reach: caller.reach(), id: plane.id, expected: Expected::Any };
    api.store.disconnect_data_plane(&caller.act, at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A project's data planes, counted: by how they are, and by what they serve.
#[utoipa::path(
    get, path = "/projects/{project}/fleet", tag = "data-planes", params(("project" = ProjectId, Path)),
    responses((status = 200, body = FleetSummary))
)]
pub(super) async fn fleet(
    State(api): State<Api>,
    caller: Caller,
    Path(project): Path<ProjectId>,
) -> Result<axum::Json<FleetSummary>, Problem> {
    Ok(axum::Json(api.store.fleet_summary(caller.within(project)).await?))
}

async fn team_of(api: &Api, caller: &Caller, which: &Which<TeamId>) -> Result<Team, Error> {
    match which {
        Which::Id(id) => api.store.team(caller.reach(), *id).await,
        Which::Name(name) => api.store.team_named(caller.reach(), name).await,
    }
}

async fn data_plane_at(api: &Api, caller: &Caller, address: &Address) -> Result<DataPlane, Error> {
    let team = team_of(api, caller, &address.team).await?;
    match &address.data_plane {
        Which::Id(id) => api.store.data_plane(Reach::Team(team.id), *id).await,
        Which::Name(name) => api.store.data_plane_named(team.id, name).await,
    }
}

/// A data plane of another project is not there.
fn of_project(plane: DataPlane, project: ProjectId) -> Result<DataPlane, Error> {
    if plane.project == Some(project) { Ok(plane) } else { Err(Error::NotFound(Noun::DataPlane)) }
}
