//! Keeps the files up to date that data planes start from while no control plane is there
//! ([`domain::bootstrap`](crate::domain::bootstrap)). Every control plane does: what was written already is left alone,
//! and nothing older is written over what is newer. Others may write there, too: so each file is compared with what it
//! should be, and a pointer is newer only if the project's keys signed it.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use artifact_format::pointer::SignedPointer;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::domain::access::Reach;
use crate::domain::artifact::ArtifactBytes;
use crate::domain::bootstrap::{Shelf, stands};
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::domain::id::ProjectId;
use crate::domain::plan::{Entry, Plan};
use crate::domain::store::{OfProject, Store};

/// How often it is looked for what changed, whether anybody says that something did or not.
const POLL: Duration = Duration::from_secs(30);
/// How often everything is looked at: somebody may have taken files away, or changed them.
const WHOLE: Duration = Duration::from_hours(1);

/// How closely it is looked at what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Pointers as a whole, and artifacts by their length; of trust roots, which never change, whether they are there.
    Quick,
    /// Every byte of artifacts and trust roots, too.
    Whole,
}

/// Keeps the files up to date.
pub struct Publisher {
    /// What is to be served.
    pub store: Arc<dyn Store>,
    /// The bytes of it.
    pub artifacts: Arc<dyn ArtifactBytes>,
    /// Where they go.
    pub shelf: Arc<dyn Shelf>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

/// What was seen of plans.
#[derive(Debug, Default)]
struct Seen {
    at: Option<Timestamp>,
    revisions: HashMap<ProjectId, i64>,
}

impl Publisher {
    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut plans = self.store.plan_changes();
        let (mut seen, mut began) = (Seen::default(), Instant::now());
        while !stop.is_cancelled() {
            if began.elapsed() > WHOLE {
                (seen, began) = (Seen::default(), Instant::now());
            }
            if let Err(error) = self.pass(&mut seen).await {
                tracing::warn!(%error, "what data planes start from without a control plane is not up to date");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Ok(()) = plans.changed() => {}
                () = sleep(POLL) => {}
            }
        }
    }

    async fn pass(&self, seen: &mut Seen) -> Result<(), Error> {
        let look = if seen.at.is_none() { Look::Whole } else { Look::Quick };
        let (at, revisions) = self.store.plan_revisions(seen.at).await?;
        let mut failure = None;
        for changed in revisions {
            if seen.revisions.get(&changed.project) == Some(&changed.revision) {
                continue;
            }
            match self.publish(changed.project, look).await {
                Ok(()) => drop(seen.revisions.insert(changed.project, changed.revision)),
                // The others are not to wait for it.
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        // Only now: what failed is tried again.
        seen.at = Some(at);
        Ok(())
    }

    /// Writes what a project's data planes start from.
    ///
    /// # Errors
    /// The database, the store of artifacts, or the place itself is away.
    pub async fn publish(&self, project: ProjectId, look: Look) -> Result<(), Error> {
        let plan: Plan = self.store.plan(project).await?;
        let files = self.shelf.names(&project.to_string()).await?;
        for stand in stands(&plan, &files) {
            match stand.entry {
                Some(entry) => {
                    self.roots(project, &stand.folder, look).await?;
                    self.artifact((project, &stand.folder), entry, look).await?;
                    // Last: whoever has read it finds everything that it takes.
                    self.pointer(&plan, &stand.folder, entry).await?;
                }
                None => self.shelf.erase(&format!("{}/pointer.json", stand.folder)).await?,
            }
        }
        Ok(())
    }

    async fn pointer(&self, plan: &Plan, folder: &str, entry: &Entry) -> Result<(), Error> {
        let name = format!("{folder}/pointer.json");
        let text = serde_json::to_vec(&*entry.pointer).map_err(|_| Error::Damaged(Noun::Deployment))?;
        let before = self.shelf.file(&name).await?;
        if before.as_deref() == Some(text.as_slice()) {
            return Ok(());
        }
        let before = before.and_then(|text| serde_json::from_slice::<SignedPointer>(&text).ok());
        if let Some(before) = &before
            && self.is_newer(plan, before.clone()).await?
        {
            return Ok(());
        }
        self.shelf.write(&name, text.into()).await?;
        let before = before.map(|before| Digest(before.artifact().0));
        self.clear(folder, [Some(entry.artifact), before]).await
    }

    /// Whether another control plane wrote what this one does not know of yet: the project's keys signed it, and it is newer
    /// than anything that is known. What is known and belongs elsewhere is not.
    async fn is_newer(&self, plan: &Plan, before: SignedPointer) -> Result<bool, Error> {
        let of = OfProject { reach: Reach::Everything, project: plan.project };
        // It is read after the pointer was: so it names whoever signed that.
        let root = self.store.trust_root(of, None).await?.pinned().map_err(|_| Error::Damaged(Noun::TrustRoot))?;
        let believed = before.verify(&root.trust(), root.project());
        let known = plan.entries.iter().map(|entry| entry.pointer.serial()).max();
        Ok(believed.is_ok_and(|before| Some(before.serial) > known))
    }

    async fn roots(&self, project: ProjectId, folder: &str, look: Look) -> Result<(), Error> {
        let of = OfProject { reach: Reach::Everything, project };
        let newest = self.store.trust_root(of, None).await?.version();
        let written = self.shelf.names(&format!("{folder}/roots")).await?;
        // Each one that is not there: who knows the first key only follows them one after the other.
        for version in (1..=newest.get()).filter_map(NonZeroU64::new) {
            let name = format!("{folder}/roots/{version}.json");
            let is_there = written.contains(&name);
            if is_there && look == Look::Quick {
                continue;
            }
            let root = self.store.trust_root(of, Some(version)).await?;
            let text = serde_json::to_vec(&root).map_err(|_| Error::Damaged(Noun::TrustRoot))?;
            let before = if is_there { self.shelf.file(&name).await? } else { None };
            if before.as_deref() != Some(text.as_slice()) {
                self.shelf.write(&name, text.into()).await?;
            }
        }
        Ok(())
    }

    async fn artifact(&self, (project, folder): (ProjectId, &str), entry: &Entry, look: Look) -> Result<(), Error> {
        let (digest, size) = (entry.artifact, entry.pointer.length().get());
        let name = format!("{folder}/artifacts/{digest}");
        let is_there = match look {
            Look::Quick => self.shelf.size(&name).await? == Some(size),
            Look::Whole => self.shelf.digest(&name).await? == Some(digest),
        };
        if is_there {
            return Ok(());
        }
        tracing::debug!(%project, %digest, "writes an artifact to start from");
        let pieces = self.artifacts.read(digest, 0..size).await?;
        let whole = pieces.try_fold(BytesMut::new(), |mut whole, piece: Bytes| {
            whole.extend_from_slice(&piece);
            std::future::ready(Ok(whole))
        });
        self.shelf.write(&name, whole.await?.freeze()).await
    }

    /// Removes what no pointer names any more, but for the one before: somebody may be about to fetch it.
    async fn clear(&self, folder: &str, kept: [Option<Digest>; 2]) -> Result<(), Error> {
        let kept = kept.map(|digest| digest.map(|digest| format!("{folder}/artifacts/{digest}")));
        for name in self.shelf.names(&format!("{folder}/artifacts")).await? {
            if !kept.contains(&Some(name.clone())) {
                self.shelf.erase(&name).await?;
            }
        }
        Ok(())
    }
}
