//! What the OpenAPI document says of every operation, and no route says itself: its name, its scope, and every refusal
//! that it may answer. Which ones follows from what it takes, so that no route can forget one.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Components, ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

use super::idempotent::KEY_MAX_BYTES;
use super::problem::Code;
use crate::domain::access::Scope;

const IF_MATCH: &str = "If-Match";
const RANGE: &str = "Range";
const JSON: &str = "application/json";
/// An `ETag` of ours, or any.
const STATE: &str = r#"^(\*|"[0-9]{1,18}")$"#;
/// A cursor, of which nobody needs to know more.
const CURSOR: &str = "^[A-Za-z0-9_-]{21}[AQgw]$";
/// An `Idempotency-Key`, with quotes or without.
const KEY: &str = r#"^("[!#-\[\]-~]+"|[!#-\[\]-~]+)$"#;

/// Describes the operations of one route.
pub(super) fn describe_all(paths: &mut Paths, scopes: &[Scope]) {
    for item in paths.paths.values_mut() {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                describe(&method, operation, scopes);
            }
        }
    }
}

/// The refusals, one for each status: operations refer to them.
pub(super) fn add_refusals(components: &mut Components) {
    let statuses: BTreeSet<_> = Code::ALL.iter().map(|code| code.status()).collect();
    for status in statuses {
        components.responses.insert(name(status), refusal(status).into());
    }
}

fn describe(method: &Method, operation: &mut Operation, scopes: &[Scope]) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    let handler = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("{}_{handler}", tag.replace('-', "_")));
    operation.security = Some(security(scopes));
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = status.parse().ok().and_then(|status: u16| StatusCode::from_u16(status).ok());
            status.and_then(|status| status.canonical_reason()).unwrap_or("Done").clone_into(&mut response.description);
        }
    }
    if method == Method::POST {
        operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
    }
    if method != Method::GET {
        parameters(operation).filter(|parameter| parameter.name == IF_MATCH).for_each(state);
    }
    parameters(operation).filter(|parameter| parameter.name == "cursor").for_each(|parameter| {
        parameter.schema = Some(text(CURSOR).into());
    });
    for status in refusals(method, operation, scopes) {
        let refusal = Ref::from_response_name(name(status));
        operation.responses.responses.insert(status.as_u16().to_string(), refusal.into());
    }
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Does it once, however often it is asked for within a day."))
        .schema(Some(text(KEY).max_length(Some(KEY_MAX_BYTES))))
        .build()
}

fn state(parameter: &mut Parameter) {
    parameter.schema = Some(text(STATE).into());
    let description = "The `ETag` of what was read, as it was, or `*` for whatever there is";
    parameter.description.get_or_insert_with(|| description.to_owned());
}

fn text(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
}

fn parameters(operation: &mut Operation) -> impl Iterator<Item = &mut Parameter> {
    operation.parameters.iter_mut().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

/// With what it may refuse.
/// Any one of these scopes is enough; none: any credential is.
fn security(scopes: &[Scope]) -> Vec<SecurityRequirement> {
    if scopes.is_empty() {
        return vec![SecurityRequirement::new("token", [""; 0])];
    }
    scopes.iter().map(|scope| SecurityRequirement::new("token", [scope.as_str()])).collect()
}

fn refusals(method: &Method, operation: &mut Operation, scopes: &[Scope]) -> BTreeSet<StatusCode> {
    let mut statuses = BTreeSet::from([
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
    ]);
    if !scopes.is_empty() {
        // Whatever it is about may not be there; and to the key of a data plane, nothing is but its project.
        statuses.extend([StatusCode::FORBIDDEN, StatusCode::NOT_FOUND]);
    }
    if method != Method::GET {
        statuses.insert(StatusCode::CONFLICT);
    }
    if method == Method::POST || operation.request_body.is_some() {
        // A key may have been used for another request, whatever the request is.
        statuses.insert(StatusCode::UNPROCESSABLE_ENTITY);
    }
    if let Some(RefOr::T(body)) = &operation.request_body {
        statuses.extend([StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNSUPPORTED_MEDIA_TYPE]);
        if !body.content.keys().all(|media_type| media_type == JSON) {
            statuses.insert(StatusCode::REQUEST_TIMEOUT);
        }
    }
    for parameter in parameters(operation) {
        if parameter.name == IF_MATCH {
            statuses.insert(StatusCode::PRECONDITION_FAILED);
            if parameter.required == Required::True {
                statuses.insert(StatusCode::PRECONDITION_REQUIRED);
            }
        } else if parameter.name == RANGE {
            statuses.insert(StatusCode::RANGE_NOT_SATISFIABLE);
        }
    }
    statuses
}

/// `NotFound`.
fn name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or_default().split(' ').collect()
}

fn refusal(status: StatusCode) -> Response {
    let codes = Code::ALL.iter().filter(|code| code.status() == status);
    let meanings: Vec<_> = codes.map(|code| format!("`{}`: {}", code.as_str(), code.title())).collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new()
        .description(meanings.join("; "))
        .header("X-Request-Id", header("Finds the request in logs and in the audit log"))
        .content("application/problem+json", content);
    let more = match status {
        StatusCode::UNAUTHORIZED => Some(("WWW-Authenticate", "How to show a credential (RFC 9110 section 11.6.1)")),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Some(("Retry-After", "After how many seconds to try again"))
        }
        _ => None,
    };
    match more {
        Some((name, description)) => response.header(name, header(description)),
        None => response,
    }
    .build()
}

fn header(description: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}
