//! Every operation of every public API description is reached through the running gateway.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use artifact_format::model::{
    ApiKeyLocation, Artifact, Operation, Part, PathTemplate, Scheme, SchemeKind, Segment, UpstreamPath,
};
use http::Request;
use tests::client::Body;
use tests::{Client, Gateway, Upstream, client, compiled};

/// The same artifact, but every operation takes anything and asks the upstream for a path that names it: so the answer
/// tells which one was reached.
fn numbered(mut artifact: Artifact) -> Artifact {
    for (number, operation) in artifact.routes.operations.iter_mut().enumerate() {
        let path: PathTemplate = format!("/operation/{number}").parse().unwrap();
        operation.upstream.as_mut().unwrap().path = UpstreamPath::Template(path);
        operation.parameters.clear();
        operation.request_body = None;
    }
    artifact
}

/// A path that the template matches, and nothing that stands in the document literally.
fn path(template: &PathTemplate) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => escaped(text),
        Part::Variable(name) => format!("qq{}", name.len()),
    };
    let segment = |segment: &Segment| format!("/{}", segment.parts.iter().map(part).collect::<String>());
    template.segments.iter().map(segment).collect()
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// A request for a route, with a credential for every scheme of the first alternative.
fn request(client: &Client, operation: &Operation, target: &str, schemes: &[Scheme]) -> Request<Body> {
    let needed = operation.security.alternatives.first().into_iter().flatten();
    let needed: Vec<&SchemeKind> = needed.map(|requirement| &schemes[requirement.scheme.index()].kind).collect();
    let query = needed.iter().filter_map(|kind| match kind {
        SchemeKind::ApiKey { location: ApiKeyLocation::Query, name } => Some(format!("{}=k", escaped(name))),
        _ => None,
    });
    let query = query.collect::<Vec<_>>().join("&");
    let target = if query.is_empty() { target.to_owned() } else { format!("{target}?{query}") };
    let mut request = client.request(operation.method.as_str(), &target, client::empty());
    for kind in needed {
        let (name, value) = match kind {
            SchemeKind::ApiKey { location: ApiKeyLocation::Header, name } => (name.as_str(), "k".to_owned()),
            SchemeKind::ApiKey { location: ApiKeyLocation::Cookie, name } => ("cookie", format!("{name}=k")),
            SchemeKind::ApiKey { location: ApiKeyLocation::Query, .. } | SchemeKind::MutualTls => continue,
            SchemeKind::Http { scheme } if scheme == "basic" => ("authorization", "Basic azpr".to_owned()),
            SchemeKind::Http { scheme } => ("authorization", format!("{scheme} k")),
            SchemeKind::OAuth2 | SchemeKind::OpenIdConnect { .. } => ("authorization", "Bearer k".to_owned()),
        };
        request.headers_mut().append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    request
}

/// Asks for every route of every operation.
async fn check(spec: &str, operations: usize) {
    let upstream = Upstream::echo().await;
    let Some(artifact) = compiled::compile(spec, &upstream) else { return };
    let artifact = numbered(artifact);
    let gateway = Gateway::serving_file(compiled::signed(&artifact)).start().await;
    let mut client = Client::http1(gateway.address()).await;
    let mut asked = 0;
    for (number, operation) in artifact.routes.operations.iter().enumerate() {
        for route in &operation.routes {
            let target = path(&route.template);
            let request = request(&client, operation, &target, &artifact.policies.schemes);
            let answer = client.send(request).await;
            let reached = answer.header("x-echo-target").split('?').next().unwrap_or_default();
            let expected = format!("/operation/{number}");
            assert_eq!(reached, expected, "{} {target}: {}", operation.method, answer.status);
            asked += 1;
        }
    }
    println!("{spec}: {} operations, {asked} requests", artifact.routes.operations.len());
    assert_eq!((artifact.routes.operations.len(), asked >= operations), (operations, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn petstore() {
    check("swagger-petstore.oas30.yaml", 19).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn github() {
    check("github-api-2022-07.oas30.json", 874).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_in_yaml() {
    check("openai-2026-08.oas31.yaml", 281).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_in_json() {
    check("openai-2026-08.oas31.json", 281).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn box_files() {
    check("box-2026-06.oas30.json", 277).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes() {
    check("kubernetes-1.35-core-v1.oas30.json", 248).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio() {
    check("twilio-api-v2010.oas30.json", 197).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digitalocean() {
    check("digitalocean/specification/DigitalOcean-public.v2.yaml", 659).await;
}
