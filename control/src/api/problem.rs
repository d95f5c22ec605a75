//! Problem details (RFC 9457): the one place where errors become responses.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::domain::error::{Error, Fault};
use crate::telemetry::RequestId;
use crate::upload;

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $status:ident, $text:literal, $title:literal;)+) => {
        /// Why a request was refused. The text never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {$($(#[$meta])* $name,)+}

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The text that programs compare.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// The text that people read.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                }
            }

            /// The status that goes with it.
            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)+
                }
            }
        }
    };
}

codes! {
    /// It cannot be read as what it is said to be.
    Malformed = BAD_REQUEST, "malformed", "The request cannot be read";
    /// A parameter is wrong.
    InvalidParameter = BAD_REQUEST, "invalid-parameter", "A parameter is wrong";
    /// No credential, or one that is not known, has expired or was revoked: nobody is told which.
    Unauthenticated = UNAUTHORIZED, "unauthenticated", "A valid credential is needed";
    /// The credential is known and does not allow it.
    Forbidden = FORBIDDEN, "forbidden", "The credential does not allow this";
    /// Not there, or not within reach.
    NotFound = NOT_FOUND, "not-found", "There is no such thing";
    /// No route has this path.
    NoSuchRoute = NOT_FOUND, "no-such-route", "There is nothing at this path";
    /// The path has no such method.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "This path does not take this method";
    /// There is one of that name.
    NameTaken = CONFLICT, "name-taken", "The name is taken";
    /// What is there does not allow it.
    Conflict = CONFLICT, "conflict", "What is there does not allow this";
    /// It was taken back, and whoever asks is no person.
    Pinned = CONFLICT, "pinned", "This was taken back, and is pinned";
    /// Changed in between.
    Stale = PRECONDITION_FAILED, "stale", "It was changed in between";
    /// A change without `If-Match`.
    PreconditionRequired = PRECONDITION_REQUIRED, "precondition-required", "Say which state the change is meant for";
    /// A request with the same `Idempotency-Key` is under way.
    InProgress = CONFLICT, "in-progress", "The same request is under way";
    /// It was done, and what it answered is not kept: it held a secret.
    AnswerNotKept = CONFLICT, "answer-not-kept", "This was done, and what it answered is not kept";
    /// The same `Idempotency-Key` came with another request.
    KeyReused = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "This key belongs to another request";
    /// Another protocol has to be spoken here.
    UpgradeRequired = UPGRADE_REQUIRED, "upgrade-required", "Another protocol is spoken here";
    /// The body is too large.
    TooLarge = PAYLOAD_TOO_LARGE, "too-large", "The body is too large";
    /// The body did not come in time.
    TooSlow = REQUEST_TIMEOUT, "too-slow", "The body did not come in time";
    /// The part that is asked for is not there.
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "There is no such part";
    /// The body's media type is not taken here.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "This media type is not taken here";
    /// It can be read, and cannot be meant.
    Invalid = UNPROCESSABLE_ENTITY, "invalid", "What was given cannot be meant";
    /// Too many requests.
    RateLimited = TOO_MANY_REQUESTS, "rate-limited", "Too many requests";
    /// More builds of a project wait than may.
    QueueFull = TOO_MANY_REQUESTS, "queue-full", "Too many builds are waiting";
    /// A bug, or what is stored is damaged.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Something went wrong here";
    /// A change was to be made, and the database did not say whether it has been.
    OutcomeUnknown = INTERNAL_SERVER_ERROR, "outcome-unknown", "Nobody knows whether this was done";
    /// More is under way than there is memory for.
    Busy = SERVICE_UNAVAILABLE, "busy", "Too much is under way";
    /// Something that is needed is away.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "Something that is needed is away";
}

/// A refusal.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    retry_after_seconds: Option<u64>,
    sent: Box<Sent>,
}

/// A refusal, as it is sent.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct Sent {
    /// `about:blank`: the code says what kind it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// For people, the same for every problem of the code.
    title: &'static str,
    /// The status of the response.
    status: u16,
    /// What is wrong, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// For programs; never changes.
    code: &'static str,
    /// Finds the request in logs and in the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Each thing that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

impl Problem {
    /// A refusal.
    pub fn new(code: Code) -> Self {
        let sent = Sent {
            kind: "about:blank",
            title: code.title(),
            status: code.status().as_u16(),
            detail: None,
            code: code.as_str(),
            request_id: None,
            errors: Vec::new(),
        };
        Self { code, retry_after_seconds: None, sent: Box::new(sent) }
    }

    /// No credential that is good for anything.
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated).detail(
            "send `Authorization: Bearer TOKEN` with a token that is known, has not expired and was not revoked",
        )
    }

    /// Too much of something is under way.
    pub fn busy(what: &str) -> Self {
        Self::new(Code::Busy).detail(format!("{what}: try again in a few seconds")).retry_after(5)
    }

    /// What is wrong, and what to do.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.sent.detail = Some(detail.into());
        self
    }

    /// Each thing that is wrong.
    #[must_use]
    pub fn errors(mut self, errors: Vec<Fault>) -> Self {
        self.sent.errors = errors;
        self
    }

    /// When to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Which request it was.
    #[must_use]
    pub fn of_request(mut self, id: &str) -> Self {
        self.sent.request_id = Some(id.to_owned());
        self
    }

    /// Why.
    pub fn code(&self) -> Code {
        self.code
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::new(Code::NotFound).detail(detail),
            Error::NameTaken { .. } => Self::new(Code::NameTaken).detail(detail),
            Error::Conflict(_) => Self::new(Code::Conflict).detail(detail),
            Error::QueueFull { .. } => Self::new(Code::QueueFull).detail(detail).retry_after(10),
            Error::Pinned(_) => Self::new(Code::Pinned).detail(detail),
            Error::Stale { .. } => Self::new(Code::Stale).detail(detail),
            Error::Invalid(faults) => Self::new(Code::Invalid).detail(detail).errors(faults),
            Error::MissingScope(_) => Self::new(Code::Forbidden).detail(detail),
            Error::Unavailable { dependency, source } => {
                tracing::error!(%dependency, error = %source, "a dependency failed");
                Self::new(Code::Unavailable).detail(detail).retry_after(1)
            }
            Error::Refused(source) => {
                tracing::error!(error = %source, "the database does not do what it was asked");
                Self::new(Code::Unavailable).detail(detail).retry_after(1)
            }
            Error::Unsettled(source) => {
                tracing::error!(error = %source, "a change may have been made, or not");
                // Not to be asked for again without a look: no `Retry-After`.
                Self::new(Code::OutcomeUnknown).detail(detail)
            }
            Error::Damaged(noun) => {
                tracing::error!(%noun, "what is stored cannot be read");
                Self::new(Code::Internal).detail(detail)
            }
        }
    }
}

impl From<upload::Error> for Problem {
    fn from(error: upload::Error) -> Self {
        let code = match &error {
            upload::Error::UploadTooLarge
            | upload::Error::FileTooLarge { .. }
            | upload::Error::TotalTooLarge { .. }
            | upload::Error::TooManyFiles
            | upload::Error::Ratio { .. } => Code::TooLarge,
            upload::Error::Unnamed | upload::Error::ContentType { .. } => Code::UnsupportedMediaType,
            upload::Error::Archive { .. } | upload::Error::Member { .. } => Code::Malformed,
            upload::Error::Path { .. }
            | upload::Error::NameTaken { .. }
            | upload::Error::NestedArchive { .. }
            | upload::Error::NotADocument { .. }
            | upload::Error::NoDocument
            | upload::Error::EntryMissing { .. }
            | upload::Error::NoEntry
            | upload::Error::Ambiguous { .. }
            | upload::Error::Link { .. }
            | upload::Error::Encrypted { .. } => Code::Invalid,
        };
        Self::new(code).detail(error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        // Strings and numbers: it cannot fail.
        let body = serde_json::to_vec(&self.sent).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer, Basic realm=\"portcullis\""));
        }
        if status == StatusCode::UPGRADE_REQUIRED {
            // RFC 9110 section 15.5.22.
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For the layers that write the access log and the audit log.
        response.extensions_mut().insert(self);
        response
    }
}

/// Tells a refusal which request it is about: its `request_id`.
pub async fn name_request(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    let named = id.zip(response.extensions().get::<Problem>().cloned());
    let Some((id, problem)) = named else { return response };
    let (parts, _) = response.into_parts();
    let mut named = problem.of_request(id.as_str()).into_response();
    // What layers in between added stays.
    parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value))).for_each(|(name, value)| {
        named.headers_mut().entry(name).or_insert(value);
    });
    named.headers_mut().remove(CONTENT_LENGTH);
    named
}

/// What a path without a route answers.
pub async fn no_such_route(method: http::Method, uri: http::Uri) -> Problem {
    Problem::new(Code::NoSuchRoute).detail(format!("nothing answers {method} {}", uri.path()))
}

/// What a path answers that has other methods.
pub async fn no_such_method(method: http::Method, uri: http::Uri) -> Problem {
    Problem::new(Code::MethodNotAllowed).detail(format!("{} does not take {method}", uri.path()))
}
