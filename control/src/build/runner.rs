//! The near end of a build: starts the process, tells it the job, and does not wait for ever.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::child::Confinement;
use super::frame;
use super::job::Job;
use super::outcome::Outcome;
use crate::exit::Code;

/// The bytes of an outcome: the artifact, compressed as it is, and the report.
pub const OUTCOME_BYTES_MAX: usize = 64 << 20;

/// How much of what the process says on stderr is kept.
const STDERR_BYTES_MAX: u64 = 4 << 10;

/// What a build may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From start to outcome. Beyond it the process is killed.
    pub deadline: Duration,
    /// What the process may take while it runs.
    pub confinement: Confinement,
}

/// Runs builds, each in a process. How many at once is the caller's to bound.
#[derive(Debug, Clone)]
pub struct Runner {
    program: PathBuf,
    limits: Limits,
}

/// Why there is no outcome.
#[derive(Debug, Error)]
pub enum Error {
    /// The process cannot be started.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// What was to be started.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It took too long, though it did not compute for too long.
    #[error("the build was ended after {} seconds: the machine has too much to do; build again, or fewer at once", limit.as_secs_f32())]
    Deadline {
        /// How long it might have taken.
        limit: Duration,
    },
    /// It computed for too long.
    #[error("the build was ended after {} seconds of computing: compile fewer or smaller documents at a time", limit.as_secs())]
    Cpu {
        /// How long it might have computed.
        limit: Duration,
    },
    /// It wanted too much memory.
    #[error("the build needs more than {limit_bytes} bytes of memory: compile fewer or smaller documents at a time")]
    Memory {
        /// How much it might have taken.
        limit_bytes: u64,
    },
    /// The artifact has no form that a gateway would read.
    #[error("{reason}")]
    Unencodable {
        /// In the words of the format.
        reason: String,
    },
    /// The outcome does not end.
    #[error("the build's outcome is larger than {OUTCOME_BYTES_MAX} bytes: compile fewer documents at a time")]
    TooLarge,
    /// Somebody else killed it: the system, where it has no memory left, or an operator.
    #[error("the build process was killed, as the system does where memory runs out")]
    Killed,
    /// Anything else: a fault of ours.
    #[error("the build process failed ({status}): {said}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said: for the log, never for a response.
        said: String,
    },
    /// The job cannot be told, or the outcome not be understood.
    #[error(transparent)]
    Frame(#[from] frame::Error),
    /// A pipe to the process broke.
    #[error("cannot talk to the build process: {0}")]
    Pipe(#[source] io::Error),
}

/// Whom a failure is due to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The documents: the same job fails again.
    Documents,
    /// The machine, or us: another try may succeed.
    System,
}

impl Error {
    /// Whom it is due to.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Cpu { .. } | Self::Memory { .. } | Self::Unencodable { .. } | Self::TooLarge => Blame::Documents,
            Self::Start { .. }
            | Self::Deadline { .. }
            | Self::Killed
            | Self::Failed { .. }
            | Self::Frame(_)
            | Self::Pipe(_) => Blame::System,
        }
    }
}

impl Limits {
    /// 60 seconds, of which 45 are computing, and 2 GiB. Computing ends first, so that documents are told from a machine
    /// that has no time for them.
    pub const DEFAULT: Self = Self {
        deadline: Duration::from_mins(1),
        confinement: Confinement { memory_bytes: 2 << 30, cpu: Duration::from_secs(45) },
    };
}

impl Runner {
    /// Runs `program`, which is a `portcullis-control`.
    pub fn new(program: impl Into<PathBuf>, limits: Limits) -> Self {
        Self { program: program.into(), limits }
    }

    /// Runs the program that this process runs, even if another version was installed over it since.
    ///
    /// # Errors
    /// The system does not say which one that is.
    pub fn of_this_program(limits: Limits) -> io::Result<Self> {
        // The link leads to the file that was started, where its path may lead to a newer one, or nowhere.
        let program = if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
        Ok(Self::new(program, limits))
    }

    /// Builds. Dropped before it is done, it kills the process.
    pub async fn run(&self, job: &Job) -> Result<Outcome, Error> {
        let mut child = self.start()?;
        let limit = self.limits.deadline;
        if let Ok(outcome) = timeout(limit, self.exchange(&mut child, job)).await {
            return outcome;
        }
        child.kill().await.map_err(Error::Pipe)?;
        Err(Error::Deadline { limit })
    }

    fn start(&self) -> Result<Child, Error> {
        let Confinement { memory_bytes, cpu } = self.limits.confinement;
        Command::new(&self.program)
            .arg("build-worker")
            .args(["--memory-bytes", &memory_bytes.to_string()])
            .args(["--cpu-seconds", &cpu.as_secs().to_string()])
            .env_clear()
            // Allocators reserve address space for each thread's own heap (glibc 64 MiB, for its own needs), which a machine
            // of many cores would exhaust before a byte is used.
            .env("MALLOC_ARENA_MAX", "2")
            .env("_RJEM_MALLOC_CONF", "narenas:2")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| Error::Start { program: self.program.clone(), source })
    }

    async fn exchange(&self, child: &mut Child, job: &Job) -> Result<Outcome, Error> {
        // Held until the process has ended: it takes the end of its stdin for the end of ours.
        let mut stdin = child.stdin.take();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let told = tell(stdin.as_mut(), job);
        let (told, answer, said) = tokio::join!(told, hear(stdout), read(stderr, STDERR_BYTES_MAX));
        if let Err(frame::Error::TooLarge(_)) = answer {
            child.kill().await.map_err(Error::Pipe)?;
            return Err(Error::TooLarge);
        }
        let status = child.wait().await.map_err(Error::Pipe)?;
        drop(stdin);
        if !status.success() {
            return Err(self.failure(status, &String::from_utf8_lossy(&said?)));
        }
        told?;
        Ok(answer?)
    }

    /// What it means that the process ended like this.
    fn failure(&self, status: ExitStatus, said: &str) -> Error {
        use rustix::process::Signal;

        let Confinement { memory_bytes, cpu } = self.limits.confinement;
        let said = said.trim().to_owned();
        let by = |signal: Signal| status.signal() == Some(signal.as_raw());
        if by(Signal::XCPU) {
            return Error::Cpu { limit: cpu };
        }
        if by(Signal::KILL) {
            return Error::Killed;
        }
        // An allocation that fails aborts the process, as a panic does; only the words differ.
        if by(Signal::ABORT) && said.contains("memory allocation of") {
            return Error::Memory { limit_bytes: memory_bytes };
        }
        if status.code() == Some(Code::Invalid as i32) {
            return Error::Unencodable { reason: said.trim_start_matches("error: ").to_owned() };
        }
        Error::Failed { status, said }
    }
}

/// Writes the job. A process that ends before it has read all of it says why by how it ends.
async fn tell(stdin: Option<&mut ChildStdin>, job: &Job) -> Result<(), Error> {
    let Some(stdin) = stdin else { return Ok(()) };
    for content in job.frames()? {
        let header = frame::header(&content)?;
        let written = async {
            stdin.write_all(&header).await?;
            stdin.write_all(&content).await
        };
        match written.await {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(Error::Pipe)?,
        }
    }
    Ok(())
}

/// Reads the outcome, and hears nothing after it: a process that has more to say finds its pipe closed.
async fn hear(stdout: Option<ChildStdout>) -> Result<Outcome, frame::Error> {
    let stdout = stdout.ok_or(frame::Error::Truncated)?;
    Outcome::receive(BufReader::new(stdout), OUTCOME_BYTES_MAX).await
}

/// Reads a stream to its end, or as much as is taken.
async fn read(stream: Option<impl AsyncRead + Unpin>, most: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(most).read_to_end(&mut bytes).await.map_err(Error::Pipe)?;
    }
    Ok(bytes)
}
