//! A small layer over sqlx's two drivers, so that every query is written once.
//!
//! Queries use `$1`, `$2`, which both databases know, and only what both understand the same way. UUIDs are `uuid` in
//! PostgreSQL and text in SQLite, JSON `jsonb` and text, times 64-bit microseconds in both.
//!
//! [`Statement`] is a query with its values; [`Database`] reads, and begins a [`Transaction`] that writes; a [`Row`]
//! comes back. A [`Reader`] is the one source of a read that may be answered by a replica. What a deadlock undoes,
//! [`Transaction`] does again. Nobody waits for a server that went silent: connections are `lent`. Text of a statement is
//! `&'static str`, so nothing from outside can get into it. Each has a `span`.

mod breaker;
mod database;
mod lent;
mod migrate;
mod postgres;
mod reader;
mod replay;
mod replica;
mod row;
mod snapshot;
mod span;
mod sqlite;
mod statement;
mod transaction;
mod value;

use thiserror::Error;

use crate::domain;

pub use database::{Database, Dialect, Pools, Status};
pub use migrate::schema_version;
pub use reader::{Reader, Unanswered};
pub use row::{Column, Row};
pub use snapshot::Snapshot;
pub use statement::{Statement, sql};
pub use transaction::Transaction;
pub use value::Value;

/// Why the database did not do something.
#[derive(Debug, Error)]
pub enum Error {
    /// The URL names no database that is known.
    #[error("{url}: not a database: give sqlite://FILE or postgres://USER@HOST/NAME")]
    Url {
        /// What was given, without its password.
        url: String,
    },
    /// A replica of what has none.
    #[error("a read replica follows a PostgreSQL server, and the database is SQLite")]
    Replica,
    /// The database was made by a newer control plane, or its history was changed.
    #[error(
        "the database's schema: {0}; this control plane is older than the one that made it, or it is another database"
    )]
    Schema(#[source] sqlx::migrate::MigrateError),
    /// One step of bringing it up to date was refused.
    #[error(
        "the database's schema: migration {number} was refused, and nothing of it is left: {source}; where tables of \
         somebody else's are in its way, give a database of its own"
    )]
    Migration {
        /// Which.
        number: i64,
        /// What the database says.
        source: Box<Self>,
    },
    /// It was not brought up to date, and nobody says why.
    #[error(
        "the database's schema was not brought up to date within an hour: the database went silent, or another control \
         plane that is at it takes as long (`select * from pg_stat_activity` shows what it waits for); start this one \
         again"
    )]
    SchemaTakesTooLong,
    /// There is no file.
    #[error("{}: there is no database: give --database-url, or the data folder of the control plane", file.display())]
    NoDatabase {
        /// Where it was looked for.
        file: std::path::PathBuf,
    },
    /// Somebody else's schema, where it is not to be changed.
    #[error(
        "the database's schema is {}, and this program's is version {own}: use the program that serves it, \
         or let this one serve it first", found.map_or_else(|| "no control plane's".to_owned(), |found| format!("version {found}"))
    )]
    OtherSchema {
        /// The database's; absent: none.
        found: Option<i64>,
        /// This program's.
        own: i64,
    },
    /// A server takes what it is asked, and says nothing.
    #[error("the database does not answer")]
    Silent,
    /// It was to make something so, and did not say that it has.
    #[error("the database did not say whether it was done: {0}")]
    Unsettled(#[source] Box<Self>),
    /// Nothing was found in a replica, and the database itself is away.
    #[error("the database does not answer, and its replica, which may be late, has nothing of the kind")]
    Late,
    /// What the driver says.
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
    /// A column holds what was never written to it.
    #[error("column `{column}` holds what was never written: {source}")]
    Column {
        /// Which.
        column: &'static str,
        /// What was expected.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Whether there is such a row already.
    pub fn is_unique_violation(&self) -> bool {
        self.database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    /// Whether a row points to one that is not there, or is pointed to.
    pub fn is_reference_violation(&self) -> bool {
        self.database_error().is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
    }

    /// What the database calls it: SQLSTATE, or SQLite's number.
    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.database_error()?.code()
    }

    /// Whether the server undid the transaction for others' sake: it was a deadlock's victim, or in a conflict. Another
    /// try may succeed.
    fn is_undone(&self) -> bool {
        matches!(self.code().as_deref(), Some("40P01" | "40001"))
    }

    /// Whether it is about what was asked, or about what is stored: the database is there, and may do all else.
    fn is_refusal(&self) -> bool {
        let is_unreadable = matches!(
            self,
            Self::Column { .. }
                | Self::Driver(
                    sqlx::Error::RowNotFound
                        | sqlx::Error::ColumnNotFound(_)
                        | sqlx::Error::ColumnDecode { .. }
                        | sqlx::Error::Decode(_)
                )
        );
        is_unreadable || self.code().is_some_and(|code| is_about_the_statement(&code))
    }

    /// What came of a transaction that was to be committed. Only what the database says clearly undid it: where the
    /// connection broke, or nothing was said, it may have been done.
    fn of_commit(self) -> Self {
        if self.is_refusal() { self } else { Self::Unsettled(Box::new(self)) }
    }

    fn database_error(&self) -> Option<&dyn sqlx::error::DatabaseError> {
        match self {
            Self::Driver(error) => error.as_database_error(),
            Self::Migration { source, .. } => source.database_error(),
            _ => None,
        }
    }
}

/// Whether a code is about one statement. SQLSTATE has five characters, and its class in the first two; SQLite's
/// numbers have fewer, and theirs in the lowest byte.
fn is_about_the_statement(code: &str) -> bool {
    /// What it gave, constraints, conflicts, the statement itself, limits, states, and what a function raised.
    const CLASSES: [&str; 8] = ["21", "22", "23", "40", "42", "54", "55", "P0"];
    /// It took too long.
    const CANCELED: &str = "57014";
    /// The statement itself, limits, constraints, and what it gave.
    const NUMBERS: [u32; 5] = [1, 18, 19, 20, 25];
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => NUMBERS.contains(&(number & 0xff)),
        Ok(_) | Err(_) => code == CANCELED || code.get(..2).is_some_and(|class| CLASSES.contains(&class)),
    }
}

impl From<Error> for domain::error::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Unsettled(_) => Self::Unsettled(error.into()),
            error if error.is_refusal() => Self::Refused(error.into()),
            error => Self::database(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_there_is_told_from_one_that_is_away() {
        let unreadable = Error::Column { column: "entries", source: "no JSON".into() };
        let refusals = [unreadable, Error::Driver(sqlx::Error::RowNotFound)];
        for error in refusals {
            assert!(matches!(domain::error::Error::from(error), domain::error::Error::Refused(_)));
        }
        for error in [Error::Silent, Error::Late, Error::Driver(sqlx::Error::PoolTimedOut)] {
            assert!(matches!(domain::error::Error::from(error), domain::error::Error::Unavailable { .. }));
        }
    }

    #[test]
    fn what_was_undone_is_told_from_what_may_have_been_done() {
        let undone = Error::Driver(sqlx::Error::RowNotFound).of_commit();
        assert!(matches!(domain::error::Error::from(undone), domain::error::Error::Refused(_)));
        let broken = Error::Driver(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()));
        for error in [Error::Silent, broken] {
            let error = domain::error::Error::from(error.of_commit());
            assert!(matches!(error, domain::error::Error::Unsettled(_)), "{error:?}");
        }
    }

    #[test]
    fn what_is_about_one_statement_is_told_from_what_is_about_all_of_them() {
        // A timeout, a constraint, a deadlock, no such table; SQLite's constraints.
        for code in ["57014", "23505", "40P01", "42P01", "P0001", "19", "2067", "1555"] {
            assert!(is_about_the_statement(code), "{code}");
        }
        // It ends, has no room, only reads, takes no more connections; SQLite is busy, full, or cannot read its file.
        for code in ["57P01", "53100", "25006", "53300", "08006", "5", "13", "10", "266"] {
            assert!(!is_about_the_statement(code), "{code}");
        }
    }
}
