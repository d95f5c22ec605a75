//! The schema, brought up to date. The statements stand in `migrations/`, a folder for each kind of database.

use sqlx::migrate::Migrator;

use super::{Error, Pools};

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Applies what was not applied yet. Of several control planes that start at once, one does it and the others wait.
pub(super) async fn run(pools: &Pools) -> Result<(), Error> {
    match pools {
        Pools::Sqlite(file) => SQLITE.run(&file.writer).await,
        Pools::Postgres { primary, .. } => POSTGRES.run(primary).await,
    }
    .map_err(Error::Schema)
}

/// The schema of this program: the number of its last migration.
pub fn schema_version() -> i64 {
    SQLITE.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Whether the schema is this program's, without changing anything.
pub(super) async fn check(pools: &Pools) -> Result<(), Error> {
    const SELECT: &str = "select max(version) from _sqlx_migrations where success";
    let found: Result<Option<i64>, sqlx::Error> = match pools {
        Pools::Sqlite(file) => sqlx::query_scalar(SELECT).fetch_one(&file.readers).await,
        Pools::Postgres { primary, .. } => sqlx::query_scalar(SELECT).fetch_one(primary).await,
    };
    let found = match found {
        // There is no such table: nobody ever used it.
        Err(sqlx::Error::Database(_)) => None,
        found => found?,
    };
    if found == Some(schema_version()) { Ok(()) } else { Err(Error::OtherSchema { found, own: schema_version() }) }
}
