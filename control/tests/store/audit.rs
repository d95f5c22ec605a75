//! The audit log.

use control::domain::access::{Reach, Role};
use control::domain::act::{Act, Actor};
use control::domain::audit::{Event, EventFilter, Outcome, Refusal};
use control::domain::id::TeamId;
use control::domain::page::{Cursor, PageRequest};
use control::domain::project_update::ProjectUpdate;
use control::domain::signing_key::{Deployed, NewSigningKey};
use control::domain::spec::SpecUpdate;
use control::domain::store::{
    At, Audit as _, DataPlanes as _, Edit, OfProject, Projects as _, SigningKeys as _, Specs as _, Teams as _,
    Tokens as _,
};
use control::domain::team::TeamUpdate;
use control::domain::time::now;
use control::domain::token::Rotation;
use control::domain::version::Expected;
use control::store::sql::{Dialect, sql};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::builds::shop;
use crate::{Kept, act, fingerprint, minted, token_of, within};

crate::in_both!(
    events_say_who_what_and_from_where,
    a_change_says_what_changed,
    a_refusal_is_an_event,
    filters_find_what_they_name,
    a_team_sees_its_own_events,
    an_export_is_everything_once_in_order,
    nobody_changes_an_event,
    what_is_too_old_goes_and_that_is_an_event,
);

fn refusal(team: Option<TeamId>, code: &'static str) -> Refusal {
    let detail = serde_json::json!({ "method": "POST", "route": "/api/v1/projects" });
    Refusal { act: act(), team, status: 403, code, detail }
}

async fn events(kept: &Kept, filter: EventFilter) -> Vec<Event> {
    kept.store.events(&filter, &PageRequest::default()).await.unwrap().items
}

fn everything() -> EventFilter {
    EventFilter::all(Reach::Everything)
}

async fn events_say_who_what_and_from_where(kept: Kept) {
    let team = kept.team("red").await;
    let token = kept.store.create_token(&act(), token_of(Some(team.id), Role::Viewer), fingerprint(1)).await.unwrap();
    let [made, _] = &events(&kept, everything()).await[..] else { panic!("two events") };
    assert_eq!((made.action.as_str(), made.outcome, made.team), ("token.create", Outcome::Success, Some(team.id)));
    assert_eq!((made.actor.kind.as_str(), made.actor.name.as_deref()), ("token", Some("tester")));
    let target = made.target.as_ref().unwrap();
    assert_eq!(
        (target.kind.as_str(), &target.id, target.name.as_deref()),
        ("token", &token.id.to_string(), Some("ci"))
    );
    assert_eq!((made.request_id.as_deref(), made.address.as_deref()), (Some("request-1"), Some("127.0.0.1")));
    assert_eq!((made.status, &made.code, made.detail["role"].as_str()), (None, &None, Some("viewer")));
    assert!(now().duration_since(made.at) < SignedDuration::from_secs(60));
}

async fn a_refusal_is_an_event(kept: Kept) {
    let unknown = Act { actor: Actor::Unknown, ..act() };
    let stranger = Refusal { act: unknown, status: 401, ..refusal(None, "unauthenticated") };
    kept.store.record_refusals(vec![stranger]).await.unwrap();
    let [event] = &events(&kept, everything()).await[..] else { panic!("one event") };
    assert_eq!((event.action.as_str(), event.outcome), ("request.refuse", Outcome::Failure));
    assert_eq!((event.status, event.code.as_deref()), (Some(401), Some("unauthenticated")));
    assert_eq!((event.actor.kind.as_str(), &event.actor.id, &event.target), ("unknown", &None, &None));
    assert_eq!(event.detail["route"], "/api/v1/projects");
}

async fn filters_find_what_they_name(kept: Kept) {
    let before = now();
    kept.team("red").await;
    let refused = Refusal { act: Act { request: Some("request-2".into()), ..act() }, ..refusal(None, "forbidden") };
    let actor = refused.act.actor.id().unwrap();
    kept.store.record_refusals(vec![refused]).await.unwrap();
    let [failure, success] = &events(&kept, everything()).await[..] else { panic!("two events") };
    let check = async |filter: EventFilter, expected: &[&Event]| {
        assert_eq!(events(&kept, filter.clone()).await.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    };
    let text = |text: &str| Some(text.to_owned());
    check(EventFilter { outcome: Some(Outcome::Failure), ..everything() }, &[failure]).await;
    check(EventFilter { outcome: Some(Outcome::Success), ..everything() }, &[success]).await;
    check(EventFilter { action: text("team.create"), ..everything() }, &[success]).await;
    check(EventFilter { actor: Some(actor), ..everything() }, &[failure]).await;
    check(EventFilter { actor: text("tester"), ..everything() }, &[failure, success]).await;
    let failed = EventFilter { outcome: Some(Outcome::Failure), ..everything() };
    check(EventFilter { actor: text("tester"), ..failed.clone() }, &[failure]).await;
    check(EventFilter { action: text("team.create"), ..failed }, &[]).await;
    check(EventFilter { actor: text("' or true; --"), ..everything() }, &[]).await;
    check(EventFilter { request_id: text("request-2"), ..everything() }, &[failure]).await;
    let target = success.target.as_ref().unwrap().id.clone();
    check(EventFilter { target: Some(target), ..everything() }, &[success]).await;
    check(EventFilter { since: Some(before), ..everything() }, &[failure, success]).await;
    check(EventFilter { since: Some(failure.at), until: Some(now()), ..everything() }, &[failure]).await;
    check(EventFilter { until: Some(failure.at), ..everything() }, &[success]).await;
    check(EventFilter { until: Some(before), ..everything() }, &[]).await;
    check(
        EventFilter { since: Some(Timestamp::MIN), until: Some(Timestamp::MAX), ..everything() },
        &[failure, success],
    )
    .await;
}

async fn a_team_sees_its_own_events(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    kept.store.record_refusals(vec![refusal(Some(red.id), "conflict"), refusal(None, "stale")]).await.unwrap();
    let own = events(&kept, EventFilter::all(within(&red))).await;
    assert_eq!(own.iter().map(|event| event.team).collect::<Vec<_>>(), [Some(red.id); 2]);
    assert_eq!(events(&kept, EventFilter::all(within(&blue))).await.len(), 1);
    let project = Some(kept.project(&red, "pets").await.id);
    let in_project = async |team| events(&kept, EventFilter { project, ..EventFilter::all(within(team)) }).await.len();
    assert!(in_project(&red).await > 0);
    assert_eq!(in_project(&blue).await, 0);
}

async fn an_export_is_everything_once_in_order(kept: Kept) {
    kept.store.record_refusals((0..25).map(|_| refusal(None, "stale")).collect()).await.unwrap();
    let (mut exported, mut after) = (Vec::new(), None);
    loop {
        let events = kept.store.events_after(&everything(), after, 10).await.unwrap();
        let Some(last) = events.last() else { break };
        after = Some(last.id);
        exported.extend(events);
    }
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest { after: cursor, limit: 7, ..PageRequest::default() };
        let page = kept.store.events(&everything(), &request).await.unwrap();
        listed.extend(page.items);
        let Some(next) = page.next_cursor else { break };
        cursor = Some(Cursor::parse(&next).unwrap());
    }
    listed.reverse();
    assert_eq!((exported.len(), &exported), (25, &listed));
}

async fn nobody_changes_an_event(kept: Kept) {
    kept.team("red").await;
    let change = |statement| {
        let store = kept.store.clone();
        async move { store.database().begin().await.unwrap().execute(sql(statement)).await }
    };
    let error = change("update audit_events set actor_name = 'nobody'").await.unwrap_err();
    assert!(error.to_string().contains("audit events are never changed"), "{error}");
    if kept.store.database().dialect() == Dialect::Postgres {
        assert!(change("truncate audit_events").await.is_err());
    }
}

async fn what_is_too_old_goes_and_that_is_an_event(kept: Kept) {
    kept.team("red").await;
    kept.store.record_refusals(vec![refusal(None, "stale")]).await.unwrap();
    assert_eq!(kept.store.prune_events(now() - SignedDuration::from_secs(60)).await.unwrap(), 0);
    assert_eq!(kept.store.prune_events(now()).await.unwrap(), 2);
    let [event] = &events(&kept, everything()).await[..] else { panic!("one event") };
    assert_eq!((event.action.as_str(), event.actor.kind.as_str()), ("audit.prune", "system"));
    assert_eq!(event.detail["events"].as_u64(), Some(2));
}

/// Every kind of thing that can be changed, each field with its old and its new value; and no secret among them.
async fn a_change_says_what_changed(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let (team, project, own) = (shop.project.team, shop.project.id, Reach::Team(shop.project.team));
    let last = async || events(&kept, everything()).await.swap_remove(0).detail;
    let description = Some("new".to_owned());
    let at = Edit { reach: own, id: team, expected: Expected::Any };
    kept.store.update_team(&act(), at, TeamUpdate { description: description.clone(), name: None }).await.unwrap();
    assert_eq!(last().await, json!({ "description": { "from": "", "to": "new" } }));
    let at = Edit { reach: own, id: project, expected: Expected::Any };
    let update = ProjectUpdate { description: description.clone(), ..ProjectUpdate::default() };
    kept.store.update_project(&act(), at, update).await.unwrap();
    assert_eq!(last().await, json!({ "description": { "from": "", "to": "new" } }));
    let at = Edit { reach: own, id: shop.spec, expected: Expected::Any };
    let update = SpecUpdate { name: Some("pets".parse().unwrap()), description: None };
    kept.store.update_spec(&act(), at, update).await.unwrap();
    assert_eq!(last().await, json!({ "name": { "from": "api", "to": "pets" } }));

    let new = serde_json::from_value(json!({ "name": "edge", "kind": "gateway" })).unwrap();
    let plane = kept.store.create_data_plane(&act(), team, new).await.unwrap().id;
    let at = Edit { reach: own, id: plane, expected: Expected::Any };
    let update = json!({ "project": project, "labels": { "zone": "a" }, "metadata": { "x": "\0" } });
    kept.store.update_data_plane(&act(), at, serde_json::from_value(update).unwrap()).await.unwrap();
    let changed = json!({
        "project": { "from": null, "to": project },
        "labels": { "from": {}, "to": { "zone": "a" } },
        "set_labels": { "from": {}, "to": { "zone": "a" } },
        "metadata": { "from": {}, "to": { "x": "\u{fffd}" } },
    });
    assert_eq!(last().await, changed);

    let token = kept.store.create_token(&act(), token_of(Some(team), Role::Viewer), fingerprint(1)).await.unwrap().id;
    let at = At { reach: own, id: token };
    kept.store.rotate_token(&act(), at, minted(Rotation { overlap_seconds: 60 }, 2)).await.unwrap();
    let prefix = json!({ "from": "pct_00000001", "to": "pct_00000002" });
    assert_eq!(last().await, json!({ "overlap_seconds": 60, "prefix": prefix }));
    kept.store.revoke_token(&act(), own, token).await.unwrap();
    assert_eq!(last().await["revoked_at"]["from"], json!(null));

    let of = OfProject { reach: own, project };
    let old = kept.store.active_key(project).await.unwrap();
    let key = kept.keys.rotate(&act(), (of, old.id), NewSigningKey::GENERATED).await.unwrap();
    let detail = last().await;
    assert_eq!(detail["active_key"], json!({ "from": old.key_id, "to": key.key_id }));
    assert_eq!((&detail["trust_root"], &detail["kind"]), (&json!({ "from": 1, "to": 2 }), &json!("generated")));
    kept.keys.retire(&act(), of, (old.id, Deployed::Kept)).await.unwrap();
    assert_eq!(last().await["state"], json!({ "from": "trusted", "to": "retired" }));
}
