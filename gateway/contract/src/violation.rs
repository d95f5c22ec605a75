//! What is wrong with a request or a response, said so that its author can mend it.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::pointer;

/// How much a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Where and why, without values of the message or of the schema: for production.
    #[default]
    Brief,
    /// What was expected and what was there: for development.
    Full,
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A path parameter.
    Path,
    /// A query parameter.
    Query,
    /// A header field.
    Header,
    /// A cookie.
    Cookie,
    /// The body.
    Body,
}

impl Part {
    /// As `in` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Body => "body",
        }
    }
}

/// A place in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The part.
    pub part: Part,
    /// The parameter's name, as the description writes it; none for a body or the query as a whole.
    pub name: Option<Box<str>>,
    /// Where in the value: a JSON pointer (RFC 6901); empty for the whole.
    pub pointer: String,
}

impl Place {
    /// A parameter or header field as a whole.
    pub fn named(part: Part, name: &str) -> Self {
        Self { part, name: Some(name.into()), pointer: String::new() }
    }

    /// The body, or the query, as a whole.
    pub fn whole(part: Part) -> Self {
        Self { part, name: None, pointer: String::new() }
    }

    /// A place within this one.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Self {
        Self { pointer: format!("{}{pointer}", self.pointer), ..self.clone() }
    }

    /// The member of that name within this one.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        Self { pointer: pointer::member(&self.pointer, name), ..self.clone() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.part.as_str())?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        if self.pointer.is_empty() { Ok(()) } else { write!(f, " at {}", self.pointer) }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub place: Place,
    /// What it breaks: a keyword of JSON Schema or of a Parameter Object, such as `maxLength` or `required`.
    pub keyword: Box<str>,
    /// In a sentence without a full stop.
    pub message: String,
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("in", self.place.part.as_str())?;
        if let Some(name) = &self.place.name {
            map.serialize_entry("name", name)?;
        }
        map.serialize_entry("pointer", &self.place.pointer)?;
        map.serialize_entry("keyword", &self.keyword)?;
        map.serialize_entry("message", &self.message)?;
        map.end()
    }
}

/// Everything that is wrong with a message, up to a limit.
#[derive(Debug)]
pub struct Report {
    detail: Detail,
    violations: Vec<Violation>,
    is_truncated: bool,
}

impl Report {
    /// How many violations are kept.
    pub const MAX: usize = 20;

    /// Nothing is wrong yet.
    pub fn new(detail: Detail) -> Self {
        Self { detail, violations: Vec::new(), is_truncated: false }
    }

    /// How much it says.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.violations.is_empty()
    }

    /// Whether there is no room for more.
    pub fn is_full(&self) -> bool {
        self.violations.len() >= Self::MAX
    }

    /// Adds what is wrong: `brief` without any value of the message or the schema, `full` with them.
    pub fn add(&mut self, place: Place, keyword: &str, (brief, full): (&str, impl FnOnce() -> String)) {
        if self.is_full() {
            self.is_truncated = true;
            return;
        }
        let message = match self.detail {
            Detail::Brief => brief.to_owned(),
            Detail::Full => full(),
        };
        self.violations.push(Violation { place, keyword: keyword.into(), message });
    }

    /// Adds what is wrong, in words that hold no value.
    pub fn say(&mut self, place: Place, keyword: &str, message: &str) {
        self.add(place, keyword, (message, || message.to_owned()));
    }

    /// What is wrong.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether more was wrong than is kept.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }
}
