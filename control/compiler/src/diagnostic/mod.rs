//! Diagnostics like a good compiler's: what is wrong, where, and what to do about it.

mod code;
mod located;
mod place;
mod render;
mod sink;
mod suggestion;

pub use code::Code;
pub use located::{Diagnostics, Located};
pub use place::{At, Place, Position};
pub use sink::Sink;
pub use suggestion::nearest;

/// One fault of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether there is an artifact in spite of it.
    pub severity: Severity,
    /// What kind of fault.
    pub code: Code,
    /// Where.
    pub place: Place,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Other places that belong to the fault, each with what it has to do with it.
    pub related: Vec<(Place, String)>,
}

/// Whether a fault prevents an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// There is no artifact.
    Error,
    /// There is one; the fault touches no request.
    Warning,
}

/// How diagnostics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people, with the line and a caret.
    Text,
    /// One JSON object: `{"diagnostics": [...], "errors": n, "warnings": n}`.
    Json,
    /// SARIF 2.1.0 (OASIS).
    Sarif,
    /// GitHub Actions workflow commands.
    Github,
    /// `JUnit` XML: one test case per file.
    Junit,
}

/// Whether text is coloured with ANSI escape sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Coloured.
    Ansi,
    /// Plain.
    Plain,
}

impl Diagnostic {
    /// One without hint and related places.
    pub fn new(severity: Severity, code: Code, place: Place, message: String) -> Self {
        Self { severity, code, place, message, hint: None, related: Vec::new() }
    }

    /// Says what to do about it.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names another place that belongs to the fault.
    pub fn related(&mut self, place: impl Into<Place>, what: impl Into<String>) -> &mut Self {
        self.related.push((place.into(), what.into()));
        self
    }
}

impl Severity {
    /// `error` or `warning`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}
