//! `/tokens`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::served::{Served, refusal, text};

#[tokio::test]
async fn a_secret_is_shown_once_and_works_until_it_is_revoked() {
    let served = Served::start().await;
    let new = json!({ "name": "ci", "role": "editor", "scopes": ["specs:read"] });
    let made = served.ask("POST", "/api/v1/tokens").json(&new).send().await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"));
    let (secret, token) = (text(&made.json()["secret"]), made.json()["token"].clone());
    assert!(secret.starts_with("pct_") && secret.starts_with(token["prefix"].as_str().unwrap()));
    let place = made.header("location").to_owned();
    assert_eq!(place, format!("/api/v1/tokens/{}", text(&token["id"])));
    assert_eq!(served.get(&place).await, token);
    let listed = served.ask("GET", "/api/v1/tokens").send().await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(&secret));

    let this = served.ask("GET", "/tokens/self").with(&secret).send().await.json();
    assert_eq!((&this["kind"], &this["name"], &this["role"]), (&json!("token"), &json!("ci"), &json!("editor")));
    assert_eq!((&this["scopes"], &this["id"]), (&json!(["specs:read"]), &token["id"]));
    for _ in 0..2 {
        assert_eq!(served.ask("DELETE", &place).status().await, 204);
    }
    assert_eq!(served.ask("GET", "/tokens/self").with(&secret).status().await, 401);
}

async fn check(served: &Served, secret: &str, new: Value, expected: (u16, &str)) {
    let answer = served.ask("POST", "/api/v1/tokens").with(secret).json(&new).send().await;
    assert_eq!(refusal(&answer), (expected.0, expected.1.to_owned()), "{new}");
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have() {
    let served = Served::start().await;
    let (red, blue) = (served.team("red").await, served.team("blue").await);
    let soon = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
    let later = (Timestamp::now() + SignedDuration::from_hours(2)).to_string();
    let scopes = ["tokens:write", "tokens:read", "specs:read"];
    let new = json!({ "name": "maker", "role": "admin", "team": red, "scopes": scopes, "expires_at": soon });
    let maker = served.token(&new).await;
    check(&served, &maker, json!({ "name": "t", "team": blue }), (404, "not-found")).await;
    check(&served, &maker, json!({ "name": "t", "role": "admin", "scopes": ["keys:write"] }), (403, "forbidden")).await;
    check(&served, &maker, json!({ "name": "t", "scopes": ["tokens:write"] }), (422, "invalid")).await;
    check(&served, &maker, json!({ "name": "t", "scopes": ["specs:*"] }), (422, "invalid")).await;
    check(&served, &maker, json!({ "name": "t", "expires_at": later }), (422, "invalid")).await;
    check(&served, &maker, json!({ "name": "t", "expires_at": "2020-01-01T00:00:00Z" }), (422, "invalid")).await;
    check(&served, &maker, json!({ "name": "t", "scope": [] }), (422, "invalid")).await;

    let made = served.ask("POST", "/tokens").with(&maker).json(&json!({ "name": "t" })).send().await.json();
    let token = &made["token"];
    assert_eq!((&token["team"], &token["scopes"]), (&json!(red), &json!(["specs:read"])));
    assert_eq!(token["expires_at"], served.ask("GET", "/tokens/self").with(&maker).send().await.json()["expires_at"]);
    // The same time, said as exactly as the maker's was: it is not later than what was kept of that.
    let made =
        served.ask("POST", "/tokens").with(&maker).json(&json!({ "name": "t", "expires_at": soon })).send().await;
    let place = made.header("location").to_owned();
    assert_eq!((made.status, &made.json()["token"]), (201, &served.get(&place).await));
    // Nor does it take what another one has, by making its secret anew.
    let admin = served.make("/tokens", &json!({ "name": "admin", "role": "admin", "team": red })).await;
    let rotate = format!("/tokens/{}/rotate", text(&admin["token"]["id"]));
    let answer = served.ask("POST", &rotate).with(&maker).send().await;
    assert_eq!(refusal(&answer), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn a_rotated_secret_is_good_for_the_overlap() {
    let served = Served::start().await;
    let made = served.make("/tokens", &json!({ "name": "ci" })).await;
    let (first, rotate) = (text(&made["secret"]), format!("/tokens/{}/rotate", text(&made["token"]["id"])));
    let works = async |secret: &str| served.ask("GET", "/tokens/self").with(secret).status().await == 200;
    let second = text(&served.make(&rotate, &json!({ "overlap_seconds": 3600 })).await["secret"]);
    assert!(works(&first).await && works(&second).await);
    let answer = served.ask("POST", &rotate).send().await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let third = text(&answer.json()["secret"]);
    assert!(!works(&first).await && !works(&second).await && works(&third).await);
    let long = served.ask("POST", &rotate).json(&json!({ "overlap_seconds": 86_401 })).send().await;
    assert_eq!(refusal(&long), (422, "invalid".to_owned()));
}

#[tokio::test]
async fn the_last_token_that_lets_anybody_in_stays() {
    let served = Served::start().await;
    let own = text(&served.get("/tokens/self").await["id"]);
    let answer = served.ask("DELETE", &format!("/tokens/{own}")).send().await;
    assert_eq!(refusal(&answer), (409, "conflict".to_owned()));
    let other = served.token(&json!({ "name": "other", "role": "admin" })).await;
    assert_eq!(served.ask("DELETE", &format!("/tokens/{own}")).with(&other).status().await, 204);
    assert_eq!(served.ask("GET", "/tokens/self").status().await, 401);
}

#[tokio::test]
async fn the_list_is_of_one_team_and_takes_no_unknown_parameter() {
    let served = Served::start().await;
    let red = served.team("red").await;
    served.token(&json!({ "name": "one", "team": red })).await;
    let list = served.get(&format!("/tokens?team={red}&limit=1")).await;
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|token| text(&token["name"])).collect();
    assert_eq!((names, &list["next_cursor"]), (vec!["one".to_owned()], &Value::Null));
    assert_eq!(served.ask("GET", "/tokens?tema=x").status().await, 400);
}

#[tokio::test]
async fn the_last_use_is_written_when_the_server_ends() {
    let mut served = Served::start().await;
    let began = Timestamp::now();
    let made = served.make("/tokens", &json!({ "name": "ci" })).await;
    let place = format!("/tokens/{}", text(&made["token"]["id"]));
    assert_eq!(served.get(&place).await["last_used_at"], Value::Null);
    assert_eq!(served.ask("GET", "/tokens/self").with(&text(&made["secret"])).status().await, 200);
    served.restart().await;
    let used: Timestamp = text(&served.get(&place).await["last_used_at"]).parse().unwrap();
    assert!(used.duration_since(began) < SignedDuration::from_secs(60), "{used}");
}
