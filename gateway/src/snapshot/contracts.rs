//! What every operation is judged by, built off the request threads and on every core.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use artifact_format::model::{ApiKeyLocation, Artifact, Operation, SchemaId, SchemeKind, Validation};
use contract::schema::{BuildError as SchemaError, Validators};
use contract::shape::Shapes;
use contract::{ContractError, OperationContract};

use super::BuildError;

/// One for each of the artifact's operations.
pub(super) fn contracts(artifact: &Artifact) -> Result<Vec<Arc<OperationContract>>, BuildError> {
    let operations = &artifact.routes.operations;
    let mut roots: Vec<SchemaId> = operations
        .iter()
        .flat_map(|operation| OperationContract::schemas(operation, validation(artifact, operation)))
        .collect();
    roots.sort_unstable();
    roots.dedup();
    let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let validators = Validators::build(&artifact.schemas, &roots, (artifact.schemas.patterns, threads))
        .map_err(|errors| schema_error(artifact, errors))?;
    let mut shapes = Shapes::new(&artifact.schemas);
    operations.iter().map(|operation| contract(artifact, operation, (&mut shapes, &validators))).collect()
}

fn contract(
    artifact: &Artifact,
    operation: &Operation,
    (shapes, validators): (&mut Shapes<'_>, &Validators),
) -> Result<Arc<OperationContract>, BuildError> {
    let options = (validation(artifact, operation), &*credentials(artifact, operation));
    OperationContract::new(operation, options, (shapes, validators))
        .map(Arc::new)
        .map_err(|source| BuildError::Contract { operation: operation.id.clone(), source })
}

fn validation<'a>(artifact: &'a Artifact, operation: &Operation) -> &'a Validation {
    &artifact.policies.sets[operation.policy.index()].validation
}

/// The query parameters that an operation's security schemes take: known, although no parameter declares them.
fn credentials<'a>(artifact: &'a Artifact, operation: &Operation) -> Vec<&'a str> {
    let schemes = operation.security.alternatives.iter().flatten();
    schemes
        .filter_map(|requirement| match &artifact.policies.schemes[requirement.scheme.index()].kind {
            SchemeKind::ApiKey { location: ApiKeyLocation::Query, name } => Some(name.as_str()),
            _ => None,
        })
        .collect()
}

/// The first operation that needs a schema which cannot be built.
fn schema_error(artifact: &Artifact, errors: Vec<SchemaError>) -> BuildError {
    let needs = |operation: &&Operation, schema: SchemaId| {
        OperationContract::schemas(operation, validation(artifact, operation)).contains(&schema)
    };
    let first = errors.into_iter().next().unwrap_or(SchemaError { schema: SchemaId(0), message: String::new() });
    let operation = artifact.routes.operations.iter().find(|operation| needs(operation, first.schema));
    let operation = operation.map_or_else(String::new, |operation| operation.id.clone());
    BuildError::Contract { operation, source: ContractError::Schema(first) }
}
