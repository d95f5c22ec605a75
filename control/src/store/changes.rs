//! Who waits for something is told at once: in this process by channels, in others by PostgreSQL's `NOTIFY`. One
//! connection of each process listens, whatever there is to hear of.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgNotification, PgPool};
use tokio::sync::watch;
use tokio::time::timeout;

use super::sql::{Database, Dialect, Error, Pools, Transaction, sql};

/// The name under which control planes tell each other. What they say is a topic's name.
const CHANNEL: &str = "portcullis_changes";

/// How long until it is tried again to listen.
const AGAIN: Duration = Duration::from_secs(5);
/// After so long without a word the connection is asked for one.
const QUIET: Duration = Duration::from_mins(1);
/// How long that may take.
const WORD: Duration = Duration::from_secs(10);

/// What one can hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Builds are queued and cancelled.
    Builds,
    /// What data planes are to serve.
    Plans,
    /// Which data planes may be connected, and whom they are to believe.
    Registry,
    /// What data planes say of themselves: told in this process only, which goes on from there by itself.
    Nodes,
}

impl Topic {
    const ALL: [Self; 4] = [Self::Builds, Self::Plans, Self::Registry, Self::Nodes];

    fn as_str(self) -> &'static str {
        match self {
            Self::Builds => "builds",
            Self::Plans => "plans",
            Self::Registry => "registry",
            Self::Nodes => "nodes",
        }
    }
}

/// Tells of changes, and hears of them.
#[derive(Debug, Clone)]
pub(super) struct Changes(Arc<Channels>);

#[derive(Debug, Default)]
struct Channels {
    builds: watch::Sender<()>,
    plans: watch::Sender<()>,
    registry: watch::Sender<()>,
    nodes: watch::Sender<()>,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self(Arc::new(Channels::default()))
    }

    /// Changes with each change.
    pub(super) fn receiver(&self, topic: Topic) -> watch::Receiver<()> {
        self.sender(topic).subscribe()
    }

    /// Tells this process.
    pub(super) fn tell(&self, topic: Topic) {
        self.sender(topic).send_replace(());
    }

    fn sender(&self, topic: Topic) -> &watch::Sender<()> {
        match topic {
            Topic::Builds => &self.0.builds,
            Topic::Plans => &self.0.plans,
            Topic::Registry => &self.0.registry,
            Topic::Nodes => &self.0.nodes,
        }
    }

    /// Hears of the other processes' changes, for as long as it is polled.
    pub(super) async fn hear(&self, database: &Database) {
        let Pools::Postgres { primary, .. } = database.pools() else { return std::future::pending().await };
        loop {
            if let Err(error) = self.hear_until_it_fails(primary).await {
                // Whoever waits looks from time to time as well.
                tracing::warn!(%error, "cannot hear what other control planes change");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn hear_until_it_fails(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.ignore_pool_close_event(true);
        soon(listener.listen(CHANNEL)).await?;
        loop {
            // What was said while nobody listened is not said again.
            Topic::ALL.into_iter().for_each(|topic| self.tell(topic));
            // `None`: the connection was lost, and is made again.
            while let Some(said) = next(&mut listener).await? {
                let heard = Topic::ALL.into_iter().filter(|topic| topic.as_str() == said.payload());
                heard.for_each(|topic| self.tell(topic));
            }
        }
    }
}

/// What is said next. A connection that leads nowhere any more says nothing for ever: it is asked for a word now and then.
async fn next(listener: &mut PgListener) -> Result<Option<PgNotification>, sqlx::Error> {
    loop {
        if let Ok(said) = timeout(QUIET, listener.try_recv()).await {
            return said;
        }
        soon(sqlx::query("select 1").execute(&mut *listener)).await?;
    }
}

/// What a server says that is there.
async fn soon<T>(word: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(WORD, word).await.unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
}

/// Tells the other processes, once the transaction is committed. SQLite has none.
pub(super) async fn announce(transaction: &mut Transaction, topic: Topic) -> Result<(), Error> {
    if transaction.dialect() == Dialect::Postgres {
        let notify = sql("select pg_notify($1, $2)").bind(CHANNEL).bind(topic.as_str());
        transaction.execute(notify).await?;
    }
    Ok(())
}
