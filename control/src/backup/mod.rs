//! A control plane in one file, and back.
//!
//! The file is a tar archive under gzip, so that everybody's tools show what is in it:
//!
//! ```text
//! backup.json                 what it is: format, program, schema, columns, how the passphrase becomes a key
//! artifacts/<sha-256>         the bytes of each artifact, in the order of their names
//! tables/<name>/000000.jsonl  rows of a table, one JSON array a line; what is too much for one part goes on in the next
//! manifest.json               how many there are of each, and their SHA-256
//! manifest.seal               with secrets: that whoever knew the passphrase wrote all that
//! ```
//!
//! It is written in one go, so it can be piped, and read twice: once to see that all of it is sound, and then to restore
//! it. What only one column of a table says is sealed as [`seal`](crate::key::seal) does, under the key that the
//! passphrase makes.
//!
//! Read in this order: `format`: the parts; `cells`: rows as JSON; `secrets`: what is sealed; `writer` and
//! [`mod@take`]; `reader` and [`mod@restore`].

mod cells;
mod error;
mod format;
mod reader;
pub mod restore;
mod secrets;
pub mod take;
mod writer;

pub use error::Error;
pub use format::{Header, Manifest};
