//! What a backup is made of: the rows of every table, whatever the table is about.

use artifact_format::root::SignedRoot;
use artifact_format::signature::PublicKey;
use uuid::Uuid;

use super::id::SigningKeyId;
use super::project::Project;
use super::signing_key::KeyToKeep;

/// A table, as backups know it.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What its rows are ordered by: columns with commas between them that tell each row from every other.
    pub order: &'static str,
    /// Which backups hold its rows.
    pub held: Held,
    /// Every column.
    pub columns: &'static [Column],
}

/// Which backups hold the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// All of them.
    Always,
    /// Those with secrets: a row is of no use without its secret.
    WithSecrets,
}

/// A column of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Who may see it.
    pub secrecy: Secrecy,
}

/// What a column holds, in either database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whether something is so.
    Bool,
    /// A number, or a time in microseconds since 1970.
    Int,
    /// Text.
    Text,
    /// A UUID.
    Uuid,
    /// Bytes.
    Bytes,
    /// JSON.
    Json,
}

/// Who may see what a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Whoever has the backup.
    Open,
    /// Whoever knows the passphrase: the hash of a secret. Its row has an `id`.
    Hash,
    /// Whoever knows the passphrase: a private key under the master key. Its row has an `id` and a `project_id`.
    PrivateKey,
}

/// What stands in one column of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// Whether something is so.
    Bool(bool),
    /// A number.
    Int(i64),
    /// Text.
    Text(String),
    /// A UUID.
    Uuid(Uuid),
    /// Bytes.
    Bytes(Vec<u8>),
    /// JSON.
    Json(serde_json::Value),
}

/// Rows of one table that are restored together.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Of which table.
    pub table: &'static Table,
    /// Which columns they have. The others get what the database puts there.
    pub columns: Vec<&'static Column>,
    /// A cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Rows {
    /// Where the column of this name is among the cells of a row.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// A project whose active key's private half is not there.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// The project.
    pub project: Project,
    /// Keys whose signatures are believed, newest first.
    pub believed: Vec<(SigningKeyId, PublicKey)>,
}

/// How a project goes on whose active key is lost.
#[derive(Debug, Clone)]
pub struct Refounding {
    /// Its new active key.
    pub key: KeyToKeep,
    /// The first version of its new trust root.
    pub root: SignedRoot,
    /// Keys that the root has no place for.
    pub retired: Vec<SigningKeyId>,
}
