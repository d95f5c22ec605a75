//! JSON (RFC 8259), read strictly into a flat tree that borrows the text it was read from.
//!
//! Duplicate names, trailing data, lone surrogates and excess depth are errors: two readers could understand them
//! differently, and what is forwarded is the text, not our reading of it. Numbers stay text and are exact. A tree
//! is reused from one text to the next, so reading allocates nothing once it has grown.

mod budget;
mod build;
mod equal;
mod error;
mod judged;
mod number;
mod reader;
mod string;
mod tree;

pub use budget::Budget;
pub use build::Builder;
pub use error::{Error, ErrorKind};
pub use judged::Judged;
pub use number::{Number, is_number, is_within_reach};
pub use reader::Limits;
pub use tree::{Kind, Tree, Value};
