//! A database whose schema cannot be brought up to date.

use control::store::sql::{Database, Error};
use sqlx::Connection as _;
use tests::postgres;

/// Somebody else's table stands where one of ours is to be.
#[tokio::test]
async fn a_migration_that_is_refused_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}", folder.path().join("control.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&format!("{file}?mode=rwc")).await.unwrap();
    sqlx::query("create table projects (word text)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let server = postgres::Database::create().await;
    server.run("create table projects (word text)");
    for url in [file, server.url()] {
        let error = Database::open(&url, None).await.unwrap_err();
        assert!(matches!(error, Error::Migration { number: 1, .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("migration 1 was refused, and nothing of it is left"), "{said}");
        assert!(said.contains("already exists") && said.contains("a database of its own"), "{said}");
    }
}
