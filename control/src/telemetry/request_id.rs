//! What a request is called: in its response, its log lines and its errors.

use std::fmt;
use std::sync::Arc;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

/// The header field that it comes and goes in.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: 1 to 128 letters, digits, `.`, `_` or `-`. In the extensions of every request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The client's, if it sent one that can stand in a log, else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let theirs = headers.get(&X_REQUEST_ID).and_then(|value| value.to_str().ok());
        Self(match theirs.filter(|id| is_sound(id)) {
            Some(id) => id.into(),
            None => return Self::generate(),
        })
    }

    /// A new one, for a request whose head cannot be read.
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn to_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_sound(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_stand_in_a_log_is_taken() {
        let is_taken = |id: &str| {
            let headers = HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap())]);
            RequestId::of(&headers).as_str() == id
        };
        for id in ["a", "A-1_b.c", &"x".repeat(128)] {
            assert!(is_taken(id), "{id}");
        }
        for id in ["", "a b", "a\"b", "\u{e9}", "<script>", &"x".repeat(129)] {
            assert!(!is_taken(id), "{id}");
        }
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}
