//! Documents as they arrive, within the bounds.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::path::{self, Class};
use super::{Document, Documents, Error, FILE_BYTES_MAX, FILES_MAX, TOTAL_BYTES_MAX, UPLOAD_BYTES_MAX, archive, entry};

/// An upload that is still arriving.
#[derive(Debug, Default)]
pub struct Upload {
    files: BTreeMap<String, Document>,
    left_out: BTreeSet<String>,
    /// Every name so far, without case.
    names: BTreeSet<String>,
    total_bytes: usize,
}

/// A file that is still arriving: dropped, it is not part of the upload.
#[derive(Debug)]
#[must_use = "a file that is not finished is not part of the upload"]
pub struct Arriving<'u> {
    upload: &'u mut Upload,
    path: String,
    class: Class,
    bytes: Vec<u8>,
}

impl Upload {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a file. Its name is judged before any of its bytes is taken.
    pub fn begin(&mut self, path: &str) -> Result<Arriving<'_>, Error> {
        let named = |fault| Error::Path { path: path::shown(path), fault };
        path::check(path).map_err(named)?;
        if self.names.len() >= FILES_MAX {
            return Err(Error::TooManyFiles);
        }
        let class = path::class(path);
        if class == Class::Archive {
            return Err(Error::NestedArchive { path: path::shown(path) });
        }
        if !self.names.insert(path::folded(path)) {
            return Err(Error::NameTaken { path: path::shown(path) });
        }
        Ok(Arriving { upload: self, path: path.to_owned(), class, bytes: Vec::new() })
    }

    /// Adds one file that is there already.
    pub fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        check_length(bytes)?;
        let mut file = self.begin(path)?;
        file.push(bytes)?;
        file.finish();
        Ok(())
    }

    /// Adds the files of a zip archive.
    pub fn unpack(&mut self, archive: &[u8]) -> Result<(), Error> {
        check_length(archive)?;
        archive::unpack(archive, self)
    }

    /// The bytes of the documents so far, inflated.
    pub(super) fn total_bytes(&self) -> usize {
        self.total_bytes
    }

    /// All of it. `entries` are the paths of the `OpenAPI` documents where the caller named them, in this order.
    ///
    /// Where none is named it is the only document; else the only one, among those at the least depth, that has a field
    /// `openapi` at its top level.
    ///
    /// # Errors
    /// There is no document, or not the one named, or several that it could be.
    pub fn finish(self, entries: &[String]) -> Result<Documents, Error> {
        let files: Vec<Document> = self.files.into_values().collect();
        let entries = entry::choose(&files, entries)?;
        Ok(Documents { entries, files, left_out: self.left_out.into_iter().collect() })
    }
}

/// Refuses a body that is longer than is read.
fn check_length(body: &[u8]) -> Result<(), Error> {
    if body.len() > UPLOAD_BYTES_MAX { Err(Error::UploadTooLarge) } else { Ok(()) }
}

impl Arriving<'_> {
    /// Whether its bytes are kept: for those who would have to inflate them first.
    pub(super) fn is_kept(&self) -> bool {
        self.class == Class::Document
    }

    /// Takes more of the file.
    ///
    /// # Errors
    /// It is too large, or all of them are together.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        if !self.is_kept() {
            return Ok(());
        }
        if self.bytes.len() + chunk.len() > FILE_BYTES_MAX {
            return Err(Error::FileTooLarge { path: path::shown(&self.path) });
        }
        if self.upload.total_bytes + self.bytes.len() + chunk.len() > TOTAL_BYTES_MAX {
            return Err(Error::TotalTooLarge { path: path::shown(&self.path) });
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The file is whole.
    pub fn finish(self) {
        let Self { upload, path, class, bytes } = self;
        if class != Class::Document {
            upload.left_out.insert(path);
            return;
        }
        upload.total_bytes += bytes.len();
        let sha256 = Sha256::digest(&bytes).into();
        upload.files.insert(path.clone(), Document { path, bytes: Bytes::from(bytes), sha256 });
    }
}
