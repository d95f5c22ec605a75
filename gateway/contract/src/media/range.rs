//! What a description says about media types.

use std::cmp::Reverse;
use std::fmt;

use super::{Error, MediaType, ends_with};

/// A key of a `content` map (OpenAPI 3.2.0 section 4.14), or one of an Encoding Object's `contentType`: a media type,
/// or `type/*`, `*/*` or, as many generators write it, `type/*+suffix`.
///
/// Shown in lower case but for the values of parameters, and without a `boundary`: two that are shown alike are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Range {
    /// Absent means any.
    kind: Option<Box<str>>,
    subtype: Subtype,
    /// What must be there.
    parameters: Box<[(Box<str>, Box<str>)]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subtype {
    Exact(Box<str>),
    /// Ends in it: `+json`.
    Suffix(Box<str>),
    Any,
}

/// How much a `charset` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// As much as any other parameter.
    Counts,
    /// What is declared may be left out.
    MayBeLeftOut,
}

impl Range {
    /// Reads a media type or range. Any type goes with any subtype only (RFC 9110 section 12.5.1).
    pub fn parse(text: &str) -> Result<Self, Error> {
        let media = MediaType::parse(text)?;
        if media.kind() == "*" && media.subtype() != "*" {
            return Err(Error::Type);
        }
        let kind = (media.kind() != "*").then(|| media.kind().to_ascii_lowercase().into());
        let subtype = media.subtype().to_ascii_lowercase();
        let subtype = match subtype.strip_prefix('*') {
            Some("") => Subtype::Any,
            Some(suffix) if suffix.starts_with('+') => Subtype::Suffix(suffix.into()),
            _ => Subtype::Exact(subtype.into()),
        };
        let parameters = media.parameters().iter();
        // A boundary is chosen anew for each body, so one that is declared is an example.
        let parameters = parameters.filter(|(name, _)| !name.eq_ignore_ascii_case("boundary"));
        let parameters = parameters.map(|(name, value)| (name.to_ascii_lowercase().into(), value.value().into()));
        Ok(Self { kind, subtype, parameters: parameters.collect() })
    }

    /// Whether a media type is in it: what it declares is there, other parameters do not matter.
    pub fn has(&self, media: &MediaType<'_>, charset: Charset) -> bool {
        let is_subtype = match &self.subtype {
            Subtype::Exact(subtype) => subtype.eq_ignore_ascii_case(media.subtype()),
            Subtype::Suffix(suffix) => ends_with(media.subtype(), suffix),
            Subtype::Any => true,
        };
        is_subtype
            && self.kind.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case(media.kind()))
            && self.parameters.iter().all(|(name, declared)| is_there(media, (name, declared), charset))
    }

    /// What sorts first is the more specific one: a type, a suffix, `type/*`, `*/*`; and of two alike the one with
    /// more parameters.
    pub fn specificity(&self) -> impl Ord + use<> {
        let kind = match (&self.kind, &self.subtype) {
            (Some(_), Subtype::Exact(_)) => 0,
            (_, Subtype::Suffix(_)) => 1,
            (Some(_), _) => 2,
            (None, _) => 3,
        };
        (kind, Reverse(self.parameters.len()))
    }

    /// Whether it is one media type.
    pub fn is_exact(&self) -> bool {
        self.kind.is_some() && matches!(self.subtype, Subtype::Exact(_))
    }
}

fn is_there(media: &MediaType<'_>, (name, declared): (&str, &str), charset: Charset) -> bool {
    let is_charset = name == "charset";
    match media.parameters().get(name) {
        Some(value) if is_charset => value.value().eq_ignore_ascii_case(declared),
        Some(value) => value.value() == declared,
        None => is_charset && charset == Charset::MayBeLeftOut,
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.kind.as_deref().unwrap_or("*"))?;
        match &self.subtype {
            Subtype::Exact(subtype) => f.write_str(subtype)?,
            Subtype::Suffix(suffix) => write!(f, "*{suffix}")?,
            Subtype::Any => f.write_str("*")?,
        }
        let parameters = self.parameters.iter();
        parameters.clone().try_for_each(|(name, value)| write!(f, "; {name}={}", super::parameters::quote(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, media: &str, expected: bool) {
        let range = Range::parse(range).unwrap();
        let media = MediaType::parse(media).unwrap();
        assert_eq!(range.has(&media, Charset::Counts), expected, "{range} has {media}");
    }

    #[test]
    fn has_what_is_declared() {
        for (range, media, expected) in [
            ("application/json", "Application/JSON", true),
            ("application/json", "application/json; charset=utf-8; x=y", true),
            ("application/json", "application/problem+json", false),
            ("application/*", "application/json", true),
            ("application/*", "text/json", false),
            ("*/*", "a/b; c=d", true),
            ("application/*+json", "application/problem+JSON", true),
            ("application/*+json", "application/json", false),
            ("application/*+json", "application/+json", false),
            ("application/json; charset=UTF-8", "application/json; charset=\"utf-8\"", true),
            ("application/json; charset=UTF-8", "application/json", false),
            ("application/json; version=1", "application/json; Version=1", true),
            ("application/json; version=A", "application/json; version=a", false),
            ("application/json; version=1", "application/json", false),
            ("multipart/form-data; boundary=x", "multipart/form-data; boundary=y", true),
        ] {
            check(range, media, expected);
        }
    }

    #[test]
    fn is_shown_in_one_way() {
        for (text, expected) in [
            ("application/json", Ok("application/json")),
            ("Application/JSON; Charset=UTF-8", Ok("application/json; charset=UTF-8")),
            ("application/vnd.github.v3+json", Ok("application/vnd.github.v3+json")),
            ("application/json;", Ok("application/json")),
            ("multipart/form-data; boundary=x", Ok("multipart/form-data")),
            ("a/b; c=\"d\"; e=\"f g\"", Ok("a/b; c=d; e=\"f g\"")),
            ("Text/*", Ok("text/*")),
            ("application/*+JSON", Ok("application/*+json")),
            ("*/*", Ok("*/*")),
            ("*/json", Err(Error::Type)),
            ("*/*+json", Err(Error::Type)),
            ("json", Err(Error::Type)),
            ("text/plain; charset", Err(Error::Parameter)),
        ] {
            let shown = Range::parse(text).map(|range| range.to_string());
            assert_eq!(shown.as_deref().map_err(|error| *error), expected, "{text}");
        }
    }

    #[test]
    fn the_specific_comes_first() {
        let sorted = ["a/b; c=d; e=f", "a/b; c=d", "a/b", "a/*+b", "a/*", "*/*"];
        for pair in sorted.windows(2) {
            let [one, other] = [pair[0], pair[1]].map(|text| Range::parse(text).unwrap());
            assert!(one.specificity() < other.specificity(), "{one} before {other}");
            assert_eq!(one.to_string(), pair[0]);
        }
    }
}
