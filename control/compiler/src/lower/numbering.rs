//! Tables whose rows are numbered by first use, and final ids for provisional ones.

use std::collections::HashMap;
use std::hash::Hash;

use artifact_format::model::{Header, MediaType, Operation, Parameter, ParameterEncoding, SchemaId};

use crate::schema::Table;

/// Distinct values, numbered by first use.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    /// The number of a value.
    pub(super) fn number(&mut self, value: T) -> u32 {
        if let Some(known) = self.numbers.get(&value) {
            return *known;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = T> {
        self.values.into_iter()
    }
}

/// Puts final schema ids in the place of provisional ones.
pub(super) fn renumber(operation: &mut Operation, table: &Table) {
    let mut ids: Vec<&mut Option<SchemaId>> = Vec::new();
    ids.extend(operation.parameters.iter_mut().map(parameter_schema));
    let body = operation.request_body.iter_mut().flat_map(|body| &mut body.content);
    ids.extend(body.flat_map(media_type_schemas));
    for response in &mut operation.responses {
        ids.extend(response.headers.iter_mut().map(header_schema));
        ids.extend(response.content.iter_mut().flat_map(media_type_schemas));
    }
    ids.into_iter().flatten().for_each(|id| *id = table.id(*id));
}

fn parameter_schema(parameter: &mut Parameter) -> &mut Option<SchemaId> {
    match &mut parameter.encoding {
        ParameterEncoding::Style { schema, .. } | ParameterEncoding::Content { schema, .. } => schema,
    }
}

fn media_type_schemas(media_type: &mut MediaType) -> impl Iterator<Item = &mut Option<SchemaId>> {
    let headers = media_type.encoding.iter_mut().flat_map(|encoding| &mut encoding.headers).map(header_schema);
    [&mut media_type.schema, &mut media_type.item_schema].into_iter().chain(headers)
}

fn header_schema(header: &mut Header) -> &mut Option<SchemaId> {
    &mut header.schema
}
