//! The Overlay Specification 1.0 and 1.1: its objects are written in the same words.

use crate::structure::grammar::{Demand, Object, Shape, field, note, required, rule};

pub(crate) static OVERLAY: Object = Object::new(
    "Overlay Object",
    &[
        required("overlay", Shape::Text),
        required("info", Shape::Object(&OVERLAY_INFO)),
        field("extends", Shape::Uri),
        required("actions", Shape::NonEmptyList(&Shape::Object(&ACTION))),
    ],
);

static OVERLAY_INFO: Object = Object::new(
    "Info Object",
    &[required("title", Shape::Text), required("version", Shape::Text), field("description", Shape::Text)],
)
.documentation();

static ACTION: Object = Object::new(
    "Action Object",
    &[
        required("target", Shape::Text),
        note("description", Shape::Text),
        field("update", Shape::Data),
        field("copy", Shape::Text),
        field("remove", Shape::Boolean),
    ],
)
.with_rules(&[rule(Demand::AtLeastOne(&["update", "copy", "remove"])), rule(Demand::AtMostOne(&["update", "copy"]))]);
