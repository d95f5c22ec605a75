//! Specs: the documents of an API, and what they said at every time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use super::error::Error;
use super::id::{ProjectId, RevisionId, SpecId, TeamId};
use super::name::{self, NAME_MAX_BYTES, Name};
use super::version::Version;
use crate::upload::{Document, Documents};

/// The longest message of a revision, in bytes.
pub const MESSAGE_MAX_BYTES: usize = 4096;

/// An API's documents, with their history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Spec {
    /// Its id.
    pub id: SpecId,
    /// Who owns it.
    pub team: TeamId,
    /// What it is part of.
    pub project: ProjectId,
    /// Unique in its project.
    pub name: Name,
    /// For people.
    pub description: String,
    /// What it says now.
    pub head: Revision,
    /// Its state, which is its `ETag`. A new revision is a new state.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a spec said at some time. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Revision {
    /// Its id.
    pub id: RevisionId,
    /// What it is a state of.
    pub spec: SpecId,
    /// Counts the spec's revisions, from 1.
    pub number: i64,
    /// SHA-256 over the paths and contents of its files: the same files have the same digest.
    pub digest: Digest,
    /// The paths of the documents where the API begins.
    pub entries: Vec<String>,
    /// Why it was made, in its author's words.
    pub message: String,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its files, by path: where one revision is asked for, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<File>>,
    /// The paths of uploaded files that are no documents and were not kept: in the answer to the upload only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// A file of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct File {
    /// Its path among the files, `/`-separated.
    pub path: String,
    /// Its length in bytes.
    pub size: i64,
    /// Of its content.
    pub sha256: Digest,
}

/// A spec to be made, with its first revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSpec {
    /// What it will be part of.
    pub project: ProjectId,
    /// Unique in the project.
    pub name: Name,
    /// For people.
    pub description: String,
    /// What it will say.
    pub revision: NewRevision,
}

/// A revision to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRevision {
    /// What was uploaded.
    pub documents: Documents,
    /// Why.
    pub message: String,
}

/// What became of an upload to a spec that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revised {
    /// It is the new head; the spec is in this state now.
    New(Version, Revision),
    /// It is what the head says already.
    Same(Version, Revision),
}

/// What becomes of a spec; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpecUpdate {
    /// Another name.
    pub name: Option<Name>,
    /// Another description.
    pub description: Option<String>,
}

impl NewSpec {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_description(&self.description)?;
        self.revision.check()
    }
}

impl SpecUpdate {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        self.description.as_deref().map_or(Ok(()), name::check_description)
    }
}

impl NewRevision {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_text("/message", &self.message, MESSAGE_MAX_BYTES)
    }

    /// Its digest: over each file, in the order of paths, the length of the path in 8 bytes (big endian), the path, and
    /// the SHA-256 of the content.
    pub fn digest(&self) -> Digest {
        let mut files: Vec<&Document> = self.documents.files.iter().collect();
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let hash = files.into_iter().fold(Sha256::new(), |hash, file| {
            let length = file.path.len() as u64;
            hash.chain_update(length.to_be_bytes()).chain_update(&file.path).chain_update(file.sha256)
        });
        Digest(hash.finalize().into())
    }

    /// Its files.
    pub fn files(&self) -> Vec<File> {
        let file = |document: &Document| File {
            path: document.path.clone(),
            // A file has at most some MiB.
            size: i64::try_from(document.bytes.len()).unwrap_or(i64::MAX),
            sha256: Digest(document.sha256),
        };
        self.documents.files.iter().map(file).collect()
    }
}

/// The name that a title or a file's name comes to: `Pet Store (v2)` is `pet-store-v2`. None where nothing is left.
pub fn name_of(text: &str) -> Option<Name> {
    let mut name = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '_' || (c == '.' && !name.is_empty()) {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(NAME_MAX_BYTES);
    name.trim_matches(['-', '.', '_']).parse().ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn revision(files: &[(&str, u8)]) -> NewRevision {
        let file = |(path, content): &(&str, u8)| Document {
            path: (*path).to_owned(),
            bytes: Bytes::new(),
            sha256: [*content; 32],
        };
        let files = files.iter().map(file).collect();
        NewRevision {
            documents: Documents { entries: Vec::new(), files, left_out: Vec::new() },
            message: String::new(),
        }
    }

    #[test]
    fn a_digest_says_which_paths_have_which_contents() {
        let digest = revision(&[("a", 1), ("b", 2)]).digest();
        assert_eq!(revision(&[("b", 2), ("a", 1)]).digest(), digest);
        for other in [&[("a", 1)][..], &[("a", 2), ("b", 1)], &[("a", 1), ("c", 2)], &[("a", 1), ("b", 2), ("c", 3)]] {
            assert_ne!(revision(other).digest(), digest, "{other:?}");
        }
    }

    #[test]
    fn a_title_becomes_a_name() {
        for (title, name) in [
            ("Pet Store (v2)", Some("pet-store-v2")),
            ("GitHub v3 REST API", Some("github-v3-rest-api")),
            ("Swagger Petstore - OpenAPI 3.1", Some("swagger-petstore-openapi-3.1")),
            ("../../etc/passwd", Some("etc-passwd")),
            ("'; drop table specs; --", Some("drop-table-specs")),
            ("\u{e9}t\u{e9}", Some("t")),
            ("\u{65e5}\u{672c}", None),
            ("", None),
            ("...", None),
        ] {
            assert_eq!(name_of(title).map(String::from).as_deref(), name, "{title}");
        }
        assert_eq!(name_of(&"p".repeat(100)).map(|name| name.as_str().len()), Some(64));
    }
}
