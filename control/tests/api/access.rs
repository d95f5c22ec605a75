//! Who guesses, and who asks too often.

use serde_json::json;

use crate::routes::push;
use crate::served::{Served, refusal, text};

/// A well-formed secret that nobody was given.
const NOBODYS: &str = "pct_Zk3vQ9aBcD7eFgHiJkLmNoPqRsTuVwXyZ0a1b2c3d4e0RhV2o";

#[tokio::test]
async fn who_guesses_waits_and_who_was_right_does_not() {
    let served = Served::start().await;
    let unused = served.token(&json!({ "name": "unused" })).await;
    // Nothing and nonsense are wrong as well; what is missing is no guess.
    for _ in 0..20 {
        assert_eq!(served.ask("GET", "/projects").unknown().status().await, 401);
    }
    let mut statuses = Vec::new();
    for number in 0..15 {
        let guess = if number % 2 == 0 { NOBODYS } else { "x" };
        statuses.push(served.ask("GET", "/projects").with(guess).status().await);
    }
    assert_eq!((&statuses[..10], statuses[14]), (&[401; 10][..], 429), "{statuses:?}");
    // Of the same address, a secret that was right a moment ago still is; another one has to wait.
    assert_eq!(served.ask("GET", "/projects").status().await, 200);
    let answer = served.ask("GET", "/projects").with(&unused).send().await;
    assert_eq!(refusal(&answer), (429, "rate-limited".to_owned()));
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds));
    assert_eq!(answer.header("ratelimit"), "", "nobody knows whose rate that would be");
}

#[tokio::test]
async fn a_credential_has_a_rate_of_its_own() {
    let served = Served::limited(1).await;
    let other = served.token(&json!({ "name": "other" })).await;
    let first = served.ask("GET", "/tokens/self").with(&other).send().await;
    assert_eq!(first.header("ratelimit-policy"), "\"credential\";q=10;w=10");
    assert_eq!(first.header("ratelimit"), "\"credential\";r=9;t=1");
    let mut last = first;
    for _ in 0..30 {
        last = served.ask("GET", "/tokens/self").with(&other).send().await;
        if last.status != 200 {
            break;
        }
    }
    assert_eq!(refusal(&last), (429, "rate-limited".to_owned()));
    assert_eq!((last.header("retry-after"), last.header("ratelimit")), ("1", "\"credential\";r=0;t=1"));
    assert_eq!(served.ask("GET", "/tokens/self").status().await, 200);
}

/// A fleet shows one key: none of it is turned away because the others were there first.
#[tokio::test]
async fn a_fleet_fetches_without_a_rate() {
    let served = Served::limited(1).await;
    let team = served.team("red").await;
    let project = served.project(&team, "shop").await;
    let own = format!("/api/v1/projects/{project}");
    let digest = push(&served, &own).await;
    let keys = format!("{own}/api-keys");
    let key = text(&served.make(&keys, &json!({ "name": "edge" })).await["secret"]);
    let target = format!("/api/v1/artifacts/{digest}/download");
    let fetch = || served.ask("GET", &target).header("if-none-match", &format!("\"{digest}\""));
    for _ in 0..30 {
        let answer = fetch().with(&key).send().await;
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!((answer.status, answer.header("ratelimit")), (304, ""), "{body}");
    }
    let root = format!("{own}/trust-roots/1");
    for _ in 0..30 {
        let answer = served.ask("GET", &root).with(&key).send().await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, ""));
    }
    // Its rate is for everything else, and people have theirs here, too.
    assert_eq!(served.ask("GET", "/tokens/self").with(&key).send().await.header("ratelimit"), "\"credential\";r=9;t=1");
    assert_ne!(fetch().send().await.header("ratelimit"), "");
}

#[tokio::test]
async fn failures_are_in_the_log_without_filling_it() {
    let mut served = Served::start().await;
    for _ in 0..9 {
        served.ask("GET", "/projects").with(NOBODYS).status().await;
    }
    let events =
        async |served: &Served| served.get("/audit?outcome=failure").await["items"].as_array().unwrap().clone();
    let [only] = &events(&served).await[..] else { panic!("one event") };
    assert_eq!((&only["code"], &only["status"]), (&json!("unauthenticated"), &json!(401)));
    assert_eq!((&only["actor"], &only["address"]), (&json!({ "kind": "unknown" }), &json!("127.0.0.1")));
    assert_eq!(only["detail"], json!({ "method": "GET", "route": "/projects" }));
    served.restart().await;
    let [summary, _] = &events(&served).await[..] else { panic!("two events") };
    assert_eq!(summary["detail"], json!({ "summary": true, "refusals": 8 }));
    assert_eq!(text(&summary["address"]), "127.0.0.1");
}

#[tokio::test]
async fn a_team_does_not_change_itself() {
    let served = Served::start().await;
    let (red, blue) = (served.team("red").await, served.team("blue").await);
    let own = served.token(&json!({ "name": "admin", "role": "admin", "team": red })).await;
    for team in [&red, &blue] {
        for (method, body) in [("PATCH", json!({ "description": "mine" })), ("DELETE", json!({}))] {
            let request = served.ask(method, &format!("/teams/{team}")).header("if-match", "*").json(&body);
            assert_eq!(request.with(&own).status().await, 403, "{method} {team}");
        }
    }
    // Nor is it said that it might.
    let of_installation = ["teams:write", "metrics:read"];
    let this = served.ask("GET", "/tokens/self").with(&own).send().await.json();
    let scopes: Vec<_> = this["scopes"].as_array().unwrap().iter().map(text).collect();
    assert!(scopes.len() > 15 && !scopes.iter().any(|scope| of_installation.contains(&scope.as_str())), "{scopes:?}");
    for scope in of_installation {
        let new = json!({ "name": "more", "role": "admin", "team": red, "scopes": [scope] });
        assert_eq!(served.ask("POST", "/tokens").json(&new).status().await, 422, "{scope}");
    }
}

#[tokio::test]
async fn what_is_counted_is_counted() {
    let served = Served::start().await;
    served.team("red").await;
    let answer = served.ask("GET", "/metrics").send().await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let value = |name: &str| {
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}:\n{text}"));
        line.trim().parse::<f64>().unwrap()
    };
    assert!(value("portcullis_audit_log_writes_total") >= 3.0, "{text}");
    assert!(value("portcullis_db_connection_pool_size") >= 1.0, "{text}");
}
