//! Where a `$ref` leads.

use std::borrow::Cow;
use std::collections::HashSet;

use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::diagnostic::Code;
use crate::document::path::{Folder, OutOfBounds};
use crate::document::{FileError, FileId, Node};

/// Why a reference leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Nothing stands where it points.
    #[error("`{reference}` leads nowhere: {missing} does not exist")]
    NotFound {
        /// As it is written.
        reference: String,
        /// The first step that leads nowhere.
        missing: String,
        /// What exists there and is spelt alike.
        nearest: Option<String>,
    },
    /// The file cannot be read.
    #[error("`{reference}` leads to the file `{path}`: {error}")]
    File {
        /// As it is written.
        reference: String,
        /// The path it means.
        path: String,
        /// Why not.
        error: FileError,
    },
    /// The file is not JSON or YAML; reported with its text.
    #[error("`{reference}` leads to the file `{path}`, which is at fault itself")]
    FileAtFault {
        /// As it is written.
        reference: String,
        /// The path it means.
        path: String,
    },
    /// It leads out of the folder of the documents.
    #[error("`{reference}` leads out of the folder of the documents: {reason}")]
    Refused {
        /// As it is written.
        reference: String,
        /// Why that is out.
        reason: &'static str,
    },
    /// References that lead to each other and to nothing else.
    #[error("`{reference}` leads back to itself")]
    Cycle {
        /// As it is written.
        reference: String,
    },
    /// Not a URI reference.
    #[error("`{reference}` is not a reference: {reason}")]
    Malformed {
        /// As it is written.
        reference: String,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Error {
    /// The diagnostic code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } | Self::File { .. } | Self::FileAtFault { .. } => Code::ReferenceNotFound,
            Self::Refused { .. } => Code::ReferenceRefused,
            Self::Cycle { .. } => Code::ReferenceCycle,
            Self::Malformed { .. } => Code::ReferenceMalformed,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { nearest, .. } => nearest.as_ref().map(|nearest| format!("did you mean `{nearest}`?")),
            Self::Refused { .. } => {
                Some("copy the file beside the document: nothing else is read, and no network".into())
            }
            Self::File { .. } | Self::FileAtFault { .. } | Self::Cycle { .. } | Self::Malformed { .. } => None,
        }
    }
}

/// A reference, taken apart.
struct Parts<'r> {
    uri: &'r str,
    fragment: Cow<'r, str>,
}

fn parts(reference: &str) -> Result<Parts<'_>, Error> {
    let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let malformed = |reason| Error::Malformed { reference: reference.to_owned(), reason };
    let fragment = percent_decode_str(fragment).decode_utf8().map_err(|_| malformed("its fragment is not UTF-8"))?;
    Ok(Parts { uri, fragment })
}

/// One step: what `reference`, written in `from`, means.
pub(crate) fn resolve<'d>(from: &Node<'d>, reference: &str) -> Result<Node<'d>, Error> {
    let Parts { uri, fragment } = parts(reference)?;
    let file = if uri.is_empty() { from.file() } else { file(from, uri, reference)? };
    let root = from.documents().root(file);
    if fragment.is_empty() {
        return Ok(root);
    }
    if !fragment.starts_with('/') {
        let missing = format!("the anchor `{fragment}`");
        return Err(Error::NotFound { reference: reference.to_owned(), missing, nearest: None });
    }
    descend(root, &fragment).map_err(|(missing, nearest)| Error::NotFound {
        reference: reference.to_owned(),
        missing: format!("`{missing}`"),
        nearest,
    })
}

fn file(from: &Node<'_>, uri: &str, reference: &str) -> Result<FileId, Error> {
    let documents = from.documents();
    let path = target_path(from, uri, reference)?;
    match documents.file(&path) {
        Some(Ok(file)) if documents.document(file).is_readable() => Ok(file),
        Some(Ok(_)) => Err(Error::FileAtFault { reference: reference.to_owned(), path }),
        Some(Err(error)) => Err(Error::File { reference: reference.to_owned(), path, error }),
        None => Err(Error::File { reference: reference.to_owned(), path, error: FileError::NotFound }),
    }
}

/// The path of the file that `uri`, written in `from`, means.
fn target_path(from: &Node<'_>, uri: &str, reference: &str) -> Result<String, Error> {
    let refused = |reason| Error::Refused { reference: reference.to_owned(), reason };
    if uri.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
        return Err(refused("it is a URL, and nothing is fetched"));
    }
    let decoded = percent_decode_str(uri).decode_utf8();
    let decoded =
        decoded.map_err(|_| Error::Malformed { reference: reference.to_owned(), reason: "it is not UTF-8" })?;
    let folder = Folder::of(from.documents().document(from.file()).path());
    folder.join(&decoded, from.documents().bounds()).map_err(|error| {
        refused(match error {
            OutOfBounds::Above => "it climbs above it",
            OutOfBounds::Absolute => "it is an absolute path",
        })
    })
}

/// What `pointer` names; else the pointer up to the first step that fails, and the pointer to what is spelt alike.
fn descend<'d>(root: Node<'d>, pointer: &str) -> Result<Node<'d>, (String, Option<String>)> {
    let mut node = root;
    for token in crate::document::pointer::tokens(pointer) {
        node = match node.step_into(&token) {
            Some(next) => next,
            None => {
                let mut missing = node.pointer();
                crate::document::pointer::push_key(&mut missing, &token);
                return Err((missing, None));
            }
        };
    }
    Ok(node)
}

/// The node itself, or where its `$ref` leads in the end.
pub(crate) fn follow<'d>(node: &Node<'d>) -> Result<Node<'d>, Error> {
    let Some(mut reference) = node.reference() else { return Ok(node.clone()) };
    let mut seen = HashSet::from([node.identity()]);
    let mut here = node.clone();
    loop {
        here = resolve(&here, reference)?;
        match here.reference() {
            None => return Ok(here),
            Some(_) if !seen.insert(here.identity()) => {
                return Err(Error::Cycle { reference: node.reference().unwrap_or_default().to_owned() });
            }
            Some(next) => reference = next,
        }
    }
}
