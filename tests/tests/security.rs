//! `security` through the gateway, at the level of presence: any one alternative, each of them whole; and nothing that
//! is shown to the gateway alone counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use http::{HeaderName, HeaderValue};
use tests::{Answer, Client, Gateway, Upstream, client};

const DESCRIPTION: &str = r#"
openapi: 3.1.1
info: { title: Shop, version: "1" }
security: [{ key: [] }]
paths:
  /one: { get: { responses: { default: { description: Done } } } }
  /both: { get: { security: [{ key: [], token: [] }], responses: { default: { description: Done } } } }
  /either: { get: { security: [{ key: [] }, { token: [] }, { session: [], query: [] }], responses: { default: { description: Done } } } }
  /maybe: { get: { security: [{ key: [] }, {}], responses: { default: { description: Done } } } }
  /open: { get: { security: [], responses: { default: { description: Done } } } }
  /typed:
    get:
      security: []
      parameters: [{ name: X-Shop, in: header, required: true, schema: { type: integer } }]
      responses: { default: { description: Done } }
components:
  securitySchemes:
    key: { type: apiKey, in: header, name: X-Key }
    token: { type: http, scheme: bearer }
    session: { type: apiKey, in: cookie, name: sid }
    query: { type: apiKey, in: query, name: k }
"#;

async fn ask(client: &mut Client, target: &str, fields: &[(&str, &str)]) -> Answer {
    let mut request = client.request("GET", target, client::empty());
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    client.send(request).await
}

#[tokio::test]
async fn any_one_alternative_is_needed_and_each_of_them_whole() {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::compiled(DESCRIPTION, &upstream).start().await;
    let key = ("x-key", "a");
    let token = ("authorization", "Bearer b");
    let session = ("cookie", "sid=c");
    for mut client in [Client::http1(gateway.address()).await, Client::http2(gateway.address()).await] {
        for (target, fields, expected) in [
            ("/one", &[][..], 401),
            ("/one", &[key], 200),
            ("/one", &[token], 401),
            ("/both", &[key], 401),
            ("/both", &[token], 401),
            ("/both", &[key, token], 200),
            ("/either", &[], 401),
            ("/either", &[token], 200),
            ("/either", &[session], 401),
            ("/either?k=d", &[session], 200),
            ("/either?k=d", &[], 401),
            ("/maybe", &[], 200),
            ("/open", &[], 200),
        ] {
            let answer = ask(&mut client, target, fields).await;
            assert_eq!(answer.status, expected, "{target} {fields:?}");
            assert_eq!(answer.headers.contains_key("www-authenticate"), expected == 401, "{target} {fields:?}");
        }
    }
}

/// RFC 9110 section 7.6.1: what `Connection` names is for the next hop alone.
#[tokio::test]
async fn what_is_shown_to_the_gateway_alone_does_not_count() {
    let upstream = Upstream::echo().await;
    let gateway = Gateway::compiled(DESCRIPTION, &upstream).start().await;
    let mut client = Client::http1(gateway.address()).await;
    for (target, fields, expected) in [
        ("/one", [("x-key", "a"), ("connection", "close, X-Key")], 401),
        ("/either", [("authorization", "Bearer b"), ("connection", "authorization")], 401),
        ("/typed", [("x-shop", "7"), ("connection", "X-Shop")], 400),
        ("/typed", [("x-shop", "7"), ("connection", "X-Other")], 200),
    ] {
        let answer = ask(&mut client, target, &fields).await;
        assert_eq!(answer.status, expected, "{target} {fields:?}");
        client = Client::http1(gateway.address()).await;
    }
    assert_eq!(upstream.requests(), 1);
}
