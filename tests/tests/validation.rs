//! What is refused, with which status, and what the refusal says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use serde_json::{Value, json};
use tests::{Answer, Client, Gateway, Upstream, client};

const DESCRIPTION: &str = r##"
openapi: 3.1.1
info: { title: Shop, version: "1" }
paths:
  /orders/{id}:
    parameters:
      - { name: id, in: path, required: true, schema: { type: integer, minimum: 1 } }
    get:
      parameters:
        - { name: limit, in: query, required: true, schema: { type: integer, maximum: 31337 } }
        - { name: tags, in: query, explode: false, schema: { type: array, items: { enum: [red-zq, blue-zq] } } }
        - { name: X-Tenant, in: header, required: true, schema: { type: string, pattern: "^[a-z]+$" } }
        - { name: session, in: cookie, required: true, schema: { type: string, minLength: 8 } }
      responses: &fine { default: { description: Fine } }
    put:
      parameters:
        - { name: dry, in: query, schema: { type: boolean } }
      requestBody: { required: true, content: { application/json: { schema: { $ref: "#/components/schemas/Order" } } } }
      responses: *fine
  /orders:
    post:
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: "#/components/schemas/Order" } }
          application/*+json: { schema: { required: [patch] } }
          text/plain: { schema: { type: integer, maximum: 9 } }
          application/octet-stream: {}
      responses: *fine
  /any: { post: { requestBody: { content: { application/json: { schema: {} } } }, responses: *fine } }
  /many: { post: { requestBody: { content: { application/json: { schema: { items: { type: string } } } } }, responses: *fine } }
components:
  schemas:
    Order:
      type: object
      required: [name]
      additionalProperties: false
      properties:
        id: { type: integer, readOnly: true }
        name: { type: string, maxLength: 12 }
        count: { type: integer, format: int64 }
        small: { type: integer, format: int32 }
        exact: { const: 9007199254740993 }
        price: { type: number, maximum: 31337 }
        key: { type: string, format: uuid }
        lines: { type: array, items: { type: object, required: [sku] } }
"##;

async fn shop() -> (Upstream, Gateway) {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::compiled(DESCRIPTION, &upstream).start().await;
    (upstream, gateway)
}

/// Everyone who can ask.
async fn both_versions(gateway: &Gateway) -> [Client; 2] {
    [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await]
}

fn assert_faults(answer: &Answer, status: u16, expected: &[&str], what: &str) {
    let said = String::from_utf8_lossy(&answer.body);
    assert_eq!(
        (answer.status, answer.faults()),
        (status, expected.iter().map(ToString::to_string).collect()),
        "{what}: {said}"
    );
}

/// A target, fields of the header in lines, and what is wrong with them.
const PARAMETERS: &[(&str, &str, &[&str])] = &[
    ("/orders/7?limit=31337", "x-tenant: acme\ncookie: session=12345678", &[]),
    ("/orders/7?tags=red-zq,blue-zq&limit=0&more=1", "X-TENANT: acme\ncookie: a=b; session=12345678", &[]),
    ("/orders/0?limit=5", "x-tenant: acme\ncookie: session=12345678", &["path id minimum"]),
    ("/orders/x?limit=5", "x-tenant: acme\ncookie: session=12345678", &["path id type"]),
    ("/orders/7?limit=31338", "x-tenant: acme\ncookie: session=12345678", &["query limit maximum"]),
    ("/orders/7?limit=007", "x-tenant: acme\ncookie: session=12345678", &["query limit type"]),
    ("/orders/7?limit=1&limit=2", "x-tenant: acme\ncookie: session=12345678", &["query limit explode"]),
    ("/orders/7?limit=%zz", "x-tenant: acme\ncookie: session=12345678", &["query limit encoding"]),
    ("/orders/7", "x-tenant: acme\ncookie: session=12345678", &["query limit required"]),
    ("/orders/7?limit=1&tags=red-zq,green", "x-tenant: acme\ncookie: session=12345678", &["query tags /1 enum"]),
    ("/orders/7?limit=1", "x-tenant: ACME\ncookie: session=12345678", &["header X-Tenant pattern"]),
    ("/orders/7?limit=1", "x-tenant: acme\ncookie: session=1234567", &["cookie session minLength"]),
    ("/orders/7?limit=1", "x-tenant: acme\ncookie: Session=12345678", &["cookie session required"]),
    (
        "/orders/0?limit=99999&tags=x",
        "x-tenant: 1",
        &[
            "path id minimum",
            "query limit maximum",
            "query tags /0 enum",
            "header X-Tenant pattern",
            "cookie session required",
        ],
    ),
];

#[tokio::test]
async fn parameters_of_every_location_are_judged_and_all_faults_said() {
    let (upstream, gateway) = shop().await;
    for mut client in both_versions(&gateway).await {
        for (target, fields, faults) in PARAMETERS {
            let before = upstream.requests();
            let mut request = client.request("GET", target, client::empty());
            for (name, value) in fields.lines().map(|line| line.split_once(": ").unwrap()) {
                let name: http::HeaderName = name.parse().unwrap();
                request.headers_mut().insert(name, value.parse().unwrap());
            }
            let answer = client.send(request).await;
            assert_faults(&answer, if faults.is_empty() { 200 } else { 400 }, faults, target);
            assert_eq!(upstream.requests() - before, u64::from(faults.is_empty()), "{target}");
            if faults.is_empty() {
                assert_eq!(answer.echoed().1, *target);
            }
        }
    }
}

/// A media type, a body, the status, and what is wrong.
const BODIES: &[(&str, &str, u16, &[&str])] = &[
    ("application/json", r#"{"name":"a"}"#, 200, &[]),
    ("Application/JSON; charset=UTF-8", r#"{"name":"a"}"#, 200, &[]),
    ("application/json; charset=latin1", r#"{"name":"a"}"#, 415, &[]),
    ("application/xml", "<a/>", 415, &[]),
    ("json", "{}", 415, &[]),
    ("application/json", r#"{"name":7,"count":1.5}"#, 422, &["body /name type", "body /count type"]),
    ("application/json", "{}", 422, &["body /name required"]),
    ("application/json", r#"{"name":"a","x":1}"#, 422, &["body additionalProperties"]),
    ("application/json", r#"{"name":"a","lines":[{"sku":1},{}]}"#, 422, &["body /lines/1/sku required"]),
    ("application/json", r#"{"name":"a","id":5}"#, 200, &[]),
    ("application/json", r#"{"name":"a","key":"x"}"#, 422, &["body /key format"]),
    ("application/json", r#"{"name":"a","count":9223372036854775807}"#, 200, &[]),
    ("application/json", r#"{"name":"a","count":-9223372036854775808}"#, 200, &[]),
    ("application/json", r#"{"name":"a","count":9223372036854775808}"#, 422, &["body /count maximum"]),
    ("application/json", r#"{"name":"a","count":-9223372036854775809}"#, 422, &["body /count minimum"]),
    ("application/json", r#"{"name":"a","small":2147483647}"#, 200, &[]),
    ("application/json", r#"{"name":"a","small":2147483648}"#, 422, &["body /small maximum"]),
    ("application/json", r#"{"name":"a","exact":9007199254740993}"#, 200, &[]),
    ("application/json", r#"{"name":"a","exact":9007199254740992}"#, 422, &["body /exact const"]),
    ("application/json", r#"{"name":"a","name":"a"}"#, 400, &["body syntax"]),
    ("application/json", r#"{"name":"a","n\u0061me":"a"}"#, 400, &["body syntax"]),
    ("application/json", r#"{"name":"a"} {}"#, 400, &["body syntax"]),
    ("application/json", r#"{"name":"a",}"#, 400, &["body syntax"]),
    ("application/json", "\u{feff}{\"name\":\"a\"}", 400, &["body syntax"]),
    ("application/json", r#"{"name":"\ud800"}"#, 400, &["body syntax"]),
    ("application/json", "", 400, &["body syntax"]),
    ("application/merge-patch+json", r#"{"patch":1}"#, 200, &[]),
    ("application/merge-patch+json", r#"{"name":"a"}"#, 422, &["body /patch required"]),
    ("text/plain", "9", 200, &[]),
    ("text/plain", "10", 422, &["body maximum"]),
    ("text/plain", "nine", 422, &["body type"]),
    ("application/octet-stream", "\0anything", 200, &[]),
];

#[tokio::test]
async fn bodies_are_judged_by_their_media_type() {
    let (upstream, gateway) = shop().await;
    for mut client in both_versions(&gateway).await {
        for (media, body, status, faults) in BODIES {
            let before = upstream.requests();
            let answer = client.post("/orders", media, *body).await;
            assert_faults(&answer, *status, faults, &format!("{media} {body}"));
            assert_eq!(upstream.requests() - before, u64::from(*status == 200), "{media} {body}");
            match status {
                200 => assert_eq!(answer.echoed_body(), *body),
                415 => assert!(answer.header("accept").contains("application/json"), "{media}"),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn depth_has_a_limit() {
    let (_upstream, gateway) = shop().await;
    let mut client = Client::http1(gateway.address()).await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for (depth, status, faults) in [(128, 200, &[][..]), (129, 400, &["body syntax"])] {
            let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let answer = client.post("/any", "application/json", body).await;
            assert_faults(&answer, status, faults, &format!("{depth} levels of {open}"));
        }
    }
}

#[tokio::test]
async fn a_refusal_lists_parameters_and_body_together_and_is_400_then() {
    let (_upstream, gateway) = shop().await;
    let mut client = Client::http1(gateway.address()).await;
    for (body, media, faults) in [
        ("{}", "application/json", &["path id minimum", "query dry type", "body /name required"][..]),
        ("{", "application/json", &["path id minimum", "query dry type", "body syntax"]),
        ("{}", "text/csv", &["path id minimum", "query dry type", "body content"]),
        ("", "application/json", &["path id minimum", "query dry type", "body syntax"]),
    ] {
        let mut request = client.request("PUT", "/orders/0?dry=maybe", client::full(body));
        request.headers_mut().insert("content-type", media.parse().unwrap());
        assert_faults(&client.send(request).await, 400, faults, body);
    }
    let answer = client.send_body("PUT", "/orders/1", "").await;
    assert_faults(&answer, 400, &["body required"], "no body");
}

#[tokio::test]
async fn the_list_of_faults_has_an_end_and_says_so() {
    let (_upstream, gateway) = shop().await;
    let mut client = Client::http1(gateway.address()).await;
    for (wrong, listed, truncated) in [(20, 20, Value::Null), (21, 20, json!(true)), (5000, 1, Value::Null)] {
        let answer = client.post("/many", "application/json", json!(vec![0; wrong]).to_string()).await;
        assert_eq!((answer.status, answer.faults().len()), (422, listed), "{wrong}");
        assert_eq!(answer.json()["errors_truncated"], truncated, "{wrong}");
        assert_eq!(answer.faults()[0], "body /0 type");
    }
}

#[tokio::test]
async fn a_refusal_is_a_problem_document() {
    let (_upstream, gateway) = shop().await;
    let mut client = Client::http1(gateway.address()).await;
    for (body, media, status, code, title) in [
        ("{}", "application/json", 422, "invalid-body", "Invalid body"),
        ("{", "application/json", 400, "invalid-request", "Invalid request"),
        ("{}", "text/csv", 415, "unsupported-media-type", "Unsupported media type"),
    ] {
        let answer = client.post("/orders", media, body).await;
        let id = answer.header("x-request-id");
        let problem = answer.json();
        let kept = ["type", "title", "status", "code", "instance", "request_id"].map(|key| problem[key].clone());
        let (kind, instance) = (format!("urn:portcullis:problem:{code}"), format!("urn:portcullis:request:{id}"));
        assert_eq!(json!(kept), json!([kind, title, status, code, instance, id]));
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    let problem = client.post("/orders", "application/json", "{}").await.json();
    assert_eq!(
        problem["errors"],
        json!([{ "in": "body", "pointer": "/name", "keyword": "required", "message": "is required" }])
    );
}

#[tokio::test]
async fn values_and_rules_are_said_only_where_that_was_chosen() {
    let upstream = Upstream::echo().await;
    // What was sent, and what it breaks.
    let secrets = ["4242424242", "31337", "hunter2hunter2", "12", "green-zq", "red-zq", "ACME-ZQ", "[a-z]+"];
    for (errors, is_said) in [("brief", false), ("full", true)] {
        let gateway = Gateway::compiled(DESCRIPTION, &upstream).set("--errors", errors).start().await;
        let mut client = Client::http1(gateway.address()).await;
        let body = r#"{"name":"hunter2hunter2","price":4242424242}"#;
        let body = client.post("/orders", "application/json", body).await;
        let mut request = client.request("GET", "/orders/1?limit=4242424242&tags=green-zq", client::empty());
        request.headers_mut().insert("x-tenant", "ACME-ZQ".parse().unwrap());
        let parameters = client.send(request).await;
        assert_eq!((body.status, parameters.status), (422, 400));
        let said = json!([body.json()["errors"], parameters.json()["errors"]]).to_string();
        for secret in secrets {
            assert_eq!(said.contains(secret), is_said, "{secret} with --errors {errors}: {said}");
        }
    }
}
