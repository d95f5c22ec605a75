//! The grammar of the OpenAPI objects, and the check that documents keep to it.
//!
//! `tables` says what every object looks like, `walk` goes through a description along them, and [`check()`]
//! puts what is wrong into words. Each object is checked where it is defined, once, however often it is used.

mod check;
mod fault;
pub(crate) mod grammar;
mod parameters;
mod rules;
pub(crate) mod tables;
pub(crate) mod walk;

pub use check::check;
pub(crate) use check::check_overlay;
pub(crate) use fault::Fault;
pub(crate) use rules::is_positive;
