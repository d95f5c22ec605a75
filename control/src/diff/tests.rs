//! Two small models and what is between them.

use artifact_format::model::*;

use super::*;

fn route(path: &str) -> Route {
    Route { template: path.parse().unwrap(), base_segments: 0 }
}

fn operation(method: &str, path: &str) -> Operation {
    Operation {
        id: format!("{method} {path}"),
        api: ApiId(0),
        method: method.into(),
        path: path.parse().unwrap(),
        routes: vec![route(path)],
        listeners: vec![ListenerId(0)],
        parameters: Vec::new(),
        request_body: None,
        responses: Vec::new(),
        security: Security::default(),
        upstream: Some(UpstreamBinding { upstream: UpstreamId(0), path: UpstreamPath::AsReceived }),
        policy: PolicyId(0),
        tags: Vec::new(),
        summary: None,
        deprecated: false,
        pointer: String::new(),
    }
}

fn upstream(host: &str) -> Upstream {
    let target =
        Target { scheme: UpstreamScheme::Http, host: host.into(), port: 80, base_path: String::new(), weight: 1 };
    Upstream {
        name: "main".into(),
        targets: vec![target],
        balance: Balance::RoundRobin,
        timeouts: Timeouts::default(),
        health: None,
        retries: None,
    }
}

fn scheme(name: &str, verification: Verification) -> Scheme {
    Scheme { name: name.into(), kind: SchemeKind::Http { scheme: "bearer".into() }, verification }
}

/// An artifact with these operations, a bearer scheme, and `portcullis:schema/0` = strings of up to 5 characters.
fn artifact(operations: Vec<Operation>) -> Artifact {
    let api = Api { title: "Pets".into(), version: "1".into(), openapi: "3.1.0".into(), spec: "api.yaml".into() };
    let listener = |name: &str| Listener { name: name.into() };
    let schema = Schema { json: r#"{"maxLength":5}"#.into(), references: Vec::new() };
    Artifact {
        project: "pets".into(),
        compiler: "test/0".into(),
        provenance: Provenance::default(),
        routes: Routes { listeners: vec![listener("default"), listener("public")], apis: vec![api], operations },
        schemas: Schemas { schemas: vec![schema], patterns: Patterns::Linear },
        policies: Policies {
            schemes: vec![scheme("bearer", Verification::Presence)],
            sets: vec![PolicySet::default()],
        },
        upstreams: Upstreams { upstreams: vec![upstream("a")] },
        specs: Specs::default(),
    }
}

fn shown(old: &Artifact, new: &Artifact) -> Vec<String> {
    let one = |change: &Change| {
        let weakens = change.weakens.map_or(String::new(), |guard| format!(" weakens {guard:?}"));
        format!("{:?}{weakens} | {} | {}", change.severity, change.subject, change.text)
    };
    compare(old, new).unwrap().changes.iter().map(one).collect()
}

/// What one edit of a plain `GET /pets/{id}` says.
fn check(edit: impl FnOnce(&mut Artifact), expected: &[&str]) {
    check_between(|_| {}, edit, expected);
}

fn check_between(prepare: impl FnOnce(&mut Artifact), edit: impl FnOnce(&mut Artifact), expected: &[&str]) {
    let mut old = artifact(vec![operation("GET", "/pets/{id}")]);
    prepare(&mut old);
    let mut new = old.clone();
    edit(&mut new);
    assert_eq!(shown(&old, &new), expected);
}

fn first(artifact: &mut Artifact) -> &mut Operation {
    &mut artifact.routes.operations[0]
}

fn parameter(name: &str, location: Location) -> Parameter {
    let encoding = ParameterEncoding::Style {
        style: Style::Form,
        explode: true,
        allow_reserved: false,
        schema: Some(SchemaId(0)),
    };
    Parameter { name: name.into(), location, required: false, allow_empty: false, encoding }
}

fn media(range: &str) -> MediaType {
    MediaType { range: range.into(), schema: Some(SchemaId(0)), item_schema: None, encoding: Vec::new() }
}

#[test]
fn what_touches_no_request_is_no_difference() {
    check(
        |new| {
            new.provenance.commit = Some("c0ffee".into());
            first(new).summary = Some("other".into());
            first(new).tags = vec!["other".into()];
        },
        &[],
    );
}

#[test]
fn operations_come_and_go() {
    let old = artifact(vec![operation("GET", "/pets"), operation("PUT", "/pets")]);
    let new = artifact(vec![operation("GET", "/pets"), operation("POST", "/pets")]);
    let expected = ["Compatible | POST /pets | operation added", "Breaking | PUT /pets | operation removed"];
    assert_eq!(shown(&old, &new), expected);
}

#[test]
fn a_renamed_path_variable_is_the_same_operation() {
    let named = |variable: &str| {
        let mut operation = operation("GET", &format!("/pets/{{{variable}}}"));
        operation.id = "getPet".into();
        operation.parameters = vec![Parameter { required: true, ..parameter(variable, Location::Path) }];
        artifact(vec![operation])
    };
    assert_eq!(shown(&named("id"), &named("petId")), [""; 0]);
}

#[test]
fn an_operation_that_moved_to_another_base_path_is_the_same_operation() {
    check(
        |new| first(new).routes = vec![route("/v2/pets/{id}")],
        &[
            "Breaking | GET /v2/pets/{id} | no longer served at /pets/{id}",
            "Compatible | GET /v2/pets/{id} | now served at /v2/pets/{id}",
        ],
    );
}

#[test]
fn operations_of_one_path_on_two_listeners_are_kept_apart() {
    let two = || {
        let (mut inner, mut outer) = (operation("GET", "/pets"), operation("GET", "/pets"));
        (inner.id, outer.id) = ("inner".into(), "outer".into());
        outer.listeners = vec![ListenerId(1)];
        (inner, outer)
    };
    let ((inner, outer), (again, mut changed)) = (two(), two());
    changed.deprecated = true;
    assert_eq!(
        shown(&artifact(vec![inner, outer]), &artifact(vec![changed, again])),
        ["Compatible | GET /pets | deprecated"]
    );
}

#[test]
fn parameters() {
    let query = |name: &str| parameter(name, Location::Query);
    check(
        |new| first(new).parameters = vec![query("a"), Parameter { required: true, ..query("b") }],
        &[
            "Compatible | GET /pets/{id} | query parameter `a` added, optional",
            "Breaking | GET /pets/{id} | query parameter `b` added, required",
        ],
    );
    check_between(
        |old| first(old).parameters = vec![query("a"), parameter("X-Trace", Location::Header)],
        |new| {
            first(new).parameters = vec![Parameter { required: true, ..parameter("x-trace", Location::Header) }];
        },
        &[
            "Breaking | GET /pets/{id} | header parameter `x-trace` is now required",
            "Review | GET /pets/{id} | query parameter `a` removed: it passes unchecked, to an upstream that may ignore it",
        ],
    );
    check_between(
        |old| first(old).parameters = vec![query("a")],
        |new| new.schemas.schemas[0].json = r#"{"maxLength":4}"#.into(),
        &["Breaking | GET /pets/{id} | query parameter `a`: `maxLength` changed from 5 to 4"],
    );
    check_between(
        |old| first(old).parameters = vec![query("a")],
        |new| {
            first(new).parameters[0].encoding =
                ParameterEncoding::Content { media_type: "application/json".into(), schema: Some(SchemaId(0)) };
        },
        &[
            "Breaking | GET /pets/{id} | query parameter `a` is now written as `application/json` instead of `form`, exploded",
        ],
    );
}

#[test]
fn bodies_and_responses() {
    let body = |range: &str| Some(RequestBody { required: false, content: vec![media(range)] });
    let response = |code, range: &str| Response {
        status: StatusPattern::Code(code),
        headers: Vec::new(),
        content: vec![media(range)],
    };
    check_between(
        |old| {
            first(old).request_body = body("text/plain");
            first(old).responses = vec![response(200, "text/plain"), response(404, "text/plain")];
        },
        |new| {
            first(new).request_body = body("text/html");
            first(new).responses = vec![response(200, "text/html")];
        },
        &[
            "Compatible | GET /pets/{id} | request body text/html added",
            "Breaking | GET /pets/{id} | request body text/plain removed",
            "Compatible | GET /pets/{id} | response 200 text/html added",
            "Breaking | GET /pets/{id} | response 200 text/plain removed",
            "Compatible | GET /pets/{id} | response 404 removed",
        ],
    );
    check_between(
        |old| {
            first(old).request_body = body("text/plain");
            first(old).responses = vec![response(200, "text/plain")];
        },
        |new| new.schemas.schemas[0].json = r#"{"maxLength":6}"#.into(),
        &[
            "Compatible | GET /pets/{id} | request body text/plain: `maxLength` changed from 5 to 6",
            "Breaking | GET /pets/{id} | response 200 text/plain: `maxLength` changed from 5 to 6",
        ],
    );
}

#[test]
fn authentication_weakened() {
    let needs = |scopes: &[&str]| Security {
        alternatives: vec![vec![Requirement {
            scheme: SchemeId(0),
            scopes: scopes.iter().map(|&scope| scope.into()).collect(),
        }]],
    };
    check_between(
        |old| first(old).security = needs(&[]),
        |new| first(new).security = Security::default(),
        &[
            "Compatible weakens Authentication | GET /pets/{id} | may now be called with no credentials; before: `bearer` (http bearer, presence only)",
        ],
    );
    check(
        |new| first(new).security = needs(&[]),
        &["Breaking | GET /pets/{id} | no credentials is no longer enough; now: `bearer` (http bearer, presence only)"],
    );
    check_between(
        |old| first(old).security = needs(&["read", "write"]),
        |new| first(new).security = needs(&["read"]),
        &[
            "Compatible weakens Authentication | GET /pets/{id} | may now be called with `bearer` (http bearer, presence only, scopes read); before: `bearer` (http bearer, presence only, scopes read write)",
        ],
    );
    check_between(|old| first(old).security = needs(&[]), |new| new.policies.schemes[0].name = "renamed".into(), &[]);
    let jwt = |audiences: &[&str]| {
        Verification::Jwt(JwtVerification {
            issuer: "https://id".into(),
            audiences: audiences.iter().map(|&audience| audience.into()).collect(),
            jwks: "https://id/keys".into(),
        })
    };
    check_between(
        |old| {
            first(old).security = needs(&[]);
            old.policies.schemes[0].verification = jwt(&["a", "b"]);
        },
        |new| new.policies.schemes[0].verification = jwt(&["a"]),
        &[
            "Breaking | GET /pets/{id} | `bearer` (http bearer, token of https://id for a or b, keys of https://id/keys) is no longer enough; now: `bearer` (http bearer, token of https://id for a, keys of https://id/keys)",
        ],
    );
    check_between(
        |old| {
            first(old).security = needs(&[]);
            old.policies.schemes[0].verification = jwt(&[]);
        },
        |new| new.policies.schemes[0].verification = Verification::Presence,
        &[
            "Compatible weakens Authentication | GET /pets/{id} | may now be called with `bearer` (http bearer, presence only); before: `bearer` (http bearer, token of https://id for nobody, keys of https://id/keys)",
        ],
    );
}

#[test]
fn a_scheme_says_how_credentials_are_carried() {
    let kinds = |before: SchemeKind, after: SchemeKind, texts: [&str; 2]| {
        let [before_text, after_text] = texts;
        check_between(
            |old| {
                let requirement = Requirement { scheme: SchemeId(0), scopes: Vec::new() };
                first(old).security = Security { alternatives: vec![vec![requirement]] };
                old.policies.schemes[0].kind = before;
            },
            |new| new.policies.schemes[0].kind = after,
            &[
                &format!(
                    "Compatible weakens Authentication | GET /pets/{{id}} | may now be called with `bearer` ({after_text}, presence only); before: `bearer` ({before_text}, presence only)"
                ),
                &format!(
                    "Breaking | GET /pets/{{id}} | `bearer` ({before_text}, presence only) is no longer enough; now: `bearer` ({after_text}, presence only)"
                ),
            ],
        );
    };
    let key = |location| SchemeKind::ApiKey { location, name: "k".into() };
    let open_id = SchemeKind::OpenIdConnect { url: "https://id".into() };
    kinds(key(ApiKeyLocation::Header), SchemeKind::Http { scheme: "basic".into() }, ["header k", "http basic"]);
    kinds(key(ApiKeyLocation::Query), key(ApiKeyLocation::Cookie), ["query k", "cookie k"]);
    kinds(SchemeKind::OAuth2, SchemeKind::MutualTls, ["oauth2", "mutualTLS"]);
    kinds(open_id, SchemeKind::OAuth2, ["openIdConnect https://id", "oauth2"]);
}

#[test]
fn what_changed_is_said_in_the_words_of_the_documents() {
    let label = |style| ParameterEncoding::Style { style, explode: false, allow_reserved: false, schema: None };
    let with = |style| {
        move |artifact: &mut Artifact| {
            first(artifact).parameters =
                vec![Parameter { required: true, encoding: label(style), ..parameter("id", Location::Path) }];
        }
    };
    check_between(
        with(Style::Label),
        with(Style::SpaceDelimited),
        &["Breaking | GET /pets/{id} | path parameter `id` is now written as `spaceDelimited` instead of `label`"],
    );
    check(
        |new| {
            new.upstreams.upstreams[0].balance = Balance::LeastRequest;
            let on = vec![RetryCondition::ConnectFailure, RetryCondition::Status(503)];
            new.upstreams.upstreams[0].retries = Some(Retries { attempts: 2, on });
        },
        &[
            "Compatible | upstream main | balance changed from round-robin to least-request",
            "Compatible | upstream main | retries changed from none to 2 on connect-failure or 503",
        ],
    );
    check(
        |new| {
            let by = RateLimitKey::Header("x-tenant".into());
            new.policies.sets[0].rate_limit = Some(RateLimit { requests: 1, per_ms: 2, by });
            new.policies.sets[0].validation.responses = ResponseValidation::Report { sample_ppm: 10_000 };
        },
        &[
            "Breaking | GET /pets/{id} | rate limit changed from none to 1 requests in 2 ms by header x-tenant",
            "Review | GET /pets/{id} | validation of responses changed from off to report of 10000 in a million",
        ],
    );
}

#[test]
fn limits_weakened() {
    let limit = |requests, per_ms| Some(RateLimit { requests, per_ms, by: RateLimitKey::ClientIp });
    let weakened = |text: &str| format!("Compatible weakens Limits | GET /pets/{{id}} | {text}");
    let breaking = |text: &str| format!("Breaking | GET /pets/{{id}} | {text}");
    let body = |old, new, expected: Option<String>| {
        check_between(
            |artifact| artifact.policies.sets[0].limits.body_max_bytes = old,
            |artifact| artifact.policies.sets[0].limits.body_max_bytes = new,
            &expected.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    };
    let text = "the limit of a request body changed from";
    body(Some(2), Some(3), Some(weakened(&format!("{text} 2 bytes to 3 bytes"))));
    body(Some(3), Some(2), Some(breaking(&format!("{text} 3 bytes to 2 bytes"))));
    body(Some(3), None, Some(weakened(&format!("{text} 3 bytes to the gateway's own"))));
    body(Some(3), Some(3), None);
    let rate = |old, new, expected: String| {
        check_between(
            |artifact| artifact.policies.sets[0].rate_limit = old,
            |artifact| artifact.policies.sets[0].rate_limit = new,
            &[&expected],
        );
    };
    let text = |old: &str, new: &str| format!("rate limit changed from {old} to {new}");
    let (slow, fast) = ("10 requests in 1000 ms by client-ip", "11 requests in 1000 ms by client-ip");
    rate(limit(10, 1000), limit(11, 1000), weakened(&text(slow, fast)));
    rate(limit(11, 1000), limit(10, 1000), breaking(&text(fast, slow)));
    rate(limit(10, 1000), None, weakened(&text(slow, "none")));
    rate(None, limit(10, 1000), breaking(&text("none", slow)));
    // The same rate in the long run, and a larger burst.
    rate(limit(10, 1000), limit(20, 2000), weakened(&text(slow, "20 requests in 2000 ms by client-ip")));
}

#[test]
fn validation_weakened() {
    let set = |formats| move |artifact: &mut Artifact| artifact.policies.sets[0].validation.formats = formats;
    check_between(
        set(FormatAssertion::Assert),
        set(FormatAssertion::Annotate),
        &["Compatible weakens Validation | GET /pets/{id} | no longer holds: formats are asserted"],
    );
    check_between(
        set(FormatAssertion::Annotate),
        set(FormatAssertion::Assert),
        &["Breaking | GET /pets/{id} | from now on, formats are asserted"],
    );
}

#[test]
fn upstreams() {
    check(
        |new| new.upstreams.upstreams[0] = upstream("b"),
        &["Compatible | upstream main | targets changed from http://a:80 to http://b:80"],
    );
    check(
        |new| first(new).upstream = None,
        &["Compatible | GET /pets/{id} | goes to no upstream instead of upstream `main`"],
    );
}

#[test]
fn listeners_are_for_review() {
    check(
        |new| first(new).listeners.push(ListenerId(1)),
        &["Review | GET /pets/{id} | now served on listener `public`: check who can reach it"],
    );
}
