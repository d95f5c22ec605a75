//! What was refused, in the audit log: one layer for every route, so that none can forget it.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;

use super::Api;
use super::problem::{Code, Problem};
use crate::domain::access::Principal;
use crate::domain::act::{Act, Actor};
use crate::domain::audit::Refusal;
use crate::server::ClientAddress;
use crate::telemetry::RequestId;

/// Writes down every change that was refused, and every credential that was wrong.
pub async fn note(State(api): State<Api>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    let principal = response.extensions().get::<Principal>().cloned();
    if is_noted(&method, problem.code(), principal.as_ref()) {
        let actor = principal.as_ref().map_or(Actor::Unknown, Actor::from);
        let refusal = Refusal {
            act: Act { actor, request: id, address },
            team: principal.and_then(|principal| principal.reach.team()),
            status: problem.code().status().as_u16(),
            code: problem.code().as_str(),
            // The template: a path holds names and, of whoever mistakes a field, secrets.
            detail: serde_json::json!({ "method": method.as_str(), "route": route }),
        };
        write(&api, refusal).await;
    }
    response
}

/// Looking is no change; being wrong about who one is, is noted whatever was asked for. What failed here was not refused.
fn is_noted(method: &Method, code: Code, principal: Option<&Principal>) -> bool {
    let is_change = !method.is_safe();
    let is_about_the_credential = principal.is_none() && matches!(code, Code::Unauthenticated | Code::RateLimited);
    (is_change || is_about_the_credential) && code.status().is_client_error()
}

async fn write(api: &Api, refusal: Refusal) {
    if let Some(refusal) = api.access.refusals.admit(refusal)
        && let Err(error) = api.store.record_refusals(vec![refusal]).await
    {
        tracing::error!(%error, "a refusal is missing in the audit log");
    }
}
