//! `/projects/{project}/deploy`, and what was deployed.

use control::domain::digest::Digest;
use control::domain::id::{ProjectId, TeamId};
use control::store::sql::sql;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::served::{Served, refusal, text};

/// As if it was built.
async fn artifact(served: &Served, (team, project): (&str, &str), digest: &str) {
    let insert = sql("insert into artifacts (project_id, digest, id, team_id, size, signed_by, summary, created_at) \
         values ($1, $2, $3, $4, 1, $5, $6, 1)")
    .bind(project.parse::<ProjectId>().unwrap())
    .bind(digest.parse::<Digest>().unwrap())
    .bind(Uuid::now_v7())
    .bind(team.parse::<TeamId>().unwrap())
    .bind(json!([]))
    .bind("{}");
    let database = served.database().await;
    let mut transaction = database.begin().await.unwrap();
    transaction.execute(insert).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_deployed_last_is_what_is_desired() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let project = served.project(&team, "shop").await;
    let (one, two) = ("11".repeat(32), "22".repeat(32));
    for digest in [&one, &two] {
        artifact(&served, (&team, &project), digest).await;
    }
    let place = format!("/api/v1/projects/{project}");
    assert_eq!(served.ask("GET", &format!("{place}/deployment")).status().await, 404);
    let mut made = Vec::new();
    for digest in [&one, &two, &one] {
        let new = json!({ "artifact": digest, "selector": "env = prod", "message": "x" });
        let answer = served.ask("POST", &format!("{place}/deploy")).json(&new).send().await;
        assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(served.get(answer.header("location")).await, answer.json());
        made.insert(0, answer.json());
    }
    assert_eq!(served.get(&format!("{place}/deployment")).await, made[0]);
    assert_eq!(
        (&made[0]["serial"], &made[0]["artifact"], &made[0]["selector"]),
        (&json!(3), &json!(one), &json!("env=prod"))
    );
    let listed = served.get(&format!("{place}/deployments")).await;
    assert_eq!(listed["items"], Value::Array(made));

    let other = served.token(&json!({ "name": "t", "team": served.team("blue").await, "role": "admin" })).await;
    let id = text(&listed["items"][0]["id"]);
    for target in [format!("{place}/deployment"), format!("{place}/deployments"), format!("/deployments/{id}")] {
        assert_eq!(served.ask("GET", &target).with(&other).status().await, 404, "{target}");
    }
    let deploy = served.ask("POST", &format!("{place}/deploy")).with(&other).json(&json!({ "artifact": one }));
    assert_eq!(deploy.status().await, 404);
}

#[tokio::test]
async fn what_the_project_has_not_is_not_deployed() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let (own, other) = (served.project(&team, "shop").await, served.project(&team, "other").await);
    let digest = "11".repeat(32);
    artifact(&served, (&team, &other), &digest).await;
    for (new, pointer) in [
        (json!({ "artifact": digest }), "/artifact"),
        (json!({ "artifact": "22".repeat(32) }), "/artifact"),
        (json!({ "artifact": "latest" }), "/artifact"),
        (json!({ "artifact": digest, "selector": "a b" }), "/selector"),
        (json!({ "artifact": digest, "message": "x".repeat(4097) }), "/message"),
    ] {
        let answer = served.ask("POST", &format!("/projects/{own}/deploy")).json(&new).send().await;
        assert_eq!(refusal(&answer), (422, "invalid".to_owned()), "{new}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{new}");
    }
    assert_eq!(served.ask("GET", &format!("/projects/{own}/deployment")).status().await, 404);
}
