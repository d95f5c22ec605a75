//! One trace, from the request that asks for a build to what the database and the build made of it.

use std::sync::{Arc, Mutex};

use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use tests::collector::{CLIENT, CONSUMER, Collector, INTERNAL, SERVER, Span};
use tests::upstream::{Upstream, full};

use crate::site::{PET, PETS, Site, ask, compile, large, text, until};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const REQUEST: &str = "POST /api/v1/specs/{spec}/compile";

/// The spans of this name that are part of that one.
fn within<'t>(trace: &'t [Span], parent: &Span, name: &str) -> Vec<&'t Span> {
    trace.iter().filter(|span| span.parent == parent.id && span.name == name).collect()
}

/// The only one.
fn only<'t>(trace: &'t [Span], parent: &Span, name: &str) -> &'t Span {
    let found = within(trace, parent, name);
    assert_eq!(found.len(), 1, "{name} in {} of {trace:#?}", parent.name);
    found[0]
}

fn request(trace: &[Span]) -> &Span {
    trace.iter().find(|span| span.name == REQUEST).unwrap_or_else(|| panic!("no request in {trace:#?}"))
}

/// Asks for a build, in the caller's trace, and waits for it. Returns its id.
async fn build(site: &Site, files: &[(&str, &str)]) -> String {
    let spec = site.spec(files).await;
    let target = format!("/api/v1/specs/{spec}/compile");
    let answer = ask(&site.plane, ("POST", &target), &[("traceparent", CALLER)], b"").await;
    assert_eq!(answer.status, 202);
    let id = text(&answer.json()["id"]);
    until(&site.plane, &format!("/api/v1/builds/{id}"), "succeeded").await;
    id
}

async fn leads_to_database_and_build(mut site: Site, collector: &Collector, system: &str) {
    let id = build(&site, &[("openapi.yaml", PETS), ("pet.yaml", PET)]).await;
    let logs = site.plane.logs();
    assert!(site.plane.terminate().await.success(), "what is left is sent before it ends");
    let trace = collector.trace(TRACE);

    let request = request(&trace);
    assert_eq!((request.parent.as_str(), request.kind), ("00f067aa0ba902b7", SERVER));
    let insert = only(&trace, request, "INSERT builds");
    assert_eq!((insert.kind, insert.is_error), (CLIENT, false));
    for (name, value) in [
        ("db.system.name", system),
        ("db.operation.name", "INSERT"),
        ("db.collection.name", "builds"),
        ("db.query.summary", "INSERT builds"),
    ] {
        assert_eq!(insert.attributes[name], value, "{name}");
    }
    only(&trace, request, "BEGIN");
    only(&trace, request, "COMMIT");
    only(&trace, request, "SELECT specs projects");

    let building = only(&trace, request, "build");
    assert_eq!((building.kind, &building.attributes["build"]), (CONSUMER, &id));
    assert_eq!(building.attributes["outcome"], "succeeded");
    only(&trace, building, "SELECT revision_files documents");
    assert_eq!(only(&trace, building, "compile").kind, INTERNAL);
    let sign = only(&trace, building, "sign");
    assert!(trace.iter().any(|span| span.parent == sign.id && span.name == "SELECT signing_keys"), "{trace:#?}");
    only(&trace, building, "store artifact");
    only(&trace, building, "INSERT artifacts");
    assert!(!within(&trace, building, "UPDATE builds").is_empty(), "its lease, and its ending: {trace:#?}");

    // Every span but the first is of one that is there, and none says what only the database is to know.
    for span in &trace {
        let is_of_one = trace.iter().any(|other| other.id == span.parent);
        assert!(is_of_one || span.id == request.id, "{span:#?}");
        let said = format!("{span:?}");
        assert!(!said.contains(site.plane.token()) && !said.contains("openapi.yaml") && !said.contains('$'), "{said}");
    }
    // The build's lines are found by the same id.
    let built = logs.iter().find(|line| line["message"] == "built").unwrap();
    assert_eq!(built["trace_id"], TRACE);
}

#[tokio::test]
async fn a_trace_leads_to_database_and_build() {
    let collector = Collector::start().await;
    let site = Site::keeping(|setup| setup.with_environment(collector.environment())).await;
    leads_to_database_and_build(site, &collector, "sqlite").await;
    let collector = Collector::start().await;
    let site = Site::shared(|setup| setup.with_environment(collector.environment())).await;
    leads_to_database_and_build(site, &collector, "postgresql").await;
}

#[tokio::test]
async fn a_trace_goes_on_in_the_control_plane_that_takes_over() {
    let collector = Collector::start().await;
    let mut site = Site::shared(|setup| setup.with_environment(collector.environment())).await;
    let spec = site.spec(&[("openapi.json", &large())]).await;
    let place = compile(&site.plane, &spec).await;
    let is_built = async || site.plane.get(&place).await.json()["state"] == "running";
    tests::wait::until("it is worked on", is_built).await;
    assert!(site.plane.terminate().await.success());
    let mut other = site.replica().await;
    assert_eq!(until(&other, &place, "succeeded").await["attempt"], 2);
    assert!(other.terminate().await.success());

    let spans = collector.spans();
    let request = request(&spans);
    let builds = within(&spans, request, "build");
    let [first, second] = builds[..] else { panic!("{builds:#?}") };
    assert_eq!((&first.trace, &second.trace), (&request.trace, &request.trace));
    assert_eq!((first.attributes["attempt"].as_str(), second.attributes["attempt"].as_str()), ("1", "2"));
    let instance = |span: &Span| span.resource["service.instance.id"].clone();
    assert_eq!(instance(first), instance(request));
    assert_ne!(instance(first), instance(second));
}

#[tokio::test]
async fn a_store_of_artifacts_is_told_of_the_trace() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let s3 = Upstream::answering(move |request| {
        let told = Arc::clone(&telling);
        async move {
            let (head, body) = request.into_parts();
            let trace = head.headers.get("traceparent").map(|value| value.to_str().unwrap().to_owned());
            told.lock().unwrap().push((head.method.to_string(), trace));
            drop(body.collect().await);
            // It takes everything, and has nothing.
            let status = if head.method == Method::PUT { StatusCode::OK } else { StatusCode::NOT_FOUND };
            Response::builder().status(status).header("etag", "\"1\"").body(full("")).unwrap()
        }
    });
    let s3 = s3.await;
    let collector = Collector::start().await;
    let aws = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, "nobody".to_owned()));
    let keep = |setup: tests::control_plane::Setup| {
        let setup = setup.set("--artifact-store", "s3://artifacts");
        let setup = setup.set("--artifact-store-endpoint", &format!("http://{}", s3.address()));
        setup.with_environment(collector.environment()).with_environment(aws)
    };
    let mut site = Site::keeping(keep).await;
    build(&site, &[("openapi.yaml", PETS), ("pet.yaml", PET)]).await;
    assert!(site.plane.terminate().await.success());
    let trace = collector.trace(TRACE);
    let store = only(&trace, only(&trace, request(&trace), "build"), "store artifact");
    let put = only(&trace, store, "PUT");
    assert_eq!((put.kind, put.attributes["http.response.status_code"].as_str()), (CLIENT, "200"));
    let told = told.lock().unwrap();
    // Whose the store is was written before.
    let put_told = told.iter().rfind(|(method, _)| method == "PUT").unwrap();
    assert_eq!(put_told.1.as_deref(), Some(format!("00-{TRACE}-{}-01", put.id).as_str()));
}
