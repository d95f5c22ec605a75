//! Where an artifact came from.

use serde::{Deserialize, Serialize};

/// The SPECS section: the documents as they were read, so that an artifact explains itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Specs {
    /// The documents, each path once.
    pub specs: Vec<Spec>,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Its path relative to the folder that was compiled, with `/`; never absolute, never with `..`.
    pub path: String,
    /// What it is for.
    pub role: SpecRole,
    /// How it is written.
    pub format: SpecFormat,
    /// The text, byte for byte.
    pub text: String,
}

/// What a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpecRole {
    /// An API description.
    Entry,
    /// Reached by `$ref`.
    Referenced,
    /// An OpenAPI Overlay.
    Overlay,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpecFormat {
    /// JSON (RFC 8259).
    Json,
    /// YAML 1.2.
    Yaml,
}

/// Who built an artifact, from what, and when. Nothing of it comes from the wall clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The commit of the sources.
    pub commit: Option<String>,
    /// Free text: a repository, a pipeline.
    pub source: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z: `SOURCE_DATE_EPOCH` or the commit's date.
    pub built_at: Option<u64>,
}
