//! Request bodies and responses.

use serde::{Deserialize, Serialize};

use super::{SchemaId, Style};

/// What may be sent (OpenAPI 3.2.0 section 4.13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestBody {
    /// Whether there must be one.
    pub required: bool,
    /// By media type, most specific first.
    pub content: Vec<MediaType>,
}

/// One entry of a `content` map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaType {
    /// A media type or range, such as `application/json` or `text/*`, in lower case but for parameters.
    pub range: String,
    /// What the whole must be; absent means anything.
    pub schema: Option<SchemaId>,
    /// What each item of a sequence must be (OpenAPI 3.2).
    pub item_schema: Option<SchemaId>,
    /// How the properties of a form are written.
    pub encoding: Vec<PropertyEncoding>,
}

/// How one property of a form or multipart body is written (OpenAPI 3.2.0 section 4.15).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyEncoding {
    /// The property.
    pub property: String,
    /// `contentType`: media types and ranges.
    pub content_types: Vec<String>,
    /// Headers of its part.
    pub headers: Vec<Header>,
    /// `style`; absent where `contentType` governs.
    pub style: Option<Style>,
    /// `explode`; absent where `contentType` governs.
    pub explode: Option<bool>,
    /// `allowReserved`.
    pub allow_reserved: bool,
}

/// A header of a response or of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    /// Whether it must be there.
    pub required: bool,
    /// `explode`.
    pub explode: bool,
    /// What it must be; absent means anything.
    pub schema: Option<SchemaId>,
}

/// What may come back (OpenAPI 3.2.0 section 4.17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// For which statuses.
    pub status: StatusPattern,
    /// Declared headers, `Content-Type` left out.
    pub headers: Vec<Header>,
    /// By media type, most specific first.
    pub content: Vec<MediaType>,
}

/// A key of a `responses` map. More specific sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StatusPattern {
    /// One code, such as `404`.
    Code(u16),
    /// A class, such as `4XX`, by its first digit.
    Class(u8),
    /// `default`.
    Default,
}
