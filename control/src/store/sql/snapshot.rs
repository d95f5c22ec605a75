//! The state of one moment.

use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::Sqlite;

use super::lent::Lent;
use super::{Error, Row, Statement, postgres, sql, sqlite};

/// What was committed when this was begun, whatever is written in the meantime.
#[derive(Debug)]
pub enum Snapshot {
    /// Of SQLite: a read transaction, which its write-ahead log waits for.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// Of PostgreSQL: repeatable read, read only.
    #[expect(private_interfaces, reason = "taken by a database, never made elsewhere")]
    Postgres(Lent),
}

impl Snapshot {
    pub(super) async fn of_sqlite(readers: &sqlx::SqlitePool) -> Result<Self, Error> {
        let mut own = readers.begin().await?;
        // SQLite's moment is that of the first read.
        sqlx::query("select 1 from sqlite_schema limit 1").fetch_optional(&mut *own).await?;
        Ok(Self::Sqlite(own))
    }

    pub(super) async fn of_postgres(pool: &sqlx::PgPool) -> Result<Self, Error> {
        let mut own = Lent::by(pool).await?;
        own.begin_snapshot().await?;
        own.take_time().await?;
        // PostgreSQL's, too.
        own.fetch_optional(sql("select 1")).await?;
        // It may sort a whole table before a row comes.
        Ok(Self::Postgres(own.waiting(postgres::LONG)))
    }

    /// The rows, one after the other: few of them are in memory.
    pub fn fetch(&mut self, statement: Statement) -> BoxStream<'_, Result<Row, Error>> {
        match self {
            Self::Sqlite(own) => {
                sqlite::query(statement).fetch(&mut **own).map_ok(Row::Sqlite).map_err(Error::from).boxed()
            }
            Self::Postgres(own) => own.fetch(statement).map_ok(Row::Postgres).boxed(),
        }
    }
}
