//! What stands in a backup under the passphrase: private keys, and the hashes of tokens and API keys. A private key is
//! sealed under a master key wherever it is kept; here it goes from one to the other.

use uuid::Uuid;

use super::Error;
use crate::domain::backup::{Cell, Column, Held, Rows, Secrecy, Table};
use crate::key::MasterKey;
use crate::key::seal::{self, Purpose, Sealed};

/// What becomes of secrets when a backup is taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum Taking<'a> {
    /// They stay where they are.
    Without,
    /// They are sealed anew.
    With {
        /// What private keys are sealed under.
        master: &'a MasterKey,
        /// What everything is sealed under in the backup.
        passphrase: &'a MasterKey,
    },
}

/// What becomes of secrets when a backup is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading<'a> {
    /// There are none.
    Without,
    /// They are opened, to see whether they open.
    Check {
        /// What everything is sealed under in the backup.
        passphrase: &'a MasterKey,
    },
    /// Private keys are sealed anew, and hashes stand in the clear.
    Restore {
        /// What everything is sealed under in the backup.
        passphrase: &'a MasterKey,
        /// What private keys are to be sealed under.
        master: &'a MasterKey,
    },
}

impl Taking<'_> {
    /// Whether the backup holds the rows of a table.
    pub(super) fn holds(self, table: &Table) -> bool {
        match (self, table.held) {
            (Self::Without, Held::WithSecrets) => false,
            (Self::Without | Self::With { .. }, Held::Always) | (Self::With { .. }, Held::WithSecrets) => true,
        }
    }

    /// A row as it stands in the backup.
    pub(super) fn row(self, table: &'static Table, mut row: Vec<Cell>) -> Result<Vec<Cell>, Error> {
        let columns: Vec<&'static Column> = table.columns.iter().collect();
        let failed = |source| Error::Secret { table: table.name, source };
        for (index, &column) in columns.iter().enumerate() {
            let purpose = match purpose(table, column, (&columns, &row)) {
                Protection::None => continue,
                Protection::Unclear => return Err(failed(seal::Error::Refused)),
                Protection::Purpose(purpose) => purpose,
            };
            let Cell::Bytes(secret) = &row[index] else { continue };
            row[index] = match (self, column.secrecy) {
                (Self::Without, _) | (_, Secrecy::Open) => Cell::Null,
                (Self::With { passphrase, .. }, Secrecy::Hash) => {
                    Cell::Bytes(passphrase.seal(secret, purpose).map_err(failed)?.as_bytes().to_vec())
                }
                (Self::With { master, passphrase }, Secrecy::PrivateKey) => {
                    let sealed = Sealed::from_bytes(secret.clone()).map_err(failed)?;
                    Cell::Bytes(passphrase.reseal(master, &sealed, purpose).map_err(failed)?.as_bytes().to_vec())
                }
            };
        }
        Ok(row)
    }
}

impl Reading<'_> {
    /// Whether the backup may hold the rows of a table.
    pub(super) fn holds(self, table: &Table) -> bool {
        match (self, table.held) {
            (Self::Without, Held::WithSecrets) => false,
            (Self::Without | Self::Check { .. } | Self::Restore { .. }, Held::Always)
            | (Self::Check { .. } | Self::Restore { .. }, Held::WithSecrets) => true,
        }
    }

    /// Rows as they are to be kept.
    pub(super) fn rows(self, mut rows: Rows) -> Result<Rows, Error> {
        let table = rows.table;
        let altered = || Error::Altered(format!("a secret in `{}` does not open", table.name));
        for row in &mut rows.rows {
            for (index, &column) in rows.columns.iter().enumerate() {
                let purpose = match purpose(table, column, (&rows.columns, row)) {
                    Protection::None => continue,
                    Protection::Unclear => return Err(altered()),
                    Protection::Purpose(purpose) => purpose,
                };
                let Cell::Bytes(sealed) = &row[index] else { continue };
                let sealed = Sealed::from_bytes(sealed.clone()).map_err(|_| altered())?;
                row[index] = match self {
                    Self::Without => {
                        let why = format!("there is a secret in `{}`, and it says that it holds none", table.name);
                        return Err(Error::Altered(why));
                    }
                    Self::Check { passphrase } => {
                        passphrase.open(&sealed, purpose).map_err(|_| altered())?;
                        continue;
                    }
                    Self::Restore { passphrase, master } => match column.secrecy {
                        Secrecy::Open => continue,
                        Secrecy::Hash => {
                            Cell::Bytes(passphrase.open(&sealed, purpose).map_err(|_| altered())?.to_vec())
                        }
                        Secrecy::PrivateKey => {
                            let resealed = master.reseal(passphrase, &sealed, purpose).map_err(|_| altered())?;
                            Cell::Bytes(resealed.as_bytes().to_vec())
                        }
                    },
                };
            }
        }
        Ok(rows)
    }
}

/// How a cell is protected.
enum Protection {
    /// It is not: everybody may see it.
    None,
    /// It opens for this purpose alone.
    Purpose(Purpose),
    /// Its row does not say which one it is.
    Unclear,
}

fn purpose(
    table: &'static Table,
    column: &'static Column,
    (columns, row): (&[&'static Column], &[Cell]),
) -> Protection {
    let uuid = |name: &str| -> Option<Uuid> {
        let at = columns.iter().position(|column| column.name == name)?;
        match row.get(at)? {
            Cell::Uuid(id) => Some(*id),
            _ => None,
        }
    };
    let purpose = match column.secrecy {
        Secrecy::Open => return Protection::None,
        Secrecy::Hash => uuid("id").map(|row| Purpose::Cell { table: table.name, column: column.name, row }),
        Secrecy::PrivateKey => {
            uuid("project_id").zip(uuid("id")).map(|(project, key)| Purpose::SigningKey { project, key })
        }
    };
    purpose.map_or(Protection::Unclear, Protection::Purpose)
}
