//! `/projects/{project}/signing-keys` and its trust roots.

use artifact_format::root::SignedRoot;
use control::key;
use serde_json::{Value, json};

use crate::served::{Served, refusal, text};

#[tokio::test]
async fn a_gateway_that_pinned_the_first_root_follows_every_rotation() {
    let served = Served::start().await;
    let place = format!("/api/v1/projects/{}", served.project(&served.team("red").await, "shop").await);
    let keys = format!("{place}/signing-keys");
    let first = served.get(&keys).await["items"][0].clone();
    assert_eq!((&first["state"], &first["kind"]), (&json!("active"), &json!("generated")));

    let pinned: SignedRoot = serde_json::from_value(served.get(&format!("{place}/trust-root")).await).unwrap();
    let rotated = served.ask("POST", &format!("{keys}/{}/rotate", text(&first["id"])));
    let rotated = rotated.json(&json!({ "kind": "generated", "name": "november" })).send().await;
    assert_eq!((rotated.status, rotated.json()["state"].clone()), (201, json!("active")));
    assert_eq!(served.get(rotated.header("location")).await, rotated.json());
    let retired = served.ask("POST", &format!("{keys}/{}/retire", text(&first["id"]))).send().await;
    assert_eq!((retired.status, retired.json()["state"].clone()), (200, json!("retired")));

    let mut root = pinned.pinned().unwrap();
    let listed = served.get(&format!("{place}/trust-roots")).await;
    for item in listed["items"].as_array().unwrap().iter().rev().skip(1) {
        let read = served.get(&format!("{place}/trust-roots/{}", item["version"])).await;
        assert_eq!(&read, item);
        root.advance(serde_json::from_value(read).unwrap()).unwrap();
    }
    assert_eq!(root.version().get(), 3);
    let believed: Vec<_> = root.keys().map(|key| json!(key.to_base64())).collect();
    assert_eq!(believed, [rotated.json()["public_key"].clone()]);
}

async fn check(served: &Served, target: &str, new: Value, expected: (u16, &str, &str)) {
    let answer = served.ask("POST", target).json(&new).send().await;
    let pointer = answer.json()["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned();
    let (status, code) = refusal(&answer);
    assert_eq!((status, code.as_str(), pointer.as_str()), expected, "{new}");
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_with_its_place() {
    let served = Served::start().await;
    let keys = format!("/api/v1/projects/{}/signing-keys", served.project(&served.team("red").await, "shop").await);
    check(&served, &keys, json!({ "kind": "imported" }), (422, "invalid", "/private_key")).await;
    check(&served, &keys, json!({ "kind": "generated", "reference": "env://A" }), (422, "invalid", "/reference")).await;
    check(&served, &keys, json!({ "kind": "public", "public_key": "x" }), (422, "invalid", "/public_key")).await;
    check(&served, &keys, json!({ "kind": "generated", "extra": 1 }), (422, "invalid", "/extra")).await;
    let reference = |to: &str| json!({ "kind": "referenced", "reference": to });
    for to in ["env://HOME", "file:///etc/passwd", "key.pem", "vault://x"] {
        check(&served, &keys, reference(to), (422, "invalid", "/reference")).await;
    }
    let active = text(&served.get(&keys).await["items"][0]["id"]);
    check(&served, &format!("{keys}/{active}/retire"), json!({}), (409, "conflict", "")).await;
    let retire = format!("{keys}/{active}/retire");
    check(&served, &retire, json!({ "deployed": "forgotten" }), (422, "invalid", "/deployed")).await;
    check(&served, &retire, json!({ "deployed": "abandoned" }), (409, "conflict", "")).await;
    let public = json!({ "kind": "public", "public_key": key::generate().unwrap().public().to_base64() });
    check(&served, &format!("{keys}/{active}/rotate"), public, (422, "invalid", "/kind")).await;
    assert_eq!(served.ask("GET", &keys.replace("signing-keys", "trust-roots/2")).status().await, 404);
    assert_eq!(served.ask("GET", &keys.replace("signing-keys", "trust-roots/0")).status().await, 404);
}

#[tokio::test]
async fn a_private_key_is_never_shown_and_not_kept_in_the_clear() {
    let served = Served::start().await;
    let keys = format!("/api/v1/projects/{}/signing-keys", served.project(&served.team("red").await, "shop").await);
    let private = key::generate().unwrap();
    let pem = private.to_pem().unwrap();
    let line = pem.lines().nth(1).unwrap();
    let made = served.make(&keys, &json!({ "kind": "imported", "private_key": pem.as_str() })).await;
    assert_eq!(made["public_key"], private.public().to_base64());
    for shown in [made.clone(), served.get(&keys).await, served.get(&format!("{keys}/{}", text(&made["id"]))).await] {
        assert!(!shown.to_string().contains(line) && shown.get("private_key").is_none(), "{shown}");
    }
    let again =
        served.ask("POST", &keys).json(&json!({ "kind": "imported", "private_key": pem.as_str() })).send().await;
    assert_eq!(again.status, 409);
    assert!(!String::from_utf8_lossy(&again.body).contains(line));
    for file in served.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(line.len()).any(|window| window == line.as_bytes()), "{}", file.display());
    }
}

#[tokio::test]
async fn keys_take_their_scopes_and_stay_in_their_team() {
    let served = Served::start().await;
    let (red, blue) = (served.team("red").await, served.team("blue").await);
    let project = served.project(&red, "shop").await;
    let keys = format!("/api/v1/projects/{project}/signing-keys");
    let token = async |team: &str, role: &str| served.token(&json!({ "name": "t", "team": team, "role": role })).await;
    let editor = token(&red, "editor").await;
    let new = json!({ "kind": "generated" });
    assert_eq!(served.ask("GET", &keys).with(&editor).status().await, 200);
    assert_eq!(served.ask("POST", &keys).with(&editor).json(&new).status().await, 403);
    let stranger = token(&blue, "admin").await;
    for (method, path) in
        [("GET", "signing-keys"), ("POST", "signing-keys"), ("GET", "trust-root"), ("GET", "trust-roots")]
    {
        let ask = served.ask(method, &format!("/api/v1/projects/{project}/{path}")).with(&stranger);
        assert_eq!(ask.json(&new).status().await, 404, "{method} {path}");
    }
}
