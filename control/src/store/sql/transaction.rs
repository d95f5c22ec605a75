//! What is done together or not at all.

use sqlx::Sqlite;

use super::replay::Replayed;
use super::{Dialect, Error, Row, Statement, span, sqlite};

/// Changes that become visible together. Dropped without [`commit`](Self::commit), nothing happened.
#[derive(Debug)]
pub enum Transaction {
    /// Of SQLite: it began as a writer (`BEGIN IMMEDIATE`), so it never fails half-way because another one wrote. Whoever
    /// begins waits: for this process's writers in turn, for another process's up to the busy timeout.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// Of PostgreSQL: read committed, and done again where the server undoes it.
    #[expect(private_interfaces, reason = "begun by a database, never made elsewhere")]
    Postgres(Replayed),
}

impl Transaction {
    /// Which database it is of.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement. Returns how many rows it changed.
    pub async fn execute(&mut self, statement: Statement) -> Result<u64, Error> {
        let span = span::of(self.dialect(), &statement);
        let execute = async {
            match self {
                Self::Sqlite(own) => Ok(sqlite::query(statement).execute(&mut **own).await?.rows_affected()),
                Self::Postgres(own) => own.execute(statement).await,
            }
        };
        span::within(span, execute).await
    }

    /// The first row, if there is one.
    pub async fn fetch_optional(&mut self, statement: Statement) -> Result<Option<Row>, Error> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// The only row.
    pub async fn fetch_one(&mut self, statement: Statement) -> Result<Row, Error> {
        self.fetch_optional(statement).await?.ok_or(Error::Driver(sqlx::Error::RowNotFound))
    }

    /// Every row.
    pub async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<Row>, Error> {
        let span = span::of(self.dialect(), &statement);
        let fetch = async {
            Ok(match self {
                Self::Sqlite(own) => {
                    let rows = sqlite::query(statement).fetch_all(&mut **own).await?;
                    rows.into_iter().map(Row::Sqlite).collect()
                }
                Self::Postgres(own) => own.fetch_all(statement).await?.into_iter().map(Row::Postgres).collect(),
            })
        };
        span::within(span, fetch).await
    }

    /// Makes it so.
    pub async fn commit(self) -> Result<(), Error> {
        let span = span::named(self.dialect(), "COMMIT");
        let commit = async {
            match self {
                Self::Sqlite(own) => own.commit().await?,
                Self::Postgres(own) => own.commit().await?,
            }
            Ok(())
        };
        span::within(span, commit).await
    }
}
