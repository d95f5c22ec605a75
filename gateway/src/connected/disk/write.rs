//! Files that are there whole, or as they were before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Error;

/// Writes a file in one step: beside itself, to the disk, and then over what was there.
pub(super) fn replace(folder: &Path, name: &str, contents: &[u8]) -> Result<(), Error> {
    let (file, temporary) = (folder.join(name), folder.join(format!("{name}.new")));
    let write = || {
        let mut open = OpenOptions::new();
        let mut new = open.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        new.write_all(contents)?;
        new.sync_all()?;
        fs::rename(&temporary, &file)?;
        sync(folder)
    };
    write().map_err(Error::write(&file))
}

/// Reads a file of bounded length; none where there is none.
pub(super) fn read(file: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { file: file.to_path_buf(), source }),
    };
    let mut contents = Vec::new();
    opened.take(max_bytes).read_to_end(&mut contents).map_err(Error::read(file))?;
    Ok(Some(contents))
}

/// Has what was renamed in a folder stay renamed when the power fails.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
