//! Request paths, which are not path templates: these have values.

use thiserror::Error;

/// The path of a request, split and decoded once (RFC 3986 sections 2.4 and 3.3).
///
/// Split happens on the raw `/`, so an encoded one (`%2F`) stays data. Empty segments are kept: `//` is never
/// merged and a trailing slash is significant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPath {
    segments: Vec<PathSegment>,
}

/// What stands between two slashes of a request's path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PathSegment {
    /// Where it stands in the raw path.
    start: u32,
    end: u32,
    /// Its other spellings, where it has any.
    escaped: Option<Box<Escaped>>,
}

/// The spellings of a segment that holds percent-escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Escaped {
    /// Every escape decoded: what a literal of a template is compared with.
    decoded: String,
    /// Only escapes of unreserved characters decoded (RFC 3986 section 6.2.2.2): what delimiters are looked for in.
    normalised: String,
}

/// Why a path is refused with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathError {
    /// Not a path: `*`, an authority, or nothing.
    #[error("the request target is not a path")]
    NotAPath,
    /// `%` without two hexadecimal digits.
    #[error("the path holds a `%` that is not followed by two hexadecimal digits")]
    BadEscape,
    /// Escapes that are not UTF-8.
    #[error("the path is not UTF-8 once decoded")]
    NotUtf8,
    /// U+0000.
    #[error("the path holds a NUL character")]
    Nul,
    /// `.` or `..`, also when encoded.
    #[error("the path holds a dot segment; resolve it before sending")]
    DotSegment,
}

impl RequestPath {
    /// Splits and decodes a raw path.
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        let rest = raw.strip_prefix('/').ok_or(PathError::NotAPath)?;
        let mut segments = Vec::new();
        let mut start = 1;
        for text in rest.split('/') {
            let end = start + text.len();
            segments.push(PathSegment::parse(text, start, end)?);
            start = end + 1;
        }
        Ok(Self { segments })
    }

    /// How many segments there are; at least one.
    pub fn count(&self) -> usize {
        self.segments.len()
    }

    /// A segment with every escape decoded. `raw` is the path this was parsed from.
    pub fn decoded<'a>(&'a self, raw: &'a str, index: usize) -> &'a str {
        let segment = &self.segments[index];
        segment.escaped.as_deref().map_or_else(|| segment.raw(raw), |escaped| &escaped.decoded)
    }

    /// A segment with only escapes of unreserved characters decoded. `raw` is the path this was parsed from.
    pub fn normalised<'a>(&'a self, raw: &'a str, index: usize) -> &'a str {
        let segment = &self.segments[index];
        segment.escaped.as_deref().map_or_else(|| segment.raw(raw), |escaped| &escaped.normalised)
    }

    /// Where in the raw path the segment at `index` begins, its slash included; the path's length past the last.
    pub fn offset(&self, raw: &str, index: usize) -> usize {
        self.segments.get(index).map_or(raw.len(), |segment| segment.start as usize - 1)
    }
}

impl PathSegment {
    fn parse(text: &str, start: usize, end: usize) -> Result<Self, PathError> {
        let escaped =
            if memchr::memchr(b'%', text.as_bytes()).is_some() { Some(Box::new(Escaped::parse(text)?)) } else { None };
        let decoded = escaped.as_deref().map_or(text, |escaped| &escaped.decoded);
        if matches!(decoded, "." | "..") {
            return Err(PathError::DotSegment);
        }
        let position = |offset| u32::try_from(offset).map_err(|_| PathError::NotAPath);
        Ok(Self { start: position(start)?, end: position(end)?, escaped })
    }

    fn raw<'a>(&self, raw: &'a str) -> &'a str {
        &raw[self.start as usize..self.end as usize]
    }
}

impl Escaped {
    fn parse(text: &str) -> Result<Self, PathError> {
        let mut decoded = Vec::with_capacity(text.len());
        let mut normalised = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            if *first != b'%' {
                decoded.push(*first);
                normalised.push(*first);
                rest = tail;
                continue;
            }
            let [high, low, tail @ ..] = tail else { return Err(PathError::BadEscape) };
            let byte = hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low).ok_or(PathError::BadEscape)?;
            if byte == 0 {
                return Err(PathError::Nul);
            }
            decoded.push(byte);
            if is_unreserved(byte) {
                normalised.push(byte);
            } else {
                normalised.extend_from_slice(&[b'%', *high, *low]);
            }
            rest = tail;
        }
        let text = |bytes| String::from_utf8(bytes).map_err(|_| PathError::NotUtf8);
        Ok(Self { decoded: text(decoded)?, normalised: text(normalised)? })
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: Result<&[&str], PathError>) {
        let parsed = RequestPath::parse(raw);
        let decoded =
            parsed.map(|path| (0..path.count()).map(|index| path.decoded(raw, index).to_owned()).collect::<Vec<_>>());
        assert_eq!(decoded, expected.map(|segments| segments.iter().map(|&s| s.to_owned()).collect()), "{raw}");
    }

    #[test]
    fn splits_before_it_decodes() {
        check("/", Ok(&[""]));
        check("/a/b", Ok(&["a", "b"]));
        check("/a//b/", Ok(&["a", "", "b", ""]));
        check("/a%2Fb/c", Ok(&["a/b", "c"]));
        check("/u/m%65", Ok(&["u", "me"]));
        check("/a+b/%C3%A9", Ok(&["a+b", "é"]));
        check("/.../.a/a.", Ok(&["...", ".a", "a."]));
    }

    #[test]
    fn refuses_what_others_might_read_differently() {
        for raw in ["/.", "/..", "/a/../b", "/%2e%2E", "/a/%2e"] {
            check(raw, Err(PathError::DotSegment));
        }
        for raw in ["/%", "/%4", "/%zz", "/a%2"] {
            check(raw, Err(PathError::BadEscape));
        }
        check("/%00", Err(PathError::Nul));
        check("/%ff", Err(PathError::NotUtf8));
        check("*", Err(PathError::NotAPath));
        check("", Err(PathError::NotAPath));
    }

    #[test]
    fn normalises_only_unreserved_characters() {
        let raw = "/%41%2e%3Ab";
        assert_eq!(RequestPath::parse(raw).unwrap().normalised(raw, 0), "A.%3Ab");
    }

    #[test]
    fn knows_where_segments_begin() {
        let raw = "/v3/pets/7";
        let path = RequestPath::parse(raw).unwrap();
        assert_eq!(&raw[path.offset(raw, 1)..], "/pets/7");
        assert_eq!(&raw[path.offset(raw, 3)..], "");
    }
}
