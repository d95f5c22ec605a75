//! Small documents and what becomes of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy knows test functions, not what they call")]

mod support;

use artifact_format::container::Draft;
use artifact_format::model::{
    Artifact, Feature, Location, Operation, ParameterEncoding, SpecRole, StatusPattern, Style, UpstreamPath,
    Verification,
};
use compiler::{Options, SecurityMode};
use support::{artifact, compile_texts, lenient, shown};

const RESPONSES: &str = "responses: { '204': { description: Done } }";

/// A description of the version, with the rest of the document below `info`.
fn document(openapi: &str, rest: &str) -> String {
    let rest = rest.replace("DONE", RESPONSES);
    format!("openapi: {openapi}\ninfo: {{ title: Orders, version: '1' }}\n{rest}")
}

fn compiled(rest: &str, options: Options) -> Artifact {
    artifact(compile_texts(&[("openapi.yaml", &document("3.2.0", rest))], options))
}

fn routes(operation: &Operation) -> Vec<String> {
    operation.routes.iter().map(|route| format!("{} {}", route.template, route.base_segments)).collect()
}

/// Where the one operation of a document is served, and where it goes.
fn check_servers(servers: &str, expected_routes: &[&str], expected_upstream: &str) {
    let artifact = compiled(&format!("{servers}\npaths: {{ /orders: {{ get: {{ DONE }} }} }}"), Options::default());
    let operation = &artifact.routes.operations[0];
    assert_eq!(routes(operation), expected_routes, "{servers}");
    let upstream = operation.upstream.as_ref().unwrap().upstream.index();
    assert_eq!(artifact.upstreams.upstreams[upstream].name, expected_upstream, "{servers}");
}

#[test]
fn servers_give_base_paths_and_an_upstream() {
    check_servers("servers: [{ url: 'http://h' }]", &["/orders 0"], "http://h:80");
    check_servers("servers: [{ url: 'http://h:81/v1/' }]", &["/v1/orders 1"], "http://h:81");
    check_servers(
        "servers: [{ url: '/v1' }, { url: 'http://a/v2' }, { url: 'http://b/v2' }]",
        &["/v1/orders 1", "/v2/orders 1"],
        "http://a:80",
    );
    check_servers("servers: [{ url: 'v1/../v2' }, { url: 'http://a' }]", &["/v2/orders 1", "/orders 0"], "http://a:80");
    let variables =
        "variables: { host: { default: h, enum: [h, i] }, v: { default: v1, enum: [v2, v1] }, w: { default: x } }";
    check_servers(
        &format!("servers: [{{ url: 'http://{{host}}/{{v}}/{{w}}', {variables} }}]"),
        &["/v1/x/orders 2", "/v2/x/orders 2"],
        "http://h:80",
    );
}

#[test]
fn upstreams_are_chosen_in_order() {
    let rest = "servers: [{ url: 'http://server/v1' }]\n\
        x-portcullis: { upstreams: { named: { targets: ['http://named/base', { url: 'http://other:81', weight: 2 }] } }, upstream: named }\n\
        paths:\n  /a: { get: { DONE } }\n  /b: { x-portcullis: { upstream: 'http://path' }, get: { DONE } }\n  \
        /c: { get: { x-portcullis: { upstream: off, base-path: strip }, DONE } }\n  \
        /d/{id}: { get: { x-portcullis: { path: '/x/{id}' }, parameters: [{ name: id, in: path, required: true, schema: {} }], DONE } }\n";
    let shown = |artifact: &Artifact| -> Vec<(String, UpstreamPath)> {
        let bindings = artifact.routes.operations.iter().map(|operation| operation.upstream.as_ref().unwrap());
        bindings
            .map(|binding| (artifact.upstreams.upstreams[binding.upstream.index()].name.clone(), binding.path.clone()))
            .collect()
    };
    let artifact = compiled(rest, Options::default());
    let template = UpstreamPath::Template("/x/{id}".parse().unwrap());
    let expected = [
        ("named".to_owned(), UpstreamPath::AsReceived),
        ("http://path:80".to_owned(), UpstreamPath::AsReceived),
        ("http://server:80".to_owned(), UpstreamPath::WithoutBase),
        ("named".to_owned(), template.clone()),
    ];
    assert_eq!(shown(&artifact), expected);
    let named = &artifact.upstreams.upstreams[0];
    let targets = named.targets.iter().map(|target| (target.base_path.as_str(), target.port, target.weight));
    assert_eq!(targets.collect::<Vec<_>>(), [("/base", 80, 1), ("", 81, 2)]);

    let upstream = Some("http://127.0.0.1:9000/base".to_owned());
    let artifact = compiled(rest, Options { upstream, ..Options::default() });
    assert!(shown(&artifact).iter().all(|(name, _)| name == "http://127.0.0.1:9000/base"));
    assert_eq!(shown(&artifact)[3].1, template);
    assert_eq!(artifact.upstreams.upstreams.len(), 1);
    assert_eq!(artifact.upstreams.upstreams[0].targets[0].base_path, "/base");
}

#[test]
fn parameters_are_merged_and_have_their_defaults() {
    let artifact = compiled(
        "paths:\n  /orders/{id}:\n    parameters:\n    - { name: id, in: path, required: true, schema: {} }\n    \
         - { name: page, in: query, schema: {} }\n    - { name: X-Trace, in: header, schema: {} }\n    \
         - { name: session, in: cookie, schema: {} }\n    get:\n      parameters:\n      \
         - { name: page, in: query, required: true, style: pipeDelimited, schema: {} }\n      \
         - { name: page, in: header, content: { Application/JSON: {} } }\n      \
         - { name: ACCEPT, in: header, schema: {} }\n      - { name: x-trace, in: header, schema: {}, required: true }\n      DONE\n",
        lenient(),
    );
    let parameters = artifact.routes.operations[0].parameters.iter().map(|parameter| {
        let encoding = match &parameter.encoding {
            ParameterEncoding::Style { style, explode, .. } => format!("{style:?} {explode}"),
            ParameterEncoding::Content { media_type, .. } => media_type.clone(),
        };
        (parameter.name.as_str(), parameter.location, parameter.required, encoding)
    });
    let styled = |style: Style, explode: bool| format!("{style:?} {explode}");
    assert_eq!(
        parameters.collect::<Vec<_>>(),
        [
            ("id", Location::Path, true, styled(Style::Simple, false)),
            ("session", Location::Cookie, false, styled(Style::Form, true)),
            ("page", Location::Query, true, styled(Style::PipeDelimited, false)),
            ("page", Location::Header, false, "application/json".to_owned()),
            ("x-trace", Location::Header, true, styled(Style::Simple, false)),
        ]
    );
}

#[test]
fn bodies_and_responses_are_sorted_by_how_specific_they_are() {
    let artifact = compiled(
        "paths:\n  /orders:\n    post:\n      requestBody:\n        required: true\n        content:\n          \
         '*/*': {}\n          text/*: {}\n          Application/JSON: {}\n          multipart/form-data:\n            \
         encoding: { file: { contentType: 'image/png, image/*', headers: { X-Size: { required: true, schema: {} }, Content-Type: { schema: {} } } }, tags: { style: form } }\n          \
         application/json; v=2: {}\n      responses:\n        default: { description: d }\n        4XX: { description: d }\n        \
         '404': { description: d, headers: { X-A: { schema: {} }, content-type: { schema: {} } } }\n",
        lenient(),
    );
    let operation = &artifact.routes.operations[0];
    let body = operation.request_body.as_ref().unwrap();
    let ranges: Vec<&str> = body.content.iter().map(|media_type| media_type.range.as_str()).collect();
    assert_eq!(ranges, ["application/json; v=2", "application/json", "multipart/form-data", "text/*", "*/*"]);
    let [file, tags] = body.content[2].encoding.as_slice() else { unreachable!() };
    assert_eq!(file.content_types, ["image/png", "image/*"]);
    assert_eq!(file.headers.iter().map(|header| header.name.as_str()).collect::<Vec<_>>(), ["x-size"]);
    assert_eq!((file.style, tags.style, tags.explode), (None, Some(Style::Form), Some(true)));
    let statuses: Vec<StatusPattern> = operation.responses.iter().map(|response| response.status).collect();
    assert_eq!(statuses, [StatusPattern::Code(404), StatusPattern::Class(4), StatusPattern::Default]);
    assert_eq!(operation.responses[0].headers.len(), 1);
}

#[test]
fn operations_are_of_every_method_and_of_paths_alone() {
    let artifact = compiled(
        "paths:\n  /a:\n    query: { DONE }\n    additionalOperations: { COPY: { operationId: copy, DONE } }\n    \
         post: { operationId: create, tags: [x], summary: Creates, deprecated: true, DONE,\n            \
         callbacks: { done: { '{$request.body#/url}': { post: { DONE } } } } }\n  \
         /b: { $ref: '#/components/pathItems/Shared' }\n  /c: { $ref: '#/components/pathItems/Shared', put: { DONE } }\n\
         webhooks: { changed: { post: { DONE } } }\n\
         components: { pathItems: { Shared: { get: { operationId: shared, DONE } } } }\n",
        lenient(),
    );
    let operations = artifact.routes.operations.iter().map(|operation| {
        (operation.id.as_str(), operation.method.as_str(), operation.path.to_string(), operation.pointer.as_str())
    });
    assert_eq!(
        operations.collect::<Vec<_>>(),
        [
            ("create", "POST", "/a".to_owned(), "/paths/~1a/post"),
            ("QUERY /a", "QUERY", "/a".to_owned(), "/paths/~1a/query"),
            ("copy", "COPY", "/a".to_owned(), "/paths/~1a/additionalOperations/COPY"),
            ("shared", "GET", "/b".to_owned(), "/paths/~1b/get"),
            ("GET /c", "GET", "/c".to_owned(), "/paths/~1c/get"),
            ("PUT /c", "PUT", "/c".to_owned(), "/paths/~1c/put"),
        ]
    );
    let create = &artifact.routes.operations[0];
    assert_eq!((create.summary.as_deref(), create.deprecated, create.tags.len()), (Some("Creates"), true, 1));
}

#[test]
fn security_is_an_or_of_ands() {
    let rest = "security: [{ a: [] }]\npaths:\n  /default: { get: { DONE } }\n  /open: { get: { security: [], DONE } }\n  \
        /either: { get: { security: [{ a: [], b: [read, write] }, {}], DONE } }\n\
        components:\n  securitySchemes:\n    a: { type: http, scheme: Bearer }\n    b: { $ref: '#/components/securitySchemes/c' }\n    \
        c: { type: oauth2, flows: {} }\n    unused: { type: apiKey, in: query, name: k }\n";
    let compiled = |security| {
        let artifact = compiled(rest, Options { security, ..lenient() });
        let alternatives = artifact.routes.operations.iter().map(|operation| {
            let scheme = |index: usize| artifact.policies.schemes[index].name.clone();
            let alternatives = operation.security.alternatives.iter();
            let shown = |all: &Vec<artifact_format::model::Requirement>| {
                all.iter()
                    .map(|one| format!("{}{:?}", scheme(one.scheme.index()), one.scopes))
                    .collect::<Vec<_>>()
                    .join("+")
            };
            alternatives.map(shown).collect::<Vec<_>>().join("|")
        });
        (alternatives.collect::<Vec<_>>(), artifact.policies.schemes.len(), artifact.policies.schemes.clone())
    };
    let (alternatives, count, schemes) = compiled(SecurityMode::Presence);
    assert_eq!(alternatives, ["a[]", "", r#"a[]+b["read", "write"]|"#]);
    assert_eq!(count, 2);
    assert!(schemes.iter().all(|scheme| scheme.verification == Verification::Presence));
    let (alternatives, count, _) = compiled(SecurityMode::Off);
    assert_eq!((alternatives, count), (vec![String::new(); 3], 0));
}

#[test]
fn policies_are_inherited_per_setting() {
    let artifact = compiled(
        "x-portcullis: { limits: { body: 1MiB }, listeners: [public, private], rate-limit: { requests: 1, per: 1s } }\n\
         paths:\n  /a: { x-portcullis: { rate-limit: off }, get: { DONE }, put: { x-portcullis: { limits: { body: 2KiB } }, DONE },\n        \
         post: { x-portcullis: { limits: off, listeners: off }, DONE } }\n",
        lenient(),
    );
    let listed = artifact.routes.operations.iter().map(|operation| {
        let listeners = operation.listeners.iter().map(|id| artifact.routes.listeners[id.index()].name.as_str());
        let set = &artifact.policies.sets[operation.policy.index()];
        assert_eq!(set.rate_limit, None);
        (operation.method.as_str(), set.limits.body_max_bytes, listeners.collect::<Vec<_>>().join(" "))
    });
    assert_eq!(
        listed.collect::<Vec<_>>(),
        [
            ("GET", Some(1 << 20), "public private".to_owned()),
            ("PUT", Some(2 << 10), "public private".to_owned()),
            ("POST", None, "default".to_owned()),
        ]
    );
}

#[test]
fn documents_share_an_artifact_and_not_their_routes() {
    let one = document("3.1.0", "paths: { '/orders/{id}': { $ref: 'part.yaml#/item' } }");
    let part = "item: { parameters: [{ name: id, in: path, required: true, schema: {} }], get: { DONE } }"
        .replace("DONE", RESPONSES);
    let other = |path: &str| document("3.0.3", &format!("paths: {{ {path}: {{ get: {{ DONE }} }} }}"));
    let texts =
        |other: &str| compile_texts(&[("one.yaml", &one), ("other.yaml", other), ("part.yaml", &part)], lenient());
    let artifact = artifact(texts(&other("/orders/mine")));
    let apis: Vec<&str> = artifact.routes.apis.iter().map(|api| api.spec.as_str()).collect();
    assert_eq!(apis, ["one.yaml", "other.yaml"]);
    let specs: Vec<(&str, SpecRole)> =
        artifact.specs.specs.iter().map(|spec| (spec.path.as_str(), spec.role)).collect();
    assert_eq!(
        specs,
        [("one.yaml", SpecRole::Entry), ("other.yaml", SpecRole::Entry), ("part.yaml", SpecRole::Referenced)]
    );
    assert_eq!(artifact.specs.specs[2].text, part);
    Draft::encode(&artifact).unwrap();

    let id =
        "'/orders/{number}': { parameters: [{ name: number, in: path, required: true, schema: {} }], get: { DONE } }";
    let conflicting = document("3.0.3", &format!("paths: {{ {id} }}"));
    let found: Vec<String> = texts(&conflicting).diagnostics.iter().map(shown).collect();
    assert_eq!(
        found,
        [
            "PC3002 other.yaml#/paths/~1orders~1{number}/get: `GET /orders/{number}` answers the same requests as `GET /orders/{id}`"
        ]
    );
}

/// The diagnostics of a document, compiled with the security it asks for and no upstream of the caller's.
fn check_faults(rest: &str, expected: &[&str]) {
    let compiled = compile_texts(
        &[("d", &document("3.1.0", &format!("servers: [{{ url: 'http://h' }}]\n{rest}")))],
        Options::default(),
    );
    let found: Vec<String> = compiled.diagnostics.iter().map(shown).collect();
    let found: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(found, expected, "{rest}");
}

#[test]
fn faults_are_found_where_they_stand() {
    let get = "get: { DONE }";
    check_faults(&format!("x-portculis: {{}}\npaths: {{ /a: {{ {get} }} }}"), &["PC6001 d#/x-portculis"]);
    check_faults(
        &format!("x-portcullis: {{ cors: {{ origins: [x] }} }}\npaths: {{ /a: {{ {get} }} }}"),
        &["PC6002 d#/x-portcullis/cors/origins/0"],
    );
    check_faults(
        &format!(
            "x-portcullis: {{ cors: {{ origins: ['*'] }}, mock: {{ status: 200 }} }}\npaths: {{ /a: {{ {get} }}, /b: {{ {get} }} }}"
        ),
        &["PC6004 d#/x-portcullis/cors", "PC6004 d#/x-portcullis/mock"],
    );
    check_faults(
        &format!("x-portcullis: {{ rate-limit: false }}\npaths: {{ /a: {{ {get} }} }}"),
        &["PC6002 d#/x-portcullis/rate-limit"],
    );
    check_faults(
        &format!("x-portcullis: {{ path: /x }}\npaths: {{ /a: {{ {get} }} }}"),
        &["PC6001 d#/x-portcullis/path"],
    );
    if Feature::UpstreamTls.since().is_none() {
        check_faults(
            &format!("x-portcullis: {{ upstream: 'https://h' }}\npaths: {{ /a: {{ {get} }} }}"),
            &["PC6004 d#/x-portcullis/upstream"],
        );
    }
    check_faults(
        &format!("x-portcullis: {{ upstream: 'http://u:p@h' }}\npaths: {{ /a: {{ {get} }} }}"),
        &["PC4005 d#/x-portcullis/upstream"],
    );
    check_faults(
        "paths: { '/a/{x}': { get: { DONE } }, '/a/{y}': { post: { DONE } } }",
        &["PC3004 d#/paths/~1a~1{x}/get", "PC3004 d#/paths/~1a~1{y}/post"],
    );
    check_faults(
        &format!(
            "security: [{{ s: [] }}]\npaths: {{ /a: {{ {get} }}, /b: {{ {get} }} }}\ncomponents: {{ securitySchemes: {{ s: {{ type: apiKey, in: query, name: k }} }} }}"
        ),
        &["PC5002 d#/components/securitySchemes/s"],
    );
}
