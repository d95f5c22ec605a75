//! Notices that the artifact's file may have changed.
//!
//! The parent folder is watched and not the file: editors and deployers replace a file by renaming another over
//! it, and Kubernetes swaps the `..data` link that the file's own link goes through. Events are hints, and can be
//! lost on network file systems, so the file's identity is also looked at every few seconds.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// How long a folder must be quiet before its file is read: a file written in place comes in several writes.
const SETTLE: Duration = Duration::from_millis(50);

/// How long a folder that never falls quiet may put a reload off.
const SETTLE_MAX: Duration = Duration::from_secs(1);

/// How often the file is looked at without a hint.
const POLL: Duration = Duration::from_secs(5);

/// The folder cannot be watched.
#[derive(Debug, Error)]
#[error("cannot watch the folder `{}` for changes: {source}", folder.display())]
pub struct WatchError {
    folder: PathBuf,
    source: notify::Error,
}

/// Watches one file.
#[derive(Debug)]
pub struct Watcher {
    file: PathBuf,
    hints: mpsc::Receiver<()>,
    identity: Option<Identity>,
    _events: RecommendedWatcher,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Watcher {
    /// Starts watching.
    pub fn new(file: &Path) -> Result<Self, WatchError> {
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        // One hint in waiting is enough: it says to look, not what to see.
        let (hint, hints) = mpsc::channel(1);
        let watch = || {
            let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let is_a_read = event.is_ok_and(|event| matches!(event.kind, EventKind::Access(access) if !matches!(access, notify::event::AccessKind::Close(notify::event::AccessMode::Write))));
                if !is_a_read {
                    let _full_already = hint.try_send(());
                }
            })?;
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        };
        match watch() {
            Ok(watcher) => Ok(Self { file: file.to_path_buf(), hints, identity: Identity::of(file), _events: watcher }),
            Err(source) => Err(WatchError { folder, source }),
        }
    }

    /// Waits until the file may have changed and its folder has been quiet for a moment. Cancel-safe.
    pub async fn changed(&mut self) {
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(()) = self.hints.recv() => break,
                _ = poll.tick() => if Identity::of(&self.file) != self.identity { break },
            }
        }
        let latest = Instant::now() + SETTLE_MAX;
        loop {
            let quiet = (Instant::now() + SETTLE).min(latest);
            tokio::select! {
                biased;
                () = sleep_until(quiet) => break,
                Some(()) = self.hints.recv() => {}
            }
        }
        self.identity = Identity::of(&self.file);
    }
}

impl Identity {
    fn of(file: &Path) -> Option<Self> {
        let metadata = fs::metadata(file).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tokio::time::timeout;

    use super::*;

    async fn notices(file: &Path, change: impl FnOnce()) {
        let mut watcher = Watcher::new(file).unwrap();
        change();
        timeout(Duration::from_secs(4), watcher.changed()).await.expect("the change goes unnoticed");
    }

    #[tokio::test]
    async fn notices_every_way_of_replacing_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("api.bca");
        fs::write(&file, "1").unwrap();
        notices(&file, || fs::write(&file, "2").unwrap()).await;
        notices(&file, || {
            fs::write(folder.path().join("new"), "3").unwrap();
            fs::rename(folder.path().join("new"), &file).unwrap();
        })
        .await;
        notices(&file, || fs::remove_file(&file).unwrap()).await;
    }

    #[tokio::test]
    async fn notices_a_config_map_swap() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for version in ["..1", "..2"] {
            fs::create_dir(path(version)).unwrap();
            fs::write(path(version).join("api.bca"), version).unwrap();
        }
        symlink("..1", path("..data")).unwrap();
        symlink("..data/api.bca", path("api.bca")).unwrap();
        notices(&path("api.bca"), || {
            symlink("..2", path("..data_tmp")).unwrap();
            fs::rename(path("..data_tmp"), path("..data")).unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn reading_is_not_changing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("api.bca");
        fs::write(&file, "1").unwrap();
        let mut watcher = Watcher::new(&file).unwrap();
        fs::read(&file).unwrap();
        assert!(timeout(SETTLE * 4, watcher.changed()).await.is_err());
    }
}
