//! Parameters of an operation (OpenAPI 3.2.0 section 4.12).

use serde::{Deserialize, Serialize};

use super::SchemaId;

/// One parameter. Unique in its operation by name and location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// As the document writes it. Header names compare without regard to case.
    pub name: String,
    /// Where it stands.
    pub location: Location,
    /// Always true in a path.
    pub required: bool,
    /// `allowEmptyValue`: only meaningful in a query.
    pub allow_empty: bool,
    /// How its value is written, and what the value may be.
    pub encoding: ParameterEncoding,
}

/// `in`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Location {
    /// In the path.
    Path,
    /// A query parameter.
    Query,
    /// The whole query string as one value (OpenAPI 3.2).
    Querystring,
    /// A header field.
    Header,
    /// A cookie.
    Cookie,
}

/// How a parameter's value is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterEncoding {
    /// By `style` and `explode`.
    Style {
        /// The style, with the location's default filled in.
        style: Style,
        /// `explode`, with the style's default filled in.
        explode: bool,
        /// `allowReserved`.
        allow_reserved: bool,
        /// `schema`; absent means anything.
        schema: Option<SchemaId>,
    },
    /// By a media type: `content`.
    Content {
        /// The one media type.
        media_type: String,
        /// Its schema; absent means anything.
        schema: Option<SchemaId>,
    },
}

/// `style` (OpenAPI 3.2.0 section 4.12.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Style {
    /// `;name=value`, in a path.
    Matrix,
    /// `.value`, in a path.
    Label,
    /// Comma-separated; the default of paths and headers.
    Simple,
    /// `name=value`; the default of queries and cookies.
    Form,
    /// Values separated by `%20`.
    SpaceDelimited,
    /// Values separated by `|`.
    PipeDelimited,
    /// `name[key]=value`.
    DeepObject,
    /// `name=value; name=value`, in cookies (OpenAPI 3.2).
    Cookie,
}
