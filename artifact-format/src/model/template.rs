//! Path templates (OpenAPI 3.2.0 section 4.8.2), which are not request paths: these have variables.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A path template, such as `/repos/{owner}/compare/{base}...{head}`.
///
/// Always begins with `/`. A trailing slash is a last segment that is empty; `/` alone is one empty segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PathTemplate {
    /// What stands between the slashes, in order; at least one.
    pub segments: Vec<Segment>,
}

/// What stands between two slashes: literals and variables in turn. No parts means an empty segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Segment {
    /// Never two literals in a row.
    pub parts: Vec<Part>,
}

/// A piece of a segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// Text, percent-decoded.
    Literal(String),
    /// `{name}`.
    Variable(String),
}

/// Why a text is not a path template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// Paths are absolute.
    #[error("a path must begin with `/`")]
    NotAbsolute,
    /// `{` without `}`, `}` without `{`, or one inside the other.
    #[error("unbalanced `{{` or `}}` in segment `{segment}`")]
    UnbalancedBraces {
        /// The segment.
        segment: String,
    },
    /// `{}`.
    #[error("a variable without a name in segment `{segment}`")]
    UnnamedVariable {
        /// The segment.
        segment: String,
    },
    /// The same variable twice.
    #[error("`{{{name}}}` stands in the path more than once")]
    RepeatedVariable {
        /// Its name.
        name: String,
    },
    /// `{a}{b}`: where one ends and the other begins cannot be told.
    #[error("`{{{first}}}{{{second}}}` has nothing between the variables to tell them apart")]
    AdjacentVariables {
        /// The first one's name.
        first: String,
        /// The second one's name.
        second: String,
    },
    /// `?` or `#`: a query or fragment is not part of a path.
    #[error("`{character}` in a path: a query or fragment cannot be part of it")]
    QueryOrFragment {
        /// Which of the two.
        character: char,
    },
    /// `%` without two hexadecimal digits, or escapes that are not UTF-8.
    #[error("a bad percent-escape in segment `{segment}`")]
    BadEscape {
        /// The segment.
        segment: String,
    },
    /// `.` and `..` never reach a route: requests with them are refused (RFC 3986 section 5.2.4).
    #[error("the dot segment `{segment}` can never be requested")]
    DotSegment {
        /// `.` or `..`.
        segment: String,
    },
}

impl PathTemplate {
    /// The names of the variables, from left to right.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flat_map(|segment| &segment.parts).filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The template with `base` before it: `/v3` and `/pets` give `/v3/pets`; a base of `/` changes nothing.
    #[must_use]
    pub fn under(&self, base: &Self) -> Self {
        let mut segments = base.segments.clone();
        if segments.last().is_some_and(|last| last.parts.is_empty()) {
            segments.pop();
        }
        segments.extend(self.segments.iter().cloned());
        Self { segments }
    }

    /// The template without its variables' names: two templates of one shape match the same paths.
    #[must_use]
    pub fn shape(&self) -> Self {
        let anonymous = |part: &Part| match part {
            Part::Literal(text) => Part::Literal(text.clone()),
            Part::Variable(_) => Part::Variable(String::new()),
        };
        let segments =
            self.segments.iter().map(|segment| Segment { parts: segment.parts.iter().map(anonymous).collect() });
        Self { segments: segments.collect() }
    }
}

impl FromStr for PathTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if let Some(character) =
            variable_free(text).find(['?', '#']).and_then(|at| variable_free(text)[at..].chars().next())
        {
            return Err(TemplateError::QueryOrFragment { character });
        }
        let rest = text.strip_prefix('/').ok_or(TemplateError::NotAbsolute)?;
        let segments = rest.split('/').map(Segment::parse).collect::<Result<Vec<_>, _>>()?;
        let template = Self { segments };
        let mut seen = Vec::new();
        for name in template.variables() {
            if seen.contains(&name) {
                return Err(TemplateError::RepeatedVariable { name: name.to_owned() });
            }
            seen.push(name);
        }
        Ok(template)
    }
}

/// The text with every `{variable}` blanked out, so that their names may hold anything.
fn variable_free(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .map(|c| match c {
            '{' => {
                depth += 1;
                ' '
            }
            '}' => {
                depth = depth.saturating_sub(1);
                ' '
            }
            _ if depth > 0 => ' ',
            _ => c,
        })
        .collect()
}

impl Segment {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        let unbalanced = || TemplateError::UnbalancedBraces { segment: text.to_owned() };
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some(inner) = rest.strip_prefix('{') else {
                let end = rest.find(['{', '}']).unwrap_or(rest.len());
                if end == 0 {
                    return Err(unbalanced());
                }
                parts.push(Part::Literal(
                    decode(&rest[..end]).ok_or_else(|| TemplateError::BadEscape { segment: text.to_owned() })?,
                ));
                rest = &rest[end..];
                continue;
            };
            let end = inner.find('}').ok_or_else(unbalanced)?;
            let name = &inner[..end];
            if name.is_empty() {
                return Err(TemplateError::UnnamedVariable { segment: text.to_owned() });
            }
            if name.contains('{') {
                return Err(unbalanced());
            }
            if let Some(Part::Variable(first)) = parts.last() {
                return Err(TemplateError::AdjacentVariables { first: first.clone(), second: name.to_owned() });
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = &inner[end + 1..];
        }
        match parts.as_slice() {
            [Part::Literal(only)] if only == "." || only == ".." => {
                Err(TemplateError::DotSegment { segment: only.clone() })
            }
            _ => Ok(Self { parts }),
        }
    }
}

/// Percent-decodes a literal (RFC 3986 section 2.1).
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let [high, low, tail @ ..] = tail else { return None };
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => text.chars().try_for_each(|c| match c {
                '%' | '/' | '?' | '#' | '{' | '}' => write!(f, "%{:02X}", u32::from(c)),
                c if c.is_control() => c.to_string().bytes().try_for_each(|byte| write!(f, "%{byte:02X}")),
                c => write!(f, "{c}"),
            }),
            Part::Variable(name) => write!(f, "{{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[&[&str]], TemplateError>) {
        let shown = text.parse::<PathTemplate>().map(|template| {
            let part = |part: &Part| match part {
                Part::Literal(text) => text.clone(),
                Part::Variable(name) => format!("{{{name}}}"),
            };
            template.segments.iter().map(|s| s.parts.iter().map(part).collect::<Vec<_>>()).collect::<Vec<_>>()
        });
        let expected =
            expected.map(|segments| segments.iter().map(|s| s.iter().map(|&p| p.to_owned()).collect()).collect());
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn parses_segments_and_variables() {
        check("/", Ok(&[&[]]));
        check("/pets/", Ok(&[&["pets"], &[]]));
        check("/a//b", Ok(&[&["a"], &[], &["b"]]));
        check("/compare/{base}...{head}", Ok(&[&["compare"], &["{base}", "...", "{head}"]]));
        check("/files/{name}.{ext}", Ok(&[&["files"], &["{name}", ".", "{ext}"]]));
        check("/u/m%65%2Fx", Ok(&[&["u"], &["me/x"]]));
        check("/{what?}", Ok(&[&["{what?}"]]));
    }

    #[test]
    fn refuses_what_cannot_be_matched() {
        check("pets", Err(TemplateError::NotAbsolute));
        check("/a?b=c", Err(TemplateError::QueryOrFragment { character: '?' }));
        check("/a#b", Err(TemplateError::QueryOrFragment { character: '#' }));
        check("/{a", Err(TemplateError::UnbalancedBraces { segment: "{a".into() }));
        check("/a}", Err(TemplateError::UnbalancedBraces { segment: "a}".into() }));
        check("/{}", Err(TemplateError::UnnamedVariable { segment: "{}".into() }));
        check("/{a}{b}", Err(TemplateError::AdjacentVariables { first: "a".into(), second: "b".into() }));
        check("/{a}/{a}", Err(TemplateError::RepeatedVariable { name: "a".into() }));
        check("/%zz", Err(TemplateError::BadEscape { segment: "%zz".into() }));
        check("/a/%2e%2e", Err(TemplateError::DotSegment { segment: "..".into() }));
    }

    #[test]
    fn shows_what_it_parsed() {
        for text in ["/", "/a/", "/v1/{x}.json", "/a%2Fb/{c}"] {
            assert_eq!(text.parse::<PathTemplate>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn goes_under_a_base_path() {
        let under =
            |base: &str, path: &str| path.parse::<PathTemplate>().unwrap().under(&base.parse().unwrap()).to_string();
        assert_eq!(under("/v3", "/pets"), "/v3/pets");
        assert_eq!(under("/v3/", "/"), "/v3/");
        assert_eq!(under("/", "/pets"), "/pets");
    }
}
