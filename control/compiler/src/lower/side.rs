//! One side of an operation's contract while it is read: its requests, or its responses.

use artifact_format::model::SchemaId;

use crate::diagnostic::Sink;
use crate::document::Node;
use crate::schema::{Collector, Purpose};

/// Where what is read goes, and what schemas are read for.
pub(super) struct Side<'s, 'd> {
    pub(super) schemas: &'s mut Collector<'d>,
    pub(super) purpose: Purpose,
    pub(super) sink: &'s mut Sink,
}

impl<'d> Side<'_, 'd> {
    /// The schema that `holder` has in a field.
    pub(super) fn schema(&mut self, holder: &Node<'d>, field: &str) -> Option<SchemaId> {
        self.schemas.schema(&holder.get(field)?, self.purpose, self.sink)
    }
}
