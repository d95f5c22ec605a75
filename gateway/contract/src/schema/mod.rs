//! Validators of the artifact's schemas, built once and shared.

mod explain;
mod format;
mod validators;

pub use format::is_pattern;
pub use validators::{BuildError, Patterns, Validator, Validators};
