//! The fixed part of the file, and the arithmetic of its layout.

use super::{Error, FORMAT_VERSION, OLDEST_FORMAT_VERSION};
use crate::limits::Limits;
use crate::signature::{KeyId, SIGNATURE_BYTES};
use crate::trust::Signature;

/// As in PNG: a byte above 127, then line ends and a control-Z, so that a transfer as text shows at once.
pub(super) const MAGIC: [u8; 8] = *b"\x89BCA\r\n\x1a\n";

pub(super) const HEADER_BYTES: usize = 32;
pub(super) const CHECKSUM_BYTES: usize = 32;
/// A key id, the algorithm, the signature.
pub(super) const ENTRY_BYTES: usize = 32 + 2 + SIGNATURE_BYTES;
const ALIGNMENT: u64 = 64;
const ED25519: u16 = 1;

/// The fixed part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: u32,
    pub(super) manifest_length: u32,
    pub(super) file_length: u64,
    pub(super) signatures: u16,
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.format.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.manifest_length.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.file_length.to_le_bytes());
        bytes[24..26].copy_from_slice(&self.signatures.to_le_bytes());
        bytes
    }

    /// Reads the header and holds it against the file's real length and the limits.
    pub(super) fn read(file: &[u8], limits: &Limits) -> Result<Self, Error> {
        let actual = file.len() as u64;
        let magic = &file[..file.len().min(MAGIC.len())];
        if magic.is_empty() || !MAGIC.starts_with(magic) {
            return Err(Error::NotAnArtifact);
        }
        let fixed =
            file.first_chunk::<HEADER_BYTES>().ok_or(Error::Truncated { expected: HEADER_BYTES as u64, actual })?;
        let header = Self {
            format: u32::from_le_bytes(part(fixed, 8)),
            manifest_length: u32::from_le_bytes(part(fixed, 12)),
            file_length: u64::from_le_bytes(part(fixed, 16)),
            signatures: u16::from_le_bytes(part(fixed, 24)),
        };
        if header.format > FORMAT_VERSION {
            return Err(Error::FormatTooNew { found: header.format, newest: FORMAT_VERSION });
        }
        if header.format < OLDEST_FORMAT_VERSION {
            return Err(Error::FormatTooOld { found: header.format, oldest: OLDEST_FORMAT_VERSION });
        }
        if fixed[26..].iter().any(|byte| *byte != 0) {
            return Err(Error::Damaged { what: "reserved bytes of the header are not zero" });
        }
        header.within(limits)?;
        match actual.cmp(&header.file_length) {
            std::cmp::Ordering::Less => Err(Error::Truncated { expected: header.file_length, actual }),
            std::cmp::Ordering::Greater => Err(Error::TrailingBytes { expected: header.file_length, actual }),
            std::cmp::Ordering::Equal => Ok(header),
        }
    }

    fn within(&self, limits: &Limits) -> Result<(), Error> {
        let bounds = [
            ("file length in bytes", self.file_length, limits.file_max_bytes),
            ("manifest length in bytes", self.manifest_length.into(), limits.manifest_max_bytes.into()),
            ("number of signatures", self.signatures.into(), limits.signatures_max.into()),
        ];
        match bounds.into_iter().find(|(_, actual, limit)| actual > limit) {
            Some((what, actual, limit)) => Err(Error::TooLarge { what, actual, limit }),
            None => Ok(()),
        }
    }

    /// Where the signatures begin.
    pub(super) fn signatures_offset(&self) -> usize {
        HEADER_BYTES + self.manifest_length as usize
    }

    /// Where the checksum begins.
    pub(super) fn checksum_offset(&self) -> usize {
        self.signatures_offset() + usize::from(self.signatures) * ENTRY_BYTES
    }

    /// Where the sections begin.
    pub(super) fn sections_offset(&self) -> u64 {
        aligned((self.checksum_offset() + CHECKSUM_BYTES) as u64)
    }
}

/// The next multiple of the alignment.
pub(super) fn aligned(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGNMENT)
}

pub(super) fn write_signature(signature: &Signature, out: &mut Vec<u8>) {
    out.extend_from_slice(&signature.key.0);
    out.extend_from_slice(&ED25519.to_le_bytes());
    out.extend_from_slice(&signature.bytes);
}

pub(super) fn read_signature(entry: &[u8; ENTRY_BYTES]) -> Result<Signature, Error> {
    if u16::from_le_bytes(part(entry, 32)) != ED25519 {
        return Err(Error::Damaged { what: "a signature of an unknown algorithm" });
    }
    Ok(Signature { key: KeyId(part(entry, 0)), bytes: part(entry, 34) })
}

/// `N` bytes from `offset`, which the caller's fixed layout holds.
fn part<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[offset..offset + N]);
    part
}
