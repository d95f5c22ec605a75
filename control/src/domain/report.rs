//! What is wrong with documents, as data: what `validate --format json` prints.

use serde::{Deserialize, Serialize};

/// What is wrong with documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// By file and place; errors before warnings where there are more than are reported.
    pub diagnostics: Vec<Diagnostic>,
    /// How many errors were found.
    pub errors: usize,
    /// How many warnings were found.
    pub warnings: usize,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Diagnostic {
    /// As in `PC1003`.
    pub code: String,
    /// What kind of fault, in a few words.
    pub title: String,
    /// Whether it prevents an artifact.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What to do about it.
    pub hint: Option<String>,
    /// Other places that belong to the fault.
    pub related: Vec<Related>,
    /// The page about the code, within the project's documentation.
    pub docs: String,
}

/// Whether a fault prevents an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DiagnosticSeverity)]
pub enum Severity {
    /// It does.
    Error,
    /// It touches no request.
    Warning,
}

/// A place in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The path of the file.
    pub file: String,
    /// A JSON Pointer (RFC 6901); `null` where the text is at fault.
    pub pointer: Option<String>,
    /// From 1; `null` where the file could not be read.
    pub line: Option<u32>,
    /// From 1, in Unicode scalar values.
    pub column: Option<u32>,
}

/// A place that belongs to a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What it has to do with the fault.
    pub message: String,
}
