//! The OpenAPI objects that have a schema: parameters, headers, media types.

use artifact_format::model::{SchemaId, Style};
use contract::media::MediaType;

use crate::document::Node;
use crate::schema::Purpose;

/// An object that has a schema, and may have examples of it.
pub(crate) struct Holder<'d> {
    pub(crate) node: Node<'d>,
    /// What its schema is read for.
    pub(crate) purpose: Purpose,
    pub(crate) schema: SchemaId,
    pub(crate) written: Written,
}

/// How its values are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// As a parameter or a header: by a style, exploded or not.
    Style(Style, bool),
    /// In a media type, or one of a range.
    Media(String),
}

impl Written {
    /// Whether a value that is written so looks as it is in JSON: where it does not, a string may stand for it
    /// (OpenAPI 3.1.1 section 4.8.14.2).
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::Style(..) => true,
            Self::Media(range) => MediaType::parse(range).is_ok_and(|media| media.is_json() || media.is_text()),
        }
    }
}
