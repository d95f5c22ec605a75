//! The connections to a database.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgPool};

use super::lent::Lent;
use super::replay::{Length, Replayed};
use super::replica::Follower;
use super::sqlite::SqliteFile;
use super::{Error, Reader, Row, Snapshot, Statement, Transaction, Unanswered, migrate, postgres, span, sqlite};
use crate::domain;
use crate::domain::error::Noun;
use crate::domain::store::{Replica, is_changing};

/// A database that is ready: its schema is this program's.
#[derive(Debug, Clone)]
pub struct Database {
    pools: Pools,
}

/// Which kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Keeps rows that were selected as they are until the transaction ends. SQLite's only writer needs not say so.
    pub fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for update",
        }
    }

    /// Keeps projects that were selected as they are, and lets others point to them.
    pub fn for_no_key_update_of_projects(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for no key update of projects",
        }
    }

    /// Keeps rows that were selected from being deleted until the transaction ends.
    pub fn for_key_share(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for key share",
        }
    }

    /// Keeps rows that were selected as they are, beside others who do the same.
    pub fn for_share(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for share",
        }
    }

    /// Keeps builds that were selected as they are, and passes over those that somebody else keeps.
    pub fn for_update_of_builds_skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for update of builds skip locked",
        }
    }

    /// What time it is by the database's clock, in microseconds: what several control planes measure leases with.
    pub fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "cast(unixepoch('subsec') * 1000000 as integer)",
            Self::Postgres => "cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)",
        }
    }
}

/// The connections of either kind.
#[derive(Debug, Clone)]
pub enum Pools {
    /// A file.
    #[expect(private_interfaces, reason = "opened by URL, never made elsewhere")]
    Sqlite(SqliteFile),
    /// A server.
    Postgres {
        /// Takes every write.
        primary: PgPool,
        /// Takes reads that are heavy, and what is known while the primary is away, where it is named.
        #[expect(private_interfaces, reason = "opened by URL, never made elsewhere")]
        replica: Option<Arc<Follower>>,
    },
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Open.
    pub open: u32,
    /// Of them, with nothing to do.
    pub idle: u32,
}

impl Database {
    /// Opens `sqlite://FILE` or `postgres://...`, and brings its schema up to date.
    ///
    /// `replica` is a PostgreSQL server that follows the first one.
    ///
    /// # Errors
    /// The URL is none; the server is not there; its schema is newer than this program.
    pub async fn open(url: &str, replica: Option<&str>) -> Result<Self, Error> {
        let pools = match Location::parse(url)? {
            Location::Sqlite(file) if replica.is_none() => Pools::Sqlite(SqliteFile::open(&file).await?),
            Location::Sqlite(_) => return Err(Error::Replica),
            Location::Postgres(options) => {
                let replica = match replica.map(Location::parse).transpose()? {
                    Some(Location::Postgres(options)) => Some(Arc::new(Follower::new(*options))),
                    Some(Location::Sqlite(file)) => return Err(Error::Url { url: file.display().to_string() }),
                    None => None,
                };
                Pools::Postgres { primary: postgres::connect(*options).await?, replica }
            }
        };
        migrate::run(&pools).await?;
        Ok(Self { pools })
    }

    /// Opens a database that a control plane has used, and changes nothing about it.
    ///
    /// # Errors
    /// The URL is none; it is not there; its schema is not this program's.
    pub async fn open_existing(url: &str) -> Result<Self, Error> {
        let pools = match Location::parse(url)? {
            Location::Sqlite(file) => Pools::Sqlite(SqliteFile::open_existing(&file).await?),
            Location::Postgres(options) => {
                Pools::Postgres { primary: postgres::connect(*options).await?, replica: None }
            }
        };
        migrate::check(&pools).await?;
        Ok(Self { pools })
    }

    /// Which kind it is.
    pub fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite(_) => Dialect::Sqlite,
            Pools::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// Its connections.
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// The first row, if there is one, of what is committed now.
    pub async fn fetch_optional(&self, statement: Statement) -> Result<Option<Row>, Error> {
        let span = span::of(self.dialect(), &statement);
        let fetch = async {
            Ok(match &self.pools {
                Pools::Sqlite(file) => sqlite::query(statement).fetch_optional(&file.readers).await?.map(Row::Sqlite),
                Pools::Postgres { primary, .. } => {
                    Lent::by(primary).await?.fetch_optional(statement).await?.map(Row::Postgres)
                }
            })
        };
        let row = span::within(span, fetch).await?;
        self.answered();
        Ok(row)
    }

    /// Every row of what is committed now.
    pub async fn fetch_all(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        let span = span::of(self.dialect(), &statement);
        let fetch = async {
            Ok(match &self.pools {
                Pools::Sqlite(file) => {
                    sqlite::query(statement).fetch_all(&file.readers).await?.into_iter().map(Row::Sqlite).collect()
                }
                Pools::Postgres { primary, .. } => {
                    Lent::by(primary).await?.fetch_all(statement).await?.into_iter().map(Row::Postgres).collect()
                }
            })
        };
        let rows = span::within(span, fetch).await?;
        self.answered();
        Ok(rows)
    }

    /// Every row of what is committed now: for lists and other reads that are heavy. A replica answers where there is one
    /// that is not late; or whatever it has, where the primary does not answer.
    pub async fn fetch_list(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        let Some((primary, follower)) = self.stand_in() else { return self.fetch_all(statement).await };
        let own = Reader::Replica(follower.pool.clone());
        let (current, own) = (follower.fetch_current(primary, statement.clone()), own.fetch_all(statement));
        let current = async { Ok(current.await?.into_iter().map(Row::Postgres).collect()) };
        Box::pin(follower.stand_in(current, own)).await
    }

    /// A read, however many statements it takes, of what is committed now; where the primary does not answer, all of it is
    /// read from the replica, where there is one, and may be as old as that is.
    ///
    /// For what is shown, and for whoever asks to be let in. Not for what decides anything: an old answer is no harm only
    /// where nothing is written, ended or sent away for it. Whoever is [changing](domain::store::changing) something is
    /// never answered by the replica.
    pub async fn known<T, E, F>(&self, read: impl Fn(Reader) -> F) -> Result<T, E>
    where
        E: Unanswered + Display,
        F: Future<Output = Result<T, E>>,
    {
        let Some((primary, follower)) = self.stand_in() else { return Box::pin(read(Reader::Now(self.clone()))).await };
        // Nothing is asked until it is polled.
        let (primary, own) = (read(Reader::Primary(primary.clone())), read(Reader::Replica(follower.pool.clone())));
        Box::pin(follower.stand_in(primary, own)).await
    }

    /// The one row of what is known, as [`known`](Self::known) reads it.
    pub async fn get(&self, select: Statement, noun: Noun) -> domain::store::Result<Row> {
        let read = |reader: Reader| {
            let select = select.clone();
            async move { reader.fetch_optional(select).await?.ok_or_else(|| reader.missing(noun)) }
        };
        self.known(read).await
    }

    /// The replica that may answer, and whom it follows.
    fn stand_in(&self) -> Option<(&PgPool, &Follower)> {
        self.pair().filter(|_| !is_changing())
    }

    fn pair(&self) -> Option<(&PgPool, &Follower)> {
        match &self.pools {
            Pools::Postgres { primary, replica: Some(follower) } => Some((primary, follower)),
            Pools::Sqlite(_) | Pools::Postgres { replica: None, .. } => None,
        }
    }

    /// The primary answered.
    fn answered(&self) {
        if let Some((_, follower)) = self.pair() {
            follower.answered();
        }
    }

    /// Begins to change something.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        // Who waits for a connection, or to be the one that writes, waits here.
        let begin = async {
            Ok(match &self.pools {
                Pools::Sqlite(file) => Transaction::Sqlite(file.writer.begin_with("BEGIN IMMEDIATE").await?),
                Pools::Postgres { primary, .. } => {
                    Transaction::Postgres(Replayed::begin(primary, Length::Usual).await?)
                }
            })
        };
        let transaction = span::within(span::named(self.dialect(), "BEGIN"), begin).await?;
        // Whoever writes something reads it back, so nobody reads from a replica any more.
        self.answered();
        Ok(transaction)
    }

    /// How the server is that follows it.
    pub async fn replica(&self) -> Replica {
        let Some((primary, follower)) = self.pair() else { return Replica::None };
        follower.state(primary).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the read replica does not answer");
            Replica::Away
        })
    }

    /// Begins to change everything, which may take long.
    pub async fn begin_long(&self) -> Result<Transaction, Error> {
        match &self.pools {
            Pools::Sqlite(_) => self.begin().await,
            Pools::Postgres { primary, .. } => Ok(Transaction::Postgres(Replayed::begin(primary, Length::Long).await?)),
        }
    }

    /// What is committed now, to be read for as long as it takes.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        match &self.pools {
            Pools::Sqlite(file) => Snapshot::of_sqlite(&file.readers).await,
            Pools::Postgres { primary, .. } => Snapshot::of_postgres(primary).await,
        }
    }

    /// How many connections there are.
    pub fn status(&self) -> Status {
        let of = |open: u32, idle: usize| Status { open, idle: u32::try_from(idle).unwrap_or(u32::MAX) };
        match &self.pools {
            Pools::Sqlite(SqliteFile { writer, readers }) => {
                of(writer.size() + readers.size(), writer.num_idle() + readers.num_idle())
            }
            Pools::Postgres { primary, replica } => {
                let (open, idle) =
                    replica.as_ref().map_or((0, 0), |replica| (replica.pool.size(), replica.pool.num_idle()));
                of(primary.size() + open, primary.num_idle() + idle)
            }
        }
    }

    /// Ends its connections, each after what it does now.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite(SqliteFile { writer, readers }) => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres { primary, replica } => {
                primary.close().await;
                if let Some(replica) = replica {
                    replica.pool.close().await;
                }
            }
        }
    }
}

/// Where a database is.
enum Location {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Location {
    fn parse(url: &str) -> Result<Self, Error> {
        if let Some(file) = url.strip_prefix("sqlite://").filter(|file| !file.is_empty()) {
            return Ok(Self::Sqlite(Path::new(file).to_owned()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(Box::new(url.parse()?)));
        }
        // It may hold a password.
        let scheme = url.split_once("://").map_or("?", |(scheme, _)| scheme);
        Err(Error::Url { url: format!("{scheme}://...") })
    }
}
