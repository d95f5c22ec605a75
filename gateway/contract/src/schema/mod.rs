//! Validators of the artifact's schemas, built once and shared.

mod discriminators;
mod entanglement;
mod explain;
mod format;
mod validators;

pub use artifact_format::model::Patterns;
pub use format::is_pattern;
pub use validators::{BuildError, Validator, Validators};
