//! `/audit`.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use jiff::Timestamp;
use serde::Deserialize;

use super::Api;
use super::caller::Caller;
use super::extract::{Paging, Query, invalid_parameter};
use super::problem::Problem;
use crate::domain::access::Reach;
use crate::domain::audit::{Event, EventFilter, Outcome};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{EventId, ProjectId};
use crate::domain::page::Page;
use crate::domain::store::Store;
use crate::domain::time::{self, now};

/// How many events an export holds in memory.
const EXPORTED_AT_ONCE: u16 = 500;

/// Which events, and which page of them.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventQuery {
    /// Who: the id of a credential, or its name.
    #[param(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    actor: Option<String>,
    /// What, such as `project.create`.
    #[param(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    action: Option<String>,
    /// To what: its id.
    #[param(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    target: Option<String>,
    /// In which project.
    project: Option<ProjectId>,
    /// How it ended.
    outcome: Option<Outcome>,
    /// Not before then (RFC 3339).
    #[serde(default, deserialize_with = "time::optional")]
    since: Option<Timestamp>,
    /// Before then (RFC 3339).
    #[serde(default, deserialize_with = "time::optional")]
    until: Option<Timestamp>,
    /// The `X-Request-Id`.
    #[param(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    request_id: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many things the page has at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
}

/// Which events to export.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// Who: the id of a credential, or its name.
    #[param(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    actor: Option<String>,
    /// What, such as `project.create`.
    #[param(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    action: Option<String>,
    /// To what: its id.
    #[param(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    target: Option<String>,
    /// In which project.
    project: Option<ProjectId>,
    /// How it ended.
    outcome: Option<Outcome>,
    /// Not before then (RFC 3339).
    #[serde(default, deserialize_with = "time::optional")]
    since: Option<Timestamp>,
    /// Before then (RFC 3339); absent: before the export began.
    #[serde(default, deserialize_with = "time::optional")]
    until: Option<Timestamp>,
    /// The `X-Request-Id`.
    #[param(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    request_id: Option<String>,
}

impl EventQuery {
    fn split(self, reach: Reach) -> (EventFilter, Paging) {
        let paging = Paging { cursor: self.cursor, limit: self.limit };
        let filter = EventFilter {
            reach,
            actor: self.actor,
            action: self.action,
            target: self.target,
            project: self.project,
            outcome: self.outcome,
            since: self.since,
            until: self.until,
            request_id: self.request_id,
        };
        (filter, paging)
    }
}

impl ExportQuery {
    fn filter(self, reach: Reach) -> EventFilter {
        EventFilter {
            reach,
            actor: self.actor,
            action: self.action,
            target: self.target,
            project: self.project,
            outcome: self.outcome,
            since: self.since,
            // What the export itself causes is not in it, or it might never end.
            until: self.until.or_else(|| Some(now())),
            request_id: self.request_id,
        }
    }
}

/// List what was done and what was refused, newest first. A team sees its own.
#[utoipa::path(get, path = "/audit", tag = "audit", params(EventQuery), responses((status = 200, body = Page<Event>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<EventQuery>,
) -> Result<axum::Json<Page<Event>>, Problem> {
    let (filter, paging) = query.split(caller.reach());
    filter.check().map_err(|error| invalid_parameter(error.to_string()))?;
    Ok(axum::Json(api.store.events(&filter, &paging.request()?).await?))
}

/// All of it as newline-delimited JSON, oldest first, an event a line. A connection that ends early ended badly.
#[utoipa::path(
    get, path = "/audit/export", tag = "audit", params(ExportQuery),
    responses((status = 200, body = String, content_type = "application/x-ndjson"))
)]
pub(super) async fn export(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let filter = query.filter(caller.reach());
    filter.check().map_err(|error| invalid_parameter(error.to_string()))?;
    // What cannot be read at all is a problem, and not the end of a response that began well.
    let first = api.store.events_after(&filter, None, EXPORTED_AT_ONCE).await?;
    let export = Export { store: api.store, filter, pages: VecDeque::from([first]), after: None };
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CONTENT_DISPOSITION, "attachment; filename=\"audit.ndjson\""),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(try_unfold(export, Export::next))).into_response())
}

struct Export {
    store: Arc<dyn Store>,
    filter: EventFilter,
    /// What was read and not sent: the first page.
    pages: VecDeque<Vec<Event>>,
    after: Option<EventId>,
}

impl Export {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        let events = match self.pages.pop_front() {
            Some(events) => events,
            None => self.store.events_after(&self.filter, self.after, EXPORTED_AT_ONCE).await?,
        };
        let Some(last) = events.last() else { return Ok(None) };
        self.after = Some(last.id);
        let mut lines = Vec::new();
        for event in &events {
            serde_json::to_writer(&mut lines, event).map_err(|_| Error::Damaged(Noun::Event))?;
            lines.push(b'\n');
        }
        Ok(Some((lines.into(), self)))
    }
}
