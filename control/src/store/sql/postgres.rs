//! PostgreSQL: a primary, and a replica to read from where there is one.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Postgres};
use tokio::time::timeout;

use super::lent::Lent;
use super::{Error, Statement, Value};

/// How many connections a control plane opens to one server at most.
const CONNECTIONS: u32 = 16;
/// How long a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);
/// How long a server may say nothing to a statement before it counts as silent, where another one could be asked.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a statement may take: nothing that is asked takes a second.
const STATEMENT: &str = "30s";
/// How long a server may say nothing to a statement at all. One that is there has given it up before.
pub(super) const SILENCE: Duration = Duration::from_secs(35);
/// How long a server may say nothing to what may take as long as it takes.
pub(super) const LONG: Duration = Duration::from_hours(1);
/// How long a connection that lay idle may take to say that it still leads anywhere.
const PROBE: Duration = Duration::from_secs(2);

pub(super) async fn connect(options: PgConnectOptions) -> Result<PgPool, Error> {
    let options = options.application_name("portcullis-control").options([
        ("statement_timeout", STATEMENT),
        ("idle_in_transaction_session_timeout", STATEMENT),
        // What was answered is still there after a crash, whatever the server's default is.
        ("synchronous_commit", "on"),
    ]);
    // What a statement does is a span of ours.
    let options = options.disable_statement_logging();
    Ok(pool().connect_with(options).await?)
}

/// Connections that lay idle are asked whether they lead anywhere, and so shortly that there is time left to make another
/// one: a server that is gone without a word may have a successor.
fn pool() -> PgPoolOptions {
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE).test_before_acquire(false);
    pool.before_acquire(|idle, _| Box::pin(async move { Ok(matches!(timeout(PROBE, idle.ping()).await, Ok(Ok(())))) }))
}

/// Lets a transaction take as long as it takes: it moves everything there is.
pub(super) async fn take_time(transaction: &mut PgConnection) -> Result<(), sqlx::Error> {
    for setting in ["set local statement_timeout = 0", "set local idle_in_transaction_session_timeout = 0"] {
        sqlx::query(setting).execute(&mut *transaction).await?;
    }
    Ok(())
}

/// One connection to the same server, whose statements may take as long as they take.
pub(super) async fn connect_long(pool: &PgPool) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::clone(&pool.connect_options()).options([("statement_timeout", "0")]);
    PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE).connect_with(options).await
}

/// A server that heavy reads go to. It need not be there.
pub(super) fn follow(options: PgConnectOptions) -> PgPool {
    let options = options.application_name("portcullis-control").options([("statement_timeout", STATEMENT)]);
    let options = options.disable_statement_logging();
    pool().connect_lazy_with(options)
}

/// Every row, from whoever gives a connection within that time and then says something.
pub(super) async fn fetch_within(pool: &PgPool, statement: Statement, patience: Duration) -> Result<Vec<PgRow>, Error> {
    // A connection that lay idle is asked whether it still leads anywhere: a server that went silent is found out here.
    let Ok(lent) = timeout(patience, Lent::by(pool)).await else {
        let is_crowded = pool.num_idle() == 0 && pool.size() >= pool.options().get_max_connections();
        return Err(if is_crowded { sqlx::Error::PoolTimedOut.into() } else { Error::Silent });
    };
    lent?.waiting(ANSWER).fetch_all(statement).await
}

pub(super) fn query(statement: Statement) -> Query<'static, Postgres, PgArguments> {
    let (text, values) = statement.into_parts();
    // Made of `&'static str` only.
    let query = sqlx::query(AssertSqlSafe(text));
    values.into_iter().fold(query, |query, value| match value {
        Value::Bool(value) => query.bind(value),
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Uuid(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Json(value) => query.bind(value.map(Json)),
    })
}
