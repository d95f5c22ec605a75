//! Compiles OpenAPI documents into the model of an artifact: text in, artifact or diagnostics out.
//!
//! Read in this order:
//! - [`input`]: what goes in;
//! - [`diagnostic`]: what comes out when a document is at fault, and how it is shown;
//! - [`document`]: the files of a compilation as values that know where they stand;
//! - [`mod@reference`]: where a `$ref` leads;
//! - `overlay`: OpenAPI Overlays, applied before anything else looks at a document;
//! - [`structure`]: the grammar of the OpenAPI objects;
//! - [`extension`]: `x-portcullis`, what a document says beyond the specification;
//! - `schema`: JSON Schemas, lowered to 2020-12;
//! - `lower`: documents into the model of an artifact;
//! - `routing`: no two operations answer the same requests;
//! - `style`: every parameter is written in a way that the specification defines;
//! - `enforcement`: every contract is one that a gateway can enforce;
//! - `examples`: whether a document's own examples satisfy its schemas, for those who ask;
//! - [`compile()`] and [`check()`]: the order of it all.
//!
//! This crate is pure: no network, no database, no environment, no clock. Files come through
//! [`document::Files`], which the caller implements.

pub mod diagnostic;
pub mod document;
pub mod input;
mod overlay;
pub mod reference;
pub mod structure;

mod compile;
mod enforcement;
mod examples;
pub mod extension;
mod lower;
mod routing;
mod schema;
mod style;

pub use compile::{Compiled, check, compile};
pub use extension::extension_schema;
pub use input::{Fence, Input, Options, SecurityMode, Settings};
