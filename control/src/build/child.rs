//! The far end of a build: a process that reads one job, compiles it and says what came of it.

use std::io;
use std::process;
use std::thread;
use std::time::Duration;

use artifact_format::container::{self, Draft};
use artifact_format::model::Artifact;
use compiler::document::MemoryFiles;
use compiler::{Fence, Input, Options, Settings};
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use thiserror::Error;

use super::frame;
use super::job::Job;
use super::outcome::Outcome;
use crate::compilation::Unencodable;
use crate::exit::Code;

/// What the process may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// How long it may compute, on all cores together; whole seconds.
    pub cpu: Duration,
}

/// Why there is no outcome.
#[derive(Debug, Error)]
pub enum Error {
    /// It could not be confined, and so reads nothing.
    #[error("cannot limit the build process: {0}")]
    Limit(#[from] rustix::io::Errno),
    /// Nobody would notice that the server is gone.
    #[error("cannot watch stdin: {0}")]
    Thread(#[source] io::Error),
    /// The job, or the way there.
    #[error(transparent)]
    Job(#[from] frame::Error),
    /// The model has no form that a gateway would read.
    #[error(transparent)]
    Unencodable(#[from] Unencodable),
}

/// stdin, stdout and stderr.
const STREAMS: u64 = 3;

/// What watches stdin needs next to none.
const WATCHER_STACK_BYTES: usize = 128 << 10;

/// Whoever serves comes first; on a machine that is full, a build still has a third of what they have.
const NICENESS: i32 = 5;

impl Confinement {
    /// Takes from this process, for good, what a compilation does not need: memory and time without end, core dumps,
    /// and any file or socket but the three streams that it has.
    pub fn confine(self) -> Result<(), Error> {
        for (resource, most) in [
            (Resource::Core, 0),
            (Resource::Nofile, STREAMS),
            (Resource::Cpu, self.cpu.as_secs()),
            (Resource::As, self.memory_bytes),
        ] {
            // At the soft limit of `Cpu` comes SIGXCPU, which tells why; at the hard one SIGKILL.
            let maximum = if resource == Resource::Cpu { most.saturating_add(1) } else { most };
            setrlimit(resource, Rlimit { current: Some(most), maximum: Some(maximum) })?;
        }
        nice(NICENESS)?;
        Ok(())
    }
}

/// Reads the job from stdin, and from then on ends this process when stdin ends: the server holds it open for as long as
/// it wants the outcome, so it was killed, and nobody is left to read one.
pub fn job() -> Result<Job, Error> {
    let job = Job::read(&mut io::stdin().lock())?;
    let watch = || {
        // Nothing more is said; if it were, it would be passed over.
        let _ended = io::copy(&mut io::stdin().lock(), &mut io::sink());
        process::exit(Code::Server as i32);
    };
    let watcher = thread::Builder::new().name("stdin".to_owned()).stack_size(WATCHER_STACK_BYTES);
    watcher.spawn(watch).map_err(Error::Thread)?;
    Ok(job)
}

/// Compiles one job, and returns the outcome as it is sent.
pub fn work(job: Job) -> Result<Vec<u8>, Error> {
    let Job { documents, entries, overlays, options } = job;
    let files: MemoryFiles = documents.into_iter().map(|document| (document.path, document.bytes.into())).collect();
    let options = Options {
        project: options.project,
        upstream: options.upstream,
        security: options.security.into(),
        provenance: options.provenance,
        settings: Settings::Project,
    };
    // There are no files but those of the job.
    let input = Input { specs: entries, overlays, fence: Fence::Files, files: &files, options };
    let compiled = compiler::compile(&input);
    let artifact = compiled.artifact.as_ref().map(encoded).transpose()?.unwrap_or_default();
    Ok(Outcome::write(compiled.diagnostics, &artifact)?)
}

/// The artifact without a signature.
fn encoded(artifact: &Artifact) -> Result<Vec<u8>, Unencodable> {
    let encode = || -> Result<_, container::Error> { Draft::encode(artifact)?.finish() };
    Ok(encode()?)
}
