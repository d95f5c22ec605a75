//! Artifact files on disk.

use std::io;
use std::path::{Path, PathBuf};

use artifact_format::container::{self, Digest, Verified};
use artifact_format::limits::Limits;
use artifact_format::model::Artifact;
use artifact_format::trust::{Trust, TrustError, Unsigned};
use thiserror::Error;

use crate::{documents, file};

/// An artifact file in memory, not yet looked into.
#[derive(Debug)]
pub struct ArtifactFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// Why an artifact cannot be had.
#[derive(Debug, Error)]
pub enum Error {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] file::Error),
    /// It is not sound, or not believed.
    #[error("{}: {source}{}", path.display(), remedy(source))]
    Refused {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: container::Error,
    },
}

/// What to do about a file that is refused.
fn remedy(why: &container::Error) -> &'static str {
    match why {
        container::Error::Trust(TrustError::Unsigned) => "; sign it with `portcullis-control sign`",
        container::Error::Trust(TrustError::Untrusted { .. }) => {
            "; if you trust the signer, name its public key with --trusted-key"
        }
        container::Error::Trust(TrustError::BadSignature { .. } | TrustError::RepeatedKey { .. })
        | container::Error::Truncated { .. }
        | container::Error::TrailingBytes { .. }
        | container::Error::Damaged { .. }
        | container::Error::SectionMismatch { .. } => "; get it again from where it was built",
        // These say it themselves, or are no fault of the file's journey.
        container::Error::NotAnArtifact
        | container::Error::FormatTooNew { .. }
        | container::Error::FormatTooOld { .. }
        | container::Error::TooLarge { .. }
        | container::Error::UnknownSection { .. }
        | container::Error::MissingSection { .. }
        | container::Error::Undecodable { .. }
        | container::Error::Inconsistent(_) => "",
    }
}

/// Whether the keys that a reader believes signed an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They did.
    Trusted,
    /// They did not; nobody may serve it.
    Untrusted(TrustError),
}

impl ArtifactFile {
    /// A file that is in memory, by whatever name.
    pub fn new(path: PathBuf, bytes: Vec<u8>) -> Self {
        Self { path, bytes }
    }

    /// Reads a file within the limits of the format; `-` is stdin, and called so from then on.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let max_bytes = Limits::DEFAULT.file_max_bytes;
        if !documents::is_stdin(path) {
            return Ok(Self { path: path.to_owned(), bytes: file::read(path, max_bytes)? });
        }
        let path = PathBuf::from(documents::STDIN);
        let read = file::read_at_most(io::stdin().lock(), max_bytes).map_err(|e| file::Error::reading(&path, e))?;
        let bytes = read.ok_or_else(|| file::Error::TooLarge { path: path.clone(), max_bytes })?;
        Ok(Self { path, bytes })
    }

    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its name.
    pub fn digest(&self) -> Digest {
        container::digest(&self.bytes)
    }

    /// Opens it if it is sound and believed.
    pub fn open(&self, trust: &Trust) -> Result<Verified<'_>, Error> {
        container::open(&self.bytes, trust, &Limits::DEFAULT).map_err(|source| self.refused(source))
    }

    /// Opens it if it is sound, and says whether it is believed: for showing, never for serving.
    ///
    /// # Errors
    /// Anything that is wrong but the want of a trusted signature; a trusted key's signature that does not fit too.
    pub fn open_to_show(&self, trust: &Trust) -> Result<(Verified<'_>, Verdict), Error> {
        match container::open(&self.bytes, trust, &Limits::DEFAULT) {
            Ok(verified) => Ok((verified, Verdict::Trusted)),
            Err(container::Error::Trust(why @ (TrustError::Unsigned | TrustError::Untrusted { .. }))) => {
                let lax = trust.clone().with_unsigned(Unsigned::Allow);
                Ok((self.open(&lax)?, Verdict::Untrusted(why)))
            }
            Err(source) => Err(self.refused(source)),
        }
    }

    /// Decodes the whole model.
    pub fn decode(&self, verified: &Verified<'_>) -> Result<Artifact, Error> {
        verified.decode().map_err(|source| self.refused(source))
    }

    /// Adds a signature to the file's bytes, which stay as they are on disk.
    pub fn signed(&self, key: &artifact_format::signature::SigningKey) -> Result<Vec<u8>, Error> {
        container::add_signature(&self.bytes, key).map_err(|source| self.refused(source))
    }

    fn refused(&self, source: container::Error) -> Error {
        Error::Refused { path: self.path.clone(), source }
    }
}
