//! Paths and what can be done to them.

use super::documentation::EXTERNAL_DOCS;
use super::parameter::PARAMETER;
use super::root::SERVERS;
use super::{MEDIA_TYPE, RESPONSE};
use crate::structure::grammar::{Demand, Field, Key, Object, Reference, Shape, Versions, field, note, required, rule};

pub(crate) static PATH_ITEM: Object = Object::new(
    "Path Item Object",
    &[
        note("summary", Shape::Text),
        note("description", Shape::Text),
        operation("get"),
        operation("put"),
        operation("post"),
        operation("delete"),
        operation("options"),
        operation("head"),
        operation("patch"),
        operation("trace"),
        operation("query").only(Versions::V3_2),
        field("additionalOperations", Shape::Map(Key::Method, &OPERATION_SHAPE)).only(Versions::V3_2),
        field("servers", SERVERS),
        field("parameters", Shape::Parameters),
    ],
)
.with_reference(Reference::Beside);

static OPERATION_SHAPE: Shape = Shape::Object(&OPERATION);

const fn operation(name: &'static str) -> Field {
    field(name, Shape::Object(&OPERATION))
}

pub(crate) static OPERATION: Object = Object::new(
    "Operation Object",
    &[
        note("tags", Shape::List(&Shape::Text)),
        note("summary", Shape::Text),
        note("description", Shape::Text),
        note("externalDocs", Shape::Object(&EXTERNAL_DOCS)),
        field("operationId", Shape::Text),
        field("parameters", Shape::Parameters),
        field("requestBody", Shape::Object(&REQUEST_BODY)),
        field("responses", Shape::Object(&RESPONSES)),
        note("callbacks", Shape::Map(Key::Any, &Shape::Object(&CALLBACK))),
        note("deprecated", Shape::Boolean),
        field("security", SECURITY),
        field("servers", SERVERS),
    ],
)
// The specification has no reference here, but descriptions that are split into files do, and every tool reads it.
.referable()
// Missing responses are a gap in the documentation: no request can tell.
.with_rules(&[rule(Demand::All(&["responses"])).only(Versions::V3_0).mild()]);

/// Security Requirement Objects: schemes' names, each with scopes. They have no extensions.
pub(super) const SECURITY: Shape = Shape::List(&Shape::Map(Key::Any, &Shape::List(&Shape::Text)));

pub(crate) static PARAMETER_SHAPE: Shape = Shape::Object(&PARAMETER);

pub(super) static REQUEST_BODY: Object = Object::new(
    "Request Body Object",
    &[
        note("description", Shape::Text),
        required("content", Shape::Map(Key::Any, &Shape::Object(&MEDIA_TYPE))),
        field("required", Shape::Boolean),
    ],
)
.referable();

static RESPONSES: Object = Object::map("Responses Object", Key::Status, &Shape::Object(&RESPONSE))
    .with_fields(&[field("default", Shape::Object(&RESPONSE))])
    .with_rules(&[rule(Demand::SomeMember).mild()]);

/// Calls that the API makes: they never become routes.
pub(super) static CALLBACK: Object =
    Object::map("Callback Object", Key::Any, &Shape::Object(&PATH_ITEM)).referable().documentation();
