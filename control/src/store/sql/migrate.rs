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
