//! `x-portcullis`: what the document says beyond the OpenAPI Specification.
//!
//! - [`settings`] is the one table of every setting; [`shape`] is what it is made of;
//! - [`check`] holds a value to the table, [`schema`] publishes the table as a JSON Schema;
//! - [`inherited`] finds the nearest place that has a setting; [`policy`], [`upstream`] and [`mod@verification`] read it
//!   into the model;
//! - [`released`] refuses what no gateway does yet; [`misplaced`] finds extensions where they have no effect.

mod check;
mod inherited;
mod misplaced;
mod policy;
mod released;
mod schema;
mod settings;
mod shape;
mod upstream;
mod verification;

#[cfg(test)]
mod tests;

pub(crate) use inherited::{Extensions, Inherited};
pub(crate) use misplaced::report_misplaced;
pub(crate) use policy::{patterns, policy_set, validation};
pub(crate) use released::Released;
pub use schema::extension_schema;
pub(crate) use upstream::{BasePath, Choice, base_path, chosen, definition, listeners, upstream_path};
pub(crate) use verification::verification;

/// The key under which the extension stands.
pub(crate) const KEY: &str = "x-portcullis";
