//! Everything that a request or response of one operation is judged by.

use artifact_format::model::{Operation, ResponseValidation, SchemaId, StatusPattern, Validation};
use http::{HeaderMap, StatusCode};
use thiserror::Error;

use crate::Report;
use crate::body::{self, Content, Need};
use crate::parameter::{self, Headers, Others, Parameters};
use crate::schema::{BuildError, Validators};
use crate::shape::Shapes;

/// Everything that a request or response of one operation is judged by, made ready when an artifact is loaded.
#[derive(Debug)]
pub struct OperationContract {
    /// Path, query, header fields and cookies.
    pub parameters: Parameters,
    /// The body; `None` where the description says nothing about one, so that any may be sent.
    pub body: Option<BodyContract>,
    /// What may come back; empty where that is not judged.
    responses: Box<[(StatusPattern, Response)]>,
    /// How strictly all this is read.
    pub validation: Validation,
}

/// What may be sent.
#[derive(Debug)]
pub struct BodyContract {
    /// Whether there must be one.
    pub need: Need,
    /// By media type.
    pub content: Content,
}

/// What may come back with a status.
#[derive(Debug)]
pub struct Response {
    headers: Headers,
    /// By media type.
    pub content: Content,
}

/// Why an operation cannot be enforced.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContractError {
    /// A schema.
    #[error(transparent)]
    Schema(#[from] BuildError),
    /// A parameter.
    #[error(transparent)]
    Parameter(#[from] parameter::Error),
    /// A body.
    #[error(transparent)]
    Body(#[from] body::Error),
}

impl OperationContract {
    /// The schemas whose validators it takes to judge an operation.
    pub fn schemas(operation: &Operation, validation: &Validation) -> Vec<SchemaId> {
        let body = operation.request_body.iter().flat_map(|body| body::schemas(&body.content));
        let responses = match validation.responses {
            ResponseValidation::Off => &[],
            ResponseValidation::Report { .. } | ResponseValidation::Enforce => operation.responses.as_slice(),
        };
        let responses = responses.iter().flat_map(|response| {
            body::schemas(&response.content).chain(response.headers.iter().filter_map(|header| header.schema))
        });
        Parameters::schemas(operation).chain(body).chain(responses).collect()
    }

    /// Makes ready to judge an operation. `credentials` are the query parameters that its security schemes take.
    pub fn new(
        operation: &Operation,
        (validation, credentials): (&Validation, &[&str]),
        (shapes, validators): (&mut Shapes<'_>, &Validators),
    ) -> Result<Self, ContractError> {
        let others = Others { unknown: validation.unknown_query, credentials };
        let parameters = Parameters::new(operation, others, shapes, validators)?;
        let body = operation.request_body.as_ref().map(|body| {
            let content = Content::new(&body.content, shapes, validators)?;
            let need = if body.required { Need::Required } else { Need::Optional };
            Ok::<_, ContractError>(BodyContract { need, content })
        });
        let mut response = |response: &artifact_format::model::Response| {
            let headers = Headers::new(&response.headers, shapes, validators)?;
            let content = Content::new(&response.content, shapes, validators)?;
            Ok::<_, ContractError>((response.status, Response { headers, content }))
        };
        let mut responses = match validation.responses {
            ResponseValidation::Off => Vec::new(),
            ResponseValidation::Report { .. } | ResponseValidation::Enforce => {
                operation.responses.iter().map(&mut response).collect::<Result<Vec<_>, _>>()?
            }
        };
        responses.sort_by_key(|(status, _)| *status);
        Ok(Self { parameters, body: body.transpose()?, responses: responses.into(), validation: *validation })
    }

    /// Whether a response that breaks the contract is kept from the client.
    pub fn is_enforced(&self) -> bool {
        self.validation.responses == ResponseValidation::Enforce
    }

    /// What may come back with this status, the most specific key first. `None` where the description is silent,
    /// which it may be: it is not expected to cover every status (OpenAPI 3.2.0 section 4.16).
    pub fn response(&self, status: StatusCode) -> Option<&Response> {
        let is_it = |pattern: StatusPattern| match pattern {
            StatusPattern::Code(code) => code == status.as_u16(),
            StatusPattern::Class(class) => u16::from(class) == status.as_u16() / 100,
            StatusPattern::Default => true,
        };
        self.responses.iter().find(|(pattern, _)| is_it(*pattern)).map(|(_, response)| response)
    }
}

impl Response {
    /// Judges the header fields.
    pub fn judge_headers(&self, headers: &HeaderMap, scratch: &mut parameter::Scratch, report: &mut Report) {
        self.headers.judge(headers, scratch, report);
    }
}
