//! The parts of the file, and what stands in them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::digest::Digest;
use crate::key::passphrase::Stretching;

/// The format that is written, and the only one that is read.
pub(super) const FORMAT: u32 = 1;

/// The first part.
pub(super) const HEADER: &str = "backup.json";
/// What stands before the digest of an artifact.
pub(super) const ARTIFACTS: &str = "artifacts/";
/// The part after every artifact and every table.
pub(super) const MANIFEST: &str = "manifest.json";
/// The last part, where there are secrets.
pub(super) const SEAL: &str = "manifest.seal";

/// The largest part, in bytes: far more than the largest artifact, and than the largest file that a row may hold.
pub(super) const PART_BYTES_MAX: u64 = 256 << 20;
/// How many bytes of rows make a part, beyond the first row's.
pub(super) const ROWS_BYTES: usize = 1 << 20;

/// The name of a part of a table.
pub(super) fn table_part(table: &str, number: u64) -> String {
    format!("tables/{table}/{number:06}.jsonl")
}

/// What is read of a header whatever its format is.
#[derive(Debug, Deserialize)]
pub(super) struct AnyHeader {
    pub(super) format: u32,
}

/// What a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The format of the file.
    pub format: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// The schema of its database: the number of its last migration.
    pub schema: i64,
    /// When it was begun: it holds what was committed then.
    pub created_at: Timestamp,
    /// Its tables, in the order in which they are restored.
    pub tables: Vec<TableHeader>,
    /// How its secrets are sealed; absent: it holds none.
    pub secrets: Option<Secrets>,
}

/// What the rows of a table say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableHeader {
    /// Its name.
    pub name: String,
    /// Its columns, in the order of every row.
    pub columns: Vec<String>,
}

/// How secrets are sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// How the passphrase becomes the key.
    pub stretching: Stretching,
    /// The key's id, in hexadecimal: says whether a passphrase is the right one.
    pub key: String,
}

/// How much there is of everything, and what all of it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// SHA-256 of `backup.json`.
    pub header: Digest,
    /// The artifacts.
    pub artifacts: Artifacts,
    /// The tables, in their order.
    pub tables: Vec<TableManifest>,
}

/// How many artifacts there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifacts {
    /// How many.
    pub count: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// SHA-256 of their digests, one after the other.
    pub sha256: Digest,
}

/// How many rows a table has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableManifest {
    /// Its name.
    pub name: String,
    /// How many.
    pub rows: u64,
    /// SHA-256 of its parts, one after the other.
    pub sha256: Digest,
}

impl Manifest {
    /// How many rows there are altogether.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}
