//! Compiles OpenAPI documents into the model of an artifact: text in, artifact or diagnostics out.
//!
//! Read in this order:
//! - [`input`]: what goes in;
//! - [`diagnostic`]: what comes out when a document is at fault, and how it is shown;
//! - [`document`]: the files of a compilation as values that know where they stand;
//! - [`mod@reference`]: where a `$ref` leads;
//! - `overlay`: OpenAPI Overlays, applied before anything else looks at a document;
//! - [`structure`]: the grammar of the OpenAPI objects.
//!
//! This crate is pure: no network, no database, no environment, no clock. Files come through
//! [`document::Files`], which the caller implements.

pub mod diagnostic;
pub mod document;
pub mod input;
mod overlay;
pub mod reference;
pub mod structure;
