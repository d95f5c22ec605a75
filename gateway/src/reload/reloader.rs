//! A file, read anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use artifact_format::trust::Trust;
use tokio::task::spawn_blocking;

use super::{Rejected, Swap};
use crate::snapshot::{Environment, LoadError, Snapshot, load, read};

/// Why a reload is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The file may have changed: nothing is done if it has not.
    FileChanged,
    /// Somebody asked (SIGHUP): everything is read again, trusted keys too.
    Asked,
}

/// Reads the artifact's file and swaps the snapshot, one try at a time.
#[derive(Debug)]
pub struct Reloader {
    file: PathBuf,
    environment: Arc<Environment>,
    swap: Swap,
}

enum Outcome {
    /// The file is as it was when it was last looked at.
    Unchanged,
    /// The file is what runs, whatever it was in between.
    Restored,
    Loaded(Box<Snapshot>),
    Refused(Rejected),
}

impl Reloader {
    /// Of one file.
    pub fn new(file: PathBuf, environment: Arc<Environment>, swap: Swap) -> Self {
        Self { file, environment, swap }
    }

    /// Tries, believing a trust root where there is one. Whatever is wrong with the file, what runs goes on running.
    pub async fn reload(&mut self, cause: Cause, root: Option<Trust>) {
        let started = Instant::now();
        let (file, environment, swap) = (self.file.clone(), self.environment.clone(), self.swap.clone());
        let outcome = spawn_blocking(move || attempt(&file, (root.as_ref(), &*environment), (&swap, cause))).await;
        match outcome {
            Ok(Outcome::Unchanged) => {}
            Ok(Outcome::Restored) => self.swap.confirm(),
            Ok(Outcome::Loaded(snapshot)) => self.swap.accept(*snapshot, started),
            Ok(Outcome::Refused(rejected)) => self.swap.refuse(rejected),
            Err(error) => tracing::error!(%error, "a reload ended badly; what runs goes on"),
        }
    }
}

fn attempt(file: &Path, (root, environment): (Option<&Trust>, &Environment), (swap, cause): (&Swap, Cause)) -> Outcome {
    let (name, bytes) = match read(file) {
        Ok((name, bytes)) => (Ok(name), bytes),
        Err(error) => (Err(error), Vec::new()),
    };
    let found = name.as_ref().ok().copied();
    if cause == Cause::FileChanged {
        if found.is_some() && found == swap.running() {
            return Outcome::Restored;
        }
        // Said once is enough; whoever logs into the same folder would otherwise be told for ever.
        if swap.rejected().is_some_and(|rejected| rejected.digest == found) {
            return Outcome::Unchanged;
        }
    }
    let name = match name {
        Ok(name) => name,
        Err(error) => return Outcome::Refused(rejected(None, &error)),
    };
    match load(name, &bytes, (root, environment)) {
        Ok(snapshot) => Outcome::Loaded(Box::new(snapshot)),
        Err(error) => Outcome::Refused(rejected(Some(name), &error)),
    }
}

fn rejected(digest: Option<artifact_format::container::Digest>, error: &LoadError) -> Rejected {
    Rejected { digest, code: error.code().into(), message: error.to_string() }
}
