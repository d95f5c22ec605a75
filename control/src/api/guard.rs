//! Who asks, and whether they may: before any handler runs.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use sha2::{Digest as _, Sha256};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::Api;
use super::problem::{Code, Problem};
use crate::domain::access::{Principal, Scope};

/// Adds routes that take a scope.
pub trait Guarded {
    /// Adds them. Whoever has not the scope gets 403, and the document says which it is.
    #[must_use]
    fn guarded(self, scope: Scope, routes: UtoipaMethodRouter<Api>) -> Self;
}

impl Guarded for OpenApiRouter<Api> {
    fn guarded(self, scope: Scope, (schemas, mut paths, methods): UtoipaMethodRouter<Api>) -> Self {
        for item in paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            operations.into_iter().flatten().for_each(|operation| describe(operation, scope));
        }
        let methods = methods.layer(axum::middleware::from_fn(move |request, next| hold(scope, request, next)));
        self.routes((schemas, paths, methods))
    }
}

/// What every operation has in common: a name of its own, the scope, and problems for answers.
fn describe(operation: &mut Operation, scope: Scope) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    let handler = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("{}_{handler}", tag.replace('-', "_")));
    operation.security = Some(vec![SecurityRequirement::new("token", [scope.as_str()])]);
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = status.parse().ok().and_then(|status: u16| StatusCode::from_u16(status).ok());
            status.and_then(|status| status.canonical_reason()).unwrap_or("Done").clone_into(&mut response.description);
        }
    }
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let refusal = ResponseBuilder::new()
        .description("What is wrong (RFC 9457)")
        .content("application/problem+json", content)
        .build();
    operation.responses.responses.insert("default".to_owned(), refusal.into());
}

/// Lets through who has the scope.
async fn hold(scope: Scope, request: Request, next: Next) -> Result<Response, Problem> {
    let principal = request.extensions().get::<Principal>().ok_or_else(Problem::unauthenticated)?;
    principal.require(scope)?;
    Ok(next.run(request).await)
}

/// Finds out who asks. A credential that is wrong is refused whatever is asked for; one that is missing is refused by
/// the routes that take one.
pub async fn authenticate(State(api): State<Api>, mut request: Request, next: Next) -> Result<Response, Problem> {
    if let Some(secret) = secret(request.headers(), request.method())? {
        let hash = Sha256::digest(secret.as_bytes()).into();
        let principal = api.store.principal(hash).await?.ok_or_else(Problem::unauthenticated)?;
        request.extensions_mut().insert(principal);
    }
    Ok(next.run(request).await)
}

/// The secret that was shown: `Bearer` (RFC 6750 section 2.1), or as the password of `Basic` (RFC 7617).
///
/// A browser sends `Basic` by itself, wherever a page of somebody else's leads it: it is good for looking only.
fn secret(headers: &HeaderMap, method: &Method) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(Problem::unauthenticated());
    }
    let text = value.to_str().map_err(|_| Problem::unauthenticated())?;
    let (scheme, rest) = text.split_once(' ').ok_or_else(Problem::unauthenticated)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(rest.trim().to_owned()));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        if !method.is_safe() {
            let detail = "Basic credentials are for looking; change things with `Authorization: Bearer`";
            return Err(Problem::new(Code::Unauthenticated).detail(detail));
        }
        let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let password =
            decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password.to_owned());
        return Ok(Some(password.ok_or_else(Problem::unauthenticated)?));
    }
    Err(Problem::unauthenticated())
}
