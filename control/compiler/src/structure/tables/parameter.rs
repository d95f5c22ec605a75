//! The Parameter Object (4.12 of 3.2.0).

use super::MEDIA_TYPE;
use super::documentation::EXAMPLE;
use crate::structure::grammar::{Demand, Field, Key, Object, Rule, Shape, Versions, field, note, required, rule};

const PLACES: &[&str] = &["query", "header", "path", "cookie"];
const PLACES_3_2: &[&str] = &["query", "querystring", "header", "path", "cookie"];

/// Every style there is; the rules say which fits where.
const STYLES: &[&str] =
    &["matrix", "label", "form", "simple", "spaceDelimited", "pipeDelimited", "deepObject", "cookie"];

pub(super) const EXAMPLE_FIELD: Field = note("example", Shape::Data);

static EXAMPLE_SHAPE: Shape = Shape::Object(&EXAMPLE);
pub(super) const EXAMPLES_FIELD: Field = note("examples", Shape::Map(Key::Any, &EXAMPLE_SHAPE));

static MEDIA_TYPE_SHAPE: Shape = Shape::Object(&MEDIA_TYPE);

/// Media types, by name or range.
pub(super) const fn content() -> Shape {
    Shape::Map(Key::Any, &MEDIA_TYPE_SHAPE)
}

pub(super) const EXAMPLES_RULE: Rule = rule(Demand::AtMostOne(&["example", "examples"])).mild();

pub(super) static PARAMETER: Object = Object::new(
    "Parameter Object",
    &[
        required("name", Shape::Text),
        required("in", Shape::Word(PLACES)).only(Versions::UNTIL_3_1),
        required("in", Shape::Word(PLACES_3_2)).only(Versions::V3_2),
        note("description", Shape::Text),
        field("required", Shape::Boolean),
        note("deprecated", Shape::Boolean),
        field("allowEmptyValue", Shape::Boolean),
        field("style", Shape::Word(STYLES)),
        field("explode", Shape::Boolean),
        field("allowReserved", Shape::Boolean),
        field("schema", Shape::Schema),
        field("content", content()),
        EXAMPLE_FIELD,
        EXAMPLES_FIELD,
    ],
)
.referable()
.with_rules(&[
    EXAMPLES_RULE,
    rule(Demand::ExactlyOne(&["schema", "content"])),
    rule(Demand::NoneOf(&["style", "explode", "allowReserved"])).when("content", &[]),
    // A path always has all of its parts, whatever is said.
    rule(Demand::True("required")).when("in", &["path"]).mild(),
    rule(Demand::Without("name", &['{', '}'])).when("in", &["path"]),
    rule(Demand::Reads("name", Key::HeaderName)).when("in", &["header"]),
    rule(Demand::OneOf("style", &["matrix", "label", "simple"])).when("in", &["path"]),
    rule(Demand::OneOf("style", &["simple"])).when("in", &["header"]),
    rule(Demand::OneOf("style", &["form", "spaceDelimited", "pipeDelimited", "deepObject"])).when("in", &["query"]),
    rule(Demand::OneOf("style", &["form"])).when("in", &["cookie"]).only(Versions::UNTIL_3_1),
    rule(Demand::OneOf("style", &["form", "cookie"])).when("in", &["cookie"]).only(Versions::V3_2),
    rule(Demand::All(&["content"])).when("in", &["querystring"]),
    rule(Demand::NoneOf(&["allowEmptyValue"]))
        .when("in", &["path", "header", "cookie", "querystring"])
        .only(Versions::FROM_3_1)
        .mild(),
    rule(Demand::NoneOf(&["allowReserved"])).when("in", &["path", "header", "cookie"]).only(Versions::V3_1),
    rule(Demand::NoneOf(&["allowReserved"])).when("in", &["header"]).only(Versions::V3_2),
    rule(Demand::NoneOf(&["allowReserved"])).when("style", &["cookie"]).only(Versions::V3_2),
]);
