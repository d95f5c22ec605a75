//! Model to bytes. Deterministic: the same model, signed by the same keys, gives the same file.

use sha2::{Digest, Sha256};

use super::codec::{CodecError, Encoded};
use super::envelope::{Envelope, signed_message};
use super::header::{self, Header, aligned};
use super::section::Section;
use super::{Error, FORMAT_VERSION, Manifest, SectionEntry, codec, reader};
use crate::limits::Limits;
use crate::model::Artifact;
use crate::signature::SigningKey;
use crate::trust::{Signature, Trust, Unsigned};

/// An encoded artifact that is still to be signed.
pub struct Draft {
    manifest: Vec<u8>,
    sections: Vec<u8>,
    signatures: Vec<Signature>,
}

impl Draft {
    /// Encodes a model.
    ///
    /// # Errors
    /// An index of the model that points nowhere, or anything beyond the limits that readers hold: what nobody
    /// could load is not written.
    pub fn encode(artifact: &Artifact) -> Result<Self, Error> {
        artifact.check_references()?;
        let mut contents = Contents { entries: Vec::new(), bytes: Vec::new() };
        contents.add(&artifact.routes)?;
        contents.add(&artifact.schemas)?;
        contents.add(&artifact.policies)?;
        contents.add(&artifact.upstreams)?;
        contents.add(&artifact.specs)?;
        let manifest = Manifest {
            project: artifact.project.clone(),
            compiler: artifact.compiler.clone(),
            minimum_gateway: artifact.minimum_gateway().to_string(),
            provenance: artifact.provenance.clone(),
            sections: contents.entries,
        };
        manifest.check_layout(contents.bytes.len() as u64, &Limits::DEFAULT)?;
        let manifest = codec::encode(&manifest, super::section::Codec::Bincode)
            .map_err(|_| Error::Damaged { what: "the manifest cannot be encoded" })?;
        Ok(Self { manifest: manifest.bytes, sections: contents.bytes, signatures: Vec::new() })
    }

    /// Adds a signature.
    #[must_use]
    pub fn sign(mut self, key: &SigningKey) -> Self {
        self.signatures.push(signature(&self.manifest, key));
        self
    }

    /// The file.
    ///
    /// # Errors
    /// A file, manifest or number of signatures beyond the limits that readers hold.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        assemble(&self.manifest, &self.signatures, &self.sections)
    }
}

/// Adds a signature to a finished file, which keeps those it has. Takes as much memory as the new file, and no more.
///
/// # Errors
/// The file is damaged. Whose signatures it bears does not matter here.
pub fn add_signature(file: &[u8], key: &SigningKey) -> Result<Vec<u8>, Error> {
    let anyone = Trust::any_of([key.public()]).with_unsigned(Unsigned::Allow);
    let Envelope { manifest, signatures, sections, .. } = Envelope::read(file, &Limits::DEFAULT)?;
    reader::open(file, &anyone, &Limits::DEFAULT)?;
    let others = signatures.into_iter().filter(|signature| signature.key != key.public().id());
    let signatures: Vec<Signature> = others.chain([signature(manifest, key)]).collect();
    assemble(manifest, &signatures, sections)
}

fn signature(manifest: &[u8], key: &SigningKey) -> Signature {
    Signature { key: key.public().id(), bytes: key.sign(&signed_message(FORMAT_VERSION, manifest)) }
}

fn assemble(manifest: &[u8], signatures: &[Signature], sections: &[u8]) -> Result<Vec<u8>, Error> {
    let too_large = |what, actual: usize, limit: u64| Error::TooLarge { what, actual: actual as u64, limit };
    let mut header = Header {
        format: FORMAT_VERSION,
        manifest_length: u32::try_from(manifest.len()).map_err(|_| {
            too_large("manifest length in bytes", manifest.len(), Limits::DEFAULT.manifest_max_bytes.into())
        })?,
        file_length: 0,
        signatures: u16::try_from(signatures.len())
            .map_err(|_| too_large("number of signatures", signatures.len(), Limits::DEFAULT.signatures_max.into()))?,
    };
    header.file_length = header.sections_offset() + sections.len() as u64;
    let mut file = Vec::with_capacity(usize::try_from(header.file_length).unwrap_or(sections.len()));
    file.extend_from_slice(&header.to_bytes());
    file.extend_from_slice(manifest);
    signatures.iter().for_each(|signature| header::write_signature(signature, &mut file));
    let checksum = Sha256::digest(&file);
    file.extend_from_slice(&checksum);
    pad(&mut file);
    file.extend_from_slice(sections);
    Header::read(&file, &Limits::DEFAULT)?;
    Ok(file)
}

struct Contents {
    entries: Vec<SectionEntry>,
    bytes: Vec<u8>,
}

impl Contents {
    fn add<S: Section>(&mut self, section: &S) -> Result<(), Error> {
        let undecodable = |e: CodecError| Error::Undecodable { section: S::ID, reason: e.to_string() };
        let Encoded { raw_length, bytes } = codec::encode(section, S::CODEC).map_err(undecodable)?;
        pad(&mut self.bytes);
        self.entries.push(SectionEntry {
            id: S::ID,
            revision: S::REVISION,
            codec: S::CODEC.number(),
            critical: true,
            offset: self.bytes.len() as u64,
            length: bytes.len() as u64,
            raw_length,
            sha256: Sha256::digest(&bytes).into(),
        });
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }
}

fn pad(bytes: &mut Vec<u8>) {
    while bytes.len() as u64 != aligned(bytes.len() as u64) {
        bytes.push(0);
    }
}
