//! Values that nobody is shown by accident.

use std::fmt;

/// A value that holds a secret: `{:?}` of it, and of whatever it is part of, says that there is one and no more.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<T>(T);

impl<T> Hidden<T> {
    /// Hides it.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value: for whoever it is meant for, and never for a log.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl From<String> for Hidden<String> {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
