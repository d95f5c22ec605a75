//! The OpenAPI document of this API, and a page that shows it; neither needs the internet.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use utoipa_swagger_ui::Config;

use super::Api;
use super::problem::{Code, Problem};
use crate::domain::access::Principal;

/// What the page may load: itself. Its styles are partly inline.
const POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

#[derive(Clone)]
struct Docs {
    document: Bytes,
    page: Arc<Config<'static>>,
}

/// `/api-docs/openapi.json` and `/api-docs/`: for whoever has a credential.
pub(super) fn router(document: &utoipa::openapi::OpenApi) -> Router<Api> {
    // Made of strings, numbers and maps with text for keys: it cannot fail.
    let document = serde_json::to_vec(document).unwrap_or_default().into();
    let page = Arc::new(Config::from("/api-docs/openapi.json").try_it_out_enabled(true).validator_url("none"));
    Router::new()
        .route("/api-docs", get(|| async { Redirect::permanent("/api-docs/") }))
        .route("/api-docs/", get(index))
        .route("/api-docs/openapi.json", get(json))
        .route("/api-docs/{*file}", get(file))
        .layer(axum::middleware::from_fn(for_somebody))
        .with_state(Docs { document, page })
}

async fn for_somebody(request: Request, next: Next) -> Result<Response, Problem> {
    request.extensions().get::<Principal>().ok_or_else(Problem::unauthenticated)?;
    Ok(next.run(request).await)
}

async fn json(State(docs): State<Docs>) -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], docs.document).into_response()
}

async fn index(State(docs): State<Docs>) -> Result<Response, Problem> {
    page("index.html", docs)
}

async fn file(State(docs): State<Docs>, Path(file): Path<String>) -> Result<Response, Problem> {
    page(&file, docs)
}

fn page(file: &str, docs: Docs) -> Result<Response, Problem> {
    let found = utoipa_swagger_ui::serve(file, docs.page).map_err(|error| {
        tracing::error!(%error, file, "a file of the page cannot be made");
        Problem::new(Code::Internal)
    })?;
    let found = found.ok_or_else(|| Problem::new(Code::NoSuchRoute).detail(format!("the page has no file {file}")))?;
    let headers = [
        (CONTENT_TYPE, found.content_type.as_str()),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, found.bytes.into_owned()).into_response())
}
