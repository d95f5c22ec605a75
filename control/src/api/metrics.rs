//! `/metrics`: for a token of the whole installation that has the scope.

use axum::Router;
use axum::extract;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

use super::Api;
use super::caller::Caller;
use super::problem::{Code, Problem};
use crate::domain::access::{Reach, Scope};
use crate::domain::build::{Backlog, State};
use crate::domain::error::Error;
use crate::telemetry::metrics::CONTENT_TYPE;

pub(super) fn router() -> Router<Api> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(extract::State(api): extract::State<Api>, caller: Caller) -> Result<Response, Problem> {
    caller.principal.require(Scope::MetricsRead)?;
    if caller.reach() != Reach::Everything {
        return Err(Error::MissingScope(Scope::MetricsRead).into());
    }
    // First, since it may open a connection.
    if let Err(error) = count(&api).await {
        tracing::warn!(%error, "tokens and builds are not counted");
    }
    api.metrics.db_connection_pool_size.set(api.store.connections().into());
    let counted = api.metrics.audit_log_writes.get();
    api.metrics.audit_log_writes.inc_by(api.store.events_written().saturating_sub(counted));
    let text = api.metrics.exposition().map_err(|_| Problem::new(Code::Internal))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// What the database knows: the same, whichever control plane is asked.
async fn count(api: &Api) -> Result<(), Error> {
    let active = api.store.active_tokens().await?;
    api.metrics.active_tokens.set(i64::try_from(active).unwrap_or(i64::MAX));
    let Backlog { queued, running } = api.store.backlog().await?;
    api.metrics.builds(State::Queued.as_str(), queued);
    api.metrics.builds(State::Running.as_str(), running);
    Ok(())
}
