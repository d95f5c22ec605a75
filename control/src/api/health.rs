//! Whether the process lives, and whether it can do its work: what takes no credential.
//!
//! So it says in fixed words what is wrong, and neither where anything is nor why: that is in the log. However often it is
//! asked, what it depends on is asked once a second at most.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};

use super::Api;
use crate::domain::artifact::ArtifactBytes;
use crate::domain::error::Error;
use crate::domain::store::{Replica, Store};

/// For how long what was found out is believed.
const FRESH: Duration = Duration::from_secs(1);
/// How long something may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same of the replica, which is asked after the database was given up.
const REPLICA_PATIENCE: Duration = Duration::from_secs(4);
/// How long the worker may be silent, which looks at the queue every other second: longer than a database that is away
/// can keep it waiting.
const SILENCE: Duration = Duration::from_mins(1);

/// What this control plane depends on, and when it last looked.
#[derive(Debug)]
pub struct Vitals {
    store: Arc<dyn Store>,
    artifacts: Arc<dyn ArtifactBytes>,
    /// When it last looked at the queue of builds.
    worker: watch::Receiver<Instant>,
    found: Mutex<Option<(Instant, Found)>>,
}

/// What was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Found {
    database: Reach,
    artifact_store: Reach,
    read_replica: ReadReplica,
}

/// How the replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum ReadReplica {
    None,
    Ok,
    Late,
    Unreachable,
}

/// Whether something answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Reach {
    Ok,
    Unreachable,
}

/// `/readyz?verbose`.
#[derive(Debug, Serialize)]
struct Report {
    status: &'static str,
    #[serde(flatten)]
    found: Found,
    builds: &'static str,
}

pub(super) fn router() -> Router<Api> {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).route("/healthz", get(ready))
}

async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(api): State<Api>, RawQuery(query): RawQuery) -> Response {
    let is_verbose =
        query.iter().flat_map(|query| query.split('&')).any(|part| part.split('=').next() == Some("verbose"));
    let is_ending = !api.phase.borrow().is_ready();
    let found = api.vitals.found().await;
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    let (code, status, text) = if is_ending {
        (unavailable, "draining", "the server is ending\n")
    } else if found.artifact_store == Reach::Unreachable {
        (unavailable, "unready", "the artifact store cannot be reached\n")
    } else if found.database == Reach::Ok {
        (StatusCode::OK, "ready", "ok\n")
    } else if matches!(found.read_replica, ReadReplica::Ok | ReadReplica::Late) {
        // Data planes are let in, and what is known is shown: whoever is sent elsewhere may find nobody.
        (StatusCode::OK, "degraded", "the database cannot be reached, and its replica stands in\n")
    } else {
        (unavailable, "unready", "the database cannot be reached\n")
    };
    let mut response = if is_verbose {
        axum::Json(Report { status, found, builds: api.vitals.builds() }).into_response()
    } else {
        text.into_response()
    };
    *response.status_mut() = code;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Vitals {
    /// Nothing was looked at yet. `worker` says when the worker last looked at the queue of builds.
    pub fn new(store: Arc<dyn Store>, artifacts: Arc<dyn ArtifactBytes>, worker: watch::Receiver<Instant>) -> Self {
        Self { store, artifacts, worker, found: Mutex::default() }
    }

    /// Looks, unless somebody did just now. Who asks meanwhile waits for the same answer.
    async fn found(&self) -> Found {
        let mut last = self.found.lock().await;
        if let Some((at, found)) = *last
            && at.elapsed() < FRESH
        {
            return found;
        }
        let (database, artifact_store, replica) = tokio::join!(
            reach("the database", self.store.ping()),
            reach("the artifact store", self.artifacts.reach()),
            timeout(REPLICA_PATIENCE, self.store.replica()),
        );
        let read_replica = match replica.unwrap_or(Replica::Away) {
            Replica::None => ReadReplica::None,
            Replica::Current => ReadReplica::Ok,
            Replica::Late => ReadReplica::Late,
            Replica::Away => ReadReplica::Unreachable,
        };
        let found = Found { database, artifact_store, read_replica };
        *last = Some((Instant::now(), found));
        found
    }

    fn builds(&self) -> &'static str {
        if self.worker.borrow().elapsed() < SILENCE { "ok" } else { "stuck" }
    }
}

async fn reach(what: &'static str, answer: impl Future<Output = Result<(), Error>>) -> Reach {
    match timeout(PATIENCE, answer).await {
        Ok(Ok(())) => Reach::Ok,
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: {what} cannot be reached");
            Reach::Unreachable
        }
        Err(_) => {
            tracing::warn!("not ready: {what} does not answer within {} seconds", PATIENCE.as_secs());
            Reach::Unreachable
        }
    }
}
