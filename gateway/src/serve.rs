//! The whole life of a serving process: load, listen, serve, reload, drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use artifact_format::trust::Unsigned;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::admin::Admin;
use crate::metrics::Metrics;
use crate::reload::{Cause, Reloader, Swap, WatchError, Watcher};
use crate::signals::{Order, Signals};
use crate::snapshot::{Environment, LoadError, Snapshot, load, read};
use crate::trust::TrustSource;
use crate::worker::{self, ListenError, Listeners, Phase, Settings, Shared, Worker};
use crate::{config, connected};

/// How long the end of the process waits for what cannot be called back.
const END_MAX: Duration = Duration::from_secs(1);

/// Why a gateway does not start, or ends badly.
#[derive(Debug, Error)]
pub enum Error {
    /// Its artifact cannot be served.
    #[error("{}: {source}", file.display())]
    Load {
        /// The artifact's file.
        file: PathBuf,
        /// Why.
        source: LoadError,
    },
    /// An address is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The admin address is taken.
    #[error("cannot listen on {address} (admin): {source}")]
    Admin {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The artifact's folder cannot be watched.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// It cannot be connected to its control plane.
    #[error(transparent)]
    Connect(#[from] connected::Error),
    /// Nobody said what to serve.
    #[error("nothing to serve")]
    NoSource,
    /// Nothing can be logged.
    #[error(transparent)]
    Log(#[from] crate::log::LogError),
    /// Threads, signals or runtimes are not to be had.
    #[error("the operating system refuses: {0}")]
    System(#[from] io::Error),
}

/// Serves until SIGTERM or SIGINT, then drains.
///
/// # Errors
/// Whatever keeps it from starting. Once it serves, nothing but a signal ends it.
pub fn serve(config: &config::Serve) -> Result<(), Error> {
    crate::log::init(config.log_format, &config.log)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // From here on a signal is an order, not an end.
    let signals = runtime.block_on(async { Signals::new() })?;
    let workers = config.workers.map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from);
    let metrics = Arc::new(Metrics::new(workers));
    let environment = Arc::new(environment(config, metrics.clone()));
    let (snapshot, pending) = feed(config, &environment)?;
    if let Some(digest) = snapshot.digest() {
        metrics.reloads().accept(digest);
    }
    let settings = Settings {
        limits: config.limits.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        workers,
        errors: config.errors.into(),
    };
    let shared = Arc::new(Shared { snapshot: ArcSwap::from_pointee(snapshot), settings });
    let admin = TcpListener::bind(config.admin).map_err(|source| Error::Admin { address: config.admin, source })?;
    let (sockets, addresses) = worker::listen(&config.listen, workers)?;
    let (phase, phases) = watch::channel(Phase::Serving);
    let threads = start(sockets, &shared, &metrics, &phases)?;
    for (listen, address) in config.listen.iter().zip(addresses) {
        tracing::info!(listener = listen.listener, %address, "listening");
    }
    let swap = Swap::new(shared.clone(), metrics.clone());
    let feed = pending.into(&environment, &swap);
    let served: Result<(), Error> = runtime.block_on(async {
        let admin = Admin::new(admin, shared, metrics, phases)?;
        tracing::info!(address = %admin.address(), "admin listening");
        tokio::spawn(admin.run());
        tell_systemd(&[sd_notify::NotifyState::Ready]);
        feed.run(swap, signals).await;
        tell_systemd(&[sd_notify::NotifyState::Stopping]);
        drain(config, &phase, threads).await;
        Ok(())
    });
    // A disk or a resolver that hangs holds a thread, and that is not waited for.
    runtime.shutdown_timeout(END_MAX);
    served
}

fn environment(config: &config::Serve, metrics: Arc<Metrics>) -> Environment {
    let unsigned = if config.allow_unsigned { Unsigned::Allow } else { Unsigned::Refuse };
    let trust = TrustSource {
        keys: config.trusted_keys.clone(),
        user_folder: config.user_folder.as_ref().map(|folder| folder.join("trusted-keys")),
        threshold: config.trust_threshold,
        unsigned,
    };
    let listeners = config.listen.iter().map(|listen| listen.listener.clone()).collect();
    Environment { listeners, body_max_bytes: config.limits.body_max_bytes, trust, metrics }
}

fn first(file: &Path, environment: &Environment) -> Result<Snapshot, Error> {
    let loaded = read(file).and_then(|(name, bytes)| load(name, &bytes, (None, environment)));
    loaded.map_err(|source| Error::Load { file: file.to_path_buf(), source })
}

/// Starts the workers, and waits until each of them serves. Each thread ends with its worker.
fn start(
    sockets: Vec<Listeners>,
    shared: &Arc<Shared>,
    metrics: &Arc<Metrics>,
    phases: &watch::Receiver<Phase>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let (started, starts) = std::sync::mpsc::channel();
    let start = |(id, listeners): (usize, Listeners)| {
        let (shared, counters, phases, started) =
            (shared.clone(), metrics.workers[id].clone(), phases.clone(), started.clone());
        let run = move || worker::run(&Worker::new(id, shared, counters), listeners, phases, &started);
        thread::Builder::new().name(format!("worker-{id}")).spawn(run)
    };
    let threads = sockets.into_iter().enumerate().map(start).collect::<io::Result<Vec<_>>>()?;
    drop(started);
    for _ in &threads {
        starts.recv().unwrap_or_else(|_| Err(io::Error::other("a worker ended before it began")))?;
    }
    Ok(threads)
}

/// Where artifacts come from, and go on coming from.
enum Feed {
    File { reloader: Reloader, watcher: Watcher },
    ControlPlane(Box<connected::Prepared>),
}

/// Finds what to serve first, and where the next comes from. What is served is then the [`Swap`]'s.
fn feed(config: &config::Serve, environment: &Arc<Environment>) -> Result<(Snapshot, Pending), Error> {
    match &config.source {
        config::Source::Unknown => Err(Error::NoSource),
        config::Source::File(file) => {
            let watcher = Watcher::new(file)?;
            Ok((first(file, environment)?, Pending::File { file: file.clone(), watcher }))
        }
        config::Source::ControlPlane(control_plane) => {
            // Watched before it is read: what changes in between is seen.
            let watched =
                config.artifact.as_ref().map(|file| Watcher::new(file).map(|watcher| (file.clone(), watcher)));
            let file = config.artifact.as_deref();
            let (prepared, snapshot) = connected::Prepared::new(control_plane, file, environment.clone())?;
            let watched = match watched.transpose() {
                Ok(watched) => watched,
                Err(error) if prepared.serves_deployed() => {
                    tracing::warn!(%error, "the artifact of the command line is not watched: what was deployed serves");
                    None
                }
                Err(error) => return Err(error.into()),
            };
            Ok((snapshot, Pending::ControlPlane { prepared: Box::new(prepared), watched }))
        }
    }
}

/// A feed that does not know yet what it feeds.
enum Pending {
    File { file: PathBuf, watcher: Watcher },
    ControlPlane { prepared: Box<connected::Prepared>, watched: Option<(PathBuf, Watcher)> },
}

impl Pending {
    fn into(self, environment: &Arc<Environment>, swap: &Swap) -> Feed {
        let reloader = |file| Reloader::new(file, environment.clone(), swap.clone());
        match self {
            Self::File { file, watcher } => Feed::File { reloader: reloader(file), watcher },
            Self::ControlPlane { mut prepared, watched } => {
                if let Some((file, watcher)) = watched {
                    prepared.watching(reloader(file), watcher);
                }
                Feed::ControlPlane(prepared)
            }
        }
    }
}

impl Feed {
    /// Swaps whatever comes, until SIGTERM or SIGINT.
    async fn run(self, swap: Swap, mut signals: Signals) {
        match self {
            Self::File { reloader, watcher } => reload_until_terminated(reloader, watcher, signals).await,
            Self::ControlPlane(prepared) => Box::pin(prepared.begin(swap).run(&mut signals)).await,
        }
    }
}

/// Reloads on SIGHUP and whenever the file changes, until SIGTERM or SIGINT.
async fn reload_until_terminated(mut reloader: Reloader, mut watcher: Watcher, mut signals: Signals) {
    loop {
        let cause = tokio::select! {
            order = signals.next() => match order {
                Order::End => return,
                Order::Reload => Cause::Asked,
            },
            () = watcher.changed() => Cause::FileChanged,
        };
        reloader.reload(cause, None).await;
    }
}

/// Goes on for a while, then lets nobody in, then waits for whoever is there.
async fn drain(config: &config::Serve, phase: &watch::Sender<Phase>, threads: Vec<JoinHandle<()>>) {
    tracing::info!(delay = ?config.drain_delay, timeout = ?config.drain_timeout, "draining");
    phase.send_replace(Phase::Leaving);
    sleep(config.drain_delay).await;
    phase.send_replace(Phase::Draining);
    let join = tokio::task::spawn_blocking(move || threads.into_iter().for_each(report));
    let mut join = std::pin::pin!(join);
    if timeout(config.drain_timeout, &mut join).await.is_err() {
        tracing::warn!("requests were still under way at the end of the drain timeout");
        phase.send_replace(Phase::Closing);
        let _joined = join.await;
    }
    tracing::info!("drained");
}

fn report(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a worker panicked");
    }
}

/// As many connections as the administrator allows: the soft limit is for programs that use `select`.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

fn tell_systemd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
