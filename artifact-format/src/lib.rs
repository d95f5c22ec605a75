//! The model of an API gateway's configuration, and the signed file that carries it.
//!
//! Read in this order:
//! - [`model`]: what an artifact says: listeners, operations, schemas, policies, upstreams, source documents;
//! - [`container`]: how it becomes bytes and comes back, verified before anything is decoded;
//! - [`signature`] and [`trust`]: who signed it, and whom a reader believes;
//! - [`root`]: the document that says whom to believe, and how the next one is believed;
//! - [`mod@pointer`]: which artifact a data plane is to serve, signed, so that no older one can be put in its place;
//! - [`limits`]: what a reader will hold in memory before it knows whom it reads.
//!
//! This crate knows nobody: no runtime, no HTTP, no YAML, no file.

pub mod container;
pub mod limits;
pub mod model;
pub mod pointer;
pub mod root;
pub mod signature;
mod signature_text;
pub mod trust;
