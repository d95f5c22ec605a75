//! Folders that are watched for changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long nothing must happen before a change is over: editors write in several steps.
const QUIET: Duration = Duration::from_millis(80);

/// A change that goes on this many times [`QUIET`] is looked at all the same.
const STEPS_MAX: u32 = 25;

/// Says when something happened in a set of folders; what it was is for the reader of the files to find out.
///
/// Folders are watched and not files, since editors replace files and Kubernetes swaps links.
pub(crate) struct Watcher {
    notifier: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    sender: mpsc::Sender<()>,
    events: mpsc::Receiver<()>,
}

impl Watcher {
    pub(crate) fn new() -> Result<Self, notify::Error> {
        let (sender, events) = mpsc::channel(1);
        let from_system = sender.clone();
        let notifier = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let is_change = event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_)));
            if is_change {
                // Full means that a change is already waiting to be seen.
                let _ = from_system.try_send(());
            }
        })?;
        Ok(Self { notifier, folders: BTreeSet::new(), sender, events })
    }

    /// Watches these folders and no others; of one that does not exist, the nearest that does.
    pub(crate) fn watch<'p>(&mut self, folders: impl Iterator<Item = &'p Path>) -> Result<(), notify::Error> {
        let wanted: BTreeSet<PathBuf> = folders.filter_map(existing).collect();
        for gone in self.folders.difference(&wanted) {
            // A folder that was removed is not watched any more either.
            let _ = self.notifier.unwatch(gone);
        }
        for new in wanted.difference(&self.folders) {
            self.notifier.watch(new, RecursiveMode::NonRecursive)?;
            // What was saved just before made no event.
            let _ = self.sender.try_send(());
        }
        self.folders = wanted;
        Ok(())
    }

    /// Ends when something changed and nothing changes any more. Cancel-safe up to a change being lost for as long
    /// as nothing else changes; callers look at the files.
    pub(crate) async fn changed(&mut self) {
        if self.events.recv().await.is_none() {
            return std::future::pending().await;
        }
        for _ in 0..STEPS_MAX {
            if timeout(QUIET, self.events.recv()).await.is_err() {
                return;
            }
        }
    }
}

fn existing(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|ancestor| ancestor.is_dir()).map(Path::to_owned)
}
