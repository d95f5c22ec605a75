//! Real PostgreSQL servers, in clusters of the tests' own.
//!
//! ```no_run
//! # use tests::postgres::{Database, Postgres};
//! # async fn example() {
//! let database = Database::create().await;
//! assert_eq!(database.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
//!
//! let mut postgres = Postgres::start().await;
//! postgres.kill().await;
//! postgres.restart().await;
//! # }
//! ```
//!
//! - [`Database`]: an empty database in the cluster that all tests of a run share: what most tests want;
//! - [`Postgres`]: a cluster of the test's own, to kill or to replicate; [`Replica`]: one that follows it;
//! - `cluster`: files, process and readiness of either; `shared`: who starts and ends the shared one;
//! - `programs`: which installation, and as which user, since PostgreSQL refuses to be root.
//!
//! Nothing waits for a disk (`fsync=off`). That loses data when the machine dies and never when the server does, so it is
//! right for tests that kill servers, too.

mod cluster;
mod programs;
mod shared;

use std::fs::File;
use std::path::Path;

use rustix::process::Signal;

use crate::wait;
use cluster::Cluster;
use programs::Programs;
pub use shared::Database;

/// A server with a cluster of its own. Ended, and removed, when it is dropped.
#[derive(Debug)]
pub struct Postgres(Cluster);

/// A server that follows another one by streaming, and answers what only reads.
#[derive(Debug)]
pub struct Replica(Cluster);

impl Postgres {
    /// Starts a server with an empty cluster.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed, and when the server does not start, with what it said.
    pub async fn start() -> Self {
        let programs = Programs::installed();
        let folder = programs.folder();
        programs.initialize(&folder.path().join("data"));
        Self(Cluster::start(programs, folder).await)
    }

    /// The URL of its database `postgres`.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Runs statements and returns the rows, fields parted by `|`. Blocks the thread.
    ///
    /// # Panics
    /// When a statement fails, with the server's message.
    pub fn run(&self, sql: &str) -> String {
        self.0.run(sql)
    }

    /// Runs the statements of a file, however large, as one transaction. Blocks the thread.
    ///
    /// # Panics
    /// When a statement fails, with the server's message.
    pub fn feed(&self, statements: File) {
        self.0.feed(statements);
    }

    /// The server's processes: the first is the one that started the others.
    pub fn processes(&self) -> Vec<u32> {
        self.0.processes()
    }

    /// The folder that holds everything of it.
    pub fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// Kills all its processes at once (SIGKILL), as if its container were taken away, and waits until they are gone.
    pub async fn kill(&mut self) {
        self.0.kill().await;
    }

    /// Starts it again, on the same port, and waits until it has recovered. Kills it before if it still runs.
    ///
    /// # Panics
    /// When it does not start, with what it said.
    pub async fn restart(&mut self) {
        self.0.kill().await;
        self.0.launch().await;
    }

    /// Has it say nothing any more: connections to it last, and can be made, and nobody answers.
    pub fn freeze(&self) {
        self.0.signal_all(Signal::STOP);
    }

    /// Has it go on after [`freeze`](Self::freeze), as if nothing had been.
    pub fn thaw(&self) {
        self.0.signal_all(Signal::CONT);
    }

    /// Starts a replica of it.
    ///
    /// # Panics
    /// When it cannot be copied, and when the replica does not start, with what it said.
    pub async fn replica(&self) -> Replica {
        let programs = Programs::installed();
        let folder = programs.folder();
        programs.copy(self.0.folder(), self.0.port(), &folder.path().join("data"));
        Replica(Cluster::start(programs, folder).await)
    }
}

impl Replica {
    /// The URL of its database `postgres`.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Runs statements that only read, as [`Postgres::run`] does.
    ///
    /// # Panics
    /// When a statement fails, with the server's message.
    pub fn run(&self, sql: &str) -> String {
        self.0.run(sql)
    }

    /// Has it go on receiving and stop applying: from here on it falls behind. Waits until it has stopped.
    pub async fn pause_replay(&self) {
        self.run("SELECT pg_wal_replay_pause()");
        let paused = async || self.run("SELECT pg_get_wal_replay_pause_state()") == "paused";
        wait::until("the replica stops applying", paused).await;
    }

    /// Has it apply what it received meanwhile, and go on.
    pub fn resume_replay(&self) {
        self.run("SELECT pg_wal_replay_resume()");
    }

    /// Kills it, as [`Postgres::kill`] does.
    pub async fn kill(&mut self) {
        self.0.kill().await;
    }

    /// Starts it again, as [`Postgres::restart`] does.
    ///
    /// # Panics
    /// When it does not start, with what it said.
    pub async fn restart(&mut self) {
        self.0.kill().await;
        self.0.launch().await;
    }
}
