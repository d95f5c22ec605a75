//! A gateway that is connected to a control plane: it serves what was deployed, and with the control plane away it goes
//! on, or begins, with what served last.
//!
//! The rules are in `fleet::agent`, a machine without sockets, disk or clock. Here is what it lacks:
//! - `boot`: what to serve before anybody was asked, and `notes`: what is remembered of that;
//! - `effects`: what the agent wants done;
//! - `client`: HTTP, the socket, downloads, the place to start from;
//! - `disk`: the state folder;
//! - `writer`: what is written, in its order, by whoever may wait for a disk;
//! - `health`, [`report`]: how traffic fares, and how it stands with the control plane.
//!
//! All of it runs beside the reloads, on the process's own thread: no worker ever waits for it.

mod boot;
mod client;
mod disk;
mod effects;
mod health;
mod notes;
pub mod report;
mod writer;

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use artifact_format::container::Digest;
use fleet::agent::{Agent, Event, Failure, Moment, Start, Ticket};
use fleet::message::Phase;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::sleep_until;

use self::boot::Booted;
pub use self::boot::Error;
use self::client::{Client, Link};
use self::disk::Folder;
use self::health::Health;
pub use self::report::Report;
use self::writer::Writer;
use crate::config::ControlPlane;
use crate::reload::{Cause, Reloader, Swap, Watcher};
use crate::signals::{Order, Signals};
use crate::snapshot::{Environment, Snapshot};

/// What may wait to be looked at.
const INBOX: usize = 64;

/// What comes from the tasks that do the waiting.
#[derive(Debug)]
enum Signal {
    /// What happened to the socket with this number.
    Socket(u64, Event),
    /// What became of something else.
    Happened(Event),
    /// An artifact was built, or not.
    Loaded(Ticket, Result<Box<Snapshot>, Failure>),
}

/// A gateway's side of the conversation, before it begins.
#[derive(Debug)]
pub struct Prepared {
    booted: Booted,
    environment: Arc<Environment>,
    url: String,
    file: Option<(Reloader, Watcher)>,
}

impl Prepared {
    /// Finds what to serve first.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn new(
        control_plane: &ControlPlane,
        file: Option<&Path>,
        environment: Arc<Environment>,
    ) -> Result<(Self, Snapshot), Error> {
        let mut booted = boot::boot(control_plane, file, &environment)?;
        let snapshot = std::mem::replace(&mut booted.snapshot, Snapshot::nothing(&environment));
        Ok((Self { booted, environment, url: control_plane.url.to_string(), file: None }, snapshot))
    }

    /// Whether it begins with what was deployed, and not with what the command line names.
    pub fn serves_deployed(&self) -> bool {
        self.booted.start.running.is_some_and(|running| self.booted.notes.record().has_served(running))
    }

    /// Reads this file anew when it changes, until something was deployed.
    pub fn watching(&mut self, reloader: Reloader, watcher: Watcher) {
        self.file = Some((reloader, watcher));
    }

    /// Begins. Needs a runtime.
    pub fn begin(self, swap: Swap) -> Connected {
        let Self { booted: Booted { folder, client, notes, start, .. }, environment, url, file } = self;
        let (record, unwritten) = notes.begins();
        let (signals, inbox) = mpsc::channel(INBOX);
        let began = Instant::now();
        let writer = Writer::start(folder.clone(), signals.clone());
        // Of a record that was lost, what is there may be wanted yet.
        if record.taken.is_some() || record.current.is_some() {
            writer.write(writer::Order::Collect(record.needed().chain(start.running).collect()));
        }
        let start = Start { record, unwritten, ..start };
        Connected {
            agent: Agent::new(start, moment(began)),
            writer,
            health: Health::new(swap.traffic()),
            link: None,
            links: 0,
            fetch: None,
            candidate: None,
            told: None,
            refused: None,
            folder,
            client,
            swap,
            environment,
            url,
            file,
            signals,
            inbox,
            began,
        }
    }
}

/// A gateway's side of the conversation.
#[derive(Debug)]
pub struct Connected {
    agent: Agent,
    folder: Arc<Folder>,
    client: Client,
    writer: Writer,
    health: Health,
    swap: Swap,
    environment: Arc<Environment>,
    url: String,
    file: Option<(Reloader, Watcher)>,
    link: Option<Link>,
    /// How many sockets there were: what an old one says does not count.
    links: u64,
    fetch: Option<(Ticket, AbortHandle)>,
    /// What was loaded, and is to be put to work or forgotten.
    candidate: Option<Box<Snapshot>>,
    told: Option<Phase>,
    /// What was deployed and refused last, until nothing is wanted any more.
    refused: Option<Digest>,
    signals: mpsc::Sender<Signal>,
    inbox: mpsc::Receiver<Signal>,
    began: Instant,
}

impl Connected {
    /// Converses until the process is to end.
    pub async fn run(mut self, orders: &mut Signals) {
        self.publish();
        loop {
            let wakes_at = self.agent.wakes_at().unwrap_or(Duration::from_hours(1));
            tokio::select! {
                order = orders.next() => match order {
                    Order::End => break,
                    Order::Reload => self.read_anew().await,
                },
                Some(signal) = self.inbox.recv() => self.take(signal),
                () = sleep_until((self.began + wakes_at).into()) => self.handle(Event::Tick),
                () = changed(&mut self.file) => self.reload_file(Cause::FileChanged).await,
            }
        }
        self.end().await;
    }

    async fn end(mut self) {
        let link = self.link.take();
        for effect in self.agent.handle(Event::Stop, moment(self.began)) {
            self.perform(effect);
        }
        let Self { writer, mut inbox, .. } = self;
        // Nobody looks at what still happens, and nobody waits for room to say it.
        inbox.close();
        if let Some(link) = link {
            link.close().await;
        }
        writer.end().await;
    }

    fn take(&mut self, signal: Signal) {
        match signal {
            Signal::Socket(number, event) if number == self.links => {
                if matches!(event, Event::Disconnected(_)) {
                    self.link = None;
                }
                self.handle(event);
            }
            Signal::Socket(..) => {}
            Signal::Happened(event) => self.handle(event),
            Signal::Loaded(ticket, loaded) => {
                let loaded = loaded.map(|snapshot| self.candidate = Some(snapshot));
                self.handle(Event::Loaded(ticket, loaded));
                self.candidate = None;
            }
        }
    }

    fn handle(&mut self, event: Event) {
        if let Event::Fetched(ticket, _) = &event {
            self.fetch = self.fetch.take().filter(|(fetching, _)| fetching != ticket);
        }
        for effect in self.agent.handle(event, moment(self.began)) {
            self.perform(effect);
        }
        self.publish();
    }

    /// Keys, certificates and credentials may be others; and where nothing was deployed, the file. Whoever asks for it knows
    /// what was set aside, too.
    async fn read_anew(&mut self) {
        for digest in &self.agent.record().quarantined {
            tracing::info!(sha256 = %digest, "not set aside any more");
        }
        self.handle(Event::Pardoned);
        self.client.renew();
        match self.environment.trust.read() {
            Ok(pinned) => self.handle(Event::Rekeyed { pinned }),
            Err(error) => {
                tracing::error!(%error, "the trusted keys cannot be read; those that are believed stay believed");
            }
        }
        self.reload_file(Cause::Asked).await;
    }

    /// What came with the command line counts until something was deployed.
    async fn reload_file(&mut self, cause: Cause) {
        let Some((reloader, _)) = &mut self.file else { return };
        if self.agent.deployed().is_some() {
            self.file = None;
            return;
        }
        reloader.reload(cause, self.agent.root_trust()).await;
        self.health.is_of(self.swap.traffic());
        if let Some(digest) = self.swap.running() {
            self.handle(Event::Serves(digest));
        }
    }
}

/// When this is, and a number that nobody can foresee.
fn moment(began: Instant) -> Moment {
    let now = began.elapsed();
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // The standard library's hasher keys are random; pauses need to differ, and are no secret.
    Moment { now, unix_seconds: unix.as_secs(), random: RandomState::new().hash_one(now) }
}

/// Waits until the file may have changed: for ever where there is none.
async fn changed(file: &mut Option<(Reloader, Watcher)>) {
    match file {
        Some((_, watcher)) => watcher.changed().await,
        None => std::future::pending().await,
    }
}
