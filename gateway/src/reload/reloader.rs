//! The swap.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::spawn_blocking;

use super::Rejected;
use crate::snapshot::{Environment, LoadError, Snapshot, load, read};
use crate::worker::Shared;

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
    shared: Arc<Shared>,
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
    pub fn new(file: PathBuf, environment: Arc<Environment>, shared: Arc<Shared>) -> Self {
        Self { file, environment, shared }
    }

    /// Tries. Whatever is wrong with the file, what runs goes on running.
    pub async fn reload(&mut self, cause: Cause) {
        let started = Instant::now();
        let (file, environment, shared) = (self.file.clone(), self.environment.clone(), self.shared.clone());
        let outcome = spawn_blocking(move || attempt(&file, &environment, &shared, cause)).await;
        let metrics = &self.environment.metrics;
        match outcome {
            Ok(Outcome::Unchanged) => {}
            Ok(Outcome::Restored) => metrics.reloads().confirm(),
            Ok(Outcome::Loaded(snapshot)) => {
                let digest = snapshot.digest;
                self.shared.snapshot.store(Arc::new(*snapshot));
                metrics.reloads().accept(digest);
                let took_ms = started.elapsed().as_secs_f64() * 1e3;
                tracing::info!(sha256 = %digest, took_ms, "artifact reloaded");
            }
            Ok(Outcome::Refused(rejected)) => {
                let running = self.shared.snapshot.load().digest;
                let refused = rejected.digest.map(|digest| digest.to_string());
                let (code, reason) = (rejected.code, &rejected.message);
                tracing::error!(%running, rejected = refused, code, reason, "artifact refused; what runs goes on");
                metrics.reloads().reject(rejected);
            }
            Err(error) => tracing::error!(%error, "a reload ended badly; what runs goes on"),
        }
    }
}

fn attempt(file: &std::path::Path, environment: &Environment, shared: &Shared, cause: Cause) -> Outcome {
    let (name, bytes) = match read(file) {
        Ok((name, bytes)) => (Ok(name), bytes),
        Err(error) => (Err(error), Vec::new()),
    };
    let found = name.as_ref().ok().copied();
    if cause == Cause::FileChanged {
        if found == Some(shared.snapshot.load().digest) {
            return Outcome::Restored;
        }
        // Said once is enough; whoever logs into the same folder would otherwise be told for ever.
        if environment.metrics.reloads().rejected.as_ref().is_some_and(|rejected| rejected.digest == found) {
            return Outcome::Unchanged;
        }
    }
    let name = match name {
        Ok(name) => name,
        Err(error) => return Outcome::Refused(rejected(None, &error)),
    };
    match load(name, &bytes, environment) {
        Ok(snapshot) => Outcome::Loaded(Box::new(snapshot)),
        Err(error) => Outcome::Refused(rejected(Some(name), &error)),
    }
}

fn rejected(digest: Option<artifact_format::container::Digest>, error: &LoadError) -> Rejected {
    Rejected { digest, code: error.code(), message: error.to_string() }
}
