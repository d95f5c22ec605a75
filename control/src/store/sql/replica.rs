//! A PostgreSQL server that follows another one, and is a little late.
//!
//! Whoever wrote something reads it back, through whichever control plane: a replica is asked only when it has replayed
//! everything that the primary had made durable when the read began. Where it does not catch up soon, the primary is
//! asked; that costs two short questions for each heavy read.
//!
//! Where the primary does not answer, the replica is asked for what may be as old as it is, and nothing else: see
//! [`Database::known`](super::Database::known).

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgRow};

use super::breaker::{Breaker, News, Turn};
use super::{Dialect, Error, Row, Statement, Unanswered, postgres, span, sql};
use crate::domain::store::Replica;

/// How long one waits for a connection to the primary before its replica is asked for what is known.
pub(super) const PRIMARY: Duration = Duration::from_secs(2);
/// How long one waits for a connection to the replica where nobody else answers.
pub(super) const ALONE: Duration = Duration::from_secs(10);
/// How long one waits for a connection to the replica where the primary could be asked.
const FOLLOW: Duration = Duration::from_millis(100);
/// A primary that has answered anybody within so long is there.
const ANSWERS: Duration = Duration::from_secs(5);
/// How often a replica is asked how far it is.
const QUESTIONS: u32 = 5;
/// How long it is given between two questions.
const PATIENCE: Duration = Duration::from_millis(4);

/// The replica, and whether it stands in for the primary.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) pool: PgPool,
    primary: Breaker,
}

impl Follower {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { pool: postgres::follow(options), primary: Breaker::new() }
    }

    /// What the primary gives; where it does not answer, what this one gives.
    pub(super) async fn stand_in<T, E: Unanswered + std::fmt::Display>(
        &self,
        primary: impl Future<Output = Result<T, E>>,
        own: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if self.primary.turn() == Turn::Ask {
            match primary.await {
                Err(error) if self.only_has_no_time(&error) => return Err(error),
                Err(error) if error.is_unanswered() => self.failed(&error),
                answer => {
                    self.answered();
                    return answer;
                }
            }
        }
        own.await
    }

    /// Whether all our connections are in use, by those whom the primary answers.
    fn only_has_no_time(&self, error: &impl Unanswered) -> bool {
        error.is_crowded() && self.primary.answered_within(ANSWERS)
    }

    /// The primary answered, whoever asked it: whoever wrote something there reads it there.
    pub(super) fn answered(&self) {
        if self.primary.answered() == News::Yes {
            tracing::info!("the database answers again");
        }
    }

    fn failed(&self, error: &impl std::fmt::Display) {
        if self.primary.failed() == News::Yes {
            tracing::warn!(%error, "the database does not answer; what is known is read from its replica");
        }
    }

    /// How it is.
    pub(super) async fn state(&self, primary: &PgPool) -> Result<Replica, Error> {
        if self.primary.is_whole() {
            match position(primary).await {
                Ok(position) => {
                    return Ok(if self.reaches(position).await? { Replica::Current } else { Replica::Late });
                }
                Err(error) if error.is_unanswered() && !self.only_has_no_time(&error) => self.failed(&error),
                Err(error) => return Err(error),
            }
        }
        // Nobody can say what it lacks.
        postgres::fetch_within(&self.pool, sql("select 1"), FOLLOW).await?;
        Ok(Replica::Late)
    }

    /// Every row, from the replica if it is not late and does not fail, else from the primary.
    pub(super) async fn fetch_current(&self, primary: &PgPool, statement: Statement) -> Result<Vec<PgRow>, Error> {
        match self.fetch_if_current(primary, statement.clone()).await {
            Ok(Some(rows)) => return Ok(rows),
            Ok(None) => tracing::debug!("the read replica is late; the primary is asked"),
            Err(Failure::OfPrimary(error)) if error.is_unanswered() => return Err(error),
            Err(Failure::OfPrimary(error) | Failure::OfReplica(error)) => {
                tracing::warn!(%error, "the read replica failed; the primary is asked");
            }
        }
        fetch(primary, statement, PRIMARY).await
    }

    async fn fetch_if_current(&self, primary: &PgPool, statement: Statement) -> Result<Option<Vec<PgRow>>, Failure> {
        // Both questions, and the wait between, are what reading from a replica costs.
        let asking = async {
            let position = position(primary).await?;
            Ok(self.reaches(position).await)
        };
        let asked = span::within(span::named(Dialect::Postgres, "SELECT"), asking).await;
        if asked.map_err(Failure::OfPrimary)?.map_err(Failure::OfReplica)? {
            return fetch(&self.pool, statement, FOLLOW).await.map(Some).map_err(Failure::OfReplica);
        }
        Ok(None)
    }

    /// Whether it has, or soon comes to have, everything up to there.
    async fn reaches(&self, position: String) -> Result<bool, Error> {
        let has_it = sql("select coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) as has_it").bind(position);
        for question in 0..QUESTIONS {
            if question > 0 {
                tokio::time::sleep(PATIENCE).await;
            }
            if one(postgres::fetch_within(&self.pool, has_it.clone(), FOLLOW).await?)?.get("has_it")? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Who failed.
enum Failure {
    OfPrimary(Error),
    OfReplica(Error),
}

/// Everything that the primary has made durable by now.
async fn position(primary: &PgPool) -> Result<String, Error> {
    // Commits are durable before they are answered: `synchronous_commit` is on for every connection of ours.
    let position = sql("select pg_current_wal_flush_lsn()::text as position");
    one(postgres::fetch_within(primary, position, PRIMARY).await?)?.get("position")
}

fn one(rows: Vec<PgRow>) -> Result<Row, Error> {
    rows.into_iter().next().map(Row::Postgres).ok_or(Error::Driver(sqlx::Error::RowNotFound))
}

/// Every row, from whoever gives a connection within that time.
pub(super) async fn fetch(pool: &PgPool, statement: Statement, patience: Duration) -> Result<Vec<PgRow>, Error> {
    let span = span::of(Dialect::Postgres, &statement);
    span::within(span, postgres::fetch_within(pool, statement, patience)).await
}
