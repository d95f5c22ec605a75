//! `/audit`.

use serde_json::{Value, json};

use crate::served::{Served, text};

fn actions(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|event| text(&event["action"])).collect()
}

#[tokio::test]
async fn every_change_that_is_refused_is_an_event() {
    let served = Served::start().await;
    let red = served.team("red").await;
    let project = served.project(&red, "shop").await;
    let viewer = served.token(&json!({ "name": "looker", "team": red })).await;
    let place = format!("/api/v1/projects/{project}");
    let update = || served.ask("PATCH", &place).json(&json!({ "description": "d" }));
    let refused = [
        (served.ask("POST", "/api/v1/projects").with(&viewer).json(&json!({})), 403, "forbidden"),
        (served.ask("DELETE", "/api/v1/projects/x").header("if-match", "*"), 404, "not-found"),
        (served.ask("POST", "/api/v1/projects").json(&json!({ "name": "shop", "team": red })), 409, "name-taken"),
        (update().header("if-match", "\"9\""), 412, "stale"),
        (served.ask("POST", "/api/v1/projects").json(&json!({ "name": "a secret name!" })), 422, "invalid"),
        (update(), 428, "precondition-required"),
        (served.ask("POST", "/api/v1/projects").unknown().json(&json!({})), 401, "unauthenticated"),
    ];
    let began = served.get("/audit?outcome=failure").await;
    assert_eq!(began["items"], json!([]));
    for (number, (ask, status, code)) in refused.into_iter().enumerate() {
        let id = format!("refused-{number}");
        let answer = ask.header("x-request-id", &id).send().await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)));
        assert_eq!((answer.header("x-request-id"), answer.json()["request_id"].as_str()), (id.as_str(), Some(&*id)));
        let found = served.get(&format!("/audit?request_id={id}")).await;
        let [event] = &found["items"].as_array().unwrap()[..] else { panic!("{code}: {found}") };
        assert_eq!((&event["status"], &event["code"]), (&json!(status), &json!(code)));
        assert_eq!((&event["action"], &event["outcome"]), (&json!("request.refuse"), &json!("failure")));
        let is_template =
            event["detail"]["route"] == "/api/v1/projects" || text(&event["detail"]["route"]).contains('{');
        assert!(is_template, "{event}");
        assert!(!event.to_string().contains("a secret name"), "{event}");
    }
    // Looking in vain is no event.
    assert_eq!(served.ask("GET", "/projects/x").header("x-request-id", "looked").status().await, 404);
    assert_eq!(served.get("/audit?request_id=looked").await["items"], json!([]));
}

#[tokio::test]
async fn a_team_sees_its_own_and_filters_are_strict() {
    let served = Served::start().await;
    let (red, blue) = (served.team("red").await, served.team("blue").await);
    let project = served.project(&red, "shop").await;
    served.project(&blue, "shop").await;
    let own = served.token(&json!({ "name": "own", "role": "admin", "team": red })).await;
    let seen = served.ask("GET", "/api/v1/audit").with(&own).send().await.json();
    assert_eq!(actions(&seen), ["token.create", "project.create", "team.create"]);
    assert_eq!(actions(&served.get(&format!("/audit?project={project}")).await), ["project.create"]);
    assert_eq!(actions(&served.get("/audit?action=project.create&actor=bootstrap&limit=1").await), ["project.create"]);
    assert_eq!(actions(&served.get("/audit?until=2020-01-01T00:00:00Z").await), Vec::<String>::new());
    for wrong in ["since=yesterday", "outcome=maybe", "actoor=x", "limit=0", "project=x"] {
        assert_eq!(served.ask("GET", &format!("/audit?{wrong}")).status().await, 400, "{wrong}");
    }
}

#[tokio::test]
async fn an_export_is_an_event_a_line_oldest_first() {
    let served = Served::start().await;
    // More than an export reads at once.
    for number in 0..600 {
        served.team(&format!("team-{number}")).await;
    }
    let answer = served.ask("GET", "/audit/export?action=team.create").send().await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let text_of = String::from_utf8(answer.body.to_vec()).unwrap();
    let events: Vec<Value> = text_of.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<String> = events.iter().map(|event| text(&event["target"]["name"])).collect();
    let expected = std::iter::once("default".to_owned()).chain((0..600).map(|number| format!("team-{number}")));
    assert_eq!(names, expected.collect::<Vec<_>>());
    assert_eq!(served.ask("GET", "/audit/export?limit=1").status().await, 400);
}

#[tokio::test]
async fn a_filter_that_no_database_understands_is_refused() {
    let served = Served::start().await;
    for parameter in ["actor", "action", "target", "request_id"] {
        assert_eq!(served.ask("GET", &format!("/audit?{parameter}=a%00b")).status().await, 400, "{parameter}");
    }
}
