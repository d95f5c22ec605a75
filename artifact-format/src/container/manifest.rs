//! What is signed: who built the artifact from what, and every section's place and hash.

use serde::{Deserialize, Serialize};

use super::header::aligned;
use super::{Error, SectionId};
use crate::limits::Limits;
use crate::model::Provenance;

/// The signed table of contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The project.
    pub project: String,
    /// The compiler, as `name/version`.
    pub compiler: String,
    /// The oldest gateway that can serve it, a semantic version.
    pub minimum_gateway: String,
    /// Where it came from.
    pub provenance: Provenance,
    /// Every section, in the order in which they stand.
    pub sections: Vec<SectionEntry>,
}

/// One line of the table of contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionEntry {
    /// Which section.
    pub id: SectionId,
    /// The revision of its shape.
    pub revision: u16,
    /// How it is encoded.
    pub codec: u16,
    /// Whether a reader that does not know it must refuse the file.
    pub critical: bool,
    /// Where it begins, from the first section.
    pub offset: u64,
    /// Its length in the file.
    pub length: u64,
    /// Its length once decompressed.
    pub raw_length: u64,
    /// SHA-256 of its bytes in the file.
    pub sha256: [u8; 32],
}

impl Manifest {
    /// Checks that the sections lie one after another, aligned, each once, and fill `available` bytes exactly.
    pub(super) fn check_layout(&self, available: u64, limits: &Limits) -> Result<(), Error> {
        if self.sections.len() > limits.sections_max {
            let (actual, limit) = (self.sections.len() as u64, limits.sections_max as u64);
            return Err(Error::TooLarge { what: "number of sections", actual, limit });
        }
        let mut end = 0_u64;
        for (position, section) in self.sections.iter().enumerate() {
            if section.offset != aligned(end) {
                return Err(Error::Damaged { what: "a gap or an overlap between sections" });
            }
            if self.sections[..position].iter().any(|earlier| earlier.id == section.id) {
                return Err(Error::Damaged { what: "the same section twice" });
            }
            if section.raw_length > limits.section_max_bytes {
                let (actual, limit) = (section.raw_length, limits.section_max_bytes);
                return Err(Error::TooLarge { what: "section length in bytes", actual, limit });
            }
            end = section
                .offset
                .checked_add(section.length)
                .filter(|end| *end <= available)
                .ok_or(Error::Damaged { what: "a section reaches past the end of the file" })?;
        }
        if end == available { Ok(()) } else { Err(Error::Damaged { what: "bytes that belong to no section" }) }
    }
}
