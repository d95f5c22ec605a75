//! Every route, with the scope that it takes. The OpenAPI document is made of this table, so neither can drift.

use std::sync::Arc;

use axum::Router;
use axum::extract::MatchedPath;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::JSON_MAX_BYTES;
use super::guard::Guarded as _;
use super::{
    Api, api_keys, artifacts, audit, builds, change, data_plane_socket, data_planes, deployments, docs, documented,
    guard, health, host, idempotent, leftover, metrics, problem, projects, refused, revisions, rollouts, signing_keys,
    specs, teams, tokens,
};
use crate::domain::access::Scope;
use crate::telemetry::Observe;

/// What the document says of itself.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Portcullis control plane",
        description = "Projects, their specs, builds and artifacts, and the data planes that serve them. \
                       Errors are problem details (RFC 9457) with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    components(schemas(problem::Sent))
)]
struct Document;

/// Every route.
pub fn router(api: Api) -> Router {
    let (resources, _) = resources().split_for_parts();
    Router::new()
        // With the prefix and without.
        .nest("/api/v1", resources.clone())
        .merge(resources)
        .merge(metrics::router())
        .merge(docs::router(&document()))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(from_fn_with_state(api.clone(), idempotent::once))
        .layer(from_fn_with_state(api.clone(), guard::authenticate))
        .layer(from_fn(change::by_what_is_now))
        // It finds out itself who asks: what is refused there costs as little as can be.
        .merge(data_plane_socket::router())
        .layer(from_fn_with_state(api.clone(), refused::note))
        // The only thing that answers nobody in particular.
        .merge(health::router())
        .layer(from_fn(host::require))
        .layer(from_fn(leftover::discard))
        .layer(from_fn(problem::name_request))
        .layer(axum::extract::DefaultBodyLimit::max(JSON_MAX_BYTES))
        .layer(Observe::new(Arc::clone(&api.metrics), |extensions| {
            extensions.get::<MatchedPath>().map(MatchedPath::as_str)
        }))
        .with_state(api)
}

/// What the routes promise: an OpenAPI 3.1 document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = resources().into_openapi();
    // OpenAPI has no name for the rest of a path.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token (`pct_...`), or where it says so a data plane's API key (`pdk_...`)."));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    documented::add_refusals(components);
    document
}

/// The routes that take a credential.
fn resources() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .guarded(Scope::TeamsRead, routes!(teams::list))
        .guarded(Scope::TeamsWrite, routes!(teams::create))
        .guarded(Scope::TeamsRead, routes!(teams::get))
        .guarded(Scope::TeamsWrite, routes!(teams::update))
        .guarded(Scope::TeamsWrite, routes!(teams::delete))
        .guarded(Scope::ProjectsRead, routes!(projects::list))
        .guarded(Scope::ProjectsWrite, routes!(projects::create))
        .guarded(Scope::ProjectsRead, routes!(projects::get))
        .guarded(Scope::ProjectsWrite, routes!(projects::update))
        .guarded(Scope::ProjectsWrite, routes!(projects::delete))
        .guarded(Scope::KeysRead, routes!(signing_keys::list))
        .guarded(Scope::KeysWrite, routes!(signing_keys::create))
        .guarded(Scope::KeysRead, routes!(signing_keys::get))
        .guarded(Scope::KeysWrite, routes!(signing_keys::rotate))
        .guarded(Scope::KeysWrite, routes!(signing_keys::retire))
        .guarded_by_any(&[Scope::KeysRead, Scope::DataPlanesConnect], routes!(signing_keys::newest_root))
        .guarded(Scope::KeysRead, routes!(signing_keys::list_roots))
        .guarded_by_any(&[Scope::KeysRead, Scope::DataPlanesConnect], routes!(signing_keys::get_root))
        .guarded(Scope::DataPlanesRead, routes!(data_planes::list))
        .guarded(Scope::DataPlanesWrite, routes!(data_planes::create))
        .guarded(Scope::DataPlanesRead, routes!(data_planes::get))
        .guarded(Scope::DataPlanesWrite, routes!(data_planes::update))
        .guarded(Scope::DataPlanesWrite, routes!(data_planes::delete))
        .guarded(Scope::DataPlanesRead, routes!(data_planes::list_of_project))
        .guarded(Scope::DataPlanesRead, routes!(data_planes::get_of_project))
        .guarded(Scope::DataPlanesWrite, routes!(data_planes::delete_of_project))
        .guarded(Scope::DataPlanesWrite, routes!(data_planes::disconnect))
        .guarded(Scope::DataPlanesRead, routes!(data_planes::fleet))
        .guarded(Scope::DeploymentsWrite, routes!(deployments::create))
        .guarded(Scope::DeploymentsRead, routes!(deployments::list))
        .guarded(Scope::DeploymentsRead, routes!(deployments::newest))
        .guarded(Scope::DeploymentsRead, routes!(deployments::get))
        .guarded(Scope::DeploymentsWrite, routes!(deployments::rollback))
        .guarded(Scope::DeploymentsRead, routes!(deployments::pins))
        .guarded(Scope::DeploymentsWrite, routes!(deployments::unpin))
        .guarded(Scope::DeploymentsRead, routes!(rollouts::events))
        .guarded(Scope::DeploymentsRead, routes!(rollouts::history))
        .guarded(Scope::DeploymentsRead, routes!(rollouts::progress))
        .guarded(Scope::DeploymentsWrite, routes!(rollouts::pause))
        .guarded(Scope::DeploymentsWrite, routes!(rollouts::resume))
        .guarded(Scope::DeploymentsWrite, routes!(rollouts::promote))
        .guarded(Scope::DeploymentsWrite, routes!(rollouts::abort))
        .guarded(Scope::SpecsRead, routes!(specs::list))
        .guarded(Scope::SpecsWrite, routes!(specs::create))
        .guarded(Scope::SpecsRead, routes!(specs::get))
        .guarded(Scope::SpecsWrite, routes!(specs::update))
        .guarded(Scope::SpecsWrite, routes!(specs::delete))
        .guarded(Scope::SpecsRead, routes!(revisions::list))
        .guarded(Scope::SpecsWrite, routes!(revisions::create))
        .guarded(Scope::SpecsRead, routes!(revisions::diff))
        .guarded(Scope::SpecsRead, routes!(revisions::get))
        .guarded(Scope::SpecsRead, routes!(revisions::archive))
        .guarded(Scope::SpecsRead, routes!(revisions::file))
        .for_everybody(routes!(tokens::whoami))
        .guarded(Scope::TokensRead, routes!(tokens::list))
        .guarded(Scope::TokensWrite, routes!(tokens::create))
        .guarded(Scope::TokensRead, routes!(tokens::get))
        .guarded(Scope::TokensWrite, routes!(tokens::revoke))
        .guarded(Scope::TokensWrite, routes!(tokens::rotate))
        .guarded(Scope::ApiKeysRead, routes!(api_keys::list))
        .guarded(Scope::ApiKeysWrite, routes!(api_keys::create))
        .guarded(Scope::ApiKeysRead, routes!(api_keys::get))
        .guarded(Scope::ApiKeysWrite, routes!(api_keys::revoke))
        .guarded(Scope::ApiKeysWrite, routes!(api_keys::rotate))
        .guarded(Scope::AuditRead, routes!(audit::list))
        .guarded(Scope::AuditRead, routes!(audit::export))
        .guarded(Scope::BuildsWrite, routes!(builds::create))
        .guarded(Scope::BuildsRead, routes!(builds::get))
        .guarded(Scope::BuildsRead, routes!(builds::log))
        .guarded(Scope::BuildsWrite, routes!(builds::cancel))
        .guarded(Scope::BuildsRead, routes!(builds::of_project))
        .guarded(Scope::BuildsRead, routes!(builds::of_spec))
        .guarded(Scope::ArtifactsRead, routes!(artifacts::list))
        .guarded(Scope::ArtifactsWrite, routes!(artifacts::push::push))
        .guarded(Scope::ArtifactsWrite, routes!(artifacts::delete))
        .guarded(Scope::ArtifactsRead, routes!(artifacts::get))
        .guarded(Scope::ArtifactsRead, routes!(artifacts::comparison::compare))
        .guarded_by_any(&[Scope::ArtifactsRead, Scope::DataPlanesConnect], routes!(artifacts::download::download))
}
