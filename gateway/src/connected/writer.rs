//! What is written to the state folder: one thing after the other, by whoever may wait for a disk.

use std::sync::Arc;
use std::time::Duration;

use artifact_format::container::Digest;
use artifact_format::root::SignedRoot;
use fleet::agent::record::Record;
use fleet::agent::{Event, Failure, Ticket};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::Signal;
use super::disk::{Error, Folder};

/// How much may wait to be written. A deployment writes a handful of times.
const ORDERS: usize = 64;
/// How long the end of the process waits for a disk.
const END_MAX: Duration = Duration::from_secs(5);

/// What is to be written.
#[derive(Debug)]
pub(super) enum Order {
    Remember(Ticket, Box<Record>),
    KeepRoot(Box<SignedRoot>),
    Collect(Vec<Digest>),
}

#[derive(Debug)]
pub(super) struct Writer {
    orders: mpsc::Sender<Order>,
    signals: mpsc::Sender<Signal>,
    task: JoinHandle<()>,
}

impl Writer {
    /// Needs a runtime.
    pub(super) fn start(folder: Arc<Folder>, signals: mpsc::Sender<Signal>) -> Self {
        let (orders, mut given) = mpsc::channel(ORDERS);
        let outcomes = signals.clone();
        let task = tokio::spawn(async move {
            while let Some(order) = given.recv().await {
                let folder = folder.clone();
                let done = spawn_blocking(move || perform(&folder, order)).await;
                if let Ok(Some(event)) = done {
                    drop(outcomes.send(Signal::Happened(event)).await);
                }
            }
        });
        Self { orders, signals, task }
    }

    /// Has it written, after what was given before.
    pub(super) fn write(&self, order: Order) {
        let Err(refused) = self.orders.try_send(order) else { return };
        tracing::error!("the disk does not keep up with what is to be written");
        let failure = Failure::unavailable("state_unwritable", "the disk does not keep up".to_owned());
        let event = match refused.into_inner() {
            Order::Remember(ticket, _) => Event::Persisted(ticket, Err(failure)),
            Order::KeepRoot(root) => Event::RootPersisted(root.version(), Err(failure)),
            Order::Collect(_) => return,
        };
        let signals = self.signals.clone();
        tokio::spawn(async move { signals.send(Signal::Happened(event)).await });
    }

    /// Writes what was given, and ends.
    pub(super) async fn end(self) {
        let Self { orders, signals, task } = self;
        drop((orders, signals));
        if timeout(END_MAX, task).await.is_err() {
            tracing::error!("the disk did not take what was to be remembered");
        }
    }
}

fn perform(folder: &Folder, order: Order) -> Option<Event> {
    match order {
        Order::Remember(ticket, record) => Some(Event::Persisted(ticket, told(folder.remember(&record)))),
        Order::KeepRoot(root) => Some(Event::RootPersisted(root.version(), told(folder.write_root(&root)))),
        Order::Collect(needed) => {
            if let Err(error) = folder.collect(&needed) {
                tracing::warn!(%error, "artifacts that nobody needs stay where they are");
            }
            None
        }
    }
}

fn told(written: Result<(), Error>) -> Result<(), Failure> {
    written.map_err(|error| {
        tracing::error!(%error, "the state folder cannot be written");
        error.into()
    })
}
