//! Media types: what a `Content-Type` says, and what a description says about it.

mod parameters;
mod range;

use std::fmt;

use thiserror::Error;

pub use parameters::{Parameters, Written};
pub use range::{Charset, Range};

/// A media type (RFC 9110 section 8.3.1), borrowed from the text it was read from.
///
/// Type, subtype and the names of parameters compare without regard to case.
#[derive(Debug, Clone, Copy)]
pub struct MediaType<'t> {
    kind: &'t str,
    subtype: &'t str,
    parameters: Parameters<'t>,
}

/// A type of which each value is a sequence of JSON texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// Each after a record separator (RFC 7464).
    Records,
    /// Each on a line of its own (JSON Lines, NDJSON).
    Lines,
}

/// Why a text is not a media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// Not `type/subtype`.
    #[error("a media type is `type/subtype`")]
    Type,
    /// What follows is not a list of `; name=value`.
    #[error("a parameter of a media type is `; name=value`, the value a token or quoted")]
    Parameter,
    /// A parameter is there twice (RFC 6838 section 4.3).
    #[error("a parameter of a media type may be there once")]
    Repeated,
    /// There are more than [`Parameters::MAX`].
    #[error("a media type may have at most {} parameters", Parameters::MAX)]
    TooMany,
}

impl<'t> MediaType<'t> {
    /// What a body without a `Content-Type` is (RFC 9110 section 8.3).
    pub const UNKNOWN: MediaType<'static> =
        MediaType { kind: "application", subtype: "octet-stream", parameters: Parameters::NONE };

    /// What a part of a form without a `Content-Type` is (RFC 7578 section 4.4).
    pub const TEXT: MediaType<'static> = MediaType { kind: "text", subtype: "plain", parameters: Parameters::NONE };

    /// Reads the value of a `Content-Type`. White space around it and around `;` is passed over.
    pub fn parse(text: &'t str) -> Result<Self, Error> {
        let text = text.trim_matches([' ', '\t']);
        let (essence, parameters) = text.split_at(text.find(';').unwrap_or(text.len()));
        let (kind, subtype) = essence.trim_end_matches([' ', '\t']).split_once('/').ok_or(Error::Type)?;
        if !is_token(kind) || !is_token(subtype) {
            return Err(Error::Type);
        }
        Ok(Self { kind, subtype, parameters: Parameters::parse(parameters)? })
    }

    /// What is before the `/`, as it is written.
    pub fn kind(&self) -> &'t str {
        self.kind
    }

    /// What is after the `/`, as it is written.
    pub fn subtype(&self) -> &'t str {
        self.subtype
    }

    /// Its parameters.
    pub fn parameters(&self) -> Parameters<'t> {
        self.parameters
    }

    /// Whether its values are JSON texts: `application/json`, `text/json` and every `+json` (RFC 6839 section 3.1).
    pub fn is_json(&self) -> bool {
        let is_named = self.subtype.eq_ignore_ascii_case("json")
            && (self.kind.eq_ignore_ascii_case("application") || self.kind.eq_ignore_ascii_case("text"));
        is_named || self.has_suffix("+json")
    }

    /// Whether its values are sequences of JSON texts, and how they are written.
    pub fn sequence(&self) -> Option<Sequence> {
        let is_any_of = |names: &[&str]| names.iter().any(|name| self.subtype.eq_ignore_ascii_case(name));
        if self.kind.eq_ignore_ascii_case("application") && is_any_of(&["jsonl", "ndjson", "x-ndjson", "x-jsonlines"]) {
            return Some(Sequence::Lines);
        }
        let is_records = self.is("application", "json-seq") || self.has_suffix("+json-seq");
        is_records.then_some(Sequence::Records)
    }

    /// `application/x-www-form-urlencoded`.
    pub fn is_form(&self) -> bool {
        self.is("application", "x-www-form-urlencoded")
    }

    /// `multipart/form-data`.
    pub fn is_multipart_form(&self) -> bool {
        self.is("multipart", "form-data")
    }

    /// `text/plain`.
    pub fn is_plain_text(&self) -> bool {
        self.is("text", "plain")
    }

    /// Text, of which nothing more is known than that it is text: any `text/*` that is not another format which
    /// is judged, structured data that is not (XML, YAML), or a stream of events.
    pub fn is_text(&self) -> bool {
        let is_stream = self.subtype.eq_ignore_ascii_case("event-stream");
        self.kind.eq_ignore_ascii_case("text") && !(self.is_json() || self.is_xml() || self.is_yaml() || is_stream)
    }

    /// Whether a `charset` says that it is anything else than UTF-8, of which ASCII is a part.
    pub fn is_foreign(&self) -> bool {
        self.parameters.get("charset").is_some_and(|charset| {
            let charset = charset.value();
            !["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
        })
    }

    fn is_xml(&self) -> bool {
        self.subtype.eq_ignore_ascii_case("xml") || self.has_suffix("+xml")
    }

    /// RFC 9512, and the names from before it.
    fn is_yaml(&self) -> bool {
        let known = ["yaml", "x-yaml", "yml", "vnd.yaml"];
        known.iter().any(|name| self.subtype.eq_ignore_ascii_case(name)) || self.has_suffix("+yaml")
    }

    fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    fn has_suffix(&self, suffix: &str) -> bool {
        ends_with(self.subtype, suffix)
    }
}

/// In lower case but for the values of parameters, quoted where they must be.
impl fmt::Display for MediaType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.to_ascii_lowercase(), self.subtype.to_ascii_lowercase())?;
        self.parameters.iter().try_for_each(|(name, value)| write!(f, "; {}={value}", name.to_ascii_lowercase()))
    }
}

/// Something goes before the suffix.
fn ends_with(subtype: &str, suffix: &str) -> bool {
    let start = subtype.len().checked_sub(suffix.len()).filter(|start| *start > 0);
    start.and_then(|start| subtype.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, Error>) {
        let read = MediaType::parse(text).map(|media| media.to_string());
        assert_eq!(read.as_deref().map_err(|error| *error), expected, "{text}");
        if let Ok(printed) = &read {
            assert_eq!(MediaType::parse(printed).unwrap().to_string(), *printed);
        }
    }

    #[test]
    fn reads_what_the_grammar_allows() {
        check("application/json", Ok("application/json"));
        check(" Application/JSON\t", Ok("application/json"));
        check("text/plain;Charset=UTF-8", Ok("text/plain; charset=UTF-8"));
        check("text/plain \t; \tcharset=utf-8 ;", Ok("text/plain; charset=utf-8"));
        check("text/plain;;a=b;", Ok("text/plain; a=b"));
        check(r#"text/plain; a="b c"; d="e""#, Ok(r#"text/plain; a="b c"; d=e"#));
        check(r#"text/plain; a="\"\\\x""#, Ok(r#"text/plain; a="\"\\x""#));
        check(r#"text/plain; a="; b=c""#, Ok(r#"text/plain; a="; b=c""#));
        check(r#"text/plain; a="""#, Ok(r#"text/plain; a="""#));
    }

    #[test]
    fn refuses_what_it_does_not() {
        for text in ["", "json", "/", "a/", "/b", "a/b/c", "a b/c", "a/b, c/d", "a /b", "é/b", "a/b c"] {
            check(text, Err(Error::Type));
        }
        for text in ["a", "a=", "=b", "a =b", "a= b", "a=b c", "a=\"b", "a=\"b\\", "a=\"b\"c", "a=b,c/d", "a=\"\n\""] {
            check(&format!("a/b; {text}"), Err(Error::Parameter));
        }
        check("a/b; c=d; C=e", Err(Error::Repeated));
        let many: Vec<String> = (0..=Parameters::MAX).map(|number| format!("; p{number}=1")).collect();
        check(&format!("a/b{}", many.concat()), Err(Error::TooMany));
    }

    #[test]
    fn knows_what_can_be_judged() {
        for (text, expected) in [
            ("application/json", "json"),
            ("application/problem+JSON; charset=utf-8", "json"),
            ("image/x+json", "json"),
            ("text/json", "json"),
            ("image/json", ""),
            ("application/+json", ""),
            ("application/json-seq", "records"),
            ("application/geo+json-seq", "records"),
            ("application/x-ndjson", "lines"),
            ("application/jsonl", "lines"),
            ("application/X-WWW-Form-Urlencoded", "form"),
            ("multipart/form-data; boundary=x", "multipart"),
            ("multipart/mixed", ""),
            ("text/plain", "text"),
            ("text/html", "text"),
            ("text/xml", ""),
            ("text/x-YAML", ""),
            ("text/vnd.a+yaml", ""),
            ("text/event-stream", ""),
            ("application/xml", ""),
            ("application/octet-stream", ""),
        ] {
            let media = MediaType::parse(text).unwrap();
            let known = [
                (media.is_json(), "json"),
                (media.sequence() == Some(Sequence::Records), "records"),
                (media.sequence() == Some(Sequence::Lines), "lines"),
                (media.is_form(), "form"),
                (media.is_multipart_form(), "multipart"),
                (media.is_text(), "text"),
            ];
            let known: Vec<&str> = known.iter().filter(|(is_it, _)| *is_it).map(|(_, name)| *name).collect();
            assert_eq!(known.concat(), expected, "{text}");
        }
    }

    #[test]
    fn knows_foreign_charsets() {
        for (charset, expected) in [("utf-8", false), ("\"UTF-8\"", false), ("us-ascii", false), ("utf-16", true)] {
            let text = format!("text/plain; charset={charset}");
            assert_eq!(MediaType::parse(&text).unwrap().is_foreign(), expected, "{text}");
        }
        assert!(!MediaType::TEXT.is_foreign());
    }
}
