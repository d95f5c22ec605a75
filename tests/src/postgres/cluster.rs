//! A cluster of one process of tests: its files, its server, and what both leave behind.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::programs::{OWNER, Programs};
use crate::{process, wait};

/// How often a server may find its port taken by somebody who was faster.
const ATTEMPTS: usize = 3;

#[derive(Debug)]
pub(super) struct Cluster {
    programs: Programs,
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Serves what is in `data` of the folder.
    pub(super) async fn start(programs: Programs, folder: TempDir) -> Self {
        let mut cluster = Self { programs, folder, port: 0, server: None };
        for _ in 0..ATTEMPTS {
            cluster.port = free_port();
            if cluster.is_launched().await {
                return cluster;
            }
        }
        panic!("the server does not start:\n{}", cluster.log());
    }

    /// Starts the server on the port it had.
    pub(super) async fn launch(&mut self) {
        assert!(self.is_launched().await, "the server does not start:\n{}", self.log());
    }

    pub(super) fn url(&self) -> String {
        url(self.port, "postgres")
    }

    pub(super) fn run(&self, sql: &str) -> String {
        self.programs.query(&self.url(), sql)
    }

    pub(super) fn feed(&self, statements: File) {
        self.programs.feed(&self.url(), statements);
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn processes(&self) -> Vec<u32> {
        let server = self.server.as_ref().map(Child::id);
        server.into_iter().chain(server.into_iter().flat_map(process::children)).collect()
    }

    pub(super) async fn kill(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        // Stopped first, it cannot start more of them meanwhile.
        signal(&server, Signal::STOP);
        let others = process::children(server.id());
        for &pid in &others {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process");
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
        signal(&server, Signal::KILL);
        server.wait().expect("it is a child");
        let gone = async || !others.iter().any(|&pid| process::is_running(pid));
        wait::until("all processes of the server are gone", gone).await;
    }

    /// Stops all its processes, or has them go on.
    pub(super) fn signal_all(&self, what: Signal) {
        for pid in self.processes() {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process");
            // It may have ended by itself.
            let _ = kill_process(pid, what);
        }
    }

    async fn is_launched(&mut self) -> bool {
        let log = File::create(self.folder().join("log")).expect("a writable folder");
        let mut command = serve(&self.programs, self.folder(), self.port);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let server = command.spawn().expect("setpriv is part of util-linux");
        let pid = server.id();
        self.server = Some(server);
        let mut ended = false;
        wait::until("the server is ready", async || {
            let server = self.server.as_mut().expect("it was started");
            ended = server.try_wait().expect("it is a child").is_some();
            ended || ready(self.folder.path()) == Some(pid)
        })
        .await;
        !ended
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- the log of PostgreSQL\n{}", self.log());
        }
        // One that was stopped would not hear of its end.
        self.signal_all(Signal::CONT);
        if let Some(server) = &mut self.server {
            // Ends every connection, writes nothing, and cleans up.
            let _ = kill_process(Pid::from_child(server), Signal::QUIT);
            let _ = server.wait();
        } else {
            // What was killed could not give back the segment of shared memory that it was known by.
            let segment = line(&self.folder().join("data/postmaster.pid"), 7);
            let segment = segment.as_deref().and_then(|line| line.split_whitespace().nth(1));
            let _ = segment.map(|id| Command::new("ipcrm").args(["--shmem-id", id]).status());
        }
    }
}

/// A command that serves `data` of this folder, with its socket in the folder.
pub(super) fn serve(programs: &Programs, folder: &Path, port: u16) -> Command {
    let mut command = programs.command("postgres");
    command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).arg("-p").arg(port.to_string());
    command.args(["-h", "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"]);
    // Files of the cluster, which are gone with it, instead of some in /dev/shm.
    command.args(["-c", "dynamic_shared_memory_type=mmap"]);
    command
}

/// The process of the server of this folder, once it accepts connections: the first and the eighth line of its file.
pub(super) fn ready(folder: &Path) -> Option<u32> {
    let file = folder.join("data/postmaster.pid");
    (line(&file, 8)?.trim() == "ready").then_some(line(&file, 1)?.parse().ok()?)
}

pub(super) fn url(port: u16, database: &str) -> String {
    format!("postgres://{OWNER}@127.0.0.1:{port}/{database}")
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn line(file: &Path, number: usize) -> Option<String> {
    fs::read_to_string(file).ok()?.lines().nth(number - 1).map(str::to_owned)
}

fn signal(server: &Child, signal: Signal) {
    kill_process(Pid::from_child(server), signal).expect("it is a child");
}
