//! Every route there is, as the OpenAPI document has it, which is made of the routes: a new one cannot be forgotten.

use std::collections::BTreeMap;

use artifact_format::container::Draft;
use artifact_format::model::{Artifact, Policies, Provenance, Routes, Schemas, Specs, Upstreams};
use control::key;
use serde_json::json;

use crate::named::{Id, ids};
use crate::served::{Served, text};

/// The only routes that any credential may ask: what they say is about itself.
const FOR_EVERYBODY: &[&str] = &["GET /tokens/self"];

/// No team's token has these.
const NOT_FOR_TEAMS: &[&str] = &["data-planes:connect", "teams:write"];

/// One operation of the document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: String,
    path: String,
    /// Any of these is enough; the first is the one for people.
    scopes: Vec<String>,
    has_body: bool,
    /// Ids that it takes elsewhere than in its path.
    pub(crate) ids: Vec<Id>,
}

impl Operation {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path with these in place of its parameters.
    pub(crate) fn target(&self, values: &BTreeMap<&str, String>) -> String {
        let query = match self.name().as_str() {
            "GET /artifacts/{artifact}/diff" => format!("?with={}", values["artifact"]),
            "GET /specs/{spec}/revisions/diff" => "?from=1&to=1".to_owned(),
            _ => String::new(),
        };
        let parts = self.path.split('/').map(|part| {
            let Some(name) = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                return part.to_owned();
            };
            let value = values.get(name);
            value.unwrap_or_else(|| panic!("{}: `things` makes no `{name}` yet: make one", self.name())).clone()
        });
        parts.collect::<Vec<_>>().join("/") + &query
    }

    fn has_parameters(&self) -> bool {
        self.path.contains('{')
    }

    /// Something that the operation takes, with its media type: what it refuses must be refused for another reason.
    pub(crate) fn body(&self) -> Option<(&'static str, String)> {
        let body = match self.name().as_str() {
            "POST /teams" | "POST /projects" | "POST /tokens" | "POST /projects/{project}/api-keys" => {
                json!({ "name": "new" })
            }
            "POST /projects/{project}/signing-keys" | "POST /projects/{project}/signing-keys/{key}/rotate" => {
                json!({ "kind": "generated" })
            }
            "POST /teams/{team}/dataplanes" => json!({ "name": "new", "kind": "gateway" }),
            "POST /projects/{project}/deploy" => json!({ "artifact": "0".repeat(64) }),
            "POST /projects/{project}/specs" | "POST /specs/{spec}/revisions" => json!({ "openapi": "3.1.0" }),
            "POST /projects/{project}/artifacts" => {
                return Some(("application/octet-stream", "no artifact".to_owned()));
            }
            _ => json!({}),
        };
        self.has_body.then(|| ("application/json", body.to_string()))
    }
}

pub(crate) fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(control::api::router::document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(_, value)| value["responses"].is_object())
        {
            let alternatives = operation["security"].as_array().unwrap_or_else(|| panic!("{path}: no security"));
            let scopes = alternatives.iter().filter_map(|alternative| alternative["token"][0].as_str());
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                scopes: scopes.map(str::to_owned).collect(),
                has_body: operation["requestBody"].is_object(),
                ids: ids(&document, operation),
            });
        }
    }
    assert!(operations.len() > 20, "the document was not understood");
    operations
}

/// One of everything, made by and for this team.
pub(crate) async fn things(served: &Served, team: &str) -> BTreeMap<&'static str, String> {
    let project = served.project(team, "shop").await;
    let own = format!("/api/v1/projects/{project}");
    let token = served.make("/api/v1/tokens", &json!({ "name": "ci", "team": team })).await;
    let api_key = served.make(&format!("{own}/api-keys"), &json!({ "name": "edge" })).await;
    let document = json!({ "openapi": "3.1.0", "info": { "title": "Shop", "version": "1" }, "paths": {} });
    let spec = served.make(&format!("{own}/specs?name=shop"), &document).await;
    let spec = text(&spec["id"]);
    let build = served.make(&format!("/api/v1/specs/{spec}/compile"), &json!({})).await;
    let data_plane = json!({ "name": "edge-1", "kind": "gateway", "project": project });
    let data_plane = served.make(&format!("/api/v1/teams/{team}/dataplanes"), &data_plane).await;
    let artifact = push(served, &own).await;
    let deployment = served.make(&format!("{own}/deploy"), &json!({ "artifact": artifact })).await;
    let keys = served.get(&format!("{own}/signing-keys")).await;
    [
        ("team", team.to_owned()),
        ("project", project),
        ("token", text(&token["token"]["id"])),
        ("api_key", text(&api_key["api_key"]["id"])),
        ("path", "openapi.json".to_owned()),
        ("number", "1".to_owned()),
        ("version", "1".to_owned()),
        ("spec", spec),
        ("build", text(&build["id"])),
        ("data_plane", text(&data_plane["id"])),
        ("artifact", artifact),
        ("deployment", text(&deployment["id"])),
        ("key", text(&keys["items"][0]["id"])),
    ]
    .into()
}

/// The digest of an artifact that was signed elsewhere, by a key that the project trusts.
pub(crate) async fn push(served: &Served, project: &str) -> String {
    let artifact = Artifact {
        project: "shop".to_owned(),
        compiler: "tests/0".to_owned(),
        provenance: Provenance::default(),
        routes: Routes::default(),
        schemas: Schemas::default(),
        policies: Policies::default(),
        upstreams: Upstreams::default(),
        specs: Specs::default(),
    };
    // Another project's artifact is another one, though it says the same.
    let key = key::generate().unwrap();
    let public = json!({ "kind": "public", "name": "ci", "public_key": key.public().to_base64() });
    served.make(&format!("{project}/signing-keys"), &public).await;
    let file = Draft::encode(&artifact).unwrap().sign(&key).finish().unwrap();
    let push = served.ask("POST", &format!("{project}/artifacts")).body("application/octet-stream", file);
    let pushed = push.send().await;
    assert_eq!(pushed.status, 201, "{}", String::from_utf8_lossy(&pushed.body));
    text(&pushed.json()["digest"])
}

async fn ask(served: &Served, secret: Option<&str>, operation: &Operation, target: &str) -> (u16, String) {
    let mut request = served.ask(&operation.method, target).header("if-match", "*");
    if let Some((media_type, body)) = operation.body() {
        request = request.body(media_type, body);
    }
    let request = match secret {
        Some(secret) => request.with(secret),
        None => request.unknown(),
    };
    let answer = request.send().await;
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test]
async fn nothing_answers_without_a_credential() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let things = things(&served, &team).await;
    for operation in operations() {
        for prefix in ["", "/api/v1"] {
            let target = format!("{prefix}{}", operation.target(&things));
            assert_eq!(ask(&served, None, &operation, &target).await.0, 401, "{}", operation.name());
        }
    }
    for target in ["/", "/api/v1", "/nothing", "/metrics", "/api-docs/", "/api-docs/openapi.json", "/livez/x"] {
        assert_eq!(served.ask("GET", target).unknown().status().await, 401, "{target}");
    }
    for target in ["/livez", "/readyz", "/readyz?verbose", "/healthz"] {
        assert_eq!(served.ask("GET", target).unknown().status().await, 200, "{target}");
        // Whatever is shown there is not looked at.
        assert_eq!(served.ask("GET", target).with("wrong").status().await, 200, "{target}");
    }
}

#[test]
fn no_change_is_allowed_by_a_scope_for_looking() {
    for operation in operations() {
        let wrong = if operation.method == "GET" { ":write" } else { ":read" };
        let taken = operation.scopes.iter().find(|scope| scope.ends_with(wrong));
        assert_eq!(taken, None, "{}", operation.name());
    }
}

#[tokio::test]
async fn every_route_refuses_a_token_without_its_scope() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let things = things(&served, &team).await;
    let own = served.get("/api/v1/tokens/self").await;
    let all: Vec<String> = own["scopes"].as_array().unwrap().iter().map(text).collect();
    assert!(all.len() > 15);
    let mut secrets = BTreeMap::new();
    for operation in operations() {
        let Some(scope) = operation.scopes.first() else {
            assert!(FOR_EVERYBODY.contains(&operation.name().as_str()), "{} takes no scope", operation.name());
            continue;
        };
        if !secrets.contains_key(&operation.scopes) {
            let others: Vec<&String> = all.iter().filter(|own| !operation.scopes.contains(own)).collect();
            let new = json!({ "name": "narrow", "role": "admin", "scopes": others });
            secrets.insert(operation.scopes.clone(), served.token(&new).await);
        }
        let secret = &secrets[&operation.scopes];
        let (status, body) = ask(&served, Some(secret), &operation, &operation.target(&things)).await;
        assert_eq!(status, 403, "{} takes `{scope}`: {body}", operation.name());
        assert!(body.contains(scope.as_str()), "{body}");
    }
}

#[tokio::test]
async fn another_teams_things_do_not_exist() {
    let served = Served::start().await;
    let (red, blue) = (served.team("red").await, served.team("blue").await);
    let things = things(&served, &red).await;
    let admin = |team: &str| json!({ "name": "admin", "role": "admin", "team": team });
    let (own, other) = (served.token(&admin(&red)).await, served.token(&admin(&blue)).await);
    for operation in operations() {
        let target = operation.target(&things);
        let (status, body) = ask(&served, Some(&other), &operation, &target).await;
        // No team's token has these scopes, which is said before anything is looked for.
        let is_for_teams = operation.scopes.iter().any(|scope| !NOT_FOR_TEAMS.contains(&scope.as_str()))
            || FOR_EVERYBODY.contains(&operation.name().as_str());
        if !is_for_teams {
            assert_eq!(status, 403, "{}: {body}", operation.name());
        } else if operation.has_parameters() {
            assert_eq!(status, 404, "{}: {body}", operation.name());
        }
        // Its own things are in no answer that another team gets.
        let ids = things.values().filter(|id| id.len() >= 32);
        let named = ids.clone().find(|id| body.contains(id.as_str()) && !target.contains(id.as_str()));
        assert_eq!(named, None, "{}: {body}", operation.name());
    }
    // They were real, and are as they were.
    for operation in operations().into_iter().filter(|operation| operation.method == "GET") {
        let (status, body) = ask(&served, Some(&own), &operation, &operation.target(&things)).await;
        assert_eq!(status, 200, "{}: {body}", operation.name());
    }
}

#[tokio::test]
async fn a_data_planes_key_is_good_for_its_project_alone() {
    let served = Served::start().await;
    let team = served.team("red").await;
    let things = things(&served, &team).await;
    let other = served.project(&team, "other").await;
    let scopes = ["data-planes:connect", "artifacts:read", "deployments:read", "keys:read"];
    let new = json!({ "name": "edge", "scopes": scopes });
    let made = served.make(&format!("/api/v1/projects/{other}/api-keys"), &new).await;
    let key = text(&made["secret"]);
    for operation in operations() {
        if FOR_EVERYBODY.contains(&operation.name().as_str()) {
            continue;
        }
        let (status, body) = ask(&served, Some(&key), &operation, &operation.target(&things)).await;
        assert_eq!(status, 404, "{}: {body}", operation.name());
    }
    // In its own project it is known, and may do what its scopes say.
    let own = format!("/api/v1/projects/{other}");
    assert_eq!(served.ask("GET", &own).with(&key).status().await, 403);
    let this = served.ask("GET", "/api/v1/tokens/self").with(&key).send().await;
    assert_eq!((this.status, &this.json()["project"]), (200, &json!(other)));
}
