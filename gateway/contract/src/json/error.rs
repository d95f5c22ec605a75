//! Why a text is not JSON.

use thiserror::Error;

/// Why a text is not JSON that everyone reads alike, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{kind} at byte {offset}")]
pub struct Error {
    /// Why.
    pub kind: ErrorKind,
    /// Counted from 0.
    pub offset: usize,
}

/// Why a text is not JSON that everyone reads alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ErrorKind {
    /// It ends too early.
    #[error("the text ends too early")]
    End,
    /// A character that cannot stand here.
    #[error("unexpected character")]
    Unexpected,
    /// More text after the value.
    #[error("there is more after the value")]
    Trailing,
    /// A number that is not written as JSON writes one.
    #[error("not a number")]
    Number,
    /// A number with too many digits, or of a size that no computer's own numbers have.
    #[error("a number with too many digits or too large an exponent")]
    NumberTooLong,
    /// A control character that is not escaped.
    #[error("a control character must be escaped")]
    Control,
    /// An escape that there is not, or half of a surrogate pair.
    #[error("not an escape")]
    Escape,
    /// An object has two members of the same name (RFC 8259 section 4: what becomes of them cannot be told).
    #[error("the object has two members of the same name")]
    DuplicateName,
    /// Nested too deeply.
    #[error("nested too deeply")]
    Depth,
    /// Too many values.
    #[error("too many values")]
    Nodes,
}
