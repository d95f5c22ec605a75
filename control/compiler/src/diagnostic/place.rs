//! Where a diagnostic points.

use std::sync::Arc;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file's path, as the compilation names it.
    pub file: Arc<str>,
    /// Where in it.
    pub at: At,
}

/// A place within a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum At {
    /// The value that a JSON Pointer (RFC 6901) names.
    Value(String),
    /// The key of the value that a JSON Pointer names: for keys that should not be there.
    Key(String),
    /// A position in the text, for faults that leave no value to point at.
    Position(Position),
}

/// A position in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in Unicode scalar values.
    pub column: usize,
}

impl Place {
    /// The value at `pointer`.
    pub fn value(file: impl Into<Arc<str>>, pointer: impl Into<String>) -> Self {
        Self { file: file.into(), at: At::Value(pointer.into()) }
    }

    /// A position in the text of `file`.
    pub fn position(file: impl Into<Arc<str>>, position: Position) -> Self {
        Self { file: file.into(), at: At::Position(position) }
    }

    /// The JSON Pointer, empty for the whole document; `None` for a mere position.
    pub fn pointer(&self) -> Option<&str> {
        match &self.at {
            At::Value(pointer) | At::Key(pointer) => Some(pointer),
            At::Position(_) => None,
        }
    }

    /// The same place, pointing at the key rather than at the value.
    #[must_use]
    pub fn key(self) -> Self {
        let at = match self.at {
            At::Value(pointer) => At::Key(pointer),
            at @ (At::Key(_) | At::Position(_)) => at,
        };
        Self { at, ..self }
    }
}
