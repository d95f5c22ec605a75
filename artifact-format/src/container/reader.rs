//! Bytes to model: bounded, verified, then decoded, in that order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::envelope::{Envelope, signed_message};
use super::section::{Codec, Section};
use super::{Error, Manifest, SectionEntry, SectionId, codec};
use crate::limits::Limits;
use crate::model::{Artifact, Policies, Routes, Schemas, Specs, Upstreams};
use crate::signature::KeyId;
use crate::trust::Trust;

/// SHA-256 of a whole artifact file, which is its name. As text, and so in JSON, it has 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// The name of a file.
pub fn digest(file: &[u8]) -> Digest {
    Digest(Sha256::digest(file).into())
}

/// An artifact file that is whole and believed, its sections not decoded yet.
#[derive(Debug)]
pub struct Verified<'f> {
    manifest: Manifest,
    signers: Vec<KeyId>,
    signed_by: Vec<KeyId>,
    sections: &'f [u8],
}

/// Verifies a file: its shape, its signatures, and the hash of every section.
///
/// Costs two passes of SHA-256 over the file at most and allocates no more than the manifest's length.
///
/// # Errors
/// See [`enum@Error`]; whatever is wrong, nothing was decoded but a manifest that a trusted key signed.
pub fn open<'f>(file: &'f [u8], trust: &Trust, limits: &Limits) -> Result<Verified<'f>, Error> {
    let envelope = Envelope::read(file, limits)?;
    let signed_by = trust.judge(&signed_message(envelope.format, envelope.manifest), &envelope.signatures)?;
    let manifest: Manifest = codec::decode(envelope.manifest, Codec::Bincode, envelope.manifest.len() as u64)
        .map_err(|_| Error::Damaged { what: "the manifest does not decode" })?;
    manifest.check_layout(envelope.sections.len() as u64, limits)?;
    let signers = envelope.signatures.iter().map(|signature| signature.key).collect();
    let verified = Verified { manifest, signers, signed_by, sections: envelope.sections };
    verified.check_sections()?;
    Ok(verified)
}

impl Verified<'_> {
    /// The signed table of contents.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The keys that the file says signed it, believed or not: for showing, never for deciding.
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// The trusted keys that signed; empty only where unsigned artifacts are allowed.
    pub fn signed_by(&self) -> &[KeyId] {
        &self.signed_by
    }

    /// Decodes the whole model.
    pub fn decode(&self) -> Result<Artifact, Error> {
        Ok(Artifact { specs: self.specs()?, ..self.decode_for_serving()? })
    }

    /// Decodes the model but for the source documents, which a data plane does not need.
    pub fn decode_for_serving(&self) -> Result<Artifact, Error> {
        let artifact = Artifact {
            project: self.manifest.project.clone(),
            compiler: self.manifest.compiler.clone(),
            provenance: self.manifest.provenance.clone(),
            routes: self.section::<Routes>()?,
            schemas: self.section::<Schemas>()?,
            policies: self.section::<Policies>()?,
            upstreams: self.section::<Upstreams>()?,
            specs: Specs::default(),
        };
        artifact.check_references()?;
        Ok(artifact)
    }

    /// Decodes the source documents.
    pub fn specs(&self) -> Result<Specs, Error> {
        self.section::<Specs>()
    }

    fn section<S: Section>(&self) -> Result<S, Error> {
        let entry = self.manifest.sections.iter().find(|entry| entry.id == S::ID);
        let entry = entry.ok_or(Error::MissingSection { section: S::ID })?;
        let codec = known(entry).ok_or(Error::UnknownSection { section: S::ID, revision: entry.revision })?;
        codec::decode(self.bytes(entry), codec, entry.raw_length)
            .map_err(|e| Error::Undecodable { section: S::ID, reason: e.to_string() })
    }

    fn check_sections(&self) -> Result<(), Error> {
        let mut end = 0;
        for entry in &self.manifest.sections {
            let bytes = self.bytes(entry);
            if Sha256::digest(bytes)[..] != entry.sha256 {
                return Err(Error::SectionMismatch { section: entry.id });
            }
            let start = index(entry.offset);
            if self.sections[end..start].iter().any(|byte| *byte != 0) {
                return Err(Error::Damaged { what: "padding that is not zero" });
            }
            end = start + bytes.len();
            if entry.critical && known(entry).is_none() {
                return Err(Error::UnknownSection { section: entry.id, revision: entry.revision });
            }
        }
        Ok(())
    }

    /// The bytes of a section, whose place [`Manifest::check_layout`] has checked.
    fn bytes(&self, entry: &SectionEntry) -> &[u8] {
        &self.sections[index(entry.offset)..index(entry.offset + entry.length)]
    }
}

/// The codec of a section that this program knows in this revision.
fn known(entry: &SectionEntry) -> Option<Codec> {
    let newest = match entry.id {
        SectionId::ROUTES => Routes::REVISION,
        SectionId::SCHEMAS => Schemas::REVISION,
        SectionId::POLICIES => Policies::REVISION,
        SectionId::UPSTREAMS => Upstreams::REVISION,
        SectionId::SPECS => Specs::REVISION,
        _ => return None,
    };
    if entry.revision == newest { Codec::from_number(entry.codec) } else { None }
}

/// An offset inside the file, which is in memory.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
