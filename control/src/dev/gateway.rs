//! The gateway beside which `dev` runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};

use super::Error;
use crate::config::Config;

/// The name of the gateway's program.
const PROGRAM: &str = "portcullis";

/// A gateway that ran this long was well.
const WELL_AFTER: Duration = Duration::from_secs(10);
/// The wait before a gateway that ended is started again: doubled each time, up to a bound.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long a gateway may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// Where the gateway listens.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// For requests.
    pub listen: String,
    /// For health, metrics and the artifact.
    pub admin: String,
}

/// The gateway named, else the one beside this program, else the one on the `PATH`.
pub fn find_gateway(named: Option<&Path>, config: &Config) -> Result<PathBuf, Error> {
    if let Some(path) = named {
        let is_there = path.is_file();
        return if is_there { Ok(path.to_owned()) } else { Err(Error::GatewayNotFound { path: path.to_owned() }) };
    }
    let beside = config.program_folder.as_deref().map(|folder| folder.join(PROGRAM)).filter(|path| path.is_file());
    beside.or_else(|| config.find_program(Path::new(PROGRAM))).ok_or(Error::NoGateway)
}

/// A gateway that is to run whenever there is an artifact.
pub(super) struct Gateway {
    program: PathBuf,
    arguments: Vec<OsString>,
    state: State,
    wait: Duration,
}

enum State {
    /// There is no artifact yet.
    Idle,
    Running {
        child: Child,
        since: Instant,
    },
    /// It ended, and is started again then.
    Waiting {
        until: Instant,
    },
}

impl Gateway {
    pub(super) fn new(program: &Path, artifact: &Path, addresses: &Addresses) -> Self {
        let options = [
            ("--artifact", artifact.as_os_str().to_owned()),
            ("--listen", OsString::from(&addresses.listen)),
            ("--admin", OsString::from(&addresses.admin)),
        ];
        let options = options.into_iter().flat_map(|(name, value)| [OsString::from(name), value]);
        let arguments = std::iter::once(OsString::from("serve")).chain(options).collect();
        Self { program: program.to_owned(), arguments, state: State::Idle, wait: FIRST_WAIT }
    }

    /// Starts it, unless it runs: a new artifact is reason enough not to wait any longer.
    pub(super) fn ensure_running(&mut self) -> Result<(), Error> {
        match self.state {
            State::Running { .. } => Ok(()),
            State::Idle | State::Waiting { .. } => self.start(),
        }
    }

    /// Ends when the gateway has ended, and says how; starts it again meanwhile, when its time has come.
    /// Cancel-safe.
    pub(super) async fn ended(&mut self) -> Result<String, Error> {
        loop {
            match &mut self.state {
                State::Idle => return std::future::pending().await,
                State::Waiting { until } => {
                    sleep_until(*until).await;
                    self.start()?;
                }
                State::Running { child, since } => {
                    let status = child.wait().await;
                    let ran = since.elapsed();
                    let status = status.map_err(|source| self.failure(source))?;
                    return Ok(self.wait_after(status, ran));
                }
            }
        }
    }

    /// Asks it to end, and sees to it that it does.
    pub(super) async fn stop(self) {
        let State::Running { mut child, .. } = self.state else { return };
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        let Some(pid) = pid else { return };
        // It may have ended by itself just now, by the same Ctrl-C.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        if timeout(STOP_WITHIN, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }

    fn start(&mut self) -> Result<(), Error> {
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| self.failure(source))?;
        self.state = State::Running { child, since: Instant::now() };
        Ok(())
    }

    fn wait_after(&mut self, status: ExitStatus, ran: Duration) -> String {
        let wait = if ran >= WELL_AFTER { FIRST_WAIT } else { self.wait };
        self.wait = (wait * 2).min(LONGEST_WAIT);
        self.state = State::Waiting { until: Instant::now() + wait };
        format!("the gateway ended ({status}); it is started again in {} ms", wait.as_millis())
    }

    fn failure(&self, source: std::io::Error) -> Error {
        Error::Gateway { program: self.program.clone(), source }
    }
}
