//! The reader and the published schema say the same, every setting reaches the model, and the reference page is the
//! table of settings.

use artifact_format::model::{
    Balance, DefaultValues, FormatAssertion, HealthCheck, InvalidStatus, Patterns, PolicySet, RateLimitKey,
    ReadOnlyProperties, ResponseValidation, Retries, RetryCondition, Timeouts, UnknownQuery, Upstream,
};
use serde_json::{Value, json};

use super::settings::{DOCUMENT, OPERATION, SCHEME};
use super::shape::{Field, Presence, Shape};
use super::{Extensions, Inherited, KEY, Released, definition, extension_schema, patterns, policy_set, verification};
use crate::diagnostic::Sink;
use crate::document::{Documents, MemoryFiles, Node};
use crate::input::{Input, Options};

/// Gives a document with the extension to `look`.
fn with_extension<T>(extension: &Value, look: impl FnOnce(&Node<'_>) -> T) -> T {
    let text = json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": {}, KEY: extension });
    let files = MemoryFiles::new().with("openapi.json", text.to_string());
    let input = Input {
        specs: vec!["openapi.json".to_owned()],
        overlays: Vec::new(),
        fence: crate::Fence::default(),
        files: &files,
        options: Options::default(),
    };
    let documents = Documents::load(&input, &mut Sink::new());
    let root = documents.entries().next().unwrap();
    look(&root)
}

#[derive(Debug, Clone, Copy)]
enum Level {
    Document,
    Operation,
    Scheme,
}

fn reader_accepts(level: Level, extension: &Value) -> bool {
    with_extension(extension, |holder| {
        let (mut extensions, mut sink) = (Extensions::default(), Sink::new());
        let read = match level {
            Level::Document => extensions.of_document(holder, &mut sink),
            Level::Operation => extensions.of_operation(holder, &mut sink),
            Level::Scheme => extensions.of_scheme(holder, &mut sink),
        };
        assert_eq!(read.is_some(), !sink.has_errors(), "what is refused is reported: {extension}");
        read.is_some()
    })
}

fn schema_accepts(level: Level, extension: &Value) -> bool {
    let whole = extension_schema();
    let schema = match level {
        Level::Document => &whole,
        Level::Operation => &whole["$defs"]["operation"],
        Level::Scheme => &whole["$defs"]["securityScheme"],
    };
    jsonschema::draft202012::new(schema).unwrap().is_valid(extension)
}

fn check(level: Level, examples: &[(Value, bool)]) {
    for (extension, expected) in examples {
        assert_eq!(reader_accepts(level, extension), *expected, "the reader, on {level:?}: {extension}");
        assert_eq!(schema_accepts(level, extension), *expected, "the schema, on {level:?}: {extension}");
    }
}

#[test]
fn reader_and_schema_agree_on_documents() {
    let targets = |targets: Value| json!({ "upstreams": { "a": { "targets": targets } } });
    let upstream = |name: &str, value: Value| json!({ "upstreams": { "a": { "targets": ["http://h"], name: value } } });
    check(
        Level::Document,
        &[
            (json!({}), true),
            (json!(null), false),
            (json!([]), false),
            (json!({ "upstream": "orders" }), true),
            (json!({ "upstream": "http://127.0.0.1:9000" }), true),
            (json!({ "upstream": "off" }), true),
            (json!({ "upstream": false }), false),
            (json!({ "upstream": "a b" }), false),
            (json!({ "upstreem": "orders" }), false),
            (json!({ "path": "/x" }), false),
            (targets(json!(["http://h", { "url": "http://i", "weight": 2 }])), true),
            (targets(json!([])), false),
            (targets(json!([{ "weight": 2 }])), false),
            (targets(json!([{ "url": "http://i", "weight": 0 }])), false),
            (targets(json!(["h:80"])), false),
            (json!({ "upstreams": { "a": {} } }), false),
            (json!({ "upstreams": { "a b": { "targets": ["http://h"] } } }), false),
            (upstream("balance", json!("least-request")), true),
            (upstream("balance", json!("random")), false),
            (upstream("timeouts", json!({ "connect": "1s", "request": "15s" })), true),
            (upstream("timeouts", json!({ "connect": 1 })), false),
            (upstream("health", json!({ "path": "/healthz", "every": "5s" })), true),
            (upstream("health", json!({ "every": "5s" })), false),
            (upstream("retries", json!({ "attempts": 2, "on": ["connect-failure", "503", 502] })), true),
            (upstream("retries", json!({ "attempts": 2, "on": ["404"] })), false),
            (upstream("retries", json!({ "attempts": 2, "on": [404] })), false),
            (json!({ "listeners": ["public"] }), true),
            (json!({ "listeners": "public" }), false),
            (json!({ "validation": { "patterns": "backtracking" } }), true),
            (json!({ "validation": { "patterns": "slow" } }), false),
            (json!({ "base-path": "strip" }), true),
            (json!({ "base-path": true }), false),
        ],
    );
}

#[test]
fn reader_and_schema_agree_on_operations() {
    let validation = |name: &str, value: Value| json!({ "validation": { name: value } });
    check(
        Level::Operation,
        &[
            (json!({ "path": "/v2/{id}", "rate-limit": "off", "cors": "off", "mock": "off", "limits": "off" }), true),
            (json!({ "path": "v2" }), false),
            (json!({ "upstreams": {} }), false),
            (json!({ "limits": { "body": "1MiB" } }), true),
            (json!({ "limits": { "body": "off" } }), true),
            (json!({ "limits": { "body": "1MB" } }), false),
            (json!({ "limits": { "body": 1024 } }), false),
            (json!({ "validation": "off" }), false),
            (validation("unknown-query", json!("refuse")), true),
            (validation("unknown-query", json!("deny")), false),
            (validation("patterns", json!("backtracking")), false),
            (validation("invalid-status", json!(400)), true),
            (validation("invalid-status", json!(401)), false),
            (validation("responses", json!("enforce")), true),
            (validation("responses", json!({ "report": 0.01 })), true),
            (validation("responses", json!({ "report": 0 })), false),
            (validation("responses", json!({ "report": 1.5 })), false),
            (json!({ "rate-limit": { "requests": 100, "per": "1m", "by": { "header": "X-Tenant" } } }), true),
            (json!({ "rate-limit": { "requests": 0, "per": "1m" } }), false),
            (json!({ "rate-limit": { "requests": 1 } }), false),
            (json!({ "rate-limit": { "requests": 1, "per": "1m", "by": "moon" } }), false),
            (json!({ "cors": { "origins": ["https://app.example", "*"] } }), true),
            (json!({ "cors": { "origins": ["https://app.example/path"] } }), false),
            (json!({ "mock": { "status": 200, "body": { "a": [1] } } }), true),
            (json!({ "mock": { "status": 100 } }), false),
            (json!({ "mock": { "status": 200, "content-type": "json" } }), false),
        ],
    );
}

#[test]
fn reader_and_schema_agree_on_schemes() {
    let scheme = |audience: Value| json!({ "issuer": "https://i", "audience": audience, "jwks": "https://i/keys" });
    check(
        Level::Scheme,
        &[
            (scheme(json!("a")), true),
            (scheme(json!(["a", "b"])), true),
            (scheme(json!([])), false),
            (scheme(json!("")), false),
            (json!({ "issuer": "https://i", "jwks": "https://i/keys" }), false),
            (json!({ "issuer": "https://i", "audience": "a", "jwks": "keys.json" }), false),
            (json!({}), false),
        ],
    );
}

#[test]
fn bounds_that_no_pattern_can_say_are_the_readers() {
    for extension in [
        json!({ "rate-limit": { "requests": 1, "per": "999ms" } }),
        json!({ "rate-limit": { "requests": 1, "per": "25h" } }),
        json!({ "limits": { "body": "0B" } }),
        json!({ "limits": { "body": "9999999999GiB" } }),
    ] {
        assert!(!reader_accepts(Level::Operation, &extension), "{extension}");
    }
}

#[test]
fn patterns_are_the_documents() {
    for (extension, expected) in [
        (json!({}), Patterns::Linear),
        (json!({ "validation": { "patterns": "linear" } }), Patterns::Linear),
        (json!({ "validation": { "patterns": "backtracking" } }), Patterns::Backtracking),
    ] {
        let read = with_extension(&extension, |holder| patterns(holder.get(KEY).as_ref()));
        assert_eq!(read, expected, "{extension}");
    }
}

fn policies(extension: &Value) -> PolicySet {
    assert!(reader_accepts(Level::Operation, extension), "{extension}");
    with_extension(extension, |holder| {
        policy_set(&Inherited::new(holder.get(KEY)), &mut Released::default(), &mut Sink::new())
    })
}

#[test]
fn every_policy_reaches_the_model() {
    let set = policies(&json!({
        "limits": { "body": "64KiB" },
        "validation": {
            "unknown-query": "refuse", "read-only": "refuse", "invalid-status": 400, "formats": "annotate",
            "defaults": "inject", "responses": { "report": 0.25 },
        },
        "rate-limit": { "requests": 100, "per": "1m", "by": { "header": "X-Tenant" } },
        "cors": { "origins": ["https://app.example"] },
        "mock": { "status": 201, "body": { "id": 1 } },
    }));
    assert_eq!(set.limits.body_max_bytes, Some(65_536));
    let validation = set.validation;
    assert_eq!(validation.unknown_query, UnknownQuery::Refuse);
    assert_eq!(validation.read_only, ReadOnlyProperties::Refuse);
    assert_eq!(validation.invalid_status, InvalidStatus::BadRequest);
    assert_eq!(validation.formats, FormatAssertion::Annotate);
    assert_eq!(validation.defaults, DefaultValues::Inject);
    assert_eq!(validation.responses, ResponseValidation::Report { sample_ppm: 250_000 });
    let rate_limit = set.rate_limit.unwrap();
    assert_eq!((rate_limit.requests, rate_limit.per_ms), (100, 60_000));
    assert_eq!(rate_limit.by, RateLimitKey::Header("x-tenant".to_owned()));
    assert_eq!(set.cors.unwrap().origins, ["https://app.example"]);
    let mock = set.mock.unwrap();
    assert_eq!((mock.status, mock.content_type.as_deref()), (201, Some("application/json")));
    assert_eq!(mock.body, br#"{"id":1}"#);
    assert_eq!(policies(&json!({})), PolicySet::default());
    assert_eq!(policies(&json!({ "mock": { "status": 200, "body": "hi" } })).mock.unwrap().body, b"hi");
}

#[test]
fn every_part_of_an_upstream_reaches_the_model() {
    let extension = json!({ "upstreams": { "a": {
        "targets": ["http://h"], "balance": "least-request", "timeouts": { "connect": "1s", "request": "2s" },
        "health": { "path": "/up" }, "retries": { "attempts": 2, "on": ["connect-failure", "503", 502] },
    } } });
    let upstream: Upstream = with_extension(&extension, |holder| {
        let node = holder.get(KEY).unwrap().get("upstreams").unwrap().get("a").unwrap();
        definition("a", &node, &mut Released::default(), &mut Sink::new()).unwrap()
    });
    assert_eq!(upstream.balance, Balance::LeastRequest);
    assert_eq!(upstream.timeouts, Timeouts { connect_ms: 1_000, request_ms: 2_000 });
    assert_eq!(upstream.health, Some(HealthCheck { path: "/up".to_owned(), interval_ms: 10_000 }));
    let on = vec![RetryCondition::ConnectFailure, RetryCondition::Status(503), RetryCondition::Status(502)];
    assert_eq!(upstream.retries, Some(Retries { attempts: 2, on }));
}

#[test]
fn verification_reaches_the_model() {
    let extension = json!({ "issuer": "https://i", "audience": ["a", "b"], "jwks": "https://i/keys" });
    let read = with_extension(&extension, |holder| verification(&holder.get(KEY).unwrap()).unwrap());
    assert_eq!((read.issuer.as_str(), read.jwks.as_str()), ("https://i", "https://i/keys"));
    assert_eq!(read.audiences, ["a", "b"]);
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/x-portcullis.md");

/// Between this line and the end, the page is made from the table. `PORTCULLIS_UPDATE_GOLDEN=1` writes it anew.
const GENERATED: &str = "<!-- Generated from the table of settings. -->\n";

#[test]
fn the_reference_page_is_the_table_of_settings() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let written = page.split_once(GENERATED).unwrap().0;
    let mut expected = format!("{written}{GENERATED}");
    for (title, fields) in
        [("On the document", DOCUMENT), ("On a path item or an operation", OPERATION), ("On a security scheme", SCHEME)]
    {
        expected.extend(["\n## ", title, "\n\n| setting | value | |\n|---|---|---|\n"]);
        rows("", fields, &mut expected);
    }
    #[expect(clippy::disallowed_methods, reason = "a test has no config.rs")]
    if std::env::var_os("PORTCULLIS_UPDATE_GOLDEN").is_some() {
        std::fs::write(PAGE, &expected).unwrap();
    }
    assert!(page == expected, "{PAGE} is out of date: run this test with PORTCULLIS_UPDATE_GOLDEN=1");
}

fn rows(prefix: &str, fields: &[Field], page: &mut String) {
    for field in fields {
        let required = if field.presence == Presence::Required { "Required. " } else { "" };
        let value = summary(&field.shape);
        page.extend(["| `", prefix, field.name, "` | ", &value, " | ", required, field.about, " |\n"]);
        parts(&format!("{prefix}{}", field.name), &field.shape, page);
    }
}

fn parts(prefix: &str, shape: &Shape, page: &mut String) {
    match shape {
        Shape::Object(fields) => rows(&format!("{prefix}."), fields, page),
        Shape::List(of) => parts(&format!("{prefix}[]"), of, page),
        Shape::Map(_, of) => parts(&format!("{prefix}.NAME"), of, page),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| parts(prefix, shape, page)),
        _ => {}
    }
}

/// What a value must be; of objects, whose parts have rows of their own, only that it is one.
fn summary(shape: &Shape) -> String {
    match shape {
        Shape::Object(_) => "an object".to_owned(),
        Shape::List(of) => format!("a list, each {}", summary(of)),
        Shape::Map(_, of) => format!("by name, each {}", summary(of)),
        Shape::Either(shapes) => shapes.iter().map(summary).collect::<Vec<_>>().join(" or "),
        scalar => scalar.describe(),
    }
}
