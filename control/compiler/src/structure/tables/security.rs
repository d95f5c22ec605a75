//! The Security Scheme Object (4.27 of 3.2.0).

use crate::structure::grammar::{Demand, Field, Key, Object, Shape, Versions, field, note, required, rule};

const KINDS_3_0: &[&str] = &["apiKey", "http", "oauth2", "openIdConnect"];
const KINDS: &[&str] = &["apiKey", "http", "mutualTLS", "oauth2", "openIdConnect"];

pub(super) static SECURITY_SCHEME: Object = Object::new(
    "Security Scheme Object",
    &[
        required("type", Shape::Word(KINDS_3_0)).only(Versions::V3_0),
        required("type", Shape::Word(KINDS)).only(Versions::FROM_3_1),
        note("description", Shape::Text),
        note("deprecated", Shape::Boolean).only(Versions::V3_2),
        field("name", Shape::Text),
        field("in", Shape::Word(&["query", "header", "cookie"])),
        field("scheme", Shape::Text),
        field("bearerFormat", Shape::Text),
        field("flows", Shape::Object(&FLOWS)),
        field("openIdConnectUrl", Shape::Uri),
        field("oauth2MetadataUrl", Shape::Uri).only(Versions::V3_2),
    ],
)
.referable()
.with_rules(&[
    rule(Demand::All(&["name", "in"])).when("type", &["apiKey"]),
    rule(Demand::All(&["scheme"])).when("type", &["http"]),
    rule(Demand::All(&["flows"])).when("type", &["oauth2"]).mild(),
    rule(Demand::All(&["openIdConnectUrl"])).when("type", &["openIdConnect"]),
    // No request could satisfy these.
    rule(Demand::Reads("name", Key::HeaderName)).when("in", &["header"]),
    rule(Demand::Reads("name", Key::CookieName)).when("in", &["cookie"]),
    rule(Demand::Reads("name", Key::NotEmpty)).when("in", &["query"]),
    rule(Demand::Reads("scheme", Key::Token)).when("type", &["http"]),
    // A field of another type is idle.
    rule(Demand::NoneOf(&["name", "in"])).when("type", &["http", "mutualTLS", "oauth2", "openIdConnect"]).mild(),
    rule(Demand::NoneOf(&["scheme", "bearerFormat"]))
        .when("type", &["apiKey", "mutualTLS", "oauth2", "openIdConnect"])
        .mild(),
    rule(Demand::NoneOf(&["flows", "oauth2MetadataUrl"]))
        .when("type", &["apiKey", "http", "mutualTLS", "openIdConnect"])
        .mild(),
    rule(Demand::NoneOf(&["openIdConnectUrl"])).when("type", &["apiKey", "http", "mutualTLS", "oauth2"]).mild(),
]);

/// How a client comes by a token: the client's business, not a gateway's.
static FLOWS: Object = Object::new(
    "OAuth Flows Object",
    &[
        field("implicit", Shape::Object(&IMPLICIT)),
        field("password", Shape::Object(&TOKEN)),
        field("clientCredentials", Shape::Object(&TOKEN)),
        field("authorizationCode", Shape::Object(&CODE)),
        field("deviceAuthorization", Shape::Object(&DEVICE)).only(Versions::V3_2),
    ],
)
.documentation();

const REFRESH: Field = field("refreshUrl", Shape::Uri);
const SCOPES: Field = required("scopes", Shape::Map(Key::Any, &Shape::Text));
const AUTHORIZATION_URL: Field = required("authorizationUrl", Shape::Uri);
const TOKEN_URL: Field = required("tokenUrl", Shape::Uri);
const FLOW: &str = "OAuth Flow Object";

static IMPLICIT: Object = Object::new(FLOW, &[AUTHORIZATION_URL, REFRESH, SCOPES]).documentation();
static TOKEN: Object = Object::new(FLOW, &[TOKEN_URL, REFRESH, SCOPES]).documentation();
static CODE: Object = Object::new(FLOW, &[AUTHORIZATION_URL, TOKEN_URL, REFRESH, SCOPES]).documentation();
static DEVICE: Object =
    Object::new(FLOW, &[required("deviceAuthorizationUrl", Shape::Uri), TOKEN_URL, REFRESH, SCOPES]).documentation();
