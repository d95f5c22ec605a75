//! From the artifact's table of schemas to validators.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use artifact_format::model::{Patterns, Schema, SchemaId, Schemas};
use jsonschema::{Draft, PatternOptions, Registry};
use thiserror::Error;

use super::discriminators::Discriminators;
use super::entanglement;
use super::explain::Explainer;
use super::format;
use crate::json::{Budget, Judged, Value};
use crate::{Place, Report};

/// A JSON Schema 2020-12, ready to judge.
#[derive(Debug)]
pub struct Validator {
    inner: jsonschema::Validator<Judged>,
    discriminators: Arc<Discriminators>,
}

/// The validators of an artifact, each built once.
#[derive(Debug, Default)]
pub struct Validators {
    built: HashMap<SchemaId, Arc<Validator>>,
}

/// Why a schema cannot be enforced.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("schema {} cannot be enforced: {message}", schema.0)]
pub struct BuildError {
    /// The schema at which building began.
    pub schema: SchemaId,
    /// Why, in the words of the validator.
    pub message: String,
}

impl Validators {
    /// Builds a validator for each of `roots`, on `threads` threads.
    ///
    /// # Errors
    /// Every schema that cannot be built, in the order of `roots`.
    pub fn build(
        schemas: &Schemas,
        roots: &[SchemaId],
        (patterns, threads): (Patterns, NonZeroUsize),
    ) -> Result<Self, Vec<BuildError>> {
        let texts = Texts::parse(schemas, roots)?;
        entanglement::check(schemas, roots)?;
        let next = AtomicUsize::new(0);
        let work = || {
            let mut built = Vec::new();
            while let Some(root) = roots.get(next.fetch_add(1, Ordering::Relaxed)) {
                built.push((*root, texts.build(*root, patterns)));
            }
            built
        };
        let results = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads.get().min(roots.len().max(1))).map(|_| scope.spawn(work)).collect();
            let mut results = work();
            // A thread that panicked has built nothing, and what is missing is an error below.
            results.extend(others.into_iter().filter_map(|other| other.join().ok()).flatten());
            results
        });
        let mut built = HashMap::with_capacity(roots.len());
        let mut errors = Vec::new();
        for (root, result) in results {
            match result {
                Ok(validator) => drop(built.insert(root, Arc::new(validator))),
                Err(error) => errors.push(error),
            }
        }
        let is_missing =
            |root: &&SchemaId| !built.contains_key(root) && !errors.iter().any(|error| error.schema == **root);
        let missing: Vec<BuildError> =
            roots.iter().filter(is_missing).map(|root| BuildError::new(*root, "building it failed")).collect();
        errors.extend(missing);
        errors.sort_by_key(|error| roots.iter().position(|root| *root == error.schema));
        if errors.is_empty() { Ok(Self { built }) } else { Err(errors) }
    }

    /// The validator of a schema that was among the roots.
    pub fn get(&self, schema: SchemaId) -> Option<&Arc<Validator>> {
        self.built.get(&schema)
    }
}

impl BuildError {
    pub(super) fn new(schema: SchemaId, message: impl Into<String>) -> Self {
        Self { schema, message: message.into() }
    }
}

impl Validator {
    /// Whether a value is what the schema wants.
    pub fn is_valid(&self, value: Value<'_>) -> bool {
        self.inner.is_valid(value)
    }

    /// Where a value that is not valid breaks the schema, as JSON pointers.
    ///
    /// None where that would be too much to list.
    pub fn faults(&self, value: Value<'_>) -> Vec<String> {
        let budget = Budget::of(value.size());
        let errors = self.inner.iter_errors(value.within(&budget));
        let faults = errors.map(|error| error.instance_path().as_str().to_owned()).collect();
        if budget.is_spent() { Vec::new() } else { faults }
    }

    /// Says what is wrong with a value that is not valid, which begins at `place`.
    pub fn explain(&self, value: Value<'_>, place: &Place, report: &mut Report) {
        Explainer { value, discriminators: &self.discriminators, place }.explain(&self.inner, report);
    }
}

/// The schemas that are needed, parsed.
struct Texts<'a> {
    schemas: &'a Schemas,
    parsed: HashMap<SchemaId, serde_json::Value>,
    discriminators: Arc<Discriminators>,
}

impl<'a> Texts<'a> {
    fn parse(schemas: &'a Schemas, roots: &[SchemaId]) -> Result<Self, Vec<BuildError>> {
        let mut parsed = HashMap::new();
        let mut errors = Vec::new();
        let mut pending: Vec<SchemaId> = roots.to_vec();
        while let Some(id) = pending.pop() {
            if parsed.contains_key(&id) {
                continue;
            }
            let Some(schema) = schemas.schemas.get(id.index()) else {
                errors.push(BuildError::new(id, "it is not in the artifact"));
                continue;
            };
            match serde_json::from_str(&schema.json) {
                Ok(value) => drop(parsed.insert(id, value)),
                Err(error) => errors.push(BuildError::new(id, error.to_string())),
            }
            pending.extend(&schema.references);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let discriminators = Arc::new(Discriminators::of(parsed.iter().map(|(id, schema)| (*id, schema))));
        Ok(Self { schemas, parsed, discriminators })
    }

    /// Every schema that `root` needs, itself included.
    fn closure(&self, root: SchemaId) -> Vec<SchemaId> {
        let mut reached = vec![root];
        let mut next = 0;
        while let Some(id) = reached.get(next) {
            next += 1;
            for reference in &self.schemas.schemas[id.index()].references {
                if !reached.contains(reference) {
                    reached.push(*reference);
                }
            }
        }
        reached
    }

    fn build(&self, root: SchemaId, patterns: Patterns) -> Result<Validator, BuildError> {
        let failed = |error: &dyn std::fmt::Display| BuildError::new(root, error.to_string());
        let closure = self.closure(root);
        let options = format::register(jsonschema::options_for::<Judged>())
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .offline();
        let options = match patterns {
            Patterns::Linear => options.with_pattern_options(PatternOptions::regex()),
            Patterns::Backtracking => {
                options.with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS_MAX))
            }
        };
        let inner = if closure.len() == 1 && self.schemas.schemas[root.index()].references.is_empty() {
            options.build(&self.parsed[&root])
        } else {
            let documents = closure.into_iter().map(|id| (Schema::reference(id), &self.parsed[&id]));
            let registry = Registry::new().draft(Draft::Draft202012).extend(documents);
            let registry = registry.and_then(jsonschema::RegistryBuilder::prepare).map_err(|error| failed(&error))?;
            options.with_registry(&registry).build(&serde_json::json!({ "$ref": Schema::reference(root) }))
        };
        let inner = inner.map_err(|error| failed(&error))?;
        Ok(Validator { inner, discriminators: self.discriminators.clone() })
    }
}

/// How often a backtracking expression may go back on one text.
const BACKTRACKS_MAX: usize = 100_000;
