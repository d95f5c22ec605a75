//! What a schema is lowered for. The same schema means one thing in a request and another in a response.

use artifact_format::model::{FormatAssertion, Patterns, ReadOnlyProperties, Validation};

/// Who sends what a schema describes, and how strictly it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Purpose {
    pub(crate) direction: Direction,
    pub(crate) formats: FormatAssertion,
    pub(crate) patterns: Patterns,
}

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// Clients, who do not send properties that are `readOnly`.
    Request(ReadOnlyProperties),
    /// The API, which does not send properties that are `writeOnly`.
    Response,
}

/// The purposes of an operation's schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Purposes {
    pub(crate) request: Purpose,
    pub(crate) response: Purpose,
}

impl Purposes {
    pub(crate) fn new(validation: &Validation, patterns: Patterns) -> Self {
        let formats = validation.formats;
        let of = |direction| Purpose { direction, formats, patterns };
        Self { request: of(Direction::Request(validation.read_only)), response: of(Direction::Response) }
    }
}
