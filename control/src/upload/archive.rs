//! Zip archives (APPNOTE.TXT), of which nothing is believed: what the central directory says must be what stands before
//! each file, no two files share a byte, and bytes are counted as they are inflated.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::read::{ZipFile, ZipFileEntry};
use zip::result::ZipError;

use super::path::{Fault, shown};
use super::{Arriving, Error, FILES_MAX, RATIO_FREE_BYTES, RATIO_MAX, Upload};

/// What every entry of the central directory begins with (APPNOTE.TXT 4.3.12).
const ENTRY_SIGNATURE: &[u8] = b"PK\x01\x02";

/// How much of a file is inflated before it is counted.
const CHUNK_BYTES: usize = 64 << 10;

/// Adds every file of an archive.
pub(super) fn unpack(bytes: &[u8], upload: &mut Upload) -> Result<(), Error> {
    // Before the directory is read into a map, which takes ten times its bytes. The signature stands by chance in
    // packed bytes, too, but not 20,000 times.
    if bytes.windows(ENTRY_SIGNATURE.len()).filter(|window| *window == ENTRY_SIGNATURE).nth(FILES_MAX).is_some() {
        return Err(Error::TooManyFiles);
    }
    let unreadable = |error: ZipError| Error::Archive { reason: error.to_string() };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    // Names that differ, files that share bytes ("A better zip bomb", Fifield 2019), files that are not in the directory.
    archive.validate_header_consistency().map_err(unreadable)?;
    let bound = bytes.len().saturating_mul(RATIO_MAX).max(RATIO_FREE_BYTES);
    let before = upload.total_bytes();
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(unreadable)?;
        if entry.is_dir() {
            continue;
        }
        let name = checked_name(&entry)?;
        let file = upload.begin(&name)?;
        if !file.is_kept() {
            file.finish();
            continue;
        }
        let member =
            archive.by_index(index).map_err(|error| Error::Member { path: shown(&name), reason: error.to_string() })?;
        inflate(member, &name, file)?;
        if upload.total_bytes() - before > bound {
            return Err(Error::Ratio { path: shown(&name) });
        }
    }
    Ok(())
}

/// The name of a file whose bytes may be looked at.
fn checked_name(entry: &ZipFileEntry<'_>) -> Result<String, Error> {
    let raw = shown(&String::from_utf8_lossy(entry.name_raw()));
    if entry.is_symlink() {
        return Err(Error::Link { path: raw });
    }
    if entry.encrypted() {
        return Err(Error::Encrypted { path: raw });
    }
    match entry.name() {
        Ok(name) => Ok(name.into_owned()),
        Err(_) => Err(Error::Path { path: raw, fault: Fault::NotUtf8 }),
    }
}

/// Reads a file to its end, which is where its checksum is compared.
fn inflate(mut member: ZipFile<'_, Cursor<&[u8]>>, name: &str, mut file: Arriving<'_>) -> Result<(), Error> {
    let damaged = |reason| Error::Member { path: shown(name), reason };
    let said = member.size();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut inflated = 0;
    loop {
        let read = member.read(&mut chunk).map_err(|error| damaged(error.to_string()))?;
        if read == 0 {
            break;
        }
        inflated += read as u64;
        file.push(chunk.get(..read).unwrap_or_default())?;
    }
    if inflated != said {
        return Err(damaged(format!("it says that it has {said} bytes, and has {inflated}")));
    }
    file.finish();
    Ok(())
}
