//! Projects: one API gateway's worth of specs, builds, artifacts, keys and data planes.

use std::collections::BTreeMap;

use artifact_format::root::SignedRoot;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{Error, Fault};
use super::id::{ProjectId, TeamId};
use super::name::{self, Name};
use super::signing_key::KeyToKeep;
use super::version::Version;

/// How many environments a project has at most.
pub const ENVIRONMENTS_MAX: usize = 64;
/// How many overlays an environment applies at most.
pub const OVERLAYS_MAX: usize = 32;
/// The longest URL of an upstream, in bytes.
pub const UPSTREAM_MAX_BYTES: usize = 2048;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Who owns it.
    pub team: TeamId,
    /// Unique in its team; what artifacts say they are for.
    pub name: Name,
    /// For people.
    pub description: String,
    /// How its specs are compiled.
    pub settings: Settings,
    /// Its state, which is its `ETag`.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How specs are compiled: what the flags of `portcullis-control compile` say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// An absolute URL that takes every operation's requests, whatever the documents say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// What becomes of security requirements.
    pub security: Security,
    /// What is different in an environment, by its name.
    pub environments: BTreeMap<Name, Environment>,
}

/// What is different in one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// Paths of OpenAPI Overlays among the spec's files, applied in this order.
    pub overlays: Vec<String>,
    /// Instead of the project's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Instead of the project's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
}

/// What becomes of security requirements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Every scheme in use must say how credentials are verified.
    #[default]
    Enforce,
    /// Credentials must be there; the upstream verifies them.
    Presence,
    /// Nothing is asked for.
    Off,
}

/// A project to be made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    /// Who will own it. A team's token needs not say; an installation's that does not means the team `default`.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// Unique in its team.
    pub name: Name,
    /// For people, at most 4096 bytes.
    #[serde(default)]
    pub description: String,
    /// How its specs are compiled.
    #[serde(default)]
    pub settings: Settings,
}

/// Everything that a project begins with.
#[derive(Debug, Clone)]
pub struct Founding {
    /// Its id, which its key is sealed for and its trust root is named by.
    pub id: ProjectId,
    /// Who will own it.
    pub team: TeamId,
    /// What it is to be.
    pub new: NewProject,
    /// Its active key.
    pub key: KeyToKeep,
    /// The first version of its trust root, signed with that key.
    pub root: SignedRoot,
}

impl NewProject {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_description(&self.description)?;
        self.settings.check("/settings")
    }
}

impl Settings {
    /// Whether they can be meant; `pointer` is where they stand. Whether overlays are there is known when a spec is
    /// compiled.
    pub(super) fn check(&self, pointer: &str) -> Result<(), Error> {
        let mut faults = Vec::new();
        faults.extend(upstream_fault(self.upstream.as_deref(), format!("{pointer}/upstream")));
        if self.environments.len() > ENVIRONMENTS_MAX {
            let message = format!("{} environments; at most {ENVIRONMENTS_MAX}", self.environments.len());
            faults.push(Fault { pointer: format!("{pointer}/environments"), message });
        }
        for (name, environment) in &self.environments {
            let own = format!("{pointer}/environments/{name}");
            faults.extend(upstream_fault(environment.upstream.as_deref(), format!("{own}/upstream")));
            if environment.overlays.len() > OVERLAYS_MAX {
                let message = format!("{} overlays; at most {OVERLAYS_MAX}", environment.overlays.len());
                faults.push(Fault { pointer: format!("{own}/overlays"), message });
            }
            if environment.overlays.iter().any(|path| path.chars().any(char::is_control)) {
                let message = "a path has a control character, and no file has".to_owned();
                faults.push(Fault { pointer: format!("{own}/overlays"), message });
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
    }
}

/// The compiler says what else is wrong with an upstream; here it is kept from holding anything but a URL.
fn upstream_fault(upstream: Option<&str>, pointer: String) -> Option<Fault> {
    let upstream = upstream?;
    let is_plain = upstream.len() <= UPSTREAM_MAX_BYTES && !upstream.chars().any(char::is_control);
    if is_plain && (upstream.starts_with("http://") || upstream.starts_with("https://")) {
        return None;
    }
    let message = format!("give an absolute URL, http:// or https://, of at most {UPSTREAM_MAX_BYTES} bytes");
    Some(Fault { pointer, message })
}
