//! From a file to a snapshot: read, verify, decode, build.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use artifact_format::container::{self, Digest, digest};
use artifact_format::limits::Limits;
use artifact_format::trust::Trust;
use thiserror::Error;

use super::{BuildError, Snapshot};
use crate::metrics::Metrics;
use crate::trust::{TrustSource, TrustSourceError};

/// What a snapshot is built for.
#[derive(Debug)]
pub struct Environment {
    /// The process's listeners, by name, in order.
    pub listeners: Vec<String>,
    /// The process's own limit of a body, in bytes.
    pub body_max_bytes: u64,
    /// Whom to believe.
    pub trust: TrustSource,
    /// Where handles come from.
    pub metrics: Arc<Metrics>,
}

/// Why an artifact is not served.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("the artifact cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// The keys cannot be read.
    #[error("the trusted keys cannot be read: {0}")]
    Trust(#[from] TrustSourceError),
    /// The file is not believed, or not whole.
    #[error(transparent)]
    Container(#[from] container::Error),
    /// The same, where the command line says whom to believe.
    #[error("{source}{}", remedy(source))]
    Given {
        /// Why.
        source: container::Error,
    },
    /// It asks for what this gateway cannot do.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What the command line may do about an artifact that is not believed.
fn remedy(error: &container::Error) -> &'static str {
    match error.code() {
        "unsigned" => ". Sign it (`portcullis-control sign`), or start with --allow-unsigned for an experiment",
        "untrusted" => {
            ". Name the public key of its signer with --trusted-key, or start with --allow-unsigned for an experiment"
        }
        _ => "",
    }
}

impl LoadError {
    /// A short name that stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "unreadable",
            Self::Trust(_) => "trust_unreadable",
            Self::Container(source) | Self::Given { source } => source.code(),
            Self::Build(error) => error.code(),
        }
    }
}

/// Reads an artifact's file, bounded by the format's limit.
pub fn read(file: &Path) -> Result<(Digest, Vec<u8>), LoadError> {
    let limit = Limits::DEFAULT.file_max_bytes;
    let file = File::open(file)?;
    let actual = file.metadata()?.len();
    if actual > limit {
        // Before any of it is in memory.
        return Err(container::Error::TooLarge { what: "file length in bytes", actual, limit }.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(actual).unwrap_or_default());
    // It may grow meanwhile, and a pipe has no length.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((digest(&bytes), bytes))
}

/// Verifies, decodes and builds, believing whom the trust root says where there is one, and whom the command line says
/// where there is none.
pub fn load(
    name: Digest,
    bytes: &[u8],
    (root, environment): (Option<&Trust>, &Environment),
) -> Result<Snapshot, LoadError> {
    let Some(root) = root else {
        let loaded = load_trusting(name, bytes, (&environment.trust.read()?, environment));
        return loaded.map_err(|error| match error {
            LoadError::Container(source) => LoadError::Given { source },
            error => error,
        });
    };
    load_trusting(name, bytes, (root, environment))
}

/// Verifies, decodes and builds, believing somebody else.
pub fn load_trusting(
    name: Digest,
    bytes: &[u8],
    (trust, environment): (&Trust, &Environment),
) -> Result<Snapshot, LoadError> {
    let verified = container::open(bytes, trust, &Limits::DEFAULT)?;
    super::build::check_version(verified.manifest())?;
    let artifact = verified.decode_for_serving()?;
    let (manifest, signed_by) = (verified.manifest().clone(), verified.signed_by().to_vec());
    Ok(super::build::Builder::new(artifact, environment)?.finish(name, manifest, signed_by))
}
