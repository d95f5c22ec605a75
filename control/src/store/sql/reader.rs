//! One read, whatever number of statements it takes, from one source.

use sqlx::postgres::PgPool;

use super::{Database, Dialect, Error, Row, Statement, replica};
use crate::domain;
use crate::domain::error::Noun;

/// What a read is read from, all of it.
#[derive(Debug, Clone)]
pub enum Reader {
    /// What is committed now, however long it takes to hear of it.
    Now(Database),
    /// The same, where a replica answers if it takes too long.
    Primary(PgPool),
    /// A replica of what does not answer: what it has, which may be old.
    Replica(PgPool),
}

impl Reader {
    /// Which kind of database it is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Now(database) => database.dialect(),
            Self::Primary(_) | Self::Replica(_) => Dialect::Postgres,
        }
    }

    /// The first row, if there is one.
    pub async fn fetch_optional(&self, statement: Statement) -> Result<Option<Row>, Error> {
        match self {
            Self::Now(database) => database.fetch_optional(statement).await,
            Self::Primary(_) | Self::Replica(_) => Ok(self.fetch_all(statement).await?.into_iter().next()),
        }
    }

    /// Every row.
    pub async fn fetch_all(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        let rows = match self {
            Self::Now(database) => return database.fetch_all(statement).await,
            Self::Primary(pool) => replica::fetch(pool, statement, replica::PRIMARY).await?,
            Self::Replica(pool) => replica::fetch(pool, statement, replica::ALONE).await?,
        };
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }

    /// Nothing was found, and that is to be the answer. It is none of a replica's: what it lacks may be there.
    pub fn lacks(&self) -> Result<(), Error> {
        match self {
            Self::Now(_) | Self::Primary(_) => Ok(()),
            Self::Replica(_) => Err(Error::Late),
        }
    }

    /// What is said where something was not found.
    pub fn missing(&self, noun: Noun) -> domain::error::Error {
        self.lacks().map_or_else(Into::into, |()| domain::error::Error::NotFound(noun))
    }
}

/// What says whether it was because nobody answered that something failed.
pub trait Unanswered {
    /// Whether another source may answer: the server is not there, is going, or says nothing. Whatever it says otherwise
    /// is an answer.
    fn is_unanswered(&self) -> bool;
    /// Whether it was not even asked: no connection was free in time.
    fn is_crowded(&self) -> bool;
}

impl Unanswered for Error {
    fn is_unanswered(&self) -> bool {
        match self {
            Self::Silent | Self::Driver(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => true,
            // `admin_shutdown`, `crash_shutdown`, `cannot_connect_now`.
            Self::Driver(_) => matches!(self.code().as_deref(), Some("57P01" | "57P02" | "57P03")),
            Self::Url { .. }
            | Self::Replica
            | Self::Schema(_)
            | Self::Migration { .. }
            | Self::SchemaTakesTooLong
            | Self::NoDatabase { .. }
            // Another source may know it, and is not asked: it was a change.
            | Self::Unsettled(_)
            | Self::OtherSchema { .. }
            | Self::Late
            | Self::Column { .. } => false,
        }
    }

    fn is_crowded(&self) -> bool {
        matches!(self, Self::Driver(sqlx::Error::PoolTimedOut))
    }
}

impl Unanswered for domain::error::Error {
    fn is_unanswered(&self) -> bool {
        match self {
            Self::Unavailable { source, .. } => source.downcast_ref::<Error>().is_some_and(Error::is_unanswered),
            _ => false,
        }
    }

    fn is_crowded(&self) -> bool {
        match self {
            Self::Unavailable { source, .. } => source.downcast_ref::<Error>().is_some_and(Error::is_crowded),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn only_what_nobody_answered_is_asked_elsewhere() {
        let refused = || Error::Driver(sqlx::Error::Io(io::ErrorKind::ConnectionRefused.into()));
        for error in [refused(), Error::Driver(sqlx::Error::PoolTimedOut), Error::Silent] {
            assert!(error.is_unanswered(), "{error}");
            assert!(domain::error::Error::from(error).is_unanswered());
        }
        let answered = [Error::Late, Error::Driver(sqlx::Error::RowNotFound), Error::Driver(sqlx::Error::PoolClosed)];
        for error in answered {
            assert!(!error.is_unanswered(), "{error}");
            assert!(!domain::error::Error::from(error).is_unanswered());
        }
        assert!(!domain::error::Error::NotFound(Noun::Project).is_unanswered());
        assert!(!domain::error::Error::artifact_store(io::Error::other("away")).is_unanswered());
    }
}
