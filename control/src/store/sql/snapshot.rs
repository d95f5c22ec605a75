//! The state of one moment.

use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::{Postgres, Sqlite};

use super::{Error, Row, Statement, postgres, sqlite};

/// What was committed when this was begun, whatever is written in the meantime.
#[derive(Debug)]
pub enum Snapshot {
    /// Of SQLite: a read transaction, which its write-ahead log waits for.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// Of PostgreSQL: repeatable read, read only.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Snapshot {
    pub(super) async fn of_sqlite(readers: &sqlx::SqlitePool) -> Result<Self, Error> {
        let mut own = readers.begin().await?;
        // SQLite's moment is that of the first read.
        sqlx::query("select 1 from sqlite_schema limit 1").fetch_optional(&mut *own).await?;
        Ok(Self::Sqlite(own))
    }

    pub(super) async fn of_postgres(pool: &sqlx::PgPool) -> Result<Self, Error> {
        let mut own = pool.begin_with("begin isolation level repeatable read read only").await?;
        postgres::take_time(&mut own).await?;
        // PostgreSQL's, too.
        sqlx::query("select 1").fetch_optional(&mut *own).await?;
        Ok(Self::Postgres(own))
    }

    /// The rows, one after the other: few of them are in memory.
    pub fn fetch(&mut self, statement: Statement) -> BoxStream<'_, Result<Row, Error>> {
        match self {
            Self::Sqlite(own) => {
                sqlite::query(statement).fetch(&mut **own).map_ok(Row::Sqlite).map_err(Error::from).boxed()
            }
            Self::Postgres(own) => {
                postgres::query(statement).fetch(&mut **own).map_ok(Row::Postgres).map_err(Error::from).boxed()
            }
        }
    }
}
