//! What is done together or not at all.

use sqlx::{Postgres, Sqlite};

use super::{Dialect, Error, Row, Statement, postgres, span, sqlite};

/// Changes that become visible together. Dropped without [`commit`](Self::commit), nothing happened.
#[derive(Debug)]
pub enum Transaction {
    /// Of SQLite: it began as a writer (`BEGIN IMMEDIATE`), so it never fails half-way because another one wrote.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// Of PostgreSQL: read committed.
    Postgres(sqlx::Transaction<'static, Postgres>),
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
            Ok(match self {
                Self::Sqlite(own) => sqlite::query(statement).execute(&mut **own).await?.rows_affected(),
                Self::Postgres(own) => postgres::query(statement).execute(&mut **own).await?.rows_affected(),
            })
        };
        span::within(span, execute).await
    }

    /// The first row, if there is one.
    pub async fn fetch_optional(&mut self, statement: Statement) -> Result<Option<Row>, Error> {
        let span = span::of(self.dialect(), &statement);
        let fetch = async {
            Ok(match self {
                Self::Sqlite(own) => sqlite::query(statement).fetch_optional(&mut **own).await?.map(Row::Sqlite),
                Self::Postgres(own) => postgres::query(statement).fetch_optional(&mut **own).await?.map(Row::Postgres),
            })
        };
        span::within(span, fetch).await
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
                Self::Postgres(own) => {
                    let rows = postgres::query(statement).fetch_all(&mut **own).await?;
                    rows.into_iter().map(Row::Postgres).collect()
                }
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
