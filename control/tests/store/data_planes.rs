//! Data planes.

use control::domain::access::Reach;
use control::domain::data_plane::{Change, DataPlane, DataPlaneUpdate, Filter, Kind, NewDataPlane, Status};
use control::domain::error::{Error, Noun};
use control::domain::page::PageRequest;
use control::domain::store::{DataPlanes as _, Edit, Projects as _};
use control::domain::team::Team;
use control::domain::version::{Expected, Version};

use crate::{Kept, act, of, within};

crate::in_both!(
    what_is_said_of_a_data_plane_survives,
    a_name_is_taken_once_in_a_team,
    another_teams_data_plane_is_not_there,
    nobody_serves_another_teams_project,
    a_change_is_for_one_state_and_absent_stays,
    labels_choose,
    a_projects_data_planes_go_with_it,
);

fn new(name: &str, json: &str) -> NewDataPlane {
    let mut all: serde_json::Value = serde_json::from_str(json).unwrap();
    all["name"] = name.into();
    all["kind"] = "gateway".into();
    serde_json::from_value(all).unwrap()
}

async fn make(kept: &Kept, team: &Team, name: &str, json: &str) -> DataPlane {
    kept.store.create_data_plane(&act(), team.id, new(name, json)).await.unwrap()
}

fn any(plane: &DataPlane, reach: Reach) -> Edit<control::domain::id::DataPlaneId> {
    Edit { reach, id: plane.id, expected: Expected::Any }
}

async fn what_is_said_of_a_data_plane_survives(kept: Kept) {
    let team = kept.team("red").await;
    // Numbers that no double holds, and a character that PostgreSQL's JSON does not take.
    let json = r#"{"gateway_host": "[::1]:8080", "description": "a 'b'", "labels": {"app.dev/x-y": "", "env": "prod"},
        "metadata": {"b": 1e400, "a": 0.10, "n": 123456789012345678901234567890, "nul": "\u0000", "deep": [{"x": null}]}}"#;
    let made = make(&kept, &team, "edge-1", json).await;
    assert_eq!((made.status, made.version), (Status::Offline, Version::FIRST));
    let read = kept.store.data_plane(within(&team), made.id).await.unwrap();
    assert_eq!(read, made);
    assert_eq!(
        serde_json::to_string(&read.metadata).unwrap(),
        r#"{"b":1e+400,"a":0.10,"n":123456789012345678901234567890,"nul":"\u0000","deep":[{"x":null}]}"#
    );
    assert_eq!(kept.store.data_plane_named(team.id, &made.name).await.unwrap(), made);
    assert_eq!(kept.audit().await, ["team.create", "data-plane.create"]);
}

async fn a_name_is_taken_once_in_a_team(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    make(&kept, &red, "edge", "{}").await;
    let other = make(&kept, &red, "other", "{}").await;
    make(&kept, &blue, "edge", "{}").await;
    let error = kept.store.create_data_plane(&act(), red.id, new("edge", "{}")).await.unwrap_err();
    assert!(matches!(error, Error::NameTaken { noun: Noun::DataPlane, .. }), "{error}");
    let update = DataPlaneUpdate { name: Some("edge".parse().unwrap()), ..DataPlaneUpdate::default() };
    let error = kept.store.update_data_plane(&act(), any(&other, within(&red)), update).await.unwrap_err();
    assert!(matches!(error, Error::NameTaken { noun: Noun::DataPlane, .. }), "{error}");
}

async fn another_teams_data_plane_is_not_there(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    let plane = make(&kept, &red, "edge", "{}").await;
    let own = within(&blue);
    assert!(matches!(kept.store.data_plane(own, plane.id).await, Err(Error::NotFound(Noun::DataPlane))));
    assert!(matches!(kept.store.data_plane_named(blue.id, &plane.name).await, Err(Error::NotFound(_))));
    let updated = kept.store.update_data_plane(&act(), any(&plane, own), DataPlaneUpdate::default()).await;
    assert!(matches!(updated, Err(Error::NotFound(Noun::DataPlane))));
    assert!(matches!(kept.store.delete_data_plane(&act(), any(&plane, own)).await, Err(Error::NotFound(_))));
    let listed = kept.store.data_planes(own, &Filter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(listed.items, []);
    let all = kept.store.data_planes(Reach::Everything, &Filter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(all.items, [plane]);
}

async fn nobody_serves_another_teams_project(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    let project = kept.project(&red, "shop").await;
    let named = NewDataPlane { project: Some(project.id), ..new("edge", "{}") };
    let refused = kept.store.create_data_plane(&act(), blue.id, named.clone()).await;
    assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].pointer == "/project"));
    let plane = make(&kept, &blue, "edge", "{}").await;
    let update = DataPlaneUpdate { project: Change::Set(project.id), ..DataPlaneUpdate::default() };
    let refused = kept.store.update_data_plane(&act(), any(&plane, Reach::Everything), update).await;
    assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].pointer == "/project"));
    let made = kept.store.create_data_plane(&act(), red.id, named).await.unwrap();
    assert_eq!(made.project, Some(project.id));
}

async fn a_change_is_for_one_state_and_absent_stays(kept: Kept) {
    let team = kept.team("red").await;
    let plane = make(&kept, &team, "edge", r#"{"gateway_host": "a", "labels": {"env": "prod"}}"#).await;
    let at = Edit { reach: within(&team), id: plane.id, expected: Expected::Exactly(plane.version) };
    let update = DataPlaneUpdate { gateway_host: Change::Clear, kind: Some(Kind::Envoy), ..DataPlaneUpdate::default() };
    let changed = kept.store.update_data_plane(&act(), at, update).await.unwrap();
    assert_eq!((changed.gateway_host.as_deref(), changed.kind, changed.version), (None, Kind::Envoy, Version(2)));
    assert_eq!(changed.labels, plane.labels);
    assert_eq!(kept.store.data_plane(within(&team), plane.id).await.unwrap(), changed);
    let stale = kept.store.update_data_plane(&act(), at, DataPlaneUpdate::default()).await;
    assert!(matches!(stale, Err(Error::Stale { current: Version(2) })));
    assert!(matches!(kept.store.delete_data_plane(&act(), at).await, Err(Error::Stale { .. })));
    kept.store.delete_data_plane(&act(), any(&plane, within(&team))).await.unwrap();
    assert!(matches!(kept.store.data_plane(within(&team), plane.id).await, Err(Error::NotFound(_))));
    assert_eq!(kept.audit().await, ["team.create", "data-plane.create", "data-plane.update", "data-plane.delete"]);
}

async fn labels_choose(kept: Kept) {
    let team = kept.team("red").await;
    for (name, labels) in [
        ("a", r#"{"env": "prod", "k8s.io/tier": "edge"}"#),
        ("b", r#"{"env": "prod"}"#),
        ("c", r#"{"env": "test", "k8s.io/tier": "core"}"#),
        ("d", r#"{"env": ""}"#),
        ("e", "{}"),
    ] {
        make(&kept, &team, name, &format!(r#"{{"labels": {labels}}}"#)).await;
    }
    for (selector, expected) in [
        ("", "e d c b a"),
        ("env=prod", "b a"),
        ("env=prod,k8s.io/tier!=edge", "b"),
        ("k8s.io/tier!=edge", "e d c b"),
        ("k8s.io/tier", "c a"),
        ("!k8s.io/tier,env", "d b"),
        ("env=", "d"),
        ("0=x", ""),
    ] {
        let filter = Filter { selector: selector.parse().unwrap(), ..Filter::default() };
        let page = kept.store.data_planes(within(&team), &filter, &PageRequest::default()).await.unwrap();
        let names: Vec<_> = page.items.iter().map(|plane| plane.name.as_str()).collect();
        assert_eq!(names.join(" "), expected, "{selector}");
    }
    let counted = async |filter: Filter| {
        kept.store.data_planes(within(&team), &filter, &PageRequest::default()).await.unwrap().items.len()
    };
    assert_eq!(counted(Filter { status: Some(Status::Offline), ..Filter::default() }).await, 5);
    assert_eq!(counted(Filter { status: Some(Status::Online), ..Filter::default() }).await, 0);
    assert_eq!(counted(Filter { kind: Some(Kind::Envoy), ..Filter::default() }).await, 0);
}

async fn a_projects_data_planes_go_with_it(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let named = NewDataPlane { project: Some(project.id), ..new("edge", "{}") };
    let plane = kept.store.create_data_plane(&act(), team.id, named).await.unwrap();
    let free = make(&kept, &team, "free", "{}").await;
    let filter = Filter { project: Some(project.id), ..Filter::default() };
    let page = kept.store.data_planes(within(&team), &filter, &PageRequest::default()).await.unwrap();
    assert_eq!(page.items, [plane]);
    kept.store.delete_project(&act(), of(&project).any()).await.unwrap();
    let page = kept.store.data_planes(within(&team), &Filter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(page.items, [free]);
}
