//! Files of a folder that were never finished. One is written beside its place, as `NAME#NUMBER`, and moved there when it
//! is whole; who is killed in between leaves it, and no listing shows it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::domain::digest::Digest;

/// Removes those of artifacts that nobody has written to since `before`. Returns how many.
pub(super) fn remove(folder: &Path, before: SystemTime) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            removed += remove_in(&path, before)?;
        }
    }
    Ok(removed)
}

fn remove_in(folder: &Path, before: SystemTime) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(is_unfinished) {
            continue;
        }
        // It may have been finished, or removed, in between.
        let changed = match entry.metadata().and_then(|file| file.modified()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            changed => changed?,
        };
        if changed < before {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                gone => {
                    gone?;
                    removed += 1;
                }
            }
        }
    }
    Ok(removed)
}

/// Whether a file is called so: an artifact's digest, and a number.
fn is_unfinished(name: &str) -> bool {
    name.split_once('#').is_some_and(|(digest, number)| {
        digest.parse::<Digest>().is_ok() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
