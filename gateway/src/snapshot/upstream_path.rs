//! The path that an upstream is asked for.

use artifact_format::model::{Operation, Part, PathTemplate, Route, UpstreamBinding, UpstreamPath};

use crate::router::{Captures, RequestPath};

/// [`UpstreamPath`] with its variables found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRewrite {
    /// As it was received.
    AsReceived,
    /// As it was received, from this segment on.
    FromSegment(usize),
    /// Other text, with captured values in it.
    Filled(Box<[Piece]>),
}

/// A piece of a path to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text, as it goes on the wire.
    Text(Box<str>),
    /// The value of the variable with this position in the route's template.
    Variable(usize),
}

impl PathRewrite {
    pub(super) fn new(binding: &UpstreamBinding, operation: &Operation, route: &Route) -> Self {
        match &binding.path {
            UpstreamPath::AsReceived => Self::AsReceived,
            UpstreamPath::WithoutBase if route.base_segments == 0 => Self::AsReceived,
            UpstreamPath::WithoutBase => Self::FromSegment(route.base_segments as usize),
            UpstreamPath::Template(template) => Self::Filled(pieces(template, &operation.path)),
        }
    }

    /// Writes the rewritten path; nothing where it is as it was received.
    pub fn write(&self, raw: &str, path: &RequestPath, captures: &Captures) -> Option<String> {
        match self {
            Self::AsReceived => None,
            Self::FromSegment(segment) => Some(raw[path.offset(raw, *segment)..].to_owned()),
            Self::Filled(pieces) => {
                let piece = |piece: &Piece| match piece {
                    Piece::Text(text) => text.to_string(),
                    Piece::Variable(position) => {
                        captures.get(*position).map_or_else(String::new, |capture| capture.text(raw, path).to_owned())
                    }
                };
                Some(pieces.iter().map(piece).collect())
            }
        }
    }
}

/// The pieces of `template`, whose variables are those of `operation`'s own path (base paths have none).
fn pieces(template: &PathTemplate, path: &PathTemplate) -> Box<[Piece]> {
    let position = |name: &str| path.variables().position(|known| known == name);
    let mut pieces = Vec::new();
    let mut text = String::new();
    for segment in &template.segments {
        text.push('/');
        for part in &segment.parts {
            match part {
                Part::Literal(literal) => escape(literal, &mut text),
                Part::Variable(name) => {
                    pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                    pieces.extend(position(name).map(Piece::Variable));
                }
            }
        }
    }
    pieces.push(Piece::Text(text.into()));
    pieces.into()
}

/// Percent-encodes all but what may stand in a path segment (RFC 3986 section 3.3, `pchar`).
fn escape(literal: &str, out: &mut String) {
    for byte in literal.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(
                [byte >> 4, byte & 15]
                    .into_iter()
                    .filter_map(|digit| char::from_digit(digit.into(), 16))
                    .map(|digit| digit.to_ascii_uppercase()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::Capture;

    #[test]
    fn fills_a_template_with_values_as_they_were_received() {
        let pieces = pieces(&"/v2/é/{id}.x".parse().unwrap(), &"/orders/{id}".parse().unwrap());
        let raw = "/orders/a%2Fb";
        let path = RequestPath::parse(raw).unwrap();
        let captures = Captures::from_slice(&[Capture { segment: 1, start: 0, end: 5 }]);
        let written = PathRewrite::Filled(pieces).write(raw, &path, &captures);
        assert_eq!(written.as_deref(), Some("/v2/%C3%A9/a%2Fb.x"));
    }

    #[test]
    fn strips_a_base_path() {
        let raw = "/v3/pets/7";
        let path = RequestPath::parse(raw).unwrap();
        assert_eq!(PathRewrite::FromSegment(1).write(raw, &path, &Captures::new()).as_deref(), Some("/pets/7"));
        assert_eq!(PathRewrite::AsReceived.write(raw, &path, &Captures::new()), None);
    }
}
