//! From a spec to an artifact, on one control plane.

use artifact_format::container;
use artifact_format::limits::Limits;
use artifact_format::root::SignedRoot;
use control::store::sql::sql;
use serde_json::{Value, json};
use tests::s3::S3;
use tests::{config, process, wait};

use crate::site::{PET, PETS, Site, ask, compile, download, large, text, until};

/// The newest trust root's word on an artifact.
async fn verify(site: &Site, file: &[u8]) -> container::Digest {
    let root = site.plane.get(&format!("/api/v1/projects/{}/trust-root", site.project)).await;
    let root: SignedRoot = serde_json::from_slice(&root.body).unwrap();
    container::open(file, &root.pinned().unwrap().trust(), &Limits::DEFAULT).unwrap();
    container::digest(file)
}

async fn becomes_an_artifact(site: Site) {
    let spec = site.spec(&[("api/openapi.yaml", PETS), ("api/pet.yaml", PET), ("unused.yaml", "x: y")]).await;
    let place = compile(&site.plane, &spec).await;
    let build = until(&site.plane, &place, "succeeded").await;
    assert_eq!((&build["attempt"], &build["errors"], &build["revision"]), (&json!(1), &json!(0), &json!(1)));
    let file = download(&site.plane, &build).await.body;
    assert_eq!(verify(&site, &file).await.to_string(), text(&build["artifact"]));

    let artifact = site.plane.get(&format!("/api/v1/artifacts/{}", text(&build["artifact"]))).await.json();
    assert_eq!((&artifact["size"], &artifact["build"]), (&json!(file.len()), &build["id"]));
    let summary = &artifact["summary"];
    assert_eq!((&summary["project"], &summary["operations"]), (&json!("shop"), &json!(1)));
    assert_eq!(summary["apis"], json!([{ "title": "Pets", "version": "1.0.0", "spec": "api/openapi.yaml" }]));
    assert_eq!(summary["provenance"], json!({}), "no clock has a say in it");

    // The same again is the same artifact, and stored once.
    let again = until(&site.plane, &compile(&site.plane, &spec).await, "succeeded").await;
    assert_eq!(again["artifact"], build["artifact"]);
    let list = async |target: &str| site.plane.get(target).await.json()["items"].as_array().unwrap().len();
    assert_eq!(list(&format!("/api/v1/projects/{}/artifacts", site.project)).await, 1);
    assert_eq!(list(&format!("/api/v1/projects/{}/builds?state=succeeded", site.project)).await, 2);
    assert_eq!(list(&format!("/api/v1/specs/{spec}/builds?limit=1")).await, 1);
    assert_eq!(list(&format!("/api/v1/specs/{spec}/builds?state=failed")).await, 0);
}

#[tokio::test]
async fn a_spec_becomes_an_artifact() {
    becomes_an_artifact(Site::on_sqlite().await).await;
    becomes_an_artifact(Site::on_postgres().await).await;
}

#[tokio::test]
async fn artifacts_are_kept_in_s3() {
    let Some(s3) = S3::start().await else { return };
    let url = format!("{}/artifacts", s3.url());
    let environment = s3.environment();
    becomes_an_artifact(Site::keeping(|setup| setup.set("--artifact-store", &url).with_environment(environment)).await)
        .await;
}

#[tokio::test]
async fn what_is_wrong_with_documents_is_data_and_text() {
    let site = Site::on_sqlite().await;
    // Its neighbour is missing, and so is the password file of the machine.
    let spec = site.spec(&[("openapi.yaml", PETS)]).await;
    let build = until(&site.plane, &compile(&site.plane, &spec).await, "failed").await;
    assert_eq!((&build["errors"], &build["failure"], &build["artifact"]), (&json!(1), &Value::Null, &Value::Null));
    let diagnostic = &build["diagnostics"][0];
    assert_eq!((&diagnostic["code"], &diagnostic["severity"]), (&json!("PC1101"), &json!("error")));
    assert_eq!(diagnostic["place"]["file"], "openapi.yaml");
    let log = site.plane.get(&format!("/api/v1/builds/{}/log", text(&build["id"]))).await;
    assert_eq!(log.headers["content-type"], "text/plain; charset=utf-8");
    assert!(String::from_utf8_lossy(&log.body).contains("PC1101"), "{log:?}");
    let listed = site.plane.get(&format!("/api/v1/specs/{spec}/builds")).await.json();
    assert_eq!((&listed["items"][0]["errors"], listed["items"][0].get("diagnostics")), (&json!(1), None));
}

/// Each is told when to come again; what waits already goes on waiting.
#[tokio::test]
async fn too_many_that_wait_are_told_to_come_later() {
    let site = Site::on_sqlite().await;
    let spec = site.spec(&[("openapi.json", &large())]).await;
    let target = format!("/api/v1/specs/{spec}/compile");
    let mut made = 0;
    let refused = loop {
        let answer = site.plane.send("POST", &target, None).await;
        if answer.status != 202 {
            break answer;
        }
        made += 1;
    };
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("queue-full")));
    assert_eq!(refused.headers["retry-after"], "10");
    assert!((100..=110).contains(&made), "{made}: a hundred wait, and some may have been done");
    let waiting = site.plane.get(&format!("/api/v1/projects/{}/builds?state=queued&limit=200", site.project)).await;
    assert!(waiting.json()["items"].as_array().unwrap().len() <= 100);
}

/// Whoever reads it has the project's settings, and no command.
#[tokio::test]
async fn hints_name_what_can_be_set_on_a_server() {
    let site = Site::on_sqlite().await;
    let settings = json!({ "settings": { "security": "enforce", "upstream": null } });
    let project = site.plane.get(&format!("/api/v1/projects/{}", site.project)).await;
    let etag = project.headers["etag"].to_str().unwrap().to_owned();
    let headers = [("if-match", etag.as_str()), ("content-type", "application/json")];
    let target = format!("/api/v1/projects/{}", site.project);
    let changed = ask(&site.plane, ("PATCH", &target), &headers, settings.to_string().as_bytes()).await;
    assert_eq!(changed.status, 200, "{}", String::from_utf8_lossy(&changed.body));
    let secured = PETS.replace(
        "paths:",
        "security: [{ key: [] }]\ncomponents: { securitySchemes: { key: { type: apiKey, in: header, name: x } } }\npaths:",
    );
    let outside = secured.replace("pet.yaml", "../pet.yaml");
    let spec = site.spec(&[("openapi.yaml", &secured), ("pet.yaml", PET)]).await;
    let build = until(&site.plane, &compile(&site.plane, &spec).await, "failed").await;
    let hints: Vec<_> =
        build["diagnostics"].as_array().unwrap().iter().filter_map(|found| found["hint"].as_str()).collect();
    let all = hints.join("\n");
    assert!(all.contains("`security: presence` in the project's settings"), "{all}");
    assert!(all.contains("`upstream: http://HOST:PORT` in the project's settings"), "{all}");
    assert!(!all.contains("`--"), "{all}");
    let spec = site.spec(&[("openapi.yaml", &outside), ("pet.yaml", PET)]).await;
    let build = until(&site.plane, &compile(&site.plane, &spec).await, "failed").await;
    let log = site.plane.get(&format!("/api/v1/builds/{}/log", text(&build["id"]))).await;
    let log = String::from_utf8_lossy(&log.body).into_owned();
    assert!(log.contains("upload the file with the documents") && !log.contains("`--"), "{log}");
}

/// What is built is not built again because the database had a bad moment when it was to be told.
async fn an_ending_is_said_again(site: Site, (refuse, allow): (&'static str, &'static str)) {
    site.run(sql(refuse)).await;
    let spec = site.spec(&[("openapi.yaml", PETS), ("pet.yaml", PET)]).await;
    let place = compile(&site.plane, &spec).await;
    wait::until("it cannot say how it ended", async || {
        site.plane.logs().iter().any(|line| line.to_string().contains("cannot say how a build ended"))
    })
    .await;
    site.run(sql(allow)).await;
    let build = until(&site.plane, &place, "succeeded").await;
    assert_eq!(build["attempt"], 1);
}

#[tokio::test]
async fn an_ending_is_said_again_in_sqlite() {
    let refuse = "create trigger bad_moment before update on builds when new.state = 'succeeded' \
         begin select raise(abort, 'a bad moment'); end";
    an_ending_is_said_again(Site::on_sqlite().await, (refuse, "drop trigger bad_moment")).await;
}

#[tokio::test]
async fn an_ending_is_said_again_in_postgres() {
    let refuse = "alter table builds add constraint bad_moment check (state <> 'succeeded')";
    let allow = "alter table builds drop constraint bad_moment";
    an_ending_is_said_again(Site::on_postgres().await, (refuse, allow)).await;
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused() {
    let site = Site::on_sqlite().await;
    let spec = site.spec(&[("openapi.yaml", PETS)]).await;
    let target = format!("/api/v1/specs/{spec}/compile");
    for (body, pointer) in [
        (json!({ "revision": 2 }), "/revision"),
        (json!({ "environment": "live" }), "/environment"),
        (json!({ "commit": "x".repeat(5000) }), "/commit"),
        (json!({ "built_at": "2026-01-01T00:00:00Z" }), "/built_at"),
    ] {
        let answer = site.plane.post(&target, &body).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
    let missing = site.plane.get(&format!("/api/v1/builds/{spec}")).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn a_build_that_is_cancelled_ends_its_process() {
    let site = Site::on_sqlite().await;
    let spec = site.spec(&[("openapi.json", &large())]).await;
    let place = compile(&site.plane, &spec).await;
    let waiting = compile(&site.plane, &spec).await;
    wait::until("it compiles", async || !process::children(site.plane.pid()).is_empty()).await;
    let child = process::children(site.plane.pid())[0];
    // The one that waits first, so that it does not begin meanwhile.
    for place in [&waiting, &place] {
        let cancelled = site.plane.send("POST", &format!("{place}/cancel"), None).await;
        assert_eq!((cancelled.status, &cancelled.json()["state"]), (200, &json!("cancelled")));
    }
    wait::until("the process is gone", async || !process::is_running(child)).await;
    assert_eq!(site.plane.get(&place).await.json()["state"], "cancelled");
    // There is room for others again.
    let spec = site.spec(&[("openapi.yaml", PETS), ("pet.yaml", PET)]).await;
    let build = until(&site.plane, &compile(&site.plane, &spec).await, "succeeded").await;
    let late = site.plane.send("POST", &format!("/api/v1/builds/{}/cancel", text(&build["id"])), None).await;
    assert_eq!((late.status, &late.json()["code"]), (409, &json!("conflict")));
}

#[tokio::test]
async fn githubs_description_is_built() {
    let Some(corpus) = config::corpus() else { return };
    let document = std::fs::read_to_string(corpus.join("specs/github-api-2022-07.oas30.json")).unwrap();
    let site = Site::on_sqlite().await;
    let spec = site.spec(&[("github.json", &document)]).await;
    let began = std::time::Instant::now();
    let build = until(&site.plane, &compile(&site.plane, &spec).await, "succeeded").await;
    println!("built in {:.2} s, {} MiB resident", began.elapsed().as_secs_f64(), site.plane.rss_bytes() >> 20);
    let file = download(&site.plane, &build).await.body;
    assert_eq!(verify(&site, &file).await.to_string(), text(&build["artifact"]));
    println!("{} bytes, {} MiB resident", file.len(), site.plane.rss_bytes() >> 20);
}
