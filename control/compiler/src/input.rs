//! What goes into a compilation.

use artifact_format::model::Provenance;

use crate::document::Files;

/// Everything a compilation looks at: the same input gives the same output.
pub struct Input<'f> {
    /// The OpenAPI documents, by path; see [`Files`] for what a path is.
    pub specs: Vec<String>,
    /// OpenAPI Overlays, by path, applied in this order to every document.
    pub overlays: Vec<String>,
    /// What no reference may leave.
    pub fence: Fence,
    /// Where files come from.
    pub files: &'f dyn Files,
    /// What the caller chose.
    pub options: Options,
}

/// What no reference may leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fence {
    /// The folder that holds every document.
    #[default]
    Documents,
    /// Everything that [`Files`] has.
    Files,
}

/// What the caller chose.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The project's name.
    pub project: String,
    /// An absolute URL that takes every operation's requests, whatever the documents say.
    pub upstream: Option<String>,
    /// What becomes of security requirements.
    pub security: SecurityMode,
    /// Where the documents come from.
    pub provenance: Provenance,
    /// Where whoever reads the diagnostics sets all this.
    pub settings: Settings,
}

/// Where the options of a compilation are set, so that a hint names what its reader can set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Settings {
    /// By options of a command.
    #[default]
    CommandLine,
    /// By the settings of a project on a server.
    Project,
}

impl Settings {
    /// An option with a value, as it is set: `` `--security off` ``.
    pub(crate) fn with(self, option: &str, value: &str) -> String {
        match self {
            Self::CommandLine => format!("`--{option} {value}`"),
            Self::Project => format!("`{option}: {value}` in the project's settings"),
        }
    }

    /// An option, where it stands for a place.
    pub(crate) fn place(self, option: &str) -> String {
        match self {
            Self::CommandLine => format!("--{option}"),
            Self::Project => format!("project settings: {option}"),
        }
    }
}

/// What becomes of security requirements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecurityMode {
    /// Every scheme in use must say how a credential is verified.
    #[default]
    Enforce,
    /// A credential must be there; nobody verifies it.
    Presence,
    /// Nothing is asked for.
    Off,
}
