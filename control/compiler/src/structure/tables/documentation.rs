//! Objects that describe and that no request can come to touch.

use super::root::SERVER;
use crate::structure::grammar::{Demand, Key, Object, Shape, Versions, field, required, rule};

pub(super) static INFO: Object = Object::new(
    "Info Object",
    &[
        required("title", Shape::Text),
        field("summary", Shape::Text).only(Versions::FROM_3_1),
        field("description", Shape::Text),
        field("termsOfService", Shape::Uri),
        field("contact", Shape::Object(&CONTACT)),
        field("license", Shape::Object(&LICENSE)),
        required("version", Shape::Text),
    ],
)
.documentation();

static CONTACT: Object = Object::new(
    "Contact Object",
    &[field("name", Shape::Text), field("url", Shape::Uri), field("email", Shape::Email)],
)
.documentation();

static LICENSE: Object = Object::new(
    "License Object",
    &[
        required("name", Shape::Text),
        field("identifier", Shape::Text).only(Versions::FROM_3_1),
        field("url", Shape::Uri),
    ],
)
.with_rules(&[rule(Demand::AtMostOne(&["identifier", "url"])).only(Versions::FROM_3_1)])
.documentation();

pub(super) static TAG: Object = Object::new(
    "Tag Object",
    &[
        required("name", Shape::Text),
        field("summary", Shape::Text).only(Versions::V3_2),
        field("description", Shape::Text),
        field("externalDocs", Shape::Object(&EXTERNAL_DOCS)),
        field("parent", Shape::Text).only(Versions::V3_2),
        field("kind", Shape::Text).only(Versions::V3_2),
    ],
)
.documentation();

pub(super) static EXTERNAL_DOCS: Object =
    Object::new("External Documentation Object", &[field("description", Shape::Text), required("url", Shape::Uri)])
        .documentation();

pub(super) static EXAMPLE: Object = Object::new(
    "Example Object",
    &[
        field("summary", Shape::Text),
        field("description", Shape::Text),
        field("dataValue", Shape::Data).only(Versions::V3_2),
        field("serializedValue", Shape::Text).only(Versions::V3_2),
        field("value", Shape::Data),
        field("externalValue", Shape::Uri),
    ],
)
.referable()
.with_rules(&[
    rule(Demand::AtMostOne(&["value", "externalValue"])),
    rule(Demand::AtMostOne(&["value", "dataValue"])).only(Versions::V3_2),
    rule(Demand::AtMostOne(&["value", "serializedValue"])).only(Versions::V3_2),
    rule(Demand::AtMostOne(&["serializedValue", "externalValue"])).only(Versions::V3_2),
])
.documentation();

pub(super) static LINK: Object = Object::new(
    "Link Object",
    &[
        field("operationRef", Shape::Uri),
        field("operationId", Shape::Text),
        field("parameters", Shape::Map(Key::Any, &Shape::Data)),
        field("requestBody", Shape::Data),
        field("description", Shape::Text),
        field("server", Shape::Object(&SERVER)),
    ],
)
.referable()
.with_rules(&[rule(Demand::ExactlyOne(&["operationRef", "operationId"]))])
.documentation();

pub(super) static XML: Object = Object::new(
    "XML Object",
    &[
        field("nodeType", Shape::Word(&["element", "attribute", "text", "cdata", "none"])).only(Versions::V3_2),
        field("name", Shape::Text),
        field("namespace", Shape::Uri),
        field("prefix", Shape::Text),
        field("attribute", Shape::Boolean),
        field("wrapped", Shape::Boolean),
    ],
)
.with_rules(&[
    rule(Demand::AtMostOne(&["nodeType", "attribute"])).only(Versions::V3_2),
    rule(Demand::AtMostOne(&["nodeType", "wrapped"])).only(Versions::V3_2),
])
.documentation();
