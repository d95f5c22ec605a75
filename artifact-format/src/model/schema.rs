//! JSON Schemas.

use serde::{Deserialize, Serialize};

use super::SchemaId;

/// The SCHEMAS section: every distinct schema once, each free of annotations that cannot change a verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schemas {
    /// The schemas; a schema's id is its position.
    pub schemas: Vec<Schema>,
    /// What their regular expressions need.
    pub patterns: Patterns,
}

/// What regular expressions may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Patterns {
    /// What can be matched in time linear in the text.
    #[default]
    Linear,
    /// Look-around and back-references, too, with a bound on how far they may go back.
    Backtracking,
}

/// One JSON Schema 2020-12 document.
///
/// A reference to another schema of the table is written `{"$ref": "portcullis:schema/N"}`, N being its id in
/// decimal; every such id is in `references`. So a validator of schema R is built over R and what is reachable
/// from it, and over nothing else of the document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schema {
    /// The schema as compact JSON.
    pub json: String,
    /// The schemas it refers to directly, in ascending order, each once.
    pub references: Vec<SchemaId>,
}

impl Schema {
    /// What a reference to another schema of the table starts with.
    pub const REFERENCE_PREFIX: &'static str = "portcullis:schema/";

    /// A reference to a schema of the table.
    pub fn reference(id: SchemaId) -> String {
        format!("{}{}", Self::REFERENCE_PREFIX, id.0)
    }

    /// The schema that a reference leads to; `None` where that is none of a table.
    pub fn referred(reference: &str) -> Option<SchemaId> {
        reference.strip_prefix(Self::REFERENCE_PREFIX)?.parse().ok().map(SchemaId)
    }
}
