//! Every contract is one that a gateway can enforce: what requests are judged by is made here as the gateway makes it.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use artifact_format::model::{Operation, Schema, SchemaId, Schemas};
use contract::OperationContract;
use contract::schema::{BuildError, Validators};
use contract::shape::Shapes;

use crate::diagnostic::{Code, Sink};
use crate::lower::Lowered;

/// Builds the validator of every schema that an operation has, and makes every operation's contract; reports what
/// cannot be made.
///
/// Only what compiled so far is looked at: a schema with a fault is not what its author meant.
pub(crate) fn check(lowered: &Lowered<'_>, sink: &mut Sink) {
    if sink.has_errors() {
        return;
    }
    let schemas = &lowered.artifact.schemas;
    let operations = &lowered.artifact.routes.operations;
    let roots: BTreeSet<SchemaId> = operations.iter().flat_map(Operation::schemas).collect();
    let roots: Vec<SchemaId> = roots.into_iter().collect();
    match build(schemas, &roots) {
        Ok(validators) => check_operations(lowered, &validators, sink),
        Err(errors) => {
            for BuildError { schema, message } in culprits(schemas, errors) {
                let Some(node) = lowered.schemas.get(schema.index()) else { continue };
                sink.error(Code::Unenforceable, node, format!("no gateway can enforce this schema: {message}"));
            }
        }
    }
}

fn check_operations(lowered: &Lowered<'_>, validators: &Validators, sink: &mut Sink) {
    let artifact = &lowered.artifact;
    let mut shapes = Shapes::new(&artifact.schemas);
    for (operation, place) in artifact.routes.operations.iter().zip(&lowered.places) {
        let validation = &artifact.policies.sets[operation.policy.index()].validation;
        // Whose credentials stand in the query has no say in whether there is a contract.
        if let Err(error) = OperationContract::new(operation, (validation, &[]), (&mut shapes, validators)) {
            sink.error(Code::Unenforceable, place.clone(), format!("no gateway can enforce this operation: {error}"));
        }
    }
}

/// A validator for each of `roots`.
pub(crate) fn build(schemas: &Schemas, roots: &[SchemaId]) -> Result<Validators, Vec<BuildError>> {
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Validators::build(schemas, roots, (schemas.patterns, threads))
}

/// The schemas to blame: those that cannot be built even where all that they refer to accepts everything. Where there
/// is none, those that were to be built.
fn culprits(schemas: &Schemas, errors: Vec<BuildError>) -> Vec<BuildError> {
    let mut reached: BTreeSet<SchemaId> = errors.iter().map(|error| error.schema).collect();
    let mut pending: Vec<SchemaId> = reached.iter().copied().collect();
    while let Some(id) = pending.pop() {
        pending.extend(schemas.schemas[id.index()].references.iter().filter(|next| reached.insert(**next)));
    }
    let stub = |schema: &Schema| Schema { json: "true".to_owned(), references: schema.references.clone() };
    let mut stubs = Schemas { schemas: schemas.schemas.iter().map(stub).collect(), patterns: schemas.patterns };
    let mut alone = |id: SchemaId| {
        stubs.schemas[id.index()].json.clone_from(&schemas.schemas[id.index()].json);
        let built = build(&stubs, &[id]);
        "true".clone_into(&mut stubs.schemas[id.index()].json);
        built.err()
    };
    let found: Vec<BuildError> = reached.into_iter().filter_map(&mut alone).flatten().collect();
    if found.is_empty() { errors } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Schemas as JSON, and the errors of building those at `roots`: who is to blame?
    fn check(texts: &[&str], roots: &[u32], expected: &[u32]) {
        let references = |text: &str| -> Vec<SchemaId> {
            let parts = text.split(Schema::REFERENCE_PREFIX).skip(1);
            parts.map(|part| SchemaId(part.split('"').next().unwrap().parse().unwrap())).collect()
        };
        let schema = |text: &&str| Schema { json: (*text).to_owned(), references: references(text) };
        let schemas = Schemas { schemas: texts.iter().map(schema).collect(), ..Schemas::default() };
        let roots: Vec<SchemaId> = roots.iter().map(|id| SchemaId(*id)).collect();
        let errors = build(&schemas, &roots).map(drop).err().unwrap_or_default();
        let blamed: Vec<u32> = culprits(&schemas, errors).into_iter().map(|error| error.schema.0).collect();
        assert_eq!(blamed, expected, "{texts:?}");
    }

    #[test]
    fn the_schema_itself_is_blamed_and_not_who_refers_to_it() {
        let to = |id: u32| format!(r#"{{"items":{{"$ref":"portcullis:schema/{id}"}}}}"#);
        let wrong = r#"{"type":"nothing"}"#;
        check(&["true", &to(0)], &[0, 1], &[]);
        check(&[wrong], &[0], &[0]);
        check(&[wrong, &to(0), &to(1)], &[1, 2], &[0]);
        check(&[&to(1), &to(2), wrong, &to(4), wrong], &[0, 3], &[2, 4]);
    }
}
