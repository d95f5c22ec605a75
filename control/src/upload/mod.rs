//! What was uploaded, as a set of documents: a YAML or JSON file, a folder in the parts of a form, or a zip archive.
//!
//! Pure and bounded: bytes in, [`Documents`] or an [`Error`] that names the file out. No document is parsed here, and
//! nothing is written to a disk: a path is a name, which `$ref` is compared with byte for byte. It is not brought into
//! a Unicode normal form for that reason.
//!
//! | bound | | why this much |
//! |---|---:|---|
//! | [`UPLOAD_BYTES_MAX`] | 32 MiB | what is sent, and so held until it is judged |
//! | [`FILE_BYTES_MAX`] | 16 MiB | a third more than the largest description we know, GitHub's in full with its 12 MB |
//! | [`TOTAL_BYTES_MAX`] | 64 MiB | what an archive may come to; counted while it is inflated |
//! | [`FILES_MAX`] | 20,000 | what one compilation reads |
//! | [`PATH_BYTES_MAX`] | 1,024 | |
//! | [`RATIO_MAX`] | 200 | text that people wrote is packed 5 to 30 times; deflate ends at 1,032 |
//!
//! Files that are not `.yaml`, `.yml` or `.json` are left out, and named in [`Documents::left_out`]: folders hold
//! pictures and a README, which nobody wants to weed out by hand. An archive among them is an error, since whoever put
//! it there expects it to be opened.
//!
//! Read in this order: `media` (what a body is), `collect` (documents as they arrive, within the bounds),
//! `archive` (zip), `path` (what a file may be called), `entry` (where the API begins), `title` (what it is
//! called), `pack` (the way back), `error`.

mod archive;
mod collect;
mod entry;
mod error;
mod media;
mod pack;
mod path;
mod title;

use bytes::Bytes;

pub use collect::{Arriving, Upload};
pub use error::Error;
pub use media::Media;
pub use pack::pack;
pub use path::Fault;
pub use title::title;

/// The bytes of an upload, as it is sent.
pub const UPLOAD_BYTES_MAX: usize = 32 << 20;

/// The bytes of one document.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// The bytes of all documents together, inflated.
pub const TOTAL_BYTES_MAX: usize = 64 << 20;

/// The files of an upload, with those that are left out and, in an archive, its folders.
pub const FILES_MAX: usize = compiler::document::limits::FILES_MAX;

/// The bytes of a path.
pub const PATH_BYTES_MAX: usize = 1024;

/// How many times larger than an archive its files may be together, beyond the first MiB.
pub const RATIO_MAX: usize = 200;

/// What any archive may come to, however small it is: a folder of a few lines that repeat themselves is packed well.
pub const RATIO_FREE_BYTES: usize = 1 << 20;

/// The documents of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// The paths of the `OpenAPI` documents, each one among `files`: as they were named, else the one that was found.
    pub entries: Vec<String>,
    /// Every document, by path.
    pub files: Vec<Document>,
    /// The paths of the files that are no documents and were not kept, sorted.
    pub left_out: Vec<String>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Relative, `/`-separated, without `.` and `..`.
    pub path: String,
    /// The content, which need not be YAML or JSON, whatever the name says.
    pub bytes: Bytes,
    /// Of the content.
    pub sha256: [u8; 32],
}

#[cfg(test)]
mod tests;
