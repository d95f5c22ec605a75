//! Who does something, by which request, from where: what a change is told, so that it writes its audit event itself, in
//! the transaction that makes it.

use std::fmt;
use std::net::IpAddr;

use super::access::{Identity, Principal};

/// Somebody's doing.
#[derive(Debug, Clone)]
pub struct Act {
    /// Who.
    pub actor: Actor,
    /// By which request.
    pub request: Option<String>,
    /// From where.
    pub address: Option<IpAddr>,
}

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Who showed a credential.
    Credential {
        /// Which.
        identity: Identity,
        /// What it is called.
        name: String,
    },
    /// Who runs a command on the server's machine, such as a backup, and shows no credential.
    Operator {
        /// The machine's user.
        user: String,
    },
    /// The control plane itself: a build that ended, an entry that grew too old.
    System,
    /// Nobody who is known: a credential that is missing or wrong.
    Unknown,
}

impl Act {
    /// The control plane's own.
    pub const SYSTEM: Self = Self { actor: Actor::System, request: None, address: None };
}

impl Actor {
    /// What kind of one: `token`, `api-key`, `operator`, `system` or `unknown`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Credential { identity: Identity::Token(_), .. } => "token",
            Self::Credential { identity: Identity::ApiKey { .. }, .. } => "api-key",
            Self::Operator { .. } => "operator",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }

    /// The credential's id.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Credential { identity: Identity::Token(id), .. } => Some(id.to_string()),
            Self::Credential { identity: Identity::ApiKey { id, .. }, .. } => Some(id.to_string()),
            Self::Operator { .. } | Self::System | Self::Unknown => None,
        }
    }

    /// What the credential is called, or who the operator is.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Credential { name, .. } => Some(name),
            Self::Operator { user } => Some(user),
            Self::System | Self::Unknown => None,
        }
    }
}

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        Self::Credential { identity: principal.identity, name: principal.name.clone() }
    }
}

macro_rules! actions {
    ($($(#[$meta:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What was done. Its text is what the audit log says and is never changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {$($(#[$meta])* $name,)+}

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// As the audit log has it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

actions! {
    /// A team was made.
    TeamCreate = "team.create",
    /// A team was changed.
    TeamUpdate = "team.update",
    /// A team was deleted.
    TeamDelete = "team.delete",
    /// A project was made.
    ProjectCreate = "project.create",
    /// A project was changed.
    ProjectUpdate = "project.update",
    /// A project was deleted, with everything in it.
    ProjectDelete = "project.delete",
    /// A spec was made, with its first revision.
    SpecCreate = "spec.create",
    /// A spec's name or description was changed.
    SpecUpdate = "spec.update",
    /// A spec got a new revision.
    SpecRevise = "spec.revise",
    /// A spec was deleted.
    SpecDelete = "spec.delete",
    /// A build was asked for.
    BuildCreate = "build.create",
    /// A build was cancelled.
    BuildCancel = "build.cancel",
    /// A build ended well.
    BuildSucceed = "build.succeed",
    /// A build ended badly.
    BuildFail = "build.fail",
    /// Builds that had ended long ago were removed.
    BuildPrune = "build.prune",
    /// An artifact was uploaded.
    ArtifactPush = "artifact.push",
    /// An artifact was forgotten.
    ArtifactDelete = "artifact.delete",
    /// A data plane was made by hand.
    DataPlaneCreate = "data-plane.create",
    /// A data plane came for the first time, and was made.
    DataPlaneRegister = "data-plane.register",
    /// A data plane was asked to connect anew.
    DataPlaneDisconnect = "data-plane.disconnect",
    /// A data plane was changed.
    DataPlaneUpdate = "data-plane.update",
    /// A data plane was removed.
    DataPlaneDelete = "data-plane.delete",
    /// An API key was made.
    ApiKeyCreate = "api-key.create",
    /// An API key got a new secret.
    ApiKeyRotate = "api-key.rotate",
    /// An API key was revoked.
    ApiKeyRevoke = "api-key.revoke",
    /// A token was made.
    TokenCreate = "token.create",
    /// A token got a new secret.
    TokenRotate = "token.rotate",
    /// A token was revoked.
    TokenRevoke = "token.revoke",
    /// A deployment was asked for.
    DeploymentCreate = "deployment.create",
    /// A deployment was asked for that takes back another.
    DeploymentRollback = "deployment.rollback",
    /// A deployment started.
    DeploymentStart = "deployment.start",
    /// A deployment was told to go no further, or a gate said so.
    DeploymentPause = "deployment.pause",
    /// A deployment was told to go on.
    DeploymentResume = "deployment.resume",
    /// A deployment was let go on, whatever its gates say.
    DeploymentPromote = "deployment.promote",
    /// A deployment was ended by somebody.
    DeploymentAbort = "deployment.abort",
    /// A deployment ended well.
    DeploymentSucceed = "deployment.succeed",
    /// A deployment could not start, or a gate was breached.
    DeploymentFail = "deployment.fail",
    /// Pins were taken away.
    DeploymentUnpin = "deployment.unpin",
    /// A signing key was made.
    SigningKeyCreate = "signing-key.create",
    /// A signing key took over.
    SigningKeyRotate = "signing-key.rotate",
    /// A signing key was retired.
    SigningKeyRetire = "signing-key.retire",
    /// Everything was sealed anew, under another master key.
    MasterKeyReplace = "master-key.replace",
    /// A backup was begun: everything is about to be read.
    BackupTake = "backup.take",
    /// The backup was written, whole.
    BackupFinish = "backup.finish",
    /// A backup was put into this database, when it was empty.
    BackupRestore = "backup.restore",
    /// Events that were too old were removed.
    AuditPrune = "audit.prune",
    /// A request was refused; the event says which, and why.
    RequestRefuse = "request.refuse",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
