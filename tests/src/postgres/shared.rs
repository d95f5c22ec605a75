//! The cluster that all tests of a run share, though each of them may be a process of its own.
//!
//! Whoever comes first starts it; a process beside it, the keeper, ends it when nobody has used it for a while. Nobody has
//! to be told that the run is over, and a run that is killed leaves nothing that does not end by itself.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::cluster::{free_port, ready, serve, url};
use super::programs::Programs;
use crate::{config, wait};

/// What the keeper is: `sh` runs it.
const KEEPER: &str = include_str!("keeper.sh");

/// How long the cluster is kept for the next test. Another one takes two seconds to start.
const IDLE: Duration = Duration::from_secs(30);

/// An empty database in the cluster that all tests of a run share. Dropped, with the connections to it, when this is.
#[derive(Debug)]
pub struct Database {
    shared: Shared,
    name: String,
}

impl Database {
    /// Creates one. Starts the cluster if it does not run.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed, and when the server does not start, with what it said.
    pub async fn create() -> Self {
        Self::create_in(&config::scratch_folder().join("postgres"), IDLE).await
    }

    /// The same in the cluster that is known by this folder, and ends when nobody has used it for so long: whole seconds.
    ///
    /// # Panics
    /// As [`create`](Self::create).
    pub async fn create_in(state: &Path, idle: Duration) -> Self {
        let shared = Shared::join(state, idle).await;
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("later than 1970");
        let name = format!("test_{}_{}", std::process::id(), now.as_nanos());
        shared.run(&format!("CREATE DATABASE {name}"));
        Self { shared, name }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        url(self.shared.port, &self.name)
    }

    /// Runs statements and returns the rows, fields parted by `|`. Blocks the thread.
    ///
    /// # Panics
    /// When a statement fails, with the server's message.
    pub fn run(&self, sql: &str) -> String {
        self.shared.programs.query(&self.url(), sql)
    }

    /// The folder that holds everything of the cluster it is in.
    pub fn cluster(&self) -> &Path {
        &self.shared.folder
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // With the cluster gone, so is the database.
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let _ = self.shared.programs.psql(&url(self.shared.port, "postgres"), &sql).output();
    }
}

/// A cluster in use by this process.
#[derive(Debug)]
struct Shared {
    programs: Programs,
    folder: PathBuf,
    port: u16,
    _in_use: File,
}

impl Shared {
    async fn join(state: &Path, idle: Duration) -> Self {
        fs::create_dir_all(state).expect("a writable folder");
        // Waited for on another thread: the one who has it may be a task of this one.
        let starting = open(&state.join("starting"));
        let locked = tokio::task::spawn_blocking(move || starting.lock().map(|()| starting));
        let _starting = locked.await.expect("it only waits").expect("locks");
        let in_use = open(&state.join("users"));
        in_use.lock_shared().expect("locks");

        let programs = Programs::installed();
        let (port, folder) = match running(state) {
            Some(cluster) => cluster,
            None => launch(&programs, state, idle).await,
        };
        Self { programs, folder, port, _in_use: in_use }
    }

    fn run(&self, sql: &str) -> String {
        self.programs.query(&url(self.port, "postgres"), sql)
    }
}

/// The port and the folder of the cluster that runs. Removes what one left whose keeper was killed.
fn running(state: &Path) -> Option<(u16, PathBuf)> {
    let said = fs::read_to_string(state.join("cluster")).ok()?;
    let (port, folder) = said.split_once(' ')?;
    let (port, folder) = (port.parse().ok()?, PathBuf::from(folder));
    if UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).is_ok() {
        return Some((port, folder));
    }
    // Nearly always gone already.
    let _ = fs::remove_dir_all(folder);
    None
}

async fn launch(programs: &Programs, state: &Path, idle: Duration) -> (u16, PathBuf) {
    let folder = programs.folder();
    programs.initialize(&folder.path().join("data"));
    let port = free_port();
    let server = serve(programs, folder.path(), port);
    let log = File::create(state.join("log")).expect("a writable folder");
    let mut keeper = Command::new("setsid");
    keeper.env_clear().env("PATH", "/usr/bin:/bin").args(["sh", "-c", KEEPER, "keeper"]);
    keeper.arg(state).arg(idle.as_secs().to_string()).arg(folder.path());
    keeper.arg(server.get_program()).args(server.get_args());
    // In a session of its own, it outlives the test; and it holds nothing open that a test runner waits for.
    keeper.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut keeper = keeper.spawn().expect("setsid is part of util-linux");
    // The keeper removes it from now on.
    let folder = folder.keep();
    wait::until("the server is ready", async || {
        let ended = keeper.try_wait().expect("it is a child");
        let said = || fs::read_to_string(state.join("log")).unwrap_or_default();
        assert!(ended.is_none(), "the server does not start:\n{}", said());
        ready(&folder).is_some()
    })
    .await;
    fs::write(state.join("cluster"), format!("{port} {}", folder.display())).expect("a writable folder");
    (port, folder)
}

fn open(lock: &Path) -> File {
    File::options().create(true).append(true).open(lock).expect("a writable folder")
}
