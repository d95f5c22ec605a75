//! Judges instances by lowered schemas, as a gateway does: through the crate `contract`.

use std::num::NonZeroUsize;

use artifact_format::model::{Artifact, SchemaId};
use contract::json::{Limits, Tree};
use contract::schema::Validators;
use serde_json::Value;

/// What a schema of the artifact says of each instance.
pub(crate) fn verdicts<'i>(
    artifact: &Artifact,
    root: SchemaId,
    instances: impl Iterator<Item = &'i Value>,
) -> Vec<bool> {
    let schemas = &artifact.schemas;
    let validators = Validators::build(schemas, &[root], (schemas.patterns, NonZeroUsize::MIN)).unwrap();
    let validator = validators.get(root).unwrap();
    let mut tree = Tree::default();
    let verdict = |instance: &Value| {
        let text = instance.to_string();
        validator.is_valid(tree.read(&text, &Limits::DEFAULT).unwrap())
    };
    instances.map(verdict).collect()
}
