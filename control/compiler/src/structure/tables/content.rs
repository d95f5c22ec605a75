//! Bodies: media types, their encodings, responses and headers.

use super::documentation::LINK;
use super::parameter::{EXAMPLE_FIELD, EXAMPLES_FIELD, EXAMPLES_RULE, content};
use crate::document::Version;
use crate::structure::grammar::{Demand, Field, Key, Object, Reference, Rule, Shape, Versions, field, note, rule};

pub(crate) static MEDIA_TYPE: Object = Object::new(
    "Media Type Object",
    &[
        note("description", Shape::Text).only(Versions::V3_2),
        field("schema", Shape::Schema),
        field("itemSchema", Shape::Schema).only(Versions::V3_2),
        EXAMPLE_FIELD,
        EXAMPLES_FIELD,
        encoding(),
        prefix_encoding(),
        item_encoding(),
    ],
)
.with_reference(Reference::Instead(Version::V3_2))
.with_rules(&[EXAMPLES_RULE, NO_PREFIX, NO_ITEM]);

static ENCODING_SHAPE: Shape = Shape::Object(&ENCODING);

const fn encoding() -> Field {
    field("encoding", Shape::Map(Key::Any, &ENCODING_SHAPE))
}

const fn prefix_encoding() -> Field {
    field("prefixEncoding", Shape::List(&ENCODING_SHAPE)).only(Versions::V3_2)
}

const fn item_encoding() -> Field {
    field("itemEncoding", Shape::Object(&ENCODING)).only(Versions::V3_2)
}

const NO_PREFIX: Rule = rule(Demand::AtMostOne(&["encoding", "prefixEncoding"])).only(Versions::V3_2);
const NO_ITEM: Rule = rule(Demand::AtMostOne(&["encoding", "itemEncoding"])).only(Versions::V3_2);

static ENCODING: Object = Object::new(
    "Encoding Object",
    &[
        field("contentType", Shape::Text),
        headers(),
        field("style", Shape::Word(&["form", "spaceDelimited", "pipeDelimited", "deepObject"])),
        field("explode", Shape::Boolean),
        field("allowReserved", Shape::Boolean),
        encoding().only(Versions::V3_2),
        prefix_encoding(),
        item_encoding(),
    ],
)
.with_rules(&[NO_PREFIX, NO_ITEM]);

static HEADER_SHAPE: Shape = Shape::Object(&HEADER);

const fn headers() -> Field {
    field("headers", Shape::Map(Key::HeaderName, &HEADER_SHAPE))
}

pub(crate) static HEADER: Object = Object::new(
    "Header Object",
    &[
        note("description", Shape::Text),
        field("required", Shape::Boolean),
        note("deprecated", Shape::Boolean),
        field("style", Shape::Word(&["simple"])),
        field("explode", Shape::Boolean),
        field("allowEmptyValue", Shape::Boolean).only(Versions::V3_0),
        field("allowReserved", Shape::Boolean).only(Versions::V3_0),
        field("schema", Shape::Schema),
        field("content", content()),
        EXAMPLE_FIELD,
        EXAMPLES_FIELD,
    ],
)
.referable()
.with_rules(&[EXAMPLES_RULE, rule(Demand::ExactlyOne(&["schema", "content"]))]);

pub(crate) static RESPONSE: Object = Object::new(
    "Response Object",
    &[
        note("summary", Shape::Text).only(Versions::V3_2),
        note("description", Shape::Text).required_in(Versions::UNTIL_3_1),
        headers(),
        field("content", content()),
        note("links", Shape::Map(Key::Any, &Shape::Object(&LINK))),
    ],
)
.referable();
