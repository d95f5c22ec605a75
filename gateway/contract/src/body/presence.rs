//! Whether there is a body.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// Whether a message has a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// There is none.
    Absent,
    /// There is one, which may be empty.
    Present,
}

/// Whether there must be a body: `required` of a Request Body Object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// There may be none.
    Optional,
    /// There must be one.
    Required,
}

impl Presence {
    /// Whether there is a body of `length_bytes`: `Some(0)` where the framing says that nothing follows (no framing,
    /// `Content-Length: 0`, or `END_STREAM` with the header), `None` where the framing does not say.
    ///
    /// Nothing is an absent body (RFC 9112 section 6.3); only where there must be one, and a `Content-Type` says of
    /// which type, it is an empty text of that type. A body whose length is not known beforehand is there, even if it
    /// turns out to be empty.
    pub fn of(header: &HeaderMap, length_bytes: Option<u64>, need: Need) -> Self {
        let is_typed = need == Need::Required && header.contains_key(CONTENT_TYPE);
        if length_bytes == Some(0) && !is_typed { Self::Absent } else { Self::Present }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn nothing_is_absent() {
        let bare = HeaderMap::new();
        let typed = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
        for (header, length_bytes, need, expected) in [
            (&bare, Some(0), Need::Optional, Presence::Absent),
            (&bare, Some(0), Need::Required, Presence::Absent),
            (&typed, Some(0), Need::Optional, Presence::Absent),
            (&typed, Some(0), Need::Required, Presence::Present),
            (&bare, None, Need::Optional, Presence::Present),
            (&bare, Some(1), Need::Optional, Presence::Present),
        ] {
            assert_eq!(Presence::of(header, length_bytes, need), expected, "{header:?} {length_bytes:?} {need:?}");
        }
    }
}
