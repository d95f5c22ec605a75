//! A connection that a pool lends, to one who asks and waits for no longer than an answer may take.
//!
//! A server that goes silent breaks no connection: the kernel gives up what was sent after a quarter of an hour, and what
//! is only waited for, never. So every statement has a deadline, and so has the way back to the pool, where the server is
//! asked for a last word. Where it has none, the connection is closed, and another one may be opened in its place.

use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, PgRow};
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::{Error, Statement, postgres};

/// How long the server may take for its last word.
const RETURN: Duration = Duration::from_secs(5);

/// A connection. What was begun on it and not committed is rolled back when it is dropped.
#[derive(Debug)]
pub(super) struct Lent {
    /// None: the server said nothing, and it was closed.
    own: Option<PoolConnection<Postgres>>,
    stage: Stage,
    patience: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Each statement is for itself.
    Alone,
    /// A transaction has begun.
    Begun,
}

impl Lent {
    /// A connection of this pool, once there is one.
    pub(super) async fn by(pool: &PgPool) -> Result<Self, Error> {
        Ok(Self { own: Some(pool.acquire().await?), stage: Stage::Alone, patience: postgres::SILENCE })
    }

    /// The same, where the server may say nothing for so long.
    pub(super) fn waiting(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Every row.
    pub(super) async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<PgRow>, Error> {
        let said = timeout(self.patience, postgres::query(statement).fetch_all(self.own()?)).await;
        self.heard(said)
    }

    /// The first row, if there is one.
    pub(super) async fn fetch_optional(&mut self, statement: Statement) -> Result<Option<PgRow>, Error> {
        let said = timeout(self.patience, postgres::query(statement).fetch_optional(self.own()?)).await;
        self.heard(said)
    }

    /// The rows, one after the other: few of them are in memory. Whoever reads them may take any time between two.
    pub(super) fn fetch(&mut self, statement: Statement) -> BoxStream<'_, Result<PgRow, Error>> {
        let patience = self.patience;
        let Some(own) = self.own.as_deref_mut() else { return stream::iter([Err(Error::Silent)]).boxed() };
        let rows = postgres::query(statement).fetch(own);
        let next = stream::try_unfold(rows, move |mut rows| async move {
            let Ok(said) = timeout(patience, rows.try_next()).await else { return Err(Error::Silent) };
            Ok(said?.map(|row| (row, rows)))
        });
        next.boxed()
    }

    /// Runs a statement. Returns how many rows it changed.
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, Error> {
        let said = timeout(self.patience, postgres::query(statement).execute(self.own()?)).await;
        Ok(self.heard(said)?.rows_affected())
    }

    /// Begins a transaction.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        self.begin_with("begin").await
    }

    /// Begins one that only reads, and what was committed at one moment.
    pub(super) async fn begin_snapshot(&mut self) -> Result<(), Error> {
        self.begin_with("begin isolation level repeatable read read only").await
    }

    async fn begin_with(&mut self, word: &'static str) -> Result<(), Error> {
        // From here on the server may have heard of it.
        self.stage = Stage::Begun;
        self.say(word).await
    }

    /// Ends the transaction as if it had not been, where one has begun.
    pub(super) async fn roll_back(&mut self) -> Result<(), Error> {
        if self.stage == Stage::Begun {
            self.say("rollback").await?;
            self.stage = Stage::Alone;
        }
        Ok(())
    }

    /// Lets a transaction take as long as it takes.
    pub(super) async fn take_time(&mut self) -> Result<(), Error> {
        let said = timeout(self.patience, postgres::take_time(self.own()?)).await;
        self.heard(said)
    }

    /// Ends a transaction, well or not. Where nothing is said, nobody knows which: [`Error::Unsettled`].
    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        let ended = self.say("commit").await;
        self.stage = Stage::Alone;
        ended.map_err(Error::of_commit)
    }

    async fn say(&mut self, word: &'static str) -> Result<(), Error> {
        let said = timeout(self.patience, say(self.own()?, word)).await;
        self.heard(said)
    }

    fn own(&mut self) -> Result<&mut PgConnection, Error> {
        self.own.as_deref_mut().ok_or(Error::Silent)
    }

    /// What was said. Of a server that said nothing, nothing more is awaited: what it was asked it may do yet.
    fn heard<T>(&mut self, said: Result<Result<T, sqlx::Error>, Elapsed>) -> Result<T, Error> {
        if let Ok(said) = said {
            return Ok(said?);
        }
        if let Some(mut own) = self.own.take() {
            own.close_on_drop();
        }
        Err(Error::Silent)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (Some(mut own), Ok(runtime)) = (self.own.take(), Handle::try_current()) else { return };
        match self.stage {
            Stage::Alone => {
                runtime.spawn(timeout(RETURN, own.return_to_pool()));
            }
            Stage::Begun => {
                runtime.spawn(timeout(RETURN, roll_back(own)));
            }
        }
    }
}

/// Gives a connection back without what was begun on it. Where that is cut short, it is closed.
async fn roll_back(mut own: PoolConnection<Postgres>) {
    own.close_on_drop();
    if say(&mut own, "rollback").await.is_ok() {
        own.return_to_pool().await;
    }
}

async fn say(connection: &mut PgConnection, word: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(word).execute(connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use ::tests::Relay;
    use ::tests::postgres::Postgres;
    use sqlx::postgres::PgConnectOptions;

    use super::super::sql;
    use super::*;

    /// How long a server may say nothing here.
    const PATIENCE: Duration = Duration::from_millis(500);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_read_for_long_is_given_up_where_nothing_more_comes() {
        let postgres = Postgres::start().await;
        let own: PgConnectOptions = postgres.url().parse().unwrap();
        let relay = Relay::to(own.get_port()).await;
        let pool = postgres::connect(own.port(relay.address().port())).await.unwrap();
        let mut lent = Lent::by(&pool).await.unwrap();
        lent.begin_snapshot().await.unwrap();
        lent.take_time().await.unwrap();
        let mut lent = lent.waiting(PATIENCE);
        // More than is under way at a time.
        let many = "select repeat('x', 1000) as word from generate_series(1, 100000)";
        let mut rows = lent.fetch(sql(many));
        assert!(rows.next().await.unwrap().is_ok());
        // Whoever reads takes longer than the server may.
        ::tests::wait::pass(2 * PATIENCE).await;
        assert!(rows.next().await.unwrap().is_ok());
        relay.falls_silent();
        let error = loop {
            match rows.next().await.unwrap() {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Silent), "{error}");
        assert!(rows.next().await.is_none(), "nobody waits for it once more");
    }
}
