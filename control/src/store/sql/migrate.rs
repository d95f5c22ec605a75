//! The schema, brought up to date. The statements stand in `migrations/`, a folder for each kind of database.

use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};
use tokio::time::timeout;

use super::{Error, Pools, postgres};

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Applies what was not applied yet. Of several control planes that start at once, one does it and the others wait.
pub(super) async fn run(pools: &Pools) -> Result<(), Error> {
    match pools {
        Pools::Sqlite(file) => SQLITE.run(&file.writer).await.map_err(failed),
        Pools::Postgres { primary, .. } => {
            timeout(postgres::LONG, run_long(primary)).await.unwrap_or(Err(Error::SchemaTakesTooLong))
        }
    }
}

/// A migration moves whatever there is, and another control plane's is waited for: no statement's deadline holds here. A
/// server that says nothing to begin with is not waited for that long.
async fn run_long(primary: &PgPool) -> Result<(), Error> {
    timeout(postgres::SILENCE, sqlx::query("select 1").execute(primary)).await.map_err(|_| Error::Silent)??;
    let own = postgres::connect_long(primary).await?;
    let ended = POSTGRES.run(&own).await.map_err(failed);
    own.close().await;
    ended
}

/// A database that failed has its own words for it, which say nothing of the schema's history.
fn failed(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(error) => Error::Driver(error),
        MigrateError::ExecuteMigration(source, number) => {
            let error = Error::Driver(source);
            if error.is_refusal() { Error::Migration { number, source: Box::new(error) } } else { error }
        }
        other => Error::Schema(other),
    }
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
        Pools::Postgres { primary, .. } => {
            let asked = timeout(postgres::SILENCE, sqlx::query_scalar(SELECT).fetch_one(primary)).await;
            asked.map_err(|_| Error::Silent)?
        }
    };
    let found = match found {
        // There is no such table: nobody ever used it.
        Err(sqlx::Error::Database(_)) => None,
        found => found?,
    };
    if found == Some(schema_version()) { Ok(()) } else { Err(Error::OtherSchema { found, own: schema_version() }) }
}
