//! The loop of `dev`: watch the documents, compile what changed, keep a gateway serving the last good artifact.

mod gateway;
mod shutdown;

use std::io;
use std::path::PathBuf;

use compiler::diagnostic::Diagnostics;
use tempfile::TempDir;
use thiserror::Error;

pub use gateway::{Addresses, find_gateway};

use crate::compilation::{self, Built, Compilation, DocumentArgs, Request, SigningArgs};
use crate::config::Config;
use crate::documents;
use crate::file::{self, Access};
use crate::watcher::Watcher;
use artifact_format::model::Artifact;
use gateway::Gateway;
use shutdown::Shutdown;

/// What `dev` serves, and with what.
#[derive(Debug)]
pub struct Session<'s> {
    /// What is compiled.
    pub request: Request,
    /// Where the development key is.
    pub config: &'s Config,
    /// The gateway's program.
    pub program: PathBuf,
    /// Where it listens.
    pub addresses: Addresses,
}

/// Whom the loop tells what happens.
pub trait Listener {
    /// Documents were compiled, well or not.
    fn compiled(&mut self, artifact: Option<&Artifact>, diagnostics: &Diagnostics);
    /// An artifact is in its place; the gateway loads it.
    fn placed(&mut self, built: &Built);
    /// Nothing could be compiled this time; the last good artifact goes on being served.
    fn failed(&mut self, error: &Error);
    /// The gateway ended, and is started again after a while.
    fn gateway_ended(&mut self, how: &str);
}

/// Why `dev` cannot go on.
#[derive(Debug, Error)]
pub enum Error {
    /// The documents.
    #[error(transparent)]
    Documents(#[from] documents::Error),
    /// Stdin, which cannot be read twice.
    #[error("`-` is stdin, which nobody can save again: give `dev` files")]
    Stdin,
    /// Signing.
    #[error(transparent)]
    Compilation(#[from] compilation::Error),
    /// Writing the artifact.
    #[error(transparent)]
    File(#[from] file::Error),
    /// There is no gateway to run.
    #[error(
        "there is no gateway to run: no `portcullis` beside this program or on the PATH; name it with --gateway PATH"
    )]
    NoGateway,
    /// The gateway named is not there.
    #[error("--gateway {}: there is no such program", path.display())]
    GatewayNotFound {
        /// What was named.
        path: PathBuf,
    },
    /// The gateway cannot be started.
    #[error("cannot run {}: {source}", program.display())]
    Gateway {
        /// Its program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Files cannot be watched.
    #[error("cannot watch the documents for changes: {0}")]
    Watch(#[from] notify::Error),
    /// Something that the operating system refuses.
    #[error("cannot set up the session: {0}")]
    System(#[from] io::Error),
}

/// Runs until the user or the system wants it to end. What the gateway serves is kept until then.
///
/// # Errors
/// Nothing could be compiled for the first time, or no gateway can be run. Later faults are told and waited out.
pub fn run(session: &Session<'_>, listener: &mut impl Listener) -> Result<(), Error> {
    let DocumentArgs { specs, overlays, .. } = &session.request.documents;
    if specs.iter().chain(overlays).any(|path| documents::is_stdin(path)) {
        return Err(Error::Stdin);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(session, listener))
}

async fn serve(session: &Session<'_>, listener: &mut impl Listener) -> Result<(), Error> {
    let mut shutdown = Shutdown::listen()?;
    let state = tempfile::Builder::new().prefix("portcullis-dev-").tempdir()?;
    let mut watcher = Watcher::new()?;
    let mut gateway = Gateway::new(&session.program, &artifact_in(&state), &session.addresses);
    let compilation = session.request.compile()?;
    place(session, &compilation, &state, (&mut gateway, listener))?;
    let mut reads = compilation.reads;
    loop {
        watcher.watch(reads.folders())?;
        tokio::select! {
            () = shutdown.requested() => break,
            () = watcher.changed() => {
                let now = reads.again();
                if now == reads {
                    continue;
                }
                // Kept on failure too: what was tried and told is not tried and told again until something changes.
                reads = now;
                match session.request.compile() {
                    Ok(compilation) => {
                        if let Err(error) = place(session, &compilation, &state, (&mut gateway, listener)) {
                            listener.failed(&error);
                        }
                        reads = compilation.reads;
                    }
                    Err(error) => listener.failed(&error.into()),
                }
            }
            event = gateway.ended() => listener.gateway_ended(&event?),
        }
    }
    gateway.stop().await;
    Ok(())
}

/// Puts a good artifact in the place of the last one, and starts the gateway if it does not run.
fn place(
    session: &Session<'_>,
    compilation: &Compilation,
    state: &TempDir,
    (gateway, listener): (&mut Gateway, &mut impl Listener),
) -> Result<(), Error> {
    listener.compiled(compilation.artifact.as_ref(), &compilation.diagnostics);
    if let Some(artifact) = &compilation.artifact {
        let built = SigningArgs::default().build(artifact, session.config)?;
        file::replace(&artifact_in(state), &built.bytes, Access::Private)?;
        listener.placed(&built);
        gateway.ensure_running()?;
    }
    Ok(())
}

fn artifact_in(state: &TempDir) -> PathBuf {
    state.path().join("api.bca")
}
