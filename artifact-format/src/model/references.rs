//! Proof that every index of the model points at something.

use thiserror::Error;

use super::{Artifact, Header, MediaType, Operation, Parameter, ParameterEncoding, SchemaId};

/// An index that points past the end of its table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{holder} refers to {table} {index}, of which there are {count}")]
pub struct DanglingReference {
    /// What holds the index.
    pub holder: String,
    /// The table.
    pub table: &'static str,
    /// The index.
    pub index: usize,
    /// How long the table is.
    pub count: usize,
}

impl Artifact {
    /// Checks every index once, so that nobody who holds a checked artifact has to.
    ///
    /// # Errors
    /// The first index that points past the end of its table.
    pub fn check_references(&self) -> Result<(), DanglingReference> {
        for schema in &self.schemas.schemas {
            schema.references.iter().try_for_each(|id| self.check_schema(&"a schema", *id))?;
        }
        self.routes.operations.iter().try_for_each(|operation| self.check_operation(operation))
    }

    fn check_operation(&self, operation: &Operation) -> Result<(), DanglingReference> {
        let holder = || format!("operation `{}`", operation.id);
        check(holder, "API", operation.api.index(), self.routes.apis.len())?;
        check(holder, "policy set", operation.policy.index(), self.policies.sets.len())?;
        for listener in &operation.listeners {
            check(holder, "listener", listener.index(), self.routes.listeners.len())?;
        }
        if let Some(binding) = &operation.upstream {
            check(holder, "upstream", binding.upstream.index(), self.upstreams.upstreams.len())?;
        }
        for requirement in operation.security.alternatives.iter().flatten() {
            check(holder, "security scheme", requirement.scheme.index(), self.policies.schemes.len())?;
        }
        operation.schemas().try_for_each(|id| self.check_schema(&holder(), id))
    }

    fn check_schema(&self, holder: &dyn std::fmt::Display, id: SchemaId) -> Result<(), DanglingReference> {
        check(|| holder.to_string(), "schema", id.index(), self.schemas.schemas.len())
    }
}

impl Operation {
    /// Every schema the operation refers to directly.
    pub fn schemas(&self) -> impl Iterator<Item = SchemaId> {
        let body = self.request_body.iter().flat_map(|body| &body.content);
        let responses = self.responses.iter();
        let headers = responses.clone().flat_map(|response| &response.headers).filter_map(|header| header.schema);
        let content = body.chain(responses.flat_map(|response| &response.content)).flat_map(MediaType::schemas);
        self.parameters.iter().filter_map(Parameter::schema).chain(content).chain(headers)
    }
}

impl Parameter {
    /// The schema of its value.
    pub fn schema(&self) -> Option<SchemaId> {
        match &self.encoding {
            ParameterEncoding::Style { schema, .. } | ParameterEncoding::Content { schema, .. } => *schema,
        }
    }
}

impl MediaType {
    /// Every schema the entry refers to directly.
    pub fn schemas(&self) -> impl Iterator<Item = SchemaId> {
        let headers = self.encoding.iter().flat_map(|encoding| &encoding.headers);
        self.schema.into_iter().chain(self.item_schema).chain(headers.filter_map(|header: &Header| header.schema))
    }
}

fn check(
    holder: impl Fn() -> String,
    table: &'static str,
    index: usize,
    count: usize,
) -> Result<(), DanglingReference> {
    if index < count { Ok(()) } else { Err(DanglingReference { holder: holder(), table, index, count }) }
}
