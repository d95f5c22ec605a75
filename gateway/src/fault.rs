//! Every way in which a request is refused or fails, and the response it gets: problem+json (RFC 9457).
//!
//! The one place that turns an error into a status. `detail` is for the client; what is only for the operator is
//! logged where it happens and never sent.

use bytes::Bytes;
use contract::{Report, Violation};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use thiserror::Error;

use crate::router::PathError;
use crate::upstream::BodyFault;
use crate::worker::FramingFault;

/// Why a request is not answered by its upstream.
#[derive(Debug, Error)]
pub enum Fault {
    /// The message's framing is ambiguous. The connection ends.
    #[error("{0}")]
    Framing(#[from] FramingFault),
    /// `Transfer-Encoding` is anything but `chunked` (RFC 9112 section 6.1). The connection ends.
    #[error("the only transfer coding accepted is `chunked`")]
    TransferCoding,
    /// No `Host`, more than one, or one that is no host (RFC 9112 section 3.2).
    #[error("an HTTP/1.1 request needs exactly one Host header field, with a name or address and perhaps a port")]
    Host,
    /// The path cannot be read.
    #[error("{0}")]
    Path(#[from] PathError),
    /// Path and query are too long.
    #[error("path and query are longer than {limit} bytes")]
    UriTooLong {
        /// The limit, in bytes.
        limit: u16,
    },
    /// No route has this path.
    #[error("no operation has this path")]
    RouteNotFound,
    /// There are no routes yet.
    #[error("nothing was deployed to this gateway yet")]
    NothingDeployed,
    /// Routes have this path, but not with this method.
    #[error("no operation has this path with this method")]
    MethodNotAllowed {
        /// What `Allow` says.
        allow: HeaderValue,
    },
    /// No alternative of the operation's `security` is met.
    #[error("the request lacks the credentials that this operation needs")]
    CredentialsMissing {
        /// What `WWW-Authenticate` says.
        challenges: Box<[HeaderValue]>,
    },
    /// The body is longer than the limit.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The client stopped sending the body.
    #[error("the body stopped coming")]
    BodyTimeout,
    /// More header fields than the limit.
    #[error("the request has more than {limit} header fields")]
    TooManyHeaders {
        /// The limit.
        limit: u16,
    },
    /// The body broke off, or is not what its framing says.
    #[error("the body could not be read")]
    BodyUnreadable,
    /// The request is not what its operation asks for.
    #[error("the request is not what this operation asks for: see `errors`")]
    Invalid {
        /// 400, or 422 where only what the body says is wrong and nobody chose otherwise.
        status: StatusCode,
        /// What is wrong.
        report: Box<Report>,
    },
    /// The body is of a media type that the operation does not take (RFC 9110 section 15.5.16).
    #[error("{why}")]
    MediaType {
        /// What is wrong with it.
        why: String,
        /// What `Accept` says: the ones that it takes.
        accept: HeaderValue,
    },
    /// The body has a content coding and must be judged.
    #[error("the body of this operation is judged and must come without a content coding")]
    ContentCoding,
    /// The upstream's response is not what the description promises, and that is enforced.
    #[error("the upstream's response is not what the description promises")]
    UpstreamContract,
    /// No connection to the upstream.
    #[error("the upstream cannot be reached")]
    UpstreamUnreachable,
    /// The connection took too long.
    #[error("connecting to the upstream took too long")]
    UpstreamConnectTimeout,
    /// The response took too long.
    #[error("the upstream took too long to answer")]
    UpstreamTimeout,
    /// The upstream broke the connection or the protocol.
    #[error("the upstream did not answer in HTTP")]
    UpstreamProtocol,
}

/// What a fault is called, in a word and in a sentence, and its status.
struct Name {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
}

#[derive(Serialize)]
struct Problem<'p> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    instance: String,
    request_id: &'p str,
    /// What is wrong with the request, as far as it is known; left out where that is said by `detail`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'p [Violation],
    /// More is wrong than `errors` has room for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    errors_truncated: bool,
}

impl Fault {
    /// What is wrong with a body that may be so long, in bytes.
    pub fn of_body(fault: BodyFault, limit: u64) -> Self {
        match fault {
            BodyFault::TooLarge => Self::BodyTooLarge { limit },
            BodyFault::Unreadable | BodyFault::Refused => Self::BodyUnreadable,
            BodyFault::Stalled => Self::BodyTimeout,
        }
    }

    fn name(&self) -> Name {
        let (status, code, title) = match self {
            Self::Framing(_) => (StatusCode::BAD_REQUEST, "ambiguous-framing", "Ambiguous message framing"),
            Self::TransferCoding => (StatusCode::NOT_IMPLEMENTED, "transfer-coding", "Unknown transfer coding"),
            Self::Host => (StatusCode::BAD_REQUEST, "host", "Bad Host header field"),
            Self::Path(_) => (StatusCode::BAD_REQUEST, "bad-path", "Unreadable path"),
            Self::UriTooLong { .. } => (StatusCode::URI_TOO_LONG, "uri-too-long", "URI too long"),
            Self::RouteNotFound => (StatusCode::NOT_FOUND, "route-not-found", "No such path"),
            Self::NothingDeployed => (StatusCode::SERVICE_UNAVAILABLE, "nothing-deployed", "Nothing deployed yet"),
            Self::MethodNotAllowed { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "No such method on this path")
            }
            Self::CredentialsMissing { .. } => {
                (StatusCode::UNAUTHORIZED, "credentials-missing", "Credentials are missing")
            }
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large"),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body-timeout", "Body stopped coming"),
            Self::TooManyHeaders { .. } => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too-many-headers", "Too many header fields")
            }
            Self::BodyUnreadable => (StatusCode::BAD_REQUEST, "body-unreadable", "Unreadable body"),
            Self::Invalid { status: StatusCode::UNPROCESSABLE_ENTITY, .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", "Invalid body")
            }
            Self::Invalid { status, .. } => (*status, "invalid-request", "Invalid request"),
            Self::MediaType { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type")
            }
            Self::ContentCoding => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-content-coding", "Unsupported content coding")
            }
            Self::UpstreamContract => (StatusCode::BAD_GATEWAY, "upstream-contract", "The upstream broke its contract"),
            Self::UpstreamUnreachable => (StatusCode::BAD_GATEWAY, "upstream-unreachable", "Upstream unreachable"),
            Self::UpstreamConnectTimeout => {
                (StatusCode::GATEWAY_TIMEOUT, "upstream-connect-timeout", "Upstream connection timed out")
            }
            Self::UpstreamTimeout => (StatusCode::GATEWAY_TIMEOUT, "upstream-timeout", "Upstream timed out"),
            Self::UpstreamProtocol => (StatusCode::BAD_GATEWAY, "upstream-protocol", "Upstream protocol error"),
        };
        Name { status, code, title }
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.name().status
    }

    /// A name that stays the same.
    pub fn code(&self) -> &'static str {
        self.name().code
    }

    /// The response.
    pub fn response(&self, request_id: &HeaderValue) -> Response<Bytes> {
        let Name { status, code, title } = self.name();
        let (errors, errors_truncated) = match self {
            Self::Invalid { report, .. } => (report.violations(), report.is_truncated()),
            _ => Default::default(),
        };
        let request_id = request_id.to_str().unwrap_or_default();
        let problem = Problem {
            r#type: format!("urn:portcullis:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: self.to_string(),
            code,
            instance: format!("urn:portcullis:request:{request_id}"),
            request_id,
            errors,
            errors_truncated,
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::MethodNotAllowed { allow } => {
                headers.insert(ALLOW, allow.clone());
            }
            Self::NothingDeployed => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            Self::CredentialsMissing { challenges } => {
                for challenge in challenges {
                    headers.append(WWW_AUTHENTICATE, challenge.clone());
                }
            }
            Self::MediaType { accept, .. } => {
                headers.insert(ACCEPT, accept.clone());
            }
            Self::ContentCoding => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            // Where this request ends, or whether its sender means what it says, cannot be told.
            Self::Framing(_)
            | Self::TransferCoding
            | Self::Host
            | Self::Path(_)
            | Self::UriTooLong { .. }
            | Self::TooManyHeaders { .. }
            | Self::BodyTooLarge { .. }
            | Self::BodyTimeout
            | Self::BodyUnreadable => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::RouteNotFound
            | Self::Invalid { .. }
            | Self::UpstreamContract
            | Self::UpstreamUnreachable
            | Self::UpstreamConnectTimeout
            | Self::UpstreamTimeout
            | Self::UpstreamProtocol => {}
        }
        response
    }
}
