//! What requests say, read strictly: what cannot be read is refused with its place.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, OptionalFromRequestParts, Request};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};
use super::wording;
use crate::domain::error::Fault;
use crate::domain::name::Name;
use crate::domain::page::{Cursor, LIMIT_DEFAULT, LIMIT_MAX, PageRequest};
use crate::domain::version::{Expected, Version};

/// The largest JSON body, in bytes. Uploads have limits of their own.
pub const JSON_MAX_BYTES: usize = 1 << 20;

/// The longest step of a pointer into a body that a refusal names, in bytes.
const STEP_MAX_BYTES: usize = 128;

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        let body = Bytes::from_request(request, state).await.map_err(unread)?;
        let mut reader = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| misread(&error))?;
        reader.end().map_err(|error| not_json_text(&error))?;
        Ok(Self(value))
    }
}

/// A body that may be absent: without a `Content-Type` there is none.
impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.headers().contains_key(CONTENT_TYPE) {
            return <Self as FromRequest<S>>::from_request(request, state).await.map(Some);
        }
        let body = Bytes::from_request(request, state).await.map_err(unread)?;
        if body.is_empty() { Ok(None) } else { Err(not_json()) }
    }
}

fn not_json() -> Problem {
    Problem::new(Code::UnsupportedMediaType).detail("send `Content-Type: application/json`")
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unread(rejection: BytesRejection) -> Problem {
    if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Code::TooLarge).detail(format!("the body has more than {JSON_MAX_BYTES} bytes"))
    } else {
        Problem::new(Code::Malformed).detail("the body did not arrive whole")
    }
}

fn not_json_text(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    Problem::new(Code::Malformed).detail(format!("the body is not JSON (RFC 8259): line {line}, column {column}"))
}

fn misread(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    use serde_path_to_error::Segment;
    let inner = error.inner();
    if inner.is_syntax() || inner.is_eof() {
        return not_json_text(inner);
    }
    // A name of any length leads nowhere that a person would look.
    let known = error.path().iter().take_while(|segment| match segment {
        Segment::Map { key } => key.len() <= STEP_MAX_BYTES,
        Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => true,
    });
    let pointer = known.fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => pointer,
    });
    let fault = Fault { pointer, message: wording::of_json(inner) };
    Problem::new(Code::Invalid).detail("the body is not what this takes").errors(vec![fault])
}

/// The parameters in the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await;
        // An id that cannot be one is an id that there is not.
        read.map(|path| Self(path.0)).map_err(|_| {
            Problem::new(Code::NotFound).detail("there is no such thing: what stands in its place in the path is no id")
        })
    }
}

/// The parameters in the query. One that is not known is refused: it was meant for something.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|query| Self(query.0))
            .map_err(|error: QueryRejection| invalid_parameter(wording::of_query(&error.body_text())))
    }
}

/// A parameter is wrong.
pub fn invalid_parameter(detail: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidParameter).detail(detail)
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many things the page has at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u16>,
}

impl Paging {
    /// What it asks for.
    pub fn request(&self) -> Result<PageRequest, Problem> {
        let after = self.cursor.as_deref().map(Cursor::parse).transpose();
        let after = after.map_err(|error| invalid_parameter(format!("cursor: {error}")))?;
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if (1..=LIMIT_MAX).contains(&limit) {
            Ok(PageRequest { after, limit, name: None })
        } else {
            Err(invalid_parameter(format!("limit: 1 to {LIMIT_MAX}, not {limit}")))
        }
    }
}

/// Which page of a list of things that have names.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NamedPaging {
    /// Only what is called exactly this.
    pub name: Option<Name>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many things the page has at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u16>,
}

impl NamedPaging {
    /// What it asks for.
    pub fn request(self) -> Result<PageRequest, Problem> {
        let page = Paging { cursor: self.cursor, limit: self.limit }.request()?;
        Ok(PageRequest { name: self.name, ..page })
    }
}

/// The state that a change is meant for: `If-Match` (RFC 9110 section 13.1.1) with one strong tag, or `*`.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Expected);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let given = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        given.ok_or_else(|| {
            let detail = "send `If-Match` with the `ETag` of what you read, or `*`";
            Problem::new(Code::PreconditionRequired).detail(detail)
        })
    }
}

/// Where it need not be said.
impl<S: Send + Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let Some(value) = parts.headers.get(IF_MATCH) else { return Ok(None) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Some(Self(Expected::Any)));
        }
        let tag = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let version = tag.and_then(|tag| tag.parse().ok());
        let wrong = || invalid_parameter("If-Match: give the `ETag` of what you read as it was, such as \"3\", or `*`");
        Ok(Some(Self(Expected::Exactly(Version(version.ok_or_else(wrong)?)))))
    }
}

/// Reads a parameter that is text.
pub fn parse<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| invalid_parameter(wording::bounded(&format!("{name}: {error}"))))
}
