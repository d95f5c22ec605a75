//! Documents in a zip archive, as they can be uploaded.

use std::io::{Cursor, Write as _};

use bytes::Bytes;
use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;

use super::Document;

/// The same documents are the same bytes: the archive says nothing but what is in it, and so no time.
pub fn pack(documents: &[Document]) -> Result<Bytes, ZipError> {
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::DEFAULT);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for document in documents {
        archive.start_file(document.path.as_str(), options)?;
        archive.write_all(&document.bytes)?;
    }
    Ok(Bytes::from(archive.finish()?.into_inner()))
}
