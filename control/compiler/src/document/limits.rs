//! How much a compilation reads. Real descriptions stay a factor of ten below each.

/// The bytes of one file.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// How deep arrays and objects nest, as written and after aliases are expanded.
pub const DEPTH_MAX: usize = 120;

/// The values of one YAML file after aliases are expanded; a text counts once more for each 64 bytes.
/// This is what stops an alias bomb.
pub const VALUES_MAX: usize = 4_000_000;

/// The references that lead to one another before one leads to something else.
pub const LINKS_MAX: usize = 100;

/// The files of one compilation.
pub const FILES_MAX: usize = 20_000;
