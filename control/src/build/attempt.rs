//! One try to build: from a claim to an ending.

use std::sync::Arc;

use artifact_format::container;
use artifact_format::model;
use artifact_format::trust::Trust;
use bytes::Bytes;
use thiserror::Error;
use tracing::Instrument as _;

use super::describe::describe;
use super::job::{self, Document, Job};
use super::outcome::Outcome;
use super::runner::{self, Blame, Runner};
use crate::compilation;
use crate::domain::artifact::{ArtifactBytes, NewArtifact, store_bytes};
use crate::domain::build::{Claim, Ending, Options, Verdict, Work};
use crate::domain::error::Error;
use crate::domain::id::ProjectId;
use crate::domain::project::Security;
use crate::domain::signing::Signer;
use crate::domain::store::Store;
use crate::telemetry::Metrics;

/// What builds are made with.
#[derive(Clone)]
pub struct Workshop {
    /// Where documents come from, and endings go.
    pub store: Arc<dyn Store>,
    /// Where artifacts go.
    pub artifacts: Arc<dyn ArtifactBytes>,
    /// Who signs.
    pub signer: Arc<dyn Signer>,
    /// What compiles.
    pub runner: Runner,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Why there is no ending: another try may have one.
#[derive(Debug, Error)]
pub enum Setback {
    /// The database, the store of artifacts, or the keys.
    #[error(transparent)]
    Domain(#[from] Error),
    /// The process that compiles.
    #[error(transparent)]
    Runner(#[from] runner::Error),
    /// The artifact that was just made cannot be read: a fault of ours.
    #[error("the artifact that was made is refused: {0}")]
    Refused(#[from] container::Error),
    /// It ended without a word: a fault of ours.
    #[error("signing ended without a word")]
    Lost,
}

impl Setback {
    /// What may be told to whoever asked for the build; the log says it all.
    pub fn told(&self) -> String {
        match self {
            Self::Domain(error) => error.to_string(),
            Self::Runner(error @ runner::Error::Killed) => error.to_string(),
            Self::Runner(_) | Self::Refused(_) | Self::Lost => {
                "the build process failed; the control plane's log says how".to_owned()
            }
        }
    }
}

impl Workshop {
    /// Builds. Dropped before it is done, it ends the process that compiles; what it may have stored by then is the same
    /// that the next try stores.
    pub async fn build(&self, claim: Claim) -> Result<Ending, Setback> {
        let job = job(self.store.build_work(claim).await?);
        // The process that compiles cannot tell a collector anything, so it is told of from here.
        let compiling = tracing::debug_span!("compile", files = job.documents.len(), bytes = job.bytes());
        let Outcome { artifact, report, text } = match self.runner.run(&job).instrument(compiling).await {
            Ok(outcome) => outcome,
            Err(error) if error.blame() == Blame::Documents => return Ok(failed(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        let verdict = match artifact {
            None => Verdict::DoesNotCompile,
            Some(unsigned) => match self.signed(claim.project, unsigned).await {
                Ok(artifact) => Verdict::Artifact(Box::new(artifact)),
                // Somebody has to look after the keys; trying again does not.
                Err(Setback::Domain(Error::Conflict(why))) => Verdict::Failed(why),
                Err(setback) => return Err(setback),
            },
        };
        Ok(Ending { verdict, report: Some(report), log: text })
    }

    /// Signs an artifact and stores its bytes.
    async fn signed(&self, project: ProjectId, unsigned: Bytes) -> Result<NewArtifact, Setback> {
        let signing = async {
            let key = self.signer.signing_key(project).await?;
            let sign = move || -> Result<_, container::Error> {
                let file = container::add_signature(&unsigned, &key)?;
                // It may have tens of megabytes, and looking into the other one takes as much again.
                drop(unsigned);
                let artifact = describe(&file, &Trust::any_of([key.public()]))?;
                Ok((artifact, Bytes::from(file)))
            };
            Ok::<_, Setback>(tokio::task::spawn_blocking(sign).await.map_err(|_| Setback::Lost)??)
        };
        let (artifact, file) = signing.instrument(tracing::debug_span!("sign")).await?;
        let storing = tracing::debug_span!("store artifact", bytes = file.len());
        store_bytes(&*self.store, &*self.artifacts, (artifact.digest, file)).instrument(storing).await?;
        Ok(artifact)
    }
}

/// An ending of which the compiler had nothing to say.
fn failed(why: String) -> Ending {
    Ending { log: format!("{why}\n"), verdict: Verdict::Failed(why), report: None }
}

fn job(work: Work) -> Job {
    let Work { options, entries, files } = work;
    let Options { project, upstream, security, overlays, commit, source } = options;
    let security = match security {
        Security::Enforce => compilation::Security::Enforce,
        Security::Presence => compilation::Security::Presence,
        Security::Off => compilation::Security::Off,
    };
    // No clock has a say in what is built: the same documents give the same artifact.
    let provenance = model::Provenance { commit, source, built_at: None };
    Job {
        documents: files.into_iter().map(|(path, bytes)| Document { path, bytes }).collect(),
        entries,
        overlays,
        options: job::Options { project: project.to_string(), upstream, security, provenance },
    }
}
