//! A transaction of PostgreSQL that survives being chosen as the victim of a deadlock.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{Row as _, ValueRef as _};

use super::lent::Lent;
use super::{Error, Statement, postgres};

/// How often a transaction is done again.
const REPLAYS_MAX: u32 = 4;
/// How long it is waited before, the first time; each time twice as long.
const PAUSE: Duration = Duration::from_millis(10);
/// How many bytes of statements are kept to be done again. What is larger holds documents, whose team was locked first:
/// nobody is in its way.
const KEPT_BYTES_MAX: usize = 256 << 10;

/// A transaction that is done again where the server undoes it (`deadlock_detected`, `serialization_failure`), at a
/// statement or at its end: the same statements, which must find the same as before. Whoever wrote them decided by what they found, and would decide the
/// same again. Where one finds anything else, the error stands.
#[derive(Debug)]
pub(super) struct Replayed {
    length: Length,
    own: Lent,
    /// What was done so far; nothing where it has grown too large.
    done: Option<Vec<Step>>,
    kept_bytes: usize,
    replays: u32,
}

/// How long a transaction may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// As long as a statement may.
    Usual,
    /// As long as it takes.
    Long,
}

impl Length {
    async fn connect(self, pool: &PgPool) -> Result<Lent, Error> {
        let own = Lent::by(pool).await?;
        Ok(match self {
            Self::Usual => own,
            Self::Long => own.waiting(postgres::LONG),
        })
    }

    /// What is said of it holds until the transaction ends, so it is said again to the one that follows.
    async fn begin(self, own: &mut Lent) -> Result<(), Error> {
        own.begin().await?;
        match self {
            Self::Usual => Ok(()),
            Self::Long => own.take_time().await,
        }
    }
}

#[derive(Debug)]
struct Step {
    statement: Statement,
    wanted: Wanted,
    found: Found,
}

/// What a statement is asked for.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Count,
    Rows,
}

/// What it answered.
enum Answer {
    Count(u64),
    Rows(Vec<PgRow>),
}

/// The same, in short.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Count(u64),
    Rows([u8; 32]),
}

impl Replayed {
    pub(super) async fn begin(pool: &PgPool, length: Length) -> Result<Self, Error> {
        let mut own = length.connect(pool).await?;
        length.begin(&mut own).await?;
        Ok(Self { length, own, done: Some(Vec::new()), kept_bytes: 0, replays: 0 })
    }

    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, Error> {
        match self.run(statement, Wanted::Count).await? {
            Answer::Count(count) => Ok(count),
            Answer::Rows(rows) => Ok(rows.len() as u64),
        }
    }

    pub(super) async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<PgRow>, Error> {
        match self.run(statement, Wanted::Rows).await? {
            Answer::Rows(rows) => Ok(rows),
            Answer::Count(_) => Ok(Vec::new()),
        }
    }

    /// Ends it. What is checked only now, such as a constraint that is deferred, may undo it still. Where the server
    /// says nothing to it, it may have been done, and is not done again.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        let mut ended = self.own.commit().await;
        while let Err(error) = &ended
            && error.is_undone()
            && self.replays < REPLAYS_MAX
            && self.done.is_some()
        {
            tracing::debug!(%error, "a transaction was undone at its end, and is done again");
            match self.replay().await {
                Ok(Same::Yes) => ended = self.own.commit().await,
                Ok(Same::No) => break,
                Err(error) => ended = Err(error),
            }
        }
        ended
    }

    async fn run(&mut self, statement: Statement, wanted: Wanted) -> Result<Answer, Error> {
        let kept = self.keep(&statement);
        let mut answer = self.ask(statement, wanted).await;
        let Some(statement) = kept else { return answer };
        while let Err(error) = &answer
            && error.is_undone()
            && self.replays < REPLAYS_MAX
        {
            tracing::debug!(%error, "a transaction was undone, and is done again");
            match self.replay().await {
                Ok(Same::Yes) => answer = self.ask(statement.clone(), wanted).await,
                Ok(Same::No) => break,
                Err(error) => answer = Err(error),
            }
        }
        let answer = answer?;
        if let Some(done) = &mut self.done {
            done.push(Step { statement, wanted, found: answer.in_short()? });
        }
        Ok(answer)
    }

    /// The statement, to be done again.
    fn keep(&mut self, statement: &Statement) -> Option<Statement> {
        self.kept_bytes = self.kept_bytes.saturating_add(statement.bytes());
        if self.kept_bytes > KEPT_BYTES_MAX {
            self.done = None;
        }
        self.done.is_some().then(|| statement.clone())
    }

    async fn ask(&mut self, statement: Statement, wanted: Wanted) -> Result<Answer, Error> {
        Ok(match wanted {
            Wanted::Count => Answer::Count(self.own.execute(statement).await?),
            Wanted::Rows => Answer::Rows(self.own.fetch_all(statement).await?),
        })
    }

    /// Begins again on the same connection, and does everything that was done.
    async fn replay(&mut self) -> Result<Same, Error> {
        // Nobody is to wait meanwhile for what it locked.
        self.own.roll_back().await?;
        pause(self.replays).await;
        self.replays += 1;
        self.length.begin(&mut self.own).await?;
        self.repeat().await
    }

    /// Does everything that was done.
    async fn repeat(&mut self) -> Result<Same, Error> {
        let done = self.done.take().unwrap_or_default();
        let mut same = Ok(Same::Yes);
        for step in &done {
            same = match self.ask(step.statement.clone(), step.wanted).await {
                Ok(answer) if answer.in_short()? == step.found => continue,
                Ok(_) => Ok(Same::No),
                Err(error) => Err(error),
            };
            break;
        }
        self.done = Some(done);
        same
    }
}

/// Waits before it is done again, the longer the more often it was.
async fn pause(replays: u32) {
    tokio::time::sleep(PAUSE * 2_u32.pow(replays)).await;
}

/// Whether everything was as before.
enum Same {
    Yes,
    No,
}

impl Answer {
    fn in_short(&self) -> Result<Found, Error> {
        let rows = match self {
            Self::Count(count) => return Ok(Found::Count(*count)),
            Self::Rows(rows) => rows,
        };
        let mut hash = Sha256::new();
        for row in rows {
            for column in 0..row.len() {
                let value = row.try_get_raw(column)?;
                let bytes = if value.is_null() { None } else { Some(value.as_bytes().map_err(sqlx::Error::Decode)?) };
                hash.update(bytes.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
                hash.update(bytes.unwrap_or_default());
            }
        }
        Ok(Found::Rows(hash.finalize().into()))
    }
}
