//! The command line against a real control plane: every noun, names and ids, and how commands end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;

use tests::{CommandLine, ControlPlane};

const ENTRY: &str = r#"
openapi: 3.1.0
info: { title: Pets & Friends, version: 1.0.0 }
servers: [{ url: "http://127.0.0.1:9000" }]
paths:
  /pets: { $ref: paths/pets.yaml }
"#;
const PETS: &str = r#"get: { operationId: listPets, responses: { "200": { description: some } } }"#;

/// Somebody with a project `shop`, which is meant where they do not say, and documents on disk.
async fn shop() -> (ControlPlane, CommandLine) {
    let control_plane = ControlPlane::empty().start().await;
    let command = CommandLine::of(&control_plane).with("PORTCULLIS_CONTROL_PROJECT", "shop");
    command.succeeds(&["project", "create", "shop", "--description", "pets"]);
    command.write("api/openapi.yaml", ENTRY);
    command.write("api/paths/pets.yaml", PETS);
    (control_plane, command)
}

fn mode(command: &CommandLine, path: &str) -> u32 {
    std::fs::metadata(command.path(path)).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_logged_in_needs_not_say_where_and_who() {
    let control_plane = ControlPlane::empty().start().await;
    let command = CommandLine::alone();
    assert!(command.fails(&["project", "list"], 3).contains("log in"));
    command.write("token", control_plane.token());
    let url = format!("http://{}", control_plane.address());
    command.succeeds(&["login", "--server", &url, "--token-file", "token"]);
    command.succeeds(&["project", "create", "shop"]);
    assert_eq!(command.json(&["context", "list"])["items"][0]["current"], true);
    for secret in ["contexts.json", "tokens/default"] {
        assert_eq!(mode(&command, &format!(".config/portcullis/{secret}")), 0o600, "{secret}");
    }
    let shown = command.succeeds(&["context", "show", "-o", "json"]);
    assert!(!shown.contains(control_plane.token()) && shown.contains(&url), "{shown}");

    command.write("wrong", "pct_wrong");
    let refused = ["login", "--server", &url, "--token-file", "wrong", "--context", "other"];
    assert!(command.fails(&refused, 3).contains("unauthenticated"));
    assert_eq!(command.json(&["context", "list"])["items"].as_array().unwrap().len(), 1);

    let elsewhere = command.fails(&["project", "list", "--server", "http://127.0.0.1:9"], 3);
    assert!(elsewhere.contains("no token"), "{elsewhere}");
    command.fails(&["context", "use", "other"], 4);
    command.succeeds(&["context", "delete", "default"]);
    assert!(!command.path(".config/portcullis/tokens/default").exists());
    command.fails(&["project", "list"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_made_changed_and_deleted_by_name_or_id() {
    let (_control_plane, command) = shop().await;
    let id = command.json(&["project", "get", "shop"])["id"].as_str().unwrap().to_owned();
    let changed = command.json(&["project", "update", &id, "--upstream", "http://pets.internal", "--security", "off"]);
    assert_eq!((&changed["settings"]["security"], &changed["description"]), (&"off".into(), &"pets".into()));
    let other = command.json(&["project", "update", "shop", "--description", "cats"]);
    assert_eq!(other["settings"]["upstream"], "http://pets.internal");
    let invalid = command.fails(&["project", "update", "shop", "--upstream", "pets.internal"], 5);
    assert!(invalid.contains("/settings/upstream") && invalid.contains("invalid"), "{invalid}");
    assert!(command.fails(&["project", "create", "shop"], 4).contains("name-taken"));
    command.fails(&["project", "get", "dogs"], 4);
    assert!(command.fails(&["project", "delete", "shop"], 2).contains("--yes"));
    assert!(command.succeeds(&["project", "list", "-o", "yaml"]).contains("name: shop"));
    command.succeeds(&["project", "delete", "shop", "--yes"]);
    assert_eq!(command.json(&["project", "list"])["items"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_is_pushed_built_and_pulled() {
    let (_control_plane, command) = shop().await;
    let spec = command.json(&["spec", "push", "api/openapi.yaml", "--message", "first"]);
    assert_eq!((&spec["name"], &spec["head"]["number"]), (&"pets-friends".into(), &1.into()));
    assert_eq!(command.json(&["spec", "push", "api"])["head"]["number"], 1, "the same documents");

    let build = command.json(&["build", "--spec", "pets-friends", "--wait"]);
    let digest = build["artifact"].as_str().unwrap();
    command.succeeds(&["artifact", "pull", &digest[..12], "-o", "pets.bca"]);
    let keys = command.json(&["signing-key", "list"]);
    let key = keys["items"][0]["public_key"].as_str().unwrap();
    assert_eq!(command.json(&["verify", "pets.bca", "--trusted-key", key])["project"], "shop");

    command.write("api/paths/pets.yaml", PETS.replace("get:", "put:"));
    assert_eq!(command.json(&["spec", "push", "api"])["head"]["number"], 2);
    let newer = command.json(&["build", "--spec", "pets-friends", "--wait"]);
    let newer = newer["artifact"].as_str().unwrap();
    let diff = command.json(&["artifact", "diff", digest, newer]);
    assert_eq!((&diff["different"], &diff["breaking"]), (&true.into(), &1.into()));
    command.fails(&["artifact", "diff", digest, newer, "--detailed-exitcode"], 2);
    command.fails(&["artifact", "pull", "--deployed", "-o", "deployed.bca"], 4);
    assert_eq!(command.json(&["deploy", digest])["serial"], 1);
    command.succeeds(&["artifact", "pull", "--deployed", "-o", "deployed.bca"]);
    deployments(&command, (build["id"].as_str().unwrap(), newer));
    command.fails(&["spec", "delete", "pets-friends"], 2);
    command.succeeds(&["spec", "delete", "pets-friends", "--yes"]);
}

/// From a first deployment on: of the build, of the newest artifact, and back.
fn deployments(command: &CommandLine, (build, newer): (&str, &str)) {
    command.succeeds(&["deploy", "--build", build, "--wait"]);
    let said = command.fails(&["rollback"], 4);
    assert!(said.contains("nothing else was deployed"), "{said}");
    let manner = [
        "--waves",
        "1,50%",
        "--promotion",
        "manual",
        "--gate-max-error-rate",
        "1%",
        "--gate-max-p99",
        "250ms",
        "--gate-bake",
        "5m",
        "--gate-wave-time",
        "1h",
        "--gate-min-requests",
        "10",
        "--gate-on-unjudged",
        "continue",
        "--gate-max-rejections",
        "1",
        "--on-failure",
        "pause",
        "--selector",
        "env=prod",
        "--at",
        "2999-01-01T00:00:00Z",
    ];
    let later = command.json(&[&["deploy", "--newest"][..], &manner].concat());
    assert_eq!((&later["artifact"], &later["state"]), (&newer.into(), &"scheduled".into()));
    assert_eq!(later["strategy"], serde_json::json!({ "kind": "waves", "sizes": [1, "50%"] }));
    let gates = serde_json::json!({
        "max_rejections": 1, "max_error_rate": 0.01, "max_p99_ms": 250.0, "min_requests": 10, "bake_seconds": 300,
        "wave_seconds_max": 3600, "on_unjudged": "continue",
    });
    assert_eq!((&later["gates"], &later["on_failure"]), (&gates, &"pause".into()));
    assert_eq!(command.json(&["deployment", "get", "3"])["id"], later["id"]);
    command.fails(&["deployment", "pause", "3"], 4);
    assert_eq!(command.json(&["deployment", "abort", "3"])["state"], "aborted");
    command.fails(&["deployment", "get", "3", "--wait"], 8);
    assert_eq!(command.json(&["deployment", "events", "3"])["items"][0]["kind"], "ended");

    assert_eq!(command.json(&["deploy", newer, "--wait"])["state"], "succeeded");
    let back = command.json(&["rollback", "--message", "it burns", "--wait"]);
    assert_eq!((&back["kind"], &back["state"]), (&"rollback".into(), &"succeeded".into()));
    // Whoever is not sure does not go further back.
    let said = command.fails(&["rollback"], 4);
    assert!(said.contains("already rolled back by deployment 5: name an artifact or a deployment"), "{said}");
    assert!(command.fails(&["deploy", newer, "--ci"], 4).contains("pinned"));
    // A pipeline does not unpin.
    command.fails(&["deploy", newer, "--ci", "--unpin"], 2);
    command.succeeds(&["deploy", newer, "--unpin", "--wait"]);
    let back = command.json(&["rollback", "--to", "1", "--wait"]);
    assert_ne!(back["artifact"], newer);
    command.succeeds(&["deployment", "unpin"]);
    command.succeeds(&["deploy", newer, "--ci"]);
    let states = command.json(&["deployment", "list", "--limit", "3"]);
    assert_eq!(states["items"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_says_why_as_the_compiler_does() {
    let (_control_plane, command) = shop().await;
    command.write("api/paths/pets.yaml", PETS.replace("operationId", "operationID"));
    command.succeeds(&["spec", "push", "api", "--name", "pets"]);
    let said = command.fails(&["build", "--spec", "pets", "--wait"], 5);
    assert!(said.contains("PC2002") && said.contains("paths/pets.yaml:1:") && said.contains('^'), "{said}");
    command.fails(&["build", "--spec", "pets", "--environment", "moon"], 5);
    command.fails(&["build", "--spec", "cats"], 4);
    let waited = command.fails(&["build", "--spec", "pets", "--wait", "--timeout", "0s"], 9);
    assert!(waited.contains("it goes on"), "{waited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_api_keys_are_made_shown_once_and_revoked() {
    let (control_plane, command) = shop().await;
    let token = command.json(&["token", "create", "looker", "--role", "viewer", "--scope", "projects:read"]);
    let looker = CommandLine::of(&control_plane).with("PORTCULLIS_CONTROL_TOKEN", token["secret"].as_str().unwrap());
    looker.succeeds(&["project", "list"]);
    assert!(looker.fails(&["project", "create", "other"], 3).contains("projects:write"));
    let listed = command.succeeds(&["token", "list"]);
    assert!(listed.contains("looker") && !listed.contains(token["secret"].as_str().unwrap()));
    command.succeeds(&["token", "revoke", "looker", "--yes"]);
    looker.fails(&["project", "list"], 3);

    let key = command.json(&["apikey", "create", "edge", "--expires-in", "1d"]);
    assert!(key["secret"].as_str().unwrap().starts_with("pdk_"));
    command.succeeds(&["apikey", "revoke", "edge", "--yes"]);
    assert!(command.json(&["apikey", "list"])["items"][0]["revoked_at"].is_string());

    let refused = command.json(&["audit", "--outcome", "failure", "--since", "1h"]);
    assert_eq!(refused["items"][0]["outcome"], "failure");
    let made = command.json(&["audit", "--action", "token.create", "--limit", "1"]);
    assert_eq!(made["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_planes_are_listed_labelled_and_removed_by_name() {
    let (control_plane, command) = shop().await;
    let project = command.json(&["project", "get", "shop"])["id"].as_str().unwrap().to_owned();
    let issued = command.json(&["apikey", "create", "edge"]);
    assert!(issued["command"].as_str().unwrap().contains(&format!("http://{}", control_plane.address())), "{issued}");
    let edge = tests::data_plane::Identity::new("edge-1", (&project, issued["secret"].as_str().unwrap()));
    let mut edge = edge.label("ring", "a").joins(control_plane.address()).await;

    assert_eq!(command.json(&["data-plane", "list"])["items"][0]["name"], "edge-1");
    assert_eq!(command.json(&["data-plane", "summary"])["data_planes"], 1);
    let labelled = command.json(&["data-plane", "label", "edge-1", "ring=b", "env=prod"]);
    assert_eq!(labelled["labels"], serde_json::json!({ "env": "prod", "ring": "b" }));
    let labelled = command.json(&["data-plane", "label", "edge-1", "ring-"]);
    assert_eq!(labelled["labels"], serde_json::json!({ "env": "prod", "ring": "a" }));
    command.fails(&["data-plane", "label", "edge-1", "ring"], 2);
    command.succeeds(&["data-plane", "disconnect", "edge-1"]);
    assert_eq!(edge.goodbye().await.reason, fleet::message::Reason::Disconnected);
    command.fails(&["data-plane", "delete", "edge-1"], 2);
    command.succeeds(&["data-plane", "delete", "edge-1", "--yes"]);
    command.fails(&["data-plane", "get", "edge-1"], 4);
}
