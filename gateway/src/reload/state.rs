//! What is running, and what was refused.

use std::borrow::Cow;
use std::time::SystemTime;

use artifact_format::container::Digest;
use serde::Serialize;

use crate::connected;

/// What became of the artifacts read so far.
#[derive(Debug, Default, Clone)]
pub struct Reloads {
    /// What is being served.
    pub running: Option<Running>,
    /// What was refused since.
    pub rejected: Option<Rejected>,
    /// How many were accepted.
    pub accepted: u64,
    /// How many were refused.
    pub refused: u64,
}

/// An artifact being served.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its name.
    pub digest: Digest,
    /// Since when.
    pub loaded_at: SystemTime,
}

/// An artifact that was refused.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// Its name; absent where there was nothing to read.
    pub digest: Option<Digest>,
    /// Why, in one stable word.
    pub code: Cow<'static, str>,
    /// Why, in a sentence.
    pub message: String,
}

impl Running {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn loaded_at_seconds(&self) -> f64 {
        self.loaded_at.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
    }
}

impl Reloads {
    /// An artifact was accepted: what was refused before no longer matters.
    pub fn accept(&mut self, digest: Digest) {
        self.running = Some(Running { digest, loaded_at: SystemTime::now() });
        self.rejected = None;
        self.accepted += 1;
    }

    /// The artifact that runs was found again: what was refused in between was put right.
    pub fn confirm(&mut self) {
        self.rejected = None;
    }

    /// An artifact was refused.
    pub fn reject(&mut self, rejected: Rejected) {
        self.rejected = Some(rejected);
        self.refused += 1;
    }

    /// For `/readyz?verbose`.
    pub fn report<'r>(&'r self, status: &'static str, control_plane: Option<&'r connected::Report>) -> Report<'r> {
        Report {
            status,
            running: self.running.as_ref().map(|running| running.digest.to_string()),
            rejected: self.rejected.as_ref().map(|rejected| RejectedReport {
                digest: rejected.digest.map(|digest| digest.to_string()),
                code: &rejected.code,
                message: &rejected.message,
            }),
            control_plane,
        }
    }
}

/// `/readyz?verbose`.
#[derive(Debug, Serialize)]
pub struct Report<'r> {
    status: &'static str,
    running: Option<String>,
    rejected: Option<RejectedReport<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<&'r connected::Report>,
}

#[derive(Debug, Serialize)]
struct RejectedReport<'r> {
    digest: Option<String>,
    code: &'r str,
    message: &'r str,
}
