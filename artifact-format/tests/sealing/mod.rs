//! The container's layout written a second time, so that tests can seal what the writer never would.
//!
//! Follows `docs/reference/artifact-format.md` and not the code.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, dead_code, reason = "shared by several test programs")]

use artifact_format::signature::{SigningKey, pre_authentication_encoding};
use sha2::{Digest, Sha256};

/// Length of an entry of the table of contents: id 2, revision 2, codec 2, critical 1, offset, length and raw
/// length 8 each, SHA-256 32.
const ENTRY_BYTES: usize = 63;

/// The parts of a file that mean something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The format version.
    pub(crate) format: u32,
    /// The manifest, encoded.
    pub(crate) manifest: Vec<u8>,
    /// Everything from the first section on.
    pub(crate) sections: Vec<u8>,
}

/// A line of the table of contents, with the bytes it speaks of.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    pub(crate) id: u16,
    pub(crate) revision: u16,
    pub(crate) codec: u16,
    pub(crate) critical: bool,
    pub(crate) bytes: &'a [u8],
}

impl Parts {
    /// Takes a valid file apart.
    pub(crate) fn of(file: &[u8]) -> Self {
        let format = u32::from_le_bytes(file[8..12].try_into().unwrap());
        let manifest_length = u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize;
        let signatures = usize::from(u16::from_le_bytes(file[24..26].try_into().unwrap()));
        let sections = (32 + manifest_length + 98 * signatures + 32).next_multiple_of(64);
        Self { format, manifest: file[32..32 + manifest_length].to_vec(), sections: file[sections..].to_vec() }
    }

    /// Puts a file together, signed by `key`, with everything in it that can be right being right.
    pub(crate) fn seal(&self, key: &SigningKey) -> Vec<u8> {
        let sections = (32 + self.manifest.len() + 98 + 32).next_multiple_of(64);
        let mut file = b"\x89BCA\r\n\x1a\n".to_vec();
        file.extend(self.format.to_le_bytes());
        file.extend(u32::try_from(self.manifest.len()).unwrap().to_le_bytes());
        file.extend(((sections + self.sections.len()) as u64).to_le_bytes());
        file.extend(1_u16.to_le_bytes());
        file.extend([0; 6]);
        file.extend(&self.manifest);
        let signed = [&self.format.to_le_bytes()[..], &self.manifest];
        file.extend(key.public().id().0);
        file.extend(1_u16.to_le_bytes());
        file.extend(key.sign(&pre_authentication_encoding("application/vnd.portcullis.artifact", &signed)));
        let checksum = Sha256::digest(&file);
        file.extend(checksum);
        file.resize(sections, 0);
        file.extend(&self.sections);
        file
    }

    /// Adds a section after the others, with its line in the table of contents.
    #[must_use]
    pub(crate) fn with_section(mut self, section: &Section<'_>) -> Self {
        self.sections.resize(self.sections.len().next_multiple_of(64), 0);
        let offset = self.sections.len() as u64;
        let count_at = self.count_at();
        let count = self.sections_count() + 1;
        self.manifest[count_at..count_at + 8].copy_from_slice(&count.to_le_bytes());
        self.manifest.extend(section.id.to_le_bytes());
        self.manifest.extend(section.revision.to_le_bytes());
        self.manifest.extend(section.codec.to_le_bytes());
        self.manifest.push(u8::from(section.critical));
        for length in [offset, section.bytes.len() as u64, section.bytes.len() as u64] {
            self.manifest.extend(length.to_le_bytes());
        }
        self.manifest.extend(Sha256::digest(section.bytes));
        self.sections.extend(section.bytes);
        self
    }

    /// The line of the `n`th section, to be changed.
    pub(crate) fn entry(&mut self, n: usize) -> &mut [u8] {
        let at = self.count_at() + 8 + n * ENTRY_BYTES;
        &mut self.manifest[at..at + ENTRY_BYTES]
    }

    /// The table of contents ends the manifest; before its lines stands how many there are.
    fn count_at(&self) -> usize {
        let length = self.manifest.len();
        let count_at = |count: usize| length.checked_sub(count * ENTRY_BYTES + 8);
        let is_count = |&(count, at): &(usize, usize)| self.manifest[at..at + 8] == (count as u64).to_le_bytes();
        let candidates = (1..64).filter_map(|count| Some((count, count_at(count)?)));
        candidates.filter(is_count).map(|(_, at)| at).next().unwrap()
    }

    fn sections_count(&self) -> u64 {
        let at = self.count_at();
        u64::from_le_bytes(self.manifest[at..at + 8].try_into().unwrap())
    }
}
