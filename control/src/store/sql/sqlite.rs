//! SQLite: one connection writes, some read (WAL mode).

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::types::Json;
use sqlx::types::uuid::fmt::Hyphenated;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Sqlite};

use super::{Error, Statement, Value};

/// How many connections read.
const READERS: u32 = 4;
/// How many rows are read ahead where all of them are read; one may have 16 MiB.
const ROWS_AHEAD: usize = 4;
/// How long one waits for another process's write, such as a backup's.
const BUSY: Duration = Duration::from_secs(5);
/// How long a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);

/// A file's connections.
#[derive(Debug, Clone)]
pub(super) struct SqliteFile {
    /// One: SQLite has one writer at a time, and who waits for it waits here, in order.
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
}

impl SqliteFile {
    pub(super) async fn open(file: &Path) -> Result<Self, Error> {
        make_private(file).map_err(sqlx::Error::Io)?;
        Self::connect(options(file)).await
    }

    /// Opens what is there.
    pub(super) async fn open_existing(file: &Path) -> Result<Self, Error> {
        if !file.is_file() {
            return Err(Error::NoDatabase { file: file.to_owned() });
        }
        Self::connect(options(file).row_buffer_size(ROWS_AHEAD)).await
    }

    async fn connect(options: SqliteConnectOptions) -> Result<Self, Error> {
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE);
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = pool(READERS).connect_with(options.create_if_missing(false).read_only(true)).await?;
        Ok(Self { writer, readers })
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What was answered with 201 is still there after the power failed.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .optimize_on_close(true, None)
        // What a statement does is a span of ours.
        .disable_statement_logging()
}

/// The file is its owner's alone; what SQLite puts beside it takes after it.
fn make_private(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(super) fn query(statement: Statement) -> Query<'static, Sqlite, SqliteArguments> {
    let (text, values) = statement.into_parts();
    // Made of `&'static str` only.
    let query = sqlx::query(AssertSqlSafe(text));
    values.into_iter().fold(query, |query, value| match value {
        Value::Bool(value) => query.bind(value),
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Uuid(value) => query.bind(value.map(Hyphenated::from_uuid)),
        Value::Bytes(value) => query.bind(value),
        Value::Json(value) => query.bind(value.map(Json)),
    })
}
