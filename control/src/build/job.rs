//! What a build is told.

use std::io::Read;

use artifact_format::model::Provenance;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::frame;
use crate::compilation::Security;

/// Everything a build looks at: the same job gives the same outcome.
///
/// It travels as a frame of JSON, which has all but the contents, and a frame for each content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Every file there is: `$ref` finds no other.
    pub documents: Vec<Document>,
    /// The paths of the `OpenAPI` documents among them.
    pub entries: Vec<String>,
    /// The paths of the `OpenAPI` Overlays among them, applied in this order to every document.
    pub overlays: Vec<String>,
    /// What the project says.
    pub options: Options,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Relative, `/`-separated and normalised.
    pub path: String,
    /// The content.
    #[serde(skip)]
    pub bytes: Bytes,
}

/// What the project says: the flags of `compile`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The project's name.
    pub project: String,
    /// An absolute URL that takes every operation's requests, whatever the documents say.
    pub upstream: Option<String>,
    /// What becomes of security requirements.
    pub security: Security,
    /// What the artifact says of its origin.
    pub provenance: Provenance,
}

impl Job {
    /// How much the documents are, in bytes.
    pub fn bytes(&self) -> usize {
        self.documents.iter().map(|document| document.bytes.len()).sum()
    }

    /// The contents of its frames.
    pub(super) fn frames(&self) -> Result<Vec<Bytes>, frame::Error> {
        let head = Bytes::from(serde_json::to_vec(self)?);
        Ok(std::iter::once(head).chain(self.documents.iter().map(|document| document.bytes.clone())).collect())
    }

    /// Reads what [`Self::frames`] wrote.
    pub(super) fn read(stream: &mut impl Read) -> Result<Self, frame::Error> {
        let mut job: Self = serde_json::from_slice(&frame::read(stream)?)?;
        for document in &mut job.documents {
            document.bytes = frame::read(stream)?.into();
        }
        Ok(job)
    }
}
