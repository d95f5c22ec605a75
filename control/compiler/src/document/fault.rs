//! A fault of a text, before there is a value to point at.

use crate::diagnostic::{Code, Position};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) position: Position,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
    /// Where the same key stood first.
    pub(super) first: Option<Position>,
}

impl Fault {
    pub(super) fn new(code: Code, position: Position, message: impl Into<String>) -> Self {
        Self { code, position, message: message.into(), hint: None, first: None }
    }

    pub(super) fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    pub(super) fn duplicate(key: &str, position: Position, first: Position) -> Self {
        let message = format!("the key `{key}` is already in this object");
        let fault = Self { first: Some(first), ..Self::new(Code::DuplicateKey, position, message) };
        fault.with_hint("keep one of the two; which of them a reader would take is not defined")
    }
}
