//! Builds: a revision of a spec compiled into an artifact, at some time, by some control plane.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::artifact::NewArtifact;
use super::digest::Digest;
use super::error::Error;
use super::id::{BuildId, ProjectId, RevisionId, SpecId, TeamId};
use super::name::{self, Name};
use super::project::{Environment, Security, Settings};
use super::report::{Diagnostic, Report};
use super::trace::TraceParent;

/// How many control planes may die of a build, or otherwise let go of it, before it fails.
pub const DEATHS_MAX: i64 = 3;

/// How many builds of a project may wait at a time.
pub const QUEUED_MAX: i64 = 100;

/// How long a control plane has a build to itself after it last said that it still works on it.
pub const LEASE: Duration = Duration::from_secs(10);

/// A build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Build {
    /// Its id.
    pub id: BuildId,
    /// Who owns it.
    pub team: TeamId,
    /// Which project's.
    pub project: ProjectId,
    /// Of which spec.
    pub spec: SpecId,
    /// Of which of its revisions: the number.
    pub revision: i64,
    /// For which of the project's environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Name>,
    /// How far it is.
    pub state: State,
    /// How often it was begun.
    pub attempt: i64,
    /// How many errors there are in the documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<i64>,
    /// How many warnings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<i64>,
    /// What is wrong with the documents, at most 1000 of them; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Vec<Diagnostic>>,
    /// Why it failed, where it was not for the documents' errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Digest>,
    /// Who asked for it.
    pub author: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was first begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BuildState)]
pub enum State {
    /// It waits for a control plane.
    Queued,
    /// A control plane works on it.
    Running,
    /// There is an artifact.
    Succeeded,
    /// There is none.
    Failed,
    /// Nobody wants one any more.
    Cancelled,
}

/// A build to be made. What it does not say is said by the project's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewBuild {
    /// The number of a revision; absent: the newest.
    #[schema(minimum = 1)]
    pub revision: Option<i64>,
    /// One of the project's environments; absent: none.
    pub environment: Option<Name>,
    /// The commit of the documents, to be kept in the artifact.
    pub commit: Option<String>,
    /// Where the documents come from, to be kept in the artifact: a repository, a pipeline.
    pub source: Option<String>,
}

/// How a build compiles: what the project's settings said when it was asked for. With the revision's files it says all
/// that an artifact depends on but the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// What the artifact says it is for.
    pub project: Name,
    /// An absolute URL that takes every operation's requests.
    pub upstream: Option<String>,
    /// What becomes of security requirements.
    pub security: Security,
    /// Paths of overlays, applied in this order.
    pub overlays: Vec<String>,
    /// The commit of the documents.
    pub commit: Option<String>,
    /// Where the documents come from.
    pub source: Option<String>,
}

/// A build that somebody works on: only the newest claim of a build may say how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Of which build.
    pub build: BuildId,
    /// Of which project.
    pub project: ProjectId,
    /// The how manieth it is.
    pub attempt: i64,
    /// The span of the request that asked for the build.
    pub trace_parent: Option<TraceParent>,
}

/// What is to be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// How.
    pub options: Options,
    /// The paths of the `OpenAPI` documents.
    pub entries: Vec<String>,
    /// Every file's path and content.
    pub files: Vec<(String, Bytes)>,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// What came of it.
    pub verdict: Verdict,
    /// What is wrong with the documents, where the compiler came to say it.
    pub report: Option<Report>,
    /// The same for people.
    pub log: String,
}

/// Whether there is an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There is; its bytes are stored.
    Artifact(Box<NewArtifact>),
    /// The documents have errors.
    DoesNotCompile,
    /// They never got that far, and another try would not either.
    Failed(String),
}

/// The builds that have not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many wait.
    pub queued: i64,
    /// How many are worked on.
    pub running: i64,
}

/// Whether a claim is still the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It is, and what was asked for was done.
    Yes,
    /// The build was cancelled or deleted, or the lease ran out and somebody else has it: nothing was done.
    No,
}

/// Which builds of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildFilter {
    /// Of what.
    pub of: BuildsOf,
    /// Only those in this state.
    pub state: Option<State>,
}

/// Of what a list of builds is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildsOf {
    /// Of a project.
    Project(ProjectId),
    /// Of a spec.
    Spec(SpecId),
}

/// What is asked to be built, found and decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Who owns it.
    pub team: TeamId,
    /// Which project's.
    pub project: ProjectId,
    /// Which spec.
    pub spec: SpecId,
    /// Which revision.
    pub revision: (RevisionId, i64),
}

impl State {
    /// Whether it stays like this.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// As it is kept and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Verdict {
    /// In a word, for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Artifact(_) => "artifact",
            Self::DoesNotCompile => "does not compile",
            Self::Failed(_) => "failed",
        }
    }
}

impl NewBuild {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        for (pointer, text) in [("/commit", &self.commit), ("/source", &self.source)] {
            text.as_deref().map_or(Ok(()), |text| name::check_text(pointer, text, name::DESCRIPTION_MAX_BYTES))?;
        }
        Ok(())
    }

    /// How it compiles in a project that is called `project` and says `settings`.
    ///
    /// # Errors
    /// There is no such environment.
    pub fn options(&self, project: Name, settings: &Settings) -> Result<Options, Error> {
        let none = Environment::default();
        let environment = match &self.environment {
            None => &none,
            Some(name) => settings.environments.get(name).ok_or_else(|| {
                let known = settings.environments.keys().map(Name::as_str).collect::<Vec<_>>().join(", ");
                Error::invalid("/environment", format!("the project has no environment `{name}`; it has: {known}"))
            })?,
        };
        Ok(Options {
            project,
            upstream: environment.upstream.clone().or_else(|| settings.upstream.clone()),
            security: environment.security.unwrap_or(settings.security),
            overlays: environment.overlays.clone(),
            commit: self.commit.clone(),
            source: self.source.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_overrides_its_project() {
        let live = Environment {
            overlays: vec!["live.yaml".into()],
            upstream: Some("http://live".into()),
            security: Some(Security::Presence),
        };
        let environments = [("live".parse().unwrap(), live)].into();
        let settings = Settings { upstream: Some("http://shop".into()), security: Security::Off, environments };
        let options = |environment: Option<&str>| {
            let environment = environment.map(|name| name.parse().unwrap());
            let new = NewBuild { environment, ..NewBuild::default() };
            new.options("shop".parse().unwrap(), &settings)
        };
        let plain = options(None).unwrap();
        assert_eq!((plain.upstream.as_deref(), plain.security), (Some("http://shop"), Security::Off));
        assert_eq!(plain.overlays, [""; 0]);
        let live = options(Some("live")).unwrap();
        assert_eq!((live.upstream.as_deref(), live.security), (Some("http://live"), Security::Presence));
        assert_eq!(live.overlays, ["live.yaml"]);
        assert!(options(Some("test")).unwrap_err().to_string().contains("`test`"));
    }
}
