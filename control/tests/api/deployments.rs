//! `/projects/{project}/deploy` and what follows, with data planes that say what the test has them say.

use std::num::NonZeroU64;

use control::domain::digest::Digest;
use control::domain::id::{DataPlaneId, ProjectId, TeamId};
use control::domain::label::Labels;
use control::domain::node::{Measured, Occasion, Phase, Presence, Said, Traffic};
use control::domain::registry::{Heard, Instance, InstanceKey};
use control::domain::store::{Fleet as _, Nodes as _, Registry as _};
use control::domain::time::now;
use control::store::DatabaseStore;
use control::store::sql::sql;
use serde_json::{Value, json};
use tests::wait;
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

/// A project with two artifacts, and data planes that are online.
struct Shop {
    served: Served,
    store: DatabaseStore,
    team: String,
    place: String,
    project: ProjectId,
    old: String,
    new: String,
    gateways: Vec<(DataPlaneId, Uuid)>,
}

impl Shop {
    async fn open(gateways: usize) -> Self {
        let served = Served::start().await;
        let team = served.team("red").await;
        let project = served.project(&team, "shop").await;
        let (old, new) = ("11".repeat(32), "22".repeat(32));
        for digest in [&old, &new] {
            artifact(&served, (&team, &project), digest).await;
        }
        let store = DatabaseStore::new(served.database().await);
        let place = format!("/api/v1/projects/{project}");
        let project = project.parse().unwrap();
        let mut shop = Self { served, store, team, place, project, old, new, gateways: Vec::new() };
        for index in 0..gateways {
            let new = json!({ "name": format!("edge-{index}"), "kind": "gateway", "project": shop.project });
            let made = shop.served.make(&format!("/api/v1/teams/{}/dataplanes", shop.team), &new).await;
            let gateway = (text(&made["id"]).parse().unwrap(), Uuid::new_v4());
            shop.gateways.push(gateway);
            shop.say(gateway, (None, None), Phase::Waiting).await;
        }
        shop
    }

    async fn say(&self, gateway: (DataPlaneId, Uuid), has: (Option<Digest>, Option<NonZeroU64>), phase: Phase) {
        let at = now();
        let instance = Instance {
            id: gateway.1,
            node: gateway.1,
            presence: Presence::Connected,
            version: "0.1.0".to_owned(),
            labels: Labels::new(),
            address: None,
            artifact: has.0,
            wanted: None,
            drift_since: None,
            pointer_serial: has.1.map(|serial| i64::try_from(serial.get()).unwrap()),
            root_version: None,
            phase: phase.clone(),
            health: None,
            alarms: Vec::new(),
            connected_at: at,
            last_seen: at,
        };
        let key = InstanceKey { data_plane: gateway.0, instance: gateway.1 };
        let heard = Heard { key, instance, said: vec![Said { phase, deployment: None, occasion: Occasion::Status }] };
        self.store.keep_heard(Uuid::from_u128(1), &[heard]).await.unwrap();
    }

    /// Each data plane that is told to serve something does so.
    async fn obey(&self) {
        let plan = self.store.plan(self.project).await.unwrap();
        for gateway in &self.gateways {
            if let Some(entry) = plan.wanted(gateway.0, &std::collections::BTreeMap::new()) {
                let has = (Some(entry.artifact), Some(entry.pointer.serial()));
                self.say(*gateway, has, Phase::Active { digest: entry.artifact }).await;
            }
        }
    }

    async fn deploy(&self, new: &Value) -> String {
        let answer = self.served.ask("POST", &format!("{}/deploy", self.place)).json(new).send().await;
        assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
        let location = answer.header("location").to_owned();
        assert_eq!(location, format!("/api/v1/deployments/{}", text(&answer.json()["id"])));
        location
    }

    async fn until(&self, location: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut deployment = Value::Null;
        let is_so = wait::within(wait::PATIENCE, async || {
            deployment = self.served.get(location).await;
            holds(&deployment)
        });
        assert!(is_so.await, "it never {what}: {deployment}");
        deployment
    }

    async fn until_state(&self, location: &str, state: &str) -> Value {
        self.until(location, state, |deployment| deployment["state"] == state).await
    }

    /// Both serve the old one.
    async fn serving_old(self) -> Self {
        let location = self.deploy(&json!({ "artifact": self.old })).await;
        self.until_state(&location, "in_progress").await;
        self.obey().await;
        self.until_state(&location, "succeeded").await;
        self
    }
}

#[tokio::test]
async fn what_is_deployed_last_is_what_is_desired() {
    let shop = Shop::open(0).await;
    let served = &shop.served;
    assert_eq!(served.ask("GET", &format!("{}/deployment", shop.place)).status().await, 404);
    let mut made = Vec::new();
    for digest in [&shop.old, &shop.new, &shop.old] {
        let location = shop.deploy(&json!({ "artifact": digest, "selector": "env = prod", "message": "x" })).await;
        // Nobody is there who could hold it up.
        made.insert(0, shop.until_state(&location, "succeeded").await);
    }
    assert_eq!(served.get(&format!("{}/deployment", shop.place)).await, made[0]);
    assert_eq!(
        (&made[0]["serial"], &made[0]["artifact"], &made[0]["selector"]),
        (&json!(3), &json!(shop.old), &json!("env=prod"))
    );
    assert_eq!(made[0]["strategy"], json!({ "kind": "all_at_once" }));
    let listed = served.get(&format!("{}/deployments", shop.place)).await;
    assert_eq!(listed["items"], Value::Array(made));

    let other = served.token(&json!({ "name": "t", "team": served.team("blue").await, "role": "admin" })).await;
    let id = text(&listed["items"][0]["id"]);
    for target in
        [format!("{}/deployment", shop.place), format!("{}/deployments", shop.place), format!("/deployments/{id}")]
    {
        assert_eq!(served.ask("GET", &target).with(&other).status().await, 404, "{target}");
    }
    let deploy = served.ask("POST", &format!("{}/deploy", shop.place)).with(&other);
    assert_eq!(deploy.json(&json!({ "artifact": shop.old })).status().await, 404);
}

#[tokio::test]
async fn what_cannot_be_meant_is_not_deployed() {
    let shop = Shop::open(0).await;
    let digest = &shop.old;
    let foreign = "33".repeat(32);
    let other = shop.served.project(&shop.team, "other").await;
    artifact(&shop.served, (&shop.team, &other), &foreign).await;
    for (new, pointer) in [
        (json!({ "artifact": foreign }), "/artifact"),
        (json!({ "artifact": "44".repeat(32) }), "/artifact"),
        (json!({ "artifact": "latest" }), "/artifact"),
        (json!({ "artifact": digest, "selector": "a b" }), "/selector"),
        (json!({ "artifact": digest, "message": "x".repeat(4097) }), "/message"),
        (json!({ "artifact": digest, "strategy": { "kind": "waves", "sizes": [] } }), "/strategy/sizes"),
        (json!({ "artifact": digest, "strategy": { "kind": "waves", "sizes": vec![1; 21] } }), "/strategy/sizes"),
        (json!({ "artifact": digest, "gates": { "max_error_rate": 2 } }), "/gates/max_error_rate"),
    ] {
        let answer = shop.served.ask("POST", &format!("{}/deploy", shop.place)).json(&new).send().await;
        assert_eq!(refusal(&answer), (422, "invalid".to_owned()), "{new}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{new}");
    }
    for new in [
        json!({ "artifact": digest, "strategy": { "kind": "canary", "size": 0 } }),
        json!({ "artifact": digest, "strategy": { "kind": "canary", "size": "10" } }),
        json!({ "artifact": digest, "strategy": { "kind": "blue" } }),
        json!({ "artifact": digest, "started_by": "automatic" }),
        json!({ "artifact": digest, "gates": { "max_errors": 1 } }),
        json!({ "artifact": digest, "gates": { "on_unjudged": "never" } }),
    ] {
        let answer = shop.served.ask("POST", &format!("{}/deploy", shop.place)).json(&new).send().await;
        assert!((400..500).contains(&answer.status), "{new}");
    }
    assert_eq!(shop.served.ask("GET", &format!("{}/deployment", shop.place)).status().await, 404);
}

/// By a gate, without a hand on it.
#[tokio::test]
async fn a_canary_that_fails_requests_is_taken_back() {
    let shop = Shop::open(2).await.serving_old().await;
    let gates = json!({ "max_error_rate": 0.05, "min_requests": 20, "bake_seconds": 600 });
    let new = json!({ "artifact": shop.new, "strategy": { "kind": "canary", "size": 1 }, "gates": gates });
    let location = shop.deploy(&new).await;
    shop.until(&location, "begins", |deployment| deployment["wave"] == 1).await;
    shop.obey().await;
    shop.until(&location, "bakes", |deployment| !deployment["baking_since"].is_null()).await;
    let traffic = Traffic::of_window(100, 7, Some(3.0));
    let artifact: Digest = shop.new.parse().unwrap();
    let measured = Measured { data_plane: shop.gateways[0].0, artifact, traffic };
    shop.store.record_health(&[measured]).await.unwrap();
    let ended = shop.until_state(&location, "rolled_back").await;
    assert_eq!(ended["reason"]["code"], "error_rate");
    let back = shop.served.get(&format!("{}/deployment", shop.place)).await;
    assert_eq!((&back["kind"], &back["artifact"]), (&json!("rollback"), &json!(shop.old)));
    assert_eq!((&back["takes_back"], &back["started_by"]), (&ended["id"], &json!("automatic")));
    let back = format!("/api/v1/deployments/{}", text(&back["id"]));
    shop.obey().await;
    shop.until_state(&back, "succeeded").await;

    let events = shop.served.get(&format!("{location}/events?limit=2")).await;
    assert_eq!(events["items"][0]["kind"], "ended");
    assert_eq!(events["items"][1]["kind"], "breached");
    assert!(events["next_cursor"].is_string());
    let history = shop.served.get(&format!("{location}/history")).await;
    let outcomes: Vec<_> = history["items"].as_array().unwrap().iter().map(|event| text(&event["outcome"])).collect();
    assert_eq!(outcomes, ["active", "reached"]);
    // A pipeline does not go over it, and a person may.
    let deploy = |new: Value| shop.served.ask("POST", &format!("{}/deploy", shop.place)).json(&new).send();
    let refused = deploy(json!({ "artifact": shop.new, "started_by": "ci" })).await;
    assert_eq!(refusal(&refused), (409, "pinned".to_owned()));
    let pins = shop.served.get(&format!("{}/pins", shop.place)).await;
    assert_eq!(pins["items"][0]["artifact"], json!(shop.new));
    assert_eq!(shop.served.ask("DELETE", &format!("{}/pins?selector=a=b", shop.place)).status().await, 204);
    assert_eq!(deploy(json!({ "artifact": shop.new, "started_by": "ci" })).await.status, 202);
}

#[tokio::test]
async fn a_deployment_is_steered() {
    let shop = Shop::open(3).await.serving_old().await;
    let new = json!({
        "artifact": shop.new, "promotion": "manual", "gates": { "bake_seconds": 0 },
        "strategy": { "kind": "waves", "sizes": [1, "50%"] },
    });
    let location = shop.deploy(&new).await;
    shop.until(&location, "begins", |deployment| deployment["wave"] == 1).await;
    shop.obey().await;
    let waiting = shop.until_state(&location, "paused").await;
    assert_eq!(waiting["reason"]["code"], "promotion_awaited");
    let steer = async |how: &str| shop.served.ask("POST", &format!("{location}/{how}")).send().await;
    assert_eq!(steer("promote").await.status, 200);
    shop.until(&location, "goes on", |deployment| deployment["wave"] == 2).await;
    let paused = steer("pause").await;
    assert_eq!((paused.status, text(&paused.json()["state"])), (200, "paused".to_owned()));
    assert_eq!(paused.header("etag"), format!("\"{}\"", paused.json()["version"]));
    let stale = shop.served.ask("POST", &format!("{location}/resume")).header("if-match", "\"1\"").send().await;
    assert_eq!(refusal(&stale), (412, "stale".to_owned()));
    let resumed = shop.served.ask("POST", &format!("{location}/resume")).header("if-match", paused.header("etag"));
    assert_eq!(resumed.status().await, 200);
    let progress = shop.served.get(&format!("{location}/progress")).await;
    assert_eq!(
        (&progress["data_planes"], &progress["online"], &progress["serving"]),
        (&json!(3), &json!(3), &json!(1))
    );
    assert_eq!(progress["waves"][1]["data_planes"], 1);
    let everyone = json!({ "to": "everyone" });
    let promoted = shop.served.ask("POST", &format!("{location}/promote")).json(&everyone).send().await;
    assert_eq!(promoted.status, 200, "{}", String::from_utf8_lossy(&promoted.body));
    shop.until(&location, "reaches all", |deployment| deployment["wave"] == 3).await;
    // Somebody has had enough.
    assert_eq!(text(&steer("abort").await.json()["state"]), "aborted");
    assert_eq!(refusal(&steer("pause").await), (409, "conflict".to_owned()));
    let plan = shop.store.plan(shop.project).await.unwrap();
    assert!(plan.entries.iter().all(|entry| entry.artifact.to_string() == shop.old));
}

#[tokio::test]
async fn a_way_back_is_one_call() {
    let shop = Shop::open(1).await;
    let rollback = || shop.served.ask("POST", &format!("{}/rollback", shop.place));
    assert_eq!(refusal(&rollback().send().await), (409, "conflict".to_owned()));
    let shop = Shop::open(1).await.serving_old().await;
    let location = shop.deploy(&json!({ "artifact": shop.new })).await;
    shop.until_state(&location, "in_progress").await;
    let rollback = || shop.served.ask("POST", &format!("{}/rollback", shop.place));
    let both = json!({ "artifact": shop.old, "deployment": Uuid::nil() });
    assert_eq!(refusal(&rollback().json(&both).send().await), (422, "invalid".to_owned()));
    let answer = rollback().json(&json!({ "message": "it burns" })).send().await;
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.json()["artifact"], json!(shop.old));
    let back = answer.header("location").to_owned();
    shop.until_state(&location, "rolled_back").await;
    shop.until_state(&back, "in_progress").await;
    shop.obey().await;
    shop.until_state(&back, "succeeded").await;
}
