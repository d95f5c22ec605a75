//! One side of an operation's contract while it is read: its requests, or its responses.

use artifact_format::model::SchemaId;

use super::holder::{Holder, Written};
use crate::diagnostic::Sink;
use crate::document::Node;
use crate::schema::{Collector, Purpose};

/// Where what is read goes, and what schemas are read for.
pub(super) struct Side<'s, 'd> {
    pub(super) schemas: &'s mut Collector<'d>,
    pub(super) purpose: Purpose,
    pub(super) holders: &'s mut Vec<Holder<'d>>,
    pub(super) sink: &'s mut Sink,
}

impl<'d> Side<'_, 'd> {
    /// The schema that `holder` has in a field.
    pub(super) fn schema(&mut self, holder: &Node<'d>, field: &str) -> Option<SchemaId> {
        self.schemas.schema(&holder.get(field)?, self.purpose, self.sink)
    }

    /// The `schema` of an object whose values are written so.
    pub(super) fn held(&mut self, node: &Node<'d>, written: Written) -> Option<SchemaId> {
        let schema = self.schema(node, "schema")?;
        self.holders.push(Holder { node: node.clone(), purpose: self.purpose, schema, written });
        Some(schema)
    }
}
