//! Why an upload is refused.

use thiserror::Error;

use super::path::Fault;
use super::{FILE_BYTES_MAX, FILES_MAX, RATIO_MAX, TOTAL_BYTES_MAX, UPLOAD_BYTES_MAX};

/// Why an upload is refused. Each message names the file, and what to do. Paths in it are cut and escaped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Beyond [`UPLOAD_BYTES_MAX`].
    #[error("the upload is larger than {UPLOAD_BYTES_MAX} bytes: send only the documents, in a zip archive")]
    UploadTooLarge,
    /// Beyond [`FILE_BYTES_MAX`].
    #[error("`{path}` is larger than {FILE_BYTES_MAX} bytes: split it, and refer to the parts by `$ref`")]
    FileTooLarge {
        /// Which file.
        path: String,
    },
    /// Beyond [`TOTAL_BYTES_MAX`].
    #[error("with `{path}` the documents come to more than {TOTAL_BYTES_MAX} bytes: send only those of one API")]
    TotalTooLarge {
        /// The file that is one too many.
        path: String,
    },
    /// Beyond [`FILES_MAX`].
    #[error("there are more than {FILES_MAX} files: send only the documents of one API")]
    TooManyFiles,
    /// A name that a file may not have.
    #[error("`{path}` is no path that is read: {fault}; rename the file, its path begins in the folder that is sent")]
    Path {
        /// Which.
        path: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Two files that are one where case does not count.
    #[error("`{path}` is there twice, or differs from another file only in upper and lower case: rename one of them")]
    NameTaken {
        /// The second one.
        path: String,
    },
    /// An archive within what was uploaded.
    #[error(
        "`{path}` is an archive among the files and is not opened: unpack it, or send a zip archive by itself as `application/zip`"
    )]
    NestedArchive {
        /// Which file.
        path: String,
    },
    /// A single file that is no document.
    #[error(
        "`{path}` is no document: its name must end in .yaml, .yml, .json or .zip, or its content type say what it is"
    )]
    NotADocument {
        /// Which file.
        path: String,
    },
    /// Neither a content type that says anything nor a name.
    #[error(
        "nothing says what was uploaded: send `Content-Type: application/yaml`, `application/json` or `application/zip`"
    )]
    Unnamed,
    /// A content type that is not read.
    #[error(
        "`{content_type}` is not read: send application/yaml, application/json, application/zip or multipart/form-data"
    )]
    ContentType {
        /// As it was written.
        content_type: String,
    },
    /// Not one document.
    #[error("there is no document: a file whose name ends in .yaml, .yml or .json")]
    NoDocument,
    /// The document that the caller named is not there.
    #[error("there is no file `{entry}` in the upload: name the entry document by its path in it")]
    EntryMissing {
        /// What was named.
        entry: String,
    },
    /// No document looks like the one where an API begins.
    #[error("no file has a field `openapi` at its top level: name the entry document")]
    NoEntry,
    /// Several documents do.
    #[error("{} could all be the entry document: name one, or several for one artifact", listed(candidates))]
    Ambiguous {
        /// Their paths, sorted.
        candidates: Vec<String>,
    },
    /// Not a zip archive at all, or one that cannot be read.
    #[error("this is no zip archive that can be read: {reason}; make it anew with `zip -r`")]
    Archive {
        /// In the words of the zip library.
        reason: String,
    },
    /// A file of an archive that cannot be read.
    #[error("`{path}` cannot be read from the archive: {reason}; make the archive anew with `zip -r`")]
    Member {
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A symbolic link.
    #[error("`{path}` is a symbolic link, which is not followed: put the file itself into the archive")]
    Link {
        /// Which file.
        path: String,
    },
    /// Encrypted.
    #[error("`{path}` is encrypted: make the archive without a password")]
    Encrypted {
        /// Which file.
        path: String,
    },
    /// Beyond [`RATIO_MAX`].
    #[error(
        "with `{path}` the archive comes to more than {RATIO_MAX} times its size: no documents are packed like this"
    )]
    Ratio {
        /// Which file.
        path: String,
    },
}

/// The first few of many.
fn listed(paths: &[String]) -> String {
    const SHOWN_MAX: usize = 10;
    let shown: Vec<String> =
        paths.iter().take(SHOWN_MAX).map(|path| format!("`{}`", super::path::shown(path))).collect();
    let more = paths.len().saturating_sub(SHOWN_MAX);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}
