//! Who waits for builds is told at once: in this process by a channel, in others by PostgreSQL's `NOTIFY`.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::watch;

use crate::store::sql::{Database, Dialect, Error, Pools, Transaction, sql};

/// The name under which control planes tell each other.
const CHANNEL: &str = "portcullis_builds";

/// How long until it is tried again to listen.
const AGAIN: Duration = Duration::from_secs(5);

/// Tells of changes, and hears of them.
#[derive(Debug, Clone)]
pub(crate) struct Changes(Arc<watch::Sender<()>>);

impl Changes {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }

    /// Changes with each change.
    pub(super) fn receiver(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }

    /// Tells this process.
    pub(super) fn tell(&self) {
        self.0.send_replace(());
    }

    /// Tells the other processes, once the transaction is committed. SQLite has none.
    pub(super) async fn announce(&self, transaction: &mut Transaction) -> Result<(), Error> {
        if transaction.dialect() == Dialect::Postgres {
            transaction.execute(sql("select pg_notify($1, '')").bind(CHANNEL)).await?;
        }
        Ok(())
    }

    /// Hears of the other processes' changes, for as long as it is polled.
    pub(super) async fn hear(&self, database: &Database) {
        let Pools::Postgres { primary, .. } = database.pools() else { return std::future::pending().await };
        loop {
            if let Err(error) = self.hear_until_it_fails(primary).await {
                // Whoever waits looks from time to time as well.
                tracing::warn!(%error, "cannot hear what other control planes build");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn hear_until_it_fails(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.ignore_pool_close_event(true);
        listener.listen(CHANNEL).await?;
        loop {
            // What was said while nobody listened is not said again.
            self.tell();
            // `None`: the connection was lost, and is made again.
            listener.try_recv().await?;
        }
    }
}
