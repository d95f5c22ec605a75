//! `/projects/{project}/api-keys`.

use serde_json::{Value, json};

use crate::served::{Served, refusal, text};

#[tokio::test]
async fn a_key_is_made_shown_once_rotated_and_revoked() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let keys = format!("/api/v1/projects/{}/api-keys", served.project(&team, "shop").await);
    let made = served.ask("POST", &keys).json(&json!({ "name": "edge" })).send().await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"));
    let (first, key) = (text(&made.json()["secret"]), made.json()["api_key"].clone());
    assert!(first.starts_with("pdk_") && first.starts_with(key["prefix"].as_str().unwrap()));
    assert_eq!(key["scopes"], json!(["artifacts:read", "data-planes:connect"]));
    let place = made.header("location").to_owned();
    assert_eq!(served.get(&place).await, key);
    assert_eq!(served.get(&keys).await["items"], json!([key]));
    let works = async |secret: &str| served.ask("GET", "/tokens/self").with(secret).status().await == 200;
    let second = text(&served.make(&format!("{place}/rotate"), &json!({ "overlap_seconds": 60 })).await["secret"]);
    assert!(works(&first).await && works(&second).await);
    for _ in 0..2 {
        assert_eq!(served.ask("DELETE", &place).status().await, 204);
    }
    assert!(!works(&first).await && !works(&second).await);
    assert_ne!(served.get(&place).await["revoked_at"], Value::Null);
    assert_eq!(refusal(&served.ask("POST", &format!("{place}/rotate")).send().await), (409, "conflict".to_owned()));
}

#[tokio::test]
async fn a_key_gets_nothing_that_its_maker_has_not_and_nothing_of_people() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let keys = format!("/api/v1/projects/{}/api-keys", served.project(&team, "shop").await);
    let maker = json!({ "name": "m", "role": "editor", "team": team, "scopes": ["api-keys:write"] });
    let maker = served.token(&maker).await;
    let check = async |scopes: Value, expected: (u16, &str)| {
        let new = json!({ "name": "edge", "scopes": scopes });
        let answer = served.ask("POST", &keys).with(&maker).json(&new).send().await;
        assert_eq!(refusal(&answer), (expected.0, expected.1.to_owned()));
    };
    check(json!(["specs:read"]), (422, "invalid")).await;
    check(json!(["artifacts:read"]), (403, "forbidden")).await;
    let new = json!({ "name": "edge", "scopes": ["data-planes:connect"] });
    assert_eq!(served.ask("POST", &keys).with(&maker).json(&new).status().await, 201);
    let past = json!({ "name": "edge", "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(served.ask("POST", &keys).json(&past).status().await, 422);
}
