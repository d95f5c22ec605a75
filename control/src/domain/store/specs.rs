//! Specs and their revisions.

use async_trait::async_trait;

use super::{Edit, Result};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::id::{ProjectId, RevisionId, SpecId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::spec::{NewRevision, NewSpec, Revised, Revision, Spec, SpecUpdate};
use crate::upload::Document;

/// Specs and their revisions. A document is kept once per team, however many revisions have it, and goes with the last
/// of them.
#[async_trait]
pub trait Specs: Send + Sync {
    /// Makes one, with its first revision.
    async fn create_spec(&self, act: &Act, reach: Reach, new: NewSpec) -> Result<Spec>;
    /// One of them.
    async fn spec(&self, reach: Reach, id: SpecId) -> Result<Spec>;
    /// Those of a project, newest first.
    async fn specs(&self, reach: Reach, project: ProjectId, page: &PageRequest) -> Result<Page<Spec>>;
    /// Changes what one is called.
    async fn update_spec(&self, act: &Act, at: Edit<SpecId>, update: SpecUpdate) -> Result<Spec>;
    /// Deletes one, with its revisions and builds.
    async fn delete_spec(&self, act: &Act, at: Edit<SpecId>) -> Result<()>;
    /// Gives one a new revision, unless it says the same as its head: the same files and entries.
    async fn revise_spec(&self, act: &Act, at: Edit<SpecId>, new: NewRevision) -> Result<Revised>;
    /// A spec's revisions, newest first, without their files.
    async fn revisions(&self, reach: Reach, spec: SpecId, page: &PageRequest) -> Result<Page<Revision>>;
    /// One of them, with its files.
    async fn revision(&self, reach: Reach, spec: SpecId, number: i64) -> Result<Revision>;
    /// A file of a revision, with its content.
    async fn document(&self, reach: Reach, revision: RevisionId, path: &str) -> Result<Document>;
    /// Every file of a revision, with its content, by path: at most [`TOTAL_BYTES_MAX`](crate::upload::TOTAL_BYTES_MAX)
    /// bytes.
    async fn documents(&self, reach: Reach, revision: RevisionId) -> Result<Vec<Document>>;
}
