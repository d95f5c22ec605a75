//! The OpenAPI Object (4.1 of 3.2.0), what describes the API as a whole, and the Components Object.

use super::documentation::{EXAMPLE, EXTERNAL_DOCS, INFO, LINK, TAG};
use super::operation::{CALLBACK, PARAMETER_SHAPE, PATH_ITEM, REQUEST_BODY, SECURITY};
use super::security::SECURITY_SCHEME;
use super::{HEADER, MEDIA_TYPE, RESPONSE};
use crate::structure::grammar::{Demand, Field, Key, Object, Shape, Versions, field, note, required, rule};

pub(crate) static OPENAPI: Object = Object::new(
    "OpenAPI Object",
    &[
        required("openapi", Shape::Text),
        field("$self", Shape::Uri).only(Versions::V3_2),
        note("info", Shape::Object(&INFO)).required_in(Versions::ALL),
        field("jsonSchemaDialect", Shape::Uri).only(Versions::FROM_3_1),
        field("servers", SERVERS),
        field("paths", Shape::Object(&PATHS)).required_in(Versions::V3_0),
        note("webhooks", Shape::Map(Key::Any, &Shape::Object(&PATH_ITEM))).only(Versions::FROM_3_1),
        field("components", Shape::Object(&COMPONENTS)),
        field("security", SECURITY),
        note("tags", Shape::List(&Shape::Object(&TAG))),
        note("externalDocs", Shape::Object(&EXTERNAL_DOCS)),
    ],
)
.with_rules(&[rule(Demand::AtLeastOne(&["paths", "components", "webhooks"])).only(Versions::FROM_3_1)]);

static PATHS: Object = Object::map("Paths Object", Key::Path, &Shape::Object(&PATH_ITEM));

pub(super) const SERVERS: Shape = Shape::List(&Shape::Object(&SERVER));

pub(super) static SERVER: Object = Object::new(
    "Server Object",
    &[
        required("url", Shape::Text),
        note("description", Shape::Text),
        note("name", Shape::Text).only(Versions::V3_2),
        field("variables", Shape::Map(Key::Any, &Shape::Object(&SERVER_VARIABLE))),
    ],
);

static SERVER_VARIABLE: Object = Object::new(
    "Server Variable Object",
    &[
        field("enum", Shape::NonEmptyList(&Shape::Text)),
        required("default", Shape::Text),
        note("description", Shape::Text),
    ],
);

const fn components(name: &'static str, shape: &'static Shape) -> Field {
    field(name, Shape::Map(Key::Component, shape))
}

const fn notes(name: &'static str, shape: &'static Shape) -> Field {
    note(name, Shape::Map(Key::Component, shape))
}

static COMPONENTS: Object = Object::new(
    "Components Object",
    &[
        components("schemas", &Shape::Schema),
        components("responses", &Shape::Object(&RESPONSE)),
        components("parameters", &PARAMETER_SHAPE),
        notes("examples", &Shape::Object(&EXAMPLE)),
        components("requestBodies", &Shape::Object(&REQUEST_BODY)),
        components("headers", &Shape::Object(&HEADER)),
        components("securitySchemes", &Shape::Object(&SECURITY_SCHEME)),
        notes("links", &Shape::Object(&LINK)),
        notes("callbacks", &Shape::Object(&CALLBACK)),
        components("pathItems", &Shape::Object(&PATH_ITEM)).only(Versions::FROM_3_1),
        components("mediaTypes", &Shape::Object(&MEDIA_TYPE)).only(Versions::V3_2),
    ],
);
