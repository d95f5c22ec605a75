//! The pipeline that the documentation gives away, run as it is against a real control plane.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use tests::{CommandLine, ControlPlane};

const PETS: &str = r#"
openapi: 3.1.0
info: { title: Pets, version: 1.0.0 }
servers: [{ url: "http://127.0.0.1:9000" }]
paths:
  /pets: { get: { operationId: listPets, responses: { "200": { description: some } } } }
  /cats: { get: { operationId: listCats, responses: { "200": { description: some } } } }
"#;

/// Runs the script as a pipeline would, which has a token for nothing else. Returns code and everything it said.
fn deploy(pipeline: &CommandLine, document: &str) -> (Option<i32>, String) {
    pipeline.write("openapi.yaml", document);
    let script = tests::config::repository().join("docs/how-to/deploy-from-ci.sh");
    let output = pipeline.program(script, &["openapi.yaml"]);
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_become_a_deployment_and_what_breaks_clients_is_refused() {
    let control_plane = ControlPlane::empty().start().await;
    let admin = CommandLine::of(&control_plane);
    admin.succeeds(&["project", "create", "shop"]);
    admin.succeeds(&["keygen", "-o", "key.pem", "--public", "key.pub"]);
    admin.succeeds(&["signing-key", "trust", "key.pub", "--name", "ci", "--project", "shop"]);
    let scopes = "projects:read,artifacts:read,artifacts:write,deployments:read,deployments:write";
    let token = admin.json(&["token", "create", "ci", "--role", "editor", "--expires-in", "90d", "--scope", scopes]);

    let pem = std::fs::read_to_string(admin.path("key.pem")).unwrap();
    let pipeline = CommandLine::of(&control_plane)
        .with("PORTCULLIS_CONTROL_TOKEN", token["secret"].as_str().unwrap())
        .with("PORTCULLIS_CONTROL_PROJECT", "shop")
        .with("SIGNING_KEY", pem)
        .with("COMMIT", "c0ffee");
    let deployments = || {
        admin.succeeds(&["artifact", "pull", "--deployed", "--project", "shop", "-o", "deployed.bca"]);
        let inspected = admin.json(&["inspect", "deployed.bca", "--operations"]);
        inspected["operations"].as_array().map_or(0, Vec::len)
    };

    let (code, said) = deploy(&pipeline, PETS);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("c0ffee"), "{said}");
    assert_eq!(deployments(), 2);

    let (code, said) = deploy(&pipeline, PETS);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("what is deployed stays"), "{said}");

    let fewer = PETS.replace("  /cats:", "  # /cats:");
    let (code, said) = deploy(&pipeline, &fewer);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("operation removed") && said.contains("refused: breaking"), "{said}");
    assert_eq!(deployments(), 2);

    let (code, said) = deploy(&pipeline, &PETS.replace("operationId: listPets", "operationID: listPets"));
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("PC2002"), "{said}");

    let stranger = CommandLine::alone();
    stranger.succeeds(&["keygen", "-o", "key.pem"]);
    let other = std::fs::read_to_string(stranger.path("key.pem")).unwrap();
    let (code, said) = deploy(&pipeline.with("ALLOW_BREAKING", "yes").with("SIGNING_KEY", other), &fewer);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("the artifact is refused"), "{said}");
    assert_eq!(deployments(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_meant_to_break_is_deployed() {
    let control_plane = ControlPlane::empty().start().await;
    let admin = CommandLine::of(&control_plane).with("PORTCULLIS_CONTROL_PROJECT", "shop");
    admin.succeeds(&["project", "create", "shop"]);
    admin.succeeds(&["keygen", "-o", "key.pem", "--public", "key.pub"]);
    admin.succeeds(&["signing-key", "trust", "key.pub"]);
    let pem = std::fs::read_to_string(admin.path("key.pem")).unwrap();
    let pipeline = admin.with("SIGNING_KEY", pem).with("ALLOW_BREAKING", "yes");
    assert_eq!(deploy(&pipeline, PETS).0, Some(0));
    let (code, said) = deploy(&pipeline, &PETS.replace("  /cats:", "  # /cats:"));
    assert_eq!(code, Some(0), "{said}");
    let artifacts = pipeline.json(&["artifact", "list"]);
    assert_eq!(artifacts["items"].as_array().unwrap().len(), 2);
}
