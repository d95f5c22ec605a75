//! The models of the golden vectors: one that is small, one that holds every variant of every type.
#![allow(clippy::unwrap_used, dead_code, reason = "shared by several test programs")]

use artifact_format::container::Draft;
use artifact_format::model::*;
use artifact_format::signature::SigningKey;
use artifact_format::trust::Trust;
use zeroize::Zeroizing;

/// The key that signs the vectors.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([42; 32]))
}

/// Trusts that key alone.
pub(crate) fn trust() -> Trust {
    Trust::any_of([key().public()])
}

/// The signed file of a model.
pub(crate) fn file(model: &Artifact) -> Vec<u8> {
    Draft::encode(model).unwrap().sign(&key()).finish().unwrap()
}

/// One operation, one upstream, one document.
pub(crate) fn small() -> Artifact {
    Artifact {
        project: "small".into(),
        compiler: "vectors/1".into(),
        provenance: Provenance::default(),
        routes: Routes {
            listeners: vec![Listener { name: Listener::DEFAULT.into() }],
            apis: vec![api()],
            operations: vec![operation(Method::Get, "/pets")],
        },
        schemas: Schemas::default(),
        policies: Policies { schemes: Vec::new(), sets: vec![PolicySet::default()] },
        upstreams: Upstreams { upstreams: vec![upstream("pets", UpstreamScheme::Http, Balance::RoundRobin)] },
        specs: Specs { specs: vec![spec("pets.yaml", SpecRole::Entry, SpecFormat::Yaml)] },
    }
}

/// Every variant of every type of the model, every optional field both ways.
pub(crate) fn rich() -> Artifact {
    let secured = Upstream {
        health: Some(HealthCheck { path: "/healthz".into(), interval_ms: 5_000 }),
        retries: Some(Retries { attempts: 2, on: vec![RetryCondition::ConnectFailure, RetryCondition::Status(503)] }),
        ..upstream("secured", UpstreamScheme::Https, Balance::LeastRequest)
    };
    Artifact {
        project: "rich \u{1f680}".into(),
        provenance: Provenance {
            commit: Some("c0ffee".into()),
            source: Some("https://example.org/pets".into()),
            built_at: Some(1_800_000_000),
        },
        routes: Routes {
            listeners: vec![Listener { name: "default".into() }, Listener { name: "internal".into() }],
            apis: vec![api()],
            operations: operations(),
        },
        schemas: schemas(),
        policies: Policies { schemes: schemes(), sets: policy_sets() },
        upstreams: Upstreams { upstreams: vec![upstream("pets", UpstreamScheme::Http, Balance::RoundRobin), secured] },
        specs: Specs {
            specs: vec![
                spec("pets.yaml", SpecRole::Entry, SpecFormat::Yaml),
                spec("parts/pet.json", SpecRole::Referenced, SpecFormat::Json),
                spec("production.yaml", SpecRole::Overlay, SpecFormat::Yaml),
            ],
        },
        ..small()
    }
}

fn api() -> Api {
    Api { title: "Pets".into(), version: "1.0".into(), openapi: "3.1.0".into(), spec: "pets.yaml".into() }
}

fn operation(method: Method, path: &str) -> Operation {
    Operation {
        id: format!("{method} {path}"),
        api: ApiId(0),
        method,
        path: path.parse().unwrap(),
        routes: vec![Route { template: path.parse().unwrap(), base_segments: 0 }],
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
        pointer: format!("#/paths/{}", path.replace('/', "~1")),
    }
}

fn operations() -> Vec<Operation> {
    use Method::{Delete, Get, Head, Options, Other, Patch, Post, Put, Query, Trace};
    let methods = [Get, Put, Post, Delete, Options, Head, Patch, Trace, Query, Other("LINK".into())];
    let plain = methods.into_iter().map(|method| operation(method, "/pets/{owner}.{id}/toys"));
    plain.chain([full_operation(), mocked_operation()]).collect()
}

fn full_operation() -> Operation {
    let route = |path: &str| Route { template: path.parse().unwrap(), base_segments: 1 };
    Operation {
        id: "putToy".into(),
        routes: vec![route("/v1/toys/{id}"), route("/v2/toys/{id}")],
        listeners: vec![ListenerId(0), ListenerId(1)],
        parameters: parameters(),
        request_body: Some(RequestBody { required: true, content: vec![media_type()] }),
        responses: vec![
            response(StatusPattern::Code(200)),
            response(StatusPattern::Class(4)),
            response(StatusPattern::Default),
        ],
        security: security(),
        upstream: Some(UpstreamBinding {
            upstream: UpstreamId(1),
            path: UpstreamPath::Template("/store/{id}".parse().unwrap()),
        }),
        policy: PolicyId(1),
        tags: vec!["toys".into()],
        summary: Some("Puts a toy".into()),
        deprecated: true,
        ..operation(Method::Put, "/toys/{id}")
    }
}

fn mocked_operation() -> Operation {
    Operation { upstream: None, policy: PolicyId(2), ..operation(Method::Get, "/health") }
}

fn parameters() -> Vec<Parameter> {
    let styled = [
        (Location::Path, Style::Matrix),
        (Location::Path, Style::Label),
        (Location::Header, Style::Simple),
        (Location::Query, Style::Form),
        (Location::Query, Style::SpaceDelimited),
        (Location::Query, Style::PipeDelimited),
        (Location::Query, Style::DeepObject),
        (Location::Cookie, Style::Cookie),
    ];
    let styled = styled.into_iter().enumerate().map(|(number, (location, style))| Parameter {
        name: format!("p{number}"),
        location,
        required: location == Location::Path,
        allow_empty: style == Style::Form,
        encoding: ParameterEncoding::Style { style, explode: true, allow_reserved: false, schema: Some(SchemaId(0)) },
    });
    let content = Parameter {
        name: "filter".into(),
        location: Location::Querystring,
        required: false,
        allow_empty: false,
        encoding: ParameterEncoding::Content { media_type: "application/json".into(), schema: None },
    };
    styled.chain([content]).collect()
}

fn media_type() -> MediaType {
    let encoding = PropertyEncoding {
        property: "photo".into(),
        content_types: vec!["image/png".into(), "image/*".into()],
        headers: vec![header()],
        style: Some(Style::Form),
        explode: Some(true),
        allow_reserved: true,
    };
    MediaType {
        range: "multipart/form-data".into(),
        schema: Some(SchemaId(1)),
        item_schema: Some(SchemaId(0)),
        encoding: vec![encoding],
    }
}

fn header() -> Header {
    Header { name: "x-rate-limit".into(), required: true, explode: false, schema: Some(SchemaId(0)) }
}

fn response(status: StatusPattern) -> Response {
    Response { status, headers: vec![header()], content: vec![media_type()] }
}

fn security() -> Security {
    let requirement = |scheme, scopes: &[&str]| Requirement {
        scheme: SchemeId(scheme),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    let both = vec![requirement(0, &[]), requirement(3, &["read", "write"])];
    Security { alternatives: vec![both, vec![requirement(4, &[])], Vec::new()] }
}

fn schemas() -> Schemas {
    let name = Schema { json: r#"{"type":"string","minLength":1}"#.into(), references: Vec::new() };
    let pet = r#"{"properties":{"name":{"$ref":"portcullis:schema/0"},"child":{"$ref":"portcullis:schema/1"}}}"#;
    let pet = Schema { json: pet.into(), references: vec![SchemaId(0), SchemaId(1)] };
    Schemas { schemas: vec![name, pet], patterns: Patterns::Backtracking }
}

fn schemes() -> Vec<Scheme> {
    let api_key = |location| SchemeKind::ApiKey { location, name: "key".into() };
    let jwt = Verification::Jwt(JwtVerification {
        issuer: "https://id.example".into(),
        audiences: vec!["pets".into()],
        jwks: "https://id.example/keys".into(),
    });
    let kinds = [
        (api_key(ApiKeyLocation::Header), Verification::Presence),
        (api_key(ApiKeyLocation::Query), Verification::Presence),
        (api_key(ApiKeyLocation::Cookie), Verification::Presence),
        (SchemeKind::Http { scheme: "bearer".into() }, jwt),
        (SchemeKind::OAuth2, Verification::Presence),
        (SchemeKind::OpenIdConnect { url: "https://id.example".into() }, Verification::Presence),
        (SchemeKind::MutualTls, Verification::Presence),
    ];
    let named = kinds.into_iter().enumerate();
    named.map(|(number, (kind, verification))| Scheme { name: format!("s{number}"), kind, verification }).collect()
}

fn policy_sets() -> Vec<PolicySet> {
    let rate_limit = |by| Some(RateLimit { requests: 100, per_ms: 60_000, by });
    let strict = Validation {
        unknown_query: UnknownQuery::Refuse,
        read_only: ReadOnlyProperties::Refuse,
        invalid_status: InvalidStatus::BadRequest,
        formats: FormatAssertion::Annotate,
        defaults: DefaultValues::Inject,
        responses: ResponseValidation::Enforce,
    };
    let reporting =
        Validation { responses: ResponseValidation::Report { sample_ppm: 10_000 }, ..Validation::default() };
    vec![
        PolicySet::default(),
        PolicySet {
            limits: Limits { body_max_bytes: Some(1 << 20) },
            validation: strict,
            rate_limit: rate_limit(RateLimitKey::ClientIp),
            cors: Some(Cors { origins: vec!["https://app.example".into()] }),
            mock: None,
        },
        PolicySet {
            validation: reporting,
            rate_limit: rate_limit(RateLimitKey::Header("x-tenant".into())),
            mock: Some(Mock { status: 200, content_type: Some("text/plain".into()), body: b"fine".to_vec() }),
            ..PolicySet::default()
        },
        PolicySet { rate_limit: rate_limit(RateLimitKey::Subject), ..PolicySet::default() },
        PolicySet { rate_limit: rate_limit(RateLimitKey::Everyone), ..PolicySet::default() },
    ]
}

fn upstream(name: &str, scheme: UpstreamScheme, balance: Balance) -> Upstream {
    Upstream {
        name: name.into(),
        targets: vec![
            Target { scheme, host: "pets.example".into(), port: 8080, base_path: String::new(), weight: 1 },
            Target { scheme, host: "::1".into(), port: 8081, base_path: "/base".into(), weight: 3 },
        ],
        balance,
        timeouts: Timeouts { connect_ms: 1_000, request_ms: 15_000 },
        health: None,
        retries: None,
    }
}

fn spec(path: &str, role: SpecRole, format: SpecFormat) -> Spec {
    Spec { path: path.into(), role, format, text: format!("# {path}\nopenapi: 3.1.0\n") }
}
