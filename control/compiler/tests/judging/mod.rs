//! Judges instances by lowered schemas.

use std::collections::BTreeSet;

use artifact_format::model::{Artifact, Schema, SchemaId};
use jsonschema::{Draft, Registry};
use serde_json::{Value, json};

/// The schema and all that it refers to, in the end.
fn closure(artifact: &Artifact, root: SchemaId) -> BTreeSet<SchemaId> {
    let mut reached = BTreeSet::from([root]);
    let mut pending = vec![root];
    while let Some(id) = pending.pop() {
        pending.extend(artifact.schemas.schemas[id.index()].references.iter().filter(|next| reached.insert(**next)));
    }
    reached
}

/// Judges instances by a lowered schema, as a data plane does: the closure, and nothing else of the document.
pub(crate) fn verdicts<'i>(
    artifact: &Artifact,
    root: SchemaId,
    instances: impl Iterator<Item = &'i Value>,
) -> Vec<bool> {
    let uri = |id: SchemaId| format!("{}{}", Schema::REFERENCE_PREFIX, id.0);
    let schemas = closure(artifact, root).into_iter().map(|id| {
        let schema: Value = serde_json::from_str(&artifact.schemas.schemas[id.index()].json).unwrap();
        (uri(id), schema)
    });
    let registry = Registry::new().draft(Draft::Draft202012).extend(schemas).unwrap().prepare().unwrap();
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_registry(&registry)
        .offline()
        .build(&json!({ "$ref": uri(root) }))
        .unwrap();
    instances.map(|instance| validator.is_valid(instance)).collect()
}
