//! What to serve before anybody was asked: what served last, or what came with the command line, or nothing yet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use artifact_format::container::{self, Digest, FORMAT_VERSION, OLDEST_FORMAT_VERSION};
use artifact_format::root::Root;
use artifact_format::trust::Trust;
use fleet::agent::record::{Boot, Record};
use fleet::agent::{Bootstrap, Damaged, Identity, Start};
use fleet::message::{Alarm, Formats};
use thiserror::Error;
use uuid::Uuid;

use super::client::{self, Client};
use super::disk::{self, Folder, Kept, Memory};
use super::notes::Notes;
use crate::config::ControlPlane;
use crate::snapshot::{Environment, LoadError, Snapshot, load, load_trusting, read};
use crate::trust::TrustSourceError;

/// Why a gateway cannot be connected. All of it is found before it serves.
#[derive(Debug, Error)]
pub enum Error {
    /// The state folder cannot be had.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// The control plane cannot be asked.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The keys cannot be read.
    #[error("the trusted keys cannot be read: {0}")]
    Trust(#[from] TrustSourceError),
    /// Nobody is believed.
    #[error(
        "no key is trusted, so nothing that is deployed could be believed: name the project's key with --trusted-key"
    )]
    NobodyTrusted,
    /// The artifact of the command line cannot be served, and there is no other one. That a trust root does not vouch for
    /// it is none of that.
    #[error("{}: {source}", file.display())]
    Artifact {
        /// Its file.
        file: PathBuf,
        /// Why.
        source: LoadError,
    },
}

/// A data plane that is about to begin.
#[derive(Debug)]
pub(super) struct Booted {
    pub(super) folder: Arc<Folder>,
    pub(super) client: Client,
    pub(super) notes: Notes,
    /// But for the record, which is the notes' until the process begins.
    pub(super) start: Start,
    pub(super) snapshot: Snapshot,
}

/// Finds what to serve.
///
/// # Errors
/// The state folder or a trusted key cannot be had. That an artifact cannot be served is an error only where it came
/// with the command line and there is no other one; that the API key or a certificate cannot be had, where nothing that
/// was deployed serves.
pub(super) fn boot(
    control_plane: &ControlPlane,
    artifact: Option<&Path>,
    environment: &Environment,
) -> Result<Booted, Error> {
    let project = control_plane.project.to_string();
    let folder = Arc::new(Folder::open(&control_plane.state_folder, &project)?);
    let (mut alarms, mut damaged) = (Vec::new(), Damaged::default());
    let root = root(&folder, &mut damaged)?;
    let pinned = environment.trust.read()?;
    if root.is_none() && pinned.key_ids().next().is_none() {
        return Err(Error::NobodyTrusted);
    }
    let identity = identity(control_plane, folder.node_id()?);
    let (remembered, written) = remembered(&folder, &project, &mut damaged)?;
    let Boot { record, candidates, set_aside } = remembered.boot();
    if let Some(digest) = set_aside {
        tracing::error!(%digest, "an artifact ended the process more than once and is set aside");
    }
    let mut notes = Notes::new(folder.clone(), record, written);
    let trust = root.as_ref().map_or_else(|| pinned.clone(), Root::trust);
    let last = first_good(&candidates, (&folder, &trust, environment), (&mut notes, &mut alarms));
    notes.settles_for(last.as_ref().map(|(digest, _)| *digest));
    // What serves does not need the control plane.
    let client = if last.is_some() { Client::lenient(control_plane) } else { Client::new(control_plane) }?;
    let (running, snapshot) = match (last, artifact) {
        (Some((digest, snapshot)), _) => (Some(digest), snapshot),
        (None, Some(file)) => {
            let of_root = root.as_ref().map(Root::trust);
            let loaded = read(file).and_then(|(name, bytes)| load(name, &bytes, (of_root.as_ref(), environment)));
            match loaded {
                Ok(snapshot) => (snapshot.digest(), snapshot),
                // The trust root says so: whoever is believed by now has to be able to deploy something else.
                Err(error @ LoadError::Container(container::Error::Trust(_))) => {
                    tracing::error!(file = %file.display(), code = error.code(), %error, "the artifact is not served");
                    alarms.push(alarm(error.code(), format!("{}: {error}", file.display())));
                    (None, Snapshot::nothing(environment))
                }
                Err(source) => return Err(Error::Artifact { file: file.to_path_buf(), source }),
            }
        }
        (None, None) => (None, Snapshot::nothing(environment)),
    };
    let bootstrap = if control_plane.bootstrap.is_some() { Bootstrap::Available } else { Bootstrap::Absent };
    let record = Record::new(&project);
    let start =
        Start { identity, record, unwritten: None, set_aside, running, pinned, root, bootstrap, alarms, damaged };
    Ok(Booted { folder, client, notes, start, snapshot })
}

fn root(folder: &Folder, damaged: &mut Damaged) -> Result<Option<Root>, Error> {
    let (root, error) = match folder.root()? {
        Kept::Nothing => return Ok(None),
        Kept::Known(root) => return Ok(Some(root)),
        Kept::Repaired(root, error) => (Some(root), error),
        // The control plane has it, and the given keys vouch for it.
        Kept::Lost(error) => (None, error),
    };
    tracing::error!(%error, "the trust root of the state folder is damaged");
    if root.is_none() || !folder.repairs_root(&error) {
        damaged.root = Some(alarm(error.code(), error.to_string()));
    }
    Ok(root)
}

/// What was remembered, and what need not be written since it is there already.
fn remembered(folder: &Folder, project: &str, damaged: &mut Damaged) -> Result<(Record, Option<Record>), Error> {
    let fresh = Record::new(project);
    let (record, what) = match folder.memory()? {
        Memory::Fresh => return Ok((fresh.clone(), Some(fresh))),
        Memory::Known(record) => return Ok(((*record).clone(), Some(*record))),
        Memory::Repaired(record, what) => (Some(*record), what),
        Memory::Lost(what) => (None, what),
    };
    tracing::error!(what, "the state folder is damaged");
    // Where it cannot be written now, that is tried again, and told.
    if let Some(record) = record.as_ref().filter(|record| folder.remember(record).is_ok()) {
        return Ok((record.clone(), Some(record.clone())));
    }
    damaged.record = Some(alarm("state_damaged", what));
    Ok((record.unwrap_or(fresh), None))
}

/// The first artifact that can be served. What is not there whole is not tried, and not to blame for anything.
fn first_good(
    candidates: &[Digest],
    (folder, trust, environment): (&Folder, &Trust, &Environment),
    (notes, alarms): (&mut Notes, &mut Vec<Alarm>),
) -> Option<(Digest, Snapshot)> {
    for digest in candidates {
        let (code, reason) = match folder.read_artifact(*digest) {
            Ok(bytes) => {
                notes.tries(*digest);
                match load_trusting(*digest, &bytes, (trust, environment)) {
                    Ok(snapshot) => return Some((*digest, snapshot)),
                    Err(error) => {
                        notes.goes_without(*digest);
                        (error.code(), error.to_string())
                    }
                }
            }
            Err(error) => {
                if let disk::Error::Damaged { .. } = error {
                    notes.misses(*digest);
                }
                (error.code(), error.to_string())
            }
        };
        tracing::error!(%digest, code, reason, "what served before cannot be served any more");
        alarms.push(alarm(code, reason));
    }
    None
}

fn identity(control_plane: &ControlPlane, node_id: Uuid) -> Identity {
    Identity {
        node_id,
        instance_id: Uuid::new_v4(),
        name: control_plane.name.clone(),
        labels: control_plane.labels.clone(),
        gateway_host: control_plane.gateway_host.clone(),
        formats: Formats { oldest: OLDEST_FORMAT_VERSION, newest: FORMAT_VERSION },
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn alarm(code: &str, detail: String) -> Alarm {
    Alarm { code: code.to_owned(), detail }
}
