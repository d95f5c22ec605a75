//! `root.json` and its copy: the newest trust root that is believed.

use std::io;

use artifact_format::root::{self, Root, SignedRoot};

use super::{Error, Folder, write};

const ROOT: &str = "root.json";
const COPY: &str = "root.copy.json";

/// The trust root that was kept.
#[derive(Debug)]
pub(in crate::connected) enum Kept {
    /// None yet.
    Nothing,
    /// This.
    Known(Root),
    /// This, and one of the two files is of no use.
    Repaired(Root, Error),
    /// There was one, and neither file is of any use.
    Lost(Error),
}

impl Folder {
    /// The newest trust root that was believed. A file that cannot be read is not taken for a damaged one.
    pub(in crate::connected) fn root(&self) -> Result<Kept, Error> {
        let kept = match (self.one_root(ROOT), self.one_root(COPY)) {
            (Ok(Some(root)), Err(error)) | (Err(error), Ok(Some(root))) => Kept::Repaired(root, error),
            (Ok(None), Ok(None)) => Kept::Nothing,
            // A process ended between the first file and the second: the first is the newer one. Or somebody removed the
            // first: what was believed is believed.
            (Ok(Some(root)), Ok(_)) | (Ok(None), Ok(Some(root))) => Kept::Known(root),
            (Err(error @ Error::Read { .. }), Ok(None) | Err(_))
            | (Ok(None) | Err(_), Err(error @ Error::Read { .. })) => return Err(error.needed()),
            (Err(error), Ok(None) | Err(_)) | (Ok(None), Err(error)) => Kept::Lost(error),
        };
        match &kept {
            Kept::Known(root) | Kept::Repaired(root, _) if root.project() != self.project => {
                let (folder, found, expected) = (self.path.clone(), root.project().to_owned(), self.project.clone());
                Err(Error::OtherProject { folder, found, expected })
            }
            Kept::Nothing | Kept::Known(_) | Kept::Repaired(..) | Kept::Lost(_) => Ok(kept),
        }
    }

    /// Keeps a trust root.
    pub(in crate::connected) fn write_root(&self, root: &SignedRoot) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(root).map_err(io::Error::from);
        let text = text.map_err(Error::write(&self.path.join(ROOT)))?;
        write::replace(&self.path, ROOT, &text)?;
        write::replace(&self.path, COPY, &text)
    }

    /// Writes what one of the files has over the other one, and says whether that was done. Only over one that is
    /// damaged: one that cannot be read may be as good as ever, and newer.
    pub(in crate::connected) fn repairs_root(&self, error: &Error) -> bool {
        let Error::Damaged { file, .. } = error else { return false };
        let (damaged, whole) = if file.ends_with(ROOT) { (ROOT, COPY) } else { (COPY, ROOT) };
        let Ok(Some(text)) = write::read(&self.path.join(whole), root::FILE_MAX_BYTES) else { return false };
        match write::replace(&self.path, damaged, &text) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the state folder cannot be written");
                false
            }
        }
    }

    fn one_root(&self, name: &str) -> Result<Option<Root>, Error> {
        let file = self.path.join(name);
        let damaged = |what: String| Error::Damaged { file: file.clone(), what };
        let Some(text) = write::read(&file, root::FILE_MAX_BYTES)? else { return Ok(None) };
        let signed: SignedRoot = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        signed.pinned().map(Some).map_err(|error| damaged(error.to_string()))
    }
}
