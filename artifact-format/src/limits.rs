//! What a reader will hold in memory, and for how long it will look, before it knows whom it reads.

/// Bounds on an artifact file. Each is checked before the allocation that it bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole file, in bytes.
    pub file_max_bytes: u64,
    /// The manifest, in bytes.
    pub manifest_max_bytes: u32,
    /// One section once it is decompressed, in bytes.
    pub section_max_bytes: u64,
    /// Sections in a file.
    pub sections_max: usize,
    /// Signatures in an envelope.
    pub signatures_max: u16,
}

impl Limits {
    /// 256 MiB of file, 1 MiB of manifest, 512 MiB a section, 64 sections, 16 signatures.
    pub const DEFAULT: Self = Self {
        file_max_bytes: 256 << 20,
        manifest_max_bytes: 1 << 20,
        section_max_bytes: 512 << 20,
        sections_max: 64,
        signatures_max: 16,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
