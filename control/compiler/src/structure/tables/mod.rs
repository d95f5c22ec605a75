//! The objects of OpenAPI 3.0, 3.1 and 3.2, field by field.
//!
//! What no request can come to touch (info, contact, license, tags, external documentation, links, XML hints,
//! examples, callbacks, webhooks, descriptions) is marked so: its faults are warnings.

mod content;
mod documentation;
mod operation;
mod overlay;
mod parameter;
mod root;
mod schema;
mod security;

pub(crate) use content::{HEADER, MEDIA_TYPE, RESPONSE};
pub(crate) use operation::{OPERATION, PARAMETER_SHAPE};
pub(crate) use overlay::OVERLAY;
pub(crate) use root::OPENAPI;
pub(crate) use schema::{
    DISCRIMINATOR, SCHEMA_3_0, SCHEMA_KEYWORDS, SCHEMA_LIST_KEYWORDS, SCHEMA_MAP_KEYWORDS, SCHEMA_SINCE_3_1,
};
