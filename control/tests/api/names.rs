//! Things that are found by their names, and changed in part.

use serde_json::{Value, json};

use crate::served::{Served, refusal, text};

#[tokio::test]
async fn every_list_of_things_with_names_is_searched_by_name() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let project = served.project(&team, "shop").await;
    served.project(&team, "shop-2").await;
    let own = format!("/api/v1/projects/{project}");
    for name in ["one", "two"] {
        let document = json!({ "openapi": "3.1.0", "info": { "title": "Shop", "version": "1" }, "paths": {} });
        served.make(&format!("{own}/specs?name={name}"), &document).await;
        served.make(&format!("{own}/api-keys"), &json!({ "name": name })).await;
        let key = control::key::generate().unwrap().public().to_base64();
        let key = json!({ "kind": "public", "name": name, "public_key": key });
        served.make(&format!("{own}/signing-keys"), &key).await;
        served.make("/api/v1/tokens", &json!({ "name": name, "team": team })).await;
        let plane = json!({ "name": name, "kind": "gateway", "project": project });
        served.make("/api/v1/teams/red/dataplanes", &plane).await;
    }
    for (list, name) in [
        ("/api/v1/teams".to_owned(), "red"),
        ("/api/v1/projects".to_owned(), "shop"),
        ("/api/v1/tokens".to_owned(), "two"),
        ("/api/v1/teams/red/dataplanes".to_owned(), "two"),
        (format!("{own}/data-planes"), "two"),
        (format!("{own}/specs"), "two"),
        (format!("{own}/api-keys"), "two"),
        (format!("{own}/signing-keys"), "two"),
    ] {
        let names = async |query: &str| {
            let page = served.get(&format!("{list}?{query}")).await;
            page["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect::<Vec<_>>()
        };
        assert!(names("").await.len() > 1, "{list}");
        assert_eq!(names(&format!("name={name}")).await, [name], "{list}");
        assert_eq!(names(&format!("name={name}&limit=1")).await, [name], "{list}");
        assert_eq!(names("name=nobody").await, [""; 0], "{list}");
        let answer = served.ask("GET", &format!("{list}?name=a%20b")).send().await;
        assert_eq!(refusal(&answer), (400, "invalid-parameter".to_owned()), "{list}");
    }
}

#[tokio::test]
async fn settings_that_are_not_named_stay() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let project = format!("/api/v1/projects/{}", served.project(&team, "shop").await);
    let patch = async |settings: Value| {
        let request = served.ask("PATCH", &project).header("if-match", "*");
        let answer = request.body("application/merge-patch+json", json!({ "settings": settings }).to_string());
        answer.send().await
    };
    let staging = json!({ "overlays": ["staging.yaml"], "upstream": "http://staging" });
    patch(json!({ "upstream": "http://shop", "environments": { "staging": staging } })).await;
    let answer = patch(json!({ "security": "presence", "environments": { "live": {} } })).await;
    let expected = json!({
        "upstream": "http://shop", "security": "presence",
        "environments": { "live": { "overlays": [] }, "staging": staging },
    });
    assert_eq!((answer.status, &answer.json()["settings"]), (200, &expected));
    let answer =
        patch(json!({ "upstream": null, "environments": { "staging": { "upstream": null }, "live": null } })).await;
    let expected = json!({ "security": "presence", "environments": { "staging": { "overlays": ["staging.yaml"] } } });
    assert_eq!((answer.status, &answer.json()["settings"]), (200, &expected));
    // What cannot be meant is said with its place, and bounds hold for what comes of it.
    let answer = patch(json!({ "environments": { "staging": { "upstream": "ftp://x" } } })).await;
    assert_eq!(answer.json()["errors"][0]["pointer"], "/settings/environments/staging/upstream");
    let many = |from: usize| (from..from + 40).map(|n| (format!("e{n}"), json!({}))).collect::<serde_json::Map<_, _>>();
    assert_eq!(patch(json!({ "environments": many(0) })).await.status, 200);
    assert_eq!(patch(json!({ "environments": many(40) })).await.status, 422);
}
