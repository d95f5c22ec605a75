//! `/teams/{team}/dataplanes` and `/projects/{project}/data-planes`.

use serde_json::{Value, json};

use crate::served::{Served, refusal, text};

#[tokio::test]
async fn a_data_plane_is_made_by_hand_found_by_name_changed_and_removed() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let new = json!({
        "name": "edge-1", "kind": "envoy", "gateway_host": "gw.example.com:8443", "labels": { "env": "prod" },
        "metadata": { "rack": 12 }
    });
    let made = served.ask("POST", "/api/v1/teams/red/dataplanes").json(&new).send().await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""));
    let plane = made.json();
    assert_eq!(
        (&plane["status"], &plane["team"], &plane["metadata"]),
        (&json!("offline"), &json!(team), &json!({ "rack": 12 }))
    );
    assert_eq!(made.header("location"), format!("/api/v1/teams/{team}/dataplanes/{}", text(&plane["id"])));
    assert_eq!(served.get(made.header("location")).await, plane);
    let by_name = "/teams/red/dataplanes/edge-1";
    assert_eq!(served.get(by_name).await, plane);

    let change = json!({ "description": "warm", "gateway_host": null });
    assert_eq!(served.ask("PATCH", by_name).json(&change).status().await, 428);
    let changed = served.ask("PATCH", by_name).header("if-match", "\"1\"").json(&change).send().await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!(changed.json()["description"], "warm");
    assert!(changed.json().get("gateway_host").is_none());
    assert_eq!(changed.json()["labels"], plane["labels"]);
    assert_eq!(served.ask("PATCH", by_name).header("if-match", "\"1\"").json(&change).status().await, 412);
    assert_eq!(served.ask("DELETE", by_name).status().await, 428);
    assert_eq!(served.ask("DELETE", by_name).header("if-match", "\"2\"").status().await, 204);
    assert_eq!(served.ask("GET", by_name).status().await, 404);
}

async fn check(served: &Served, new: Value, expected: (u16, &str)) {
    let answer = served.ask("POST", "/api/v1/teams/default/dataplanes").json(&new).send().await;
    assert_eq!(answer.status, expected.0, "{new}: {}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.json()["errors"][0]["pointer"].as_str().unwrap_or_default(), expected.1, "{new}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_its_place() {
    let served = Served::start().await;
    let labels: serde_json::Map<_, _> = (0..65).map(|n| (format!("l{n}"), json!(""))).collect();
    check(&served, json!({ "name": "a", "kind": "nginx" }), (422, "/kind")).await;
    check(&served, json!({ "name": "a b", "kind": "envoy" }), (422, "/name")).await;
    check(&served, json!({ "name": "a", "kind": "envoy", "status": "online" }), (422, "/status")).await;
    check(&served, json!({ "name": "a", "kind": "envoy", "labels": labels }), (422, "/labels")).await;
    check(&served, json!({ "name": "a", "kind": "envoy", "labels": { "a": "b c" } }), (422, "/labels/a")).await;
    check(&served, json!({ "name": "a", "kind": "envoy", "metadata": [] }), (422, "/metadata")).await;
    check(
        &served,
        json!({ "name": "a", "kind": "envoy", "metadata": { "a": "x".repeat(16 << 10) } }),
        (422, "/metadata"),
    )
    .await;
    check(&served, json!({ "name": "a", "kind": "envoy", "description": "\u{0}" }), (422, "/description")).await;
    let unknown = uuid::Uuid::now_v7();
    check(&served, json!({ "name": "a", "kind": "envoy", "project": unknown }), (422, "/project")).await;
    check(&served, json!({ "name": "a", "kind": "envoy" }), (201, "")).await;
    check(&served, json!({ "name": "a", "kind": "envoy" }), (409, "")).await;
    for query in ["status=gone", "kind=nginx", "selector=a%20b", "selector=%2C", "env=prod", "limit=0"] {
        let answer = served.ask("GET", &format!("/api/v1/teams/default/dataplanes?{query}")).send().await;
        assert_eq!(refusal(&answer), (400, "invalid-parameter".to_owned()), "{query}");
    }
}

#[tokio::test]
async fn a_project_shows_its_own_and_removes_them_without_a_state() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let project = served.project(&team, "shop").await;
    let make = async |new: Value| text(&served.make("/teams/red/dataplanes", &new).await["id"]);
    let own = make(json!({ "name": "own", "kind": "gateway", "project": project, "labels": { "env": "prod" } })).await;
    let free = make(json!({ "name": "free", "kind": "gateway" })).await;
    let planes = format!("/projects/{project}/data-planes");
    let listed = served.get(&planes).await;
    assert_eq!((listed["items"].as_array().unwrap().len(), text(&listed["items"][0]["id"])), (1, own.clone()));
    for (query, count) in
        [("selector=env%3Dprod%2C!old", 1), ("selector=env!%3Dprod", 0), ("kind=envoy", 0), ("status=offline", 1)]
    {
        assert_eq!(served.get(&format!("{planes}?{query}")).await["items"].as_array().unwrap().len(), count, "{query}");
    }
    assert_eq!(served.ask("GET", &format!("{planes}/{free}")).status().await, 404);
    assert_eq!(served.ask("DELETE", &format!("{planes}/{free}")).status().await, 404);
    let place = format!("{planes}/{own}");
    assert_eq!(served.ask("GET", &place).send().await.header("etag"), "\"1\"");
    assert_eq!(served.ask("DELETE", &place).header("if-match", "\"9\"").status().await, 412);
    assert_eq!(served.ask("DELETE", &place).header("if-match", "x").status().await, 400);
    assert_eq!(served.ask("DELETE", &place).status().await, 204);
    assert_eq!(served.ask("DELETE", &place).status().await, 404);
}

#[tokio::test]
async fn the_installations_token_reaches_every_team_and_a_teams_its_own() {
    let served = Served::start().await;
    let (red, blue) = (served.team("red").await, served.team("blue").await);
    let own = served.token(&json!({ "name": "t", "team": red, "role": "admin" })).await;
    for team in ["red", "blue", &red, &blue] {
        let plane = json!({ "name": format!("of-{team}"), "kind": "gateway" });
        let expected = if team == "red" || *team == red { 201 } else { 404 };
        let target = format!("/api/v1/teams/{team}/dataplanes");
        assert_eq!(served.ask("POST", &target).with(&own).json(&plane).status().await, expected, "{team}");
        let plane = json!({ "name": format!("from-above-{team}"), "kind": "gateway" });
        assert_eq!(served.ask("POST", &target).json(&plane).status().await, 201);
    }
    for target in ["/teams/blue/dataplanes", "/teams/blue/dataplanes/from-above-blue", "/teams/none/dataplanes"] {
        assert_eq!(served.ask("GET", target).with(&own).status().await, 404, "{target}");
    }
    let viewer = served.token(&json!({ "name": "v", "team": red, "role": "viewer" })).await;
    assert_eq!(served.ask("GET", "/teams/red/dataplanes").with(&viewer).status().await, 200);
    let plane = json!({ "name": "x", "kind": "gateway" });
    assert_eq!(served.ask("POST", "/teams/red/dataplanes").with(&viewer).json(&plane).status().await, 403);
}
