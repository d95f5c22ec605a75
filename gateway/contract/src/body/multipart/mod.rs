//! `multipart/form-data` (RFC 7578, over RFC 2046), taken apart and judged as it passes.

mod header;
mod inspector;
mod parser;

use thiserror::Error;

use crate::media;
pub use inspector::{Inspector, PARTS_MAX};
pub use parser::{Event, PART_HEADER_MAX_BYTES, Parser};

/// Why a body is not `multipart/form-data` that everyone reads alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// No boundary, or one that is not of 1 to 70 characters of those allowed (RFC 2046 section 5.1.1).
    #[error("`boundary` must be of 1 to 70 letters, digits and `'()+_,-./:=?`")]
    Boundary,
    /// Something is before the first delimiter.
    #[error("the body must begin with the boundary")]
    Preamble,
    /// Something is after the last delimiter.
    #[error("nothing but a line end may follow the last boundary")]
    Epilogue,
    /// A delimiter is followed by something else than a line end, or `--`.
    #[error("a boundary must be followed by CR LF or by `--`")]
    Delimiter,
    /// The last delimiter is missing.
    #[error("the body ends before the last boundary")]
    End,
    /// A part has no header.
    #[error("a part has no `Content-Disposition`")]
    NoHeader,
    /// There are more than [`PARTS_MAX`] parts.
    #[error("a form may have at most {PARTS_MAX} parts")]
    TooManyParts,
    /// Names and parts that are no files are longer than the limit, all together: 413.
    #[error("the fields of a form that are no files are too long, all together")]
    FieldsTooLarge,
    /// The header of a part is longer than [`PART_HEADER_MAX_BYTES`].
    #[error("the header of a part is longer than {PART_HEADER_MAX_BYTES} bytes")]
    HeaderTooLong,
    /// The header of a part is not lines of `name: value` in UTF-8 that end in CR LF.
    #[error("the header of a part must be lines of `name: value` that end in CR LF and are not folded")]
    Header,
    /// The header of a part has a field twice.
    #[error("a field of a part's header may be there once")]
    RepeatedHeader,
    /// Not `form-data; name="..."`, or with parameters that readers differ about.
    #[error("`Content-Disposition` must be `form-data; name=\"...\"`, without `name*` or `\\\"`")]
    Disposition,
    /// The `Content-Type` of a part cannot be read.
    #[error("`Content-Type` of a part: {0}")]
    ContentType(#[from] media::Error),
}

#[cfg(test)]
mod tests;
