//! What stands before the sections: header, manifest, signatures, checksum.

use sha2::{Digest, Sha256};

use super::header::{self, CHECKSUM_BYTES, ENTRY_BYTES, HEADER_BYTES, Header};
use super::{Error, PAYLOAD_TYPE};
use crate::limits::Limits;
use crate::signature::pre_authentication_encoding;
use crate::trust::Signature;

/// The file taken apart, intact but not yet believed.
pub(super) struct Envelope<'f> {
    pub(super) format: u32,
    pub(super) manifest: &'f [u8],
    pub(super) signatures: Vec<Signature>,
    pub(super) sections: &'f [u8],
}

impl<'f> Envelope<'f> {
    pub(super) fn read(file: &'f [u8], limits: &Limits) -> Result<Self, Error> {
        let header = Header::read(file, limits)?;
        let truncated = Error::Truncated { expected: header.sections_offset(), actual: file.len() as u64 };
        let sections_offset = usize::try_from(header.sections_offset()).map_err(|_| truncated.clone())?;
        let (front, sections) = file.split_at_checked(sections_offset).ok_or(truncated)?;
        let (sealed, rest) = front.split_at(header.checksum_offset());
        let (checksum, padding) = rest.split_at(CHECKSUM_BYTES);
        if Sha256::digest(sealed)[..] != *checksum {
            return Err(Error::Damaged { what: "its envelope does not match its checksum" });
        }
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Error::Damaged { what: "padding that is not zero" });
        }
        let (manifest, entries) = sealed[HEADER_BYTES..].split_at(header.manifest_length as usize);
        let signatures = entries.as_chunks::<ENTRY_BYTES>().0.iter().map(header::read_signature);
        Ok(Self { format: header.format, manifest, signatures: signatures.collect::<Result<_, _>>()?, sections })
    }
}

/// What is signed.
pub(super) fn signed_message(format: u32, manifest: &[u8]) -> Vec<u8> {
    pre_authentication_encoding(PAYLOAD_TYPE, &[&format.to_le_bytes(), manifest])
}
