//! A change and its audit event, in one transaction; the log, for who reads it.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::DatabaseStore;
use super::changed;
use super::sql::{Database, Dialect, Error, Row, Statement, Transaction, sql};
use crate::domain::act::{Act, Action};
use crate::domain::audit::{Event, EventActor, EventFilter, EventTarget, Outcome, Refusal};
use crate::domain::error::Noun;
use crate::domain::id::{EventId, ProjectId, TeamId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::store::{self as domain, Audit};
use crate::domain::time::now;

/// How many events one transaction removes: it is over before a request that waits for it notices.
const PRUNED_AT_ONCE: i64 = 5000;
/// How far the time in an event's id may be from the time that it says.
const ID_SLACK: SignedDuration = SignedDuration::from_secs(1);

/// What an action was done to.
#[derive(Debug, Clone)]
pub(super) struct Target<'a> {
    pub(super) noun: Noun,
    pub(super) id: String,
    pub(super) name: Option<&'a str>,
    pub(super) team: Option<TeamId>,
    pub(super) project: Option<ProjectId>,
    /// What else is worth knowing. No secret.
    pub(super) detail: serde_json::Value,
}

impl<'a> Target<'a> {
    pub(super) fn new(noun: Noun, id: impl Into<Uuid>, name: Option<&'a str>) -> Self {
        let detail = serde_json::Value::Object(serde_json::Map::new());
        Self { noun, id: id.into().to_string(), name, team: None, project: None, detail }
    }

    /// Something that there is one of.
    pub(super) fn of_installation(noun: Noun) -> Self {
        let detail = serde_json::Value::Object(serde_json::Map::new());
        Self { noun, id: noun.as_str().to_owned(), name: None, team: None, project: None, detail }
    }

    pub(super) fn of_team(self, team: TeamId) -> Self {
        Self { team: Some(team), ..self }
    }

    pub(super) fn of_project(self, project: ProjectId) -> Self {
        Self { project: Some(project), ..self }
    }

    /// What is another one now, besides what is known already.
    pub(super) fn changed<T: Serialize>(mut self, before: &T, after: &T) -> Self {
        if let (Some(detail), Value::Object(fields)) = (self.detail.as_object_mut(), changed::fields(before, after)) {
            detail.extend(fields);
        }
        self
    }

    pub(super) fn with(self, detail: serde_json::Value) -> Self {
        Self { detail, ..self }
    }
}

/// Writes down that it was done.
pub(super) async fn record(
    transaction: &mut Transaction,
    act: &Act,
    action: Action,
    target: Target<'_>,
) -> Result<(), Error> {
    let event = Entry {
        act,
        action,
        team: target.team,
        project: target.project,
        target: Some((target.noun, target.id, target.name)),
        refused: None,
        detail: target.detail,
    };
    transaction.execute(event.insert()).await?;
    Ok(())
}

/// How many events this process has written: also those whose change came to nothing after all.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

pub(super) fn written() -> u64 {
    WRITTEN.load(Ordering::Relaxed)
}

/// A row to be.
struct Entry<'a> {
    act: &'a Act,
    action: Action,
    team: Option<TeamId>,
    project: Option<ProjectId>,
    target: Option<(Noun, String, Option<&'a str>)>,
    /// With which status and code; none where it was done.
    refused: Option<(u16, &'static str)>,
    detail: serde_json::Value,
}

impl Entry<'_> {
    fn insert(self) -> Statement {
        WRITTEN.fetch_add(1, Ordering::Relaxed);
        let (noun, id, name) = match self.target {
            Some((noun, id, name)) => (Some(noun.as_str()), Some(id), name),
            None => (None, None, None),
        };
        let outcome = if self.refused.is_some() { Outcome::Failure } else { Outcome::Success };
        sql("insert into audit_events (id, at, team_id, project_id, actor_kind, actor_id, actor_name, action, \
             target_kind, target_id, target_name, outcome, status, code, request_id, address, detail) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)")
        .bind(EventId::new())
        .bind(now())
        .bind(self.team)
        .bind(self.project)
        .bind(self.act.actor.kind())
        .bind(self.act.actor.id())
        .bind(self.act.actor.name())
        .bind(self.action.as_str())
        .bind(noun)
        .bind(id)
        .bind(name)
        .bind(outcome.as_str())
        .bind(self.refused.map(|(status, _)| status))
        .bind(self.refused.map(|(_, code)| code))
        .bind(self.act.request.as_deref())
        .bind(self.act.address.map(|address| address.to_string()))
        .bind(self.detail)
    }
}

#[async_trait]
impl Audit for DatabaseStore {
    async fn record_refusals(&self, refusals: Vec<Refusal>) -> domain::Result<()> {
        let mut transaction = self.database.begin().await?;
        for refusal in refusals {
            let event = Entry {
                act: &refusal.act,
                action: Action::RequestRefuse,
                team: refusal.team,
                project: None,
                target: None,
                refused: Some((refusal.status, refusal.code)),
                detail: refusal.detail,
            };
            transaction.execute(event.insert()).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn events(&self, filter: &EventFilter, page: &PageRequest) -> domain::Result<Page<Event>> {
        let select = select(self.database.dialect(), filter)
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let events = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(events, page, |event| event.id.0))
    }

    async fn events_after(
        &self,
        filter: &EventFilter,
        after: Option<EventId>,
        limit: u16,
    ) -> domain::Result<Vec<Event>> {
        let select = select(self.database.dialect(), filter)
            .then_bind_some(" and id > ", after)
            .then_bind(" order by id limit ", i64::from(limit));
        let rows = self.database.fetch_list(select).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    async fn prune_events(&self, before: Timestamp) -> domain::Result<u64> {
        let delete = sql("delete from audit_events where id in \
             (select id from audit_events where at < $1 and id < $2 order by id limit ")
        .bind(before)
        .bind(id_at(before + ID_SLACK));
        let delete = delete.then_bind("", PRUNED_AT_ONCE).then(")");
        Ok(prune(&self.database, delete, Pruning { action: Action::AuditPrune, what: "events", before }).await?)
    }
}

/// Old rows that are removed.
pub(super) struct Pruning {
    /// What is said to be done.
    pub(super) action: Action,
    /// What they are called.
    pub(super) what: &'static str,
    /// From before when they are.
    pub(super) before: Timestamp,
}

/// Removes some rows, and says so in an event. Returns how many; 0 where none is left, or where another replica prunes.
pub(super) async fn prune(database: &Database, delete: Statement, pruning: Pruning) -> Result<u64, Error> {
    let mut transaction = database.begin().await?;
    if transaction.dialect() == Dialect::Postgres {
        let try_lock = sql("select pg_try_advisory_xact_lock(7291646530021) as held");
        if !transaction.fetch_one(try_lock).await?.get::<bool>("held")? {
            return Ok(0);
        }
    }
    let pruned = transaction.execute(delete).await?;
    if pruned > 0 {
        let Pruning { action, what, before } = pruning;
        let event = Entry {
            act: &Act::SYSTEM,
            action,
            team: None,
            project: None,
            target: None,
            refused: None,
            detail: serde_json::json!({ what: pruned, "before": before }),
        };
        transaction.execute(event.insert()).await?;
    }
    transaction.commit().await?;
    Ok(pruned)
}

fn select(dialect: Dialect, filter: &EventFilter) -> Statement {
    let EventFilter { actor, action, target, project, request_id, .. } = filter;
    let is_narrow =
        actor.is_some() || action.is_some() || target.is_some() || project.is_some() || request_id.is_some();
    // SQLite's planner knows little of what is frequent: a plus hides from it that there is an index. Nearly all that is
    // done succeeds, and a project has one team.
    let (by_team, by_outcome) = match dialect {
        Dialect::Postgres => (" and team_id = ", " and outcome = "),
        Dialect::Sqlite => (
            if project.is_some() { " and +team_id = " } else { " and team_id = " },
            if is_narrow { " and +outcome = " } else { " and outcome = " },
        ),
    };
    let by_actor = match filter.actor.as_deref().map(str::parse::<Uuid>) {
        Some(Ok(_)) => " and actor_id = ",
        Some(Err(_)) | None => " and actor_name = ",
    };
    sql("select * from audit_events where true")
        .then_bind_some(by_team, filter.reach.team())
        .then_bind_some(by_actor, filter.actor.as_deref())
        .then_bind_some(" and action = ", filter.action.as_deref())
        .then_bind_some(" and target_id = ", filter.target.as_deref())
        .then_bind_some(" and project_id = ", filter.project)
        .then_bind_some(by_outcome, filter.outcome.map(Outcome::as_str))
        .then_bind_some(" and request_id = ", filter.request_id.as_deref())
        .then_bind_some(" and at >= ", filter.since)
        .then_bind_some(" and at < ", filter.until)
        // Ids sort by time: with these the index leads to the time, instead of through all that came after.
        .then_bind_some(" and id >= ", filter.since.map(|since| id_at(earlier(since))))
        .then_bind_some(" and id < ", filter.until.map(|until| id_at(later(until))))
}

fn earlier(at: Timestamp) -> Timestamp {
    at.checked_sub(ID_SLACK).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn later(at: Timestamp) -> Timestamp {
    at.checked_add(ID_SLACK).unwrap_or(Timestamp::MAX)
}

/// The smallest id of that time.
fn id_at(at: Timestamp) -> Uuid {
    let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &[0; 10]).into_uuid()
}

fn read(row: &Row) -> Result<Event, Error> {
    let target = match (row.get("target_kind")?, row.get("target_id")?) {
        (Some(kind), Some(id)) => Some(EventTarget { kind, id, name: row.get("target_name")? }),
        _ => None,
    };
    Ok(Event {
        id: row.get("id")?,
        at: row.get("at")?,
        team: row.get("team_id")?,
        project: row.get("project_id")?,
        actor: EventActor { kind: row.get("actor_kind")?, id: row.get("actor_id")?, name: row.get("actor_name")? },
        action: row.get("action")?,
        target,
        outcome: row.word("outcome")?,
        status: row.get("status")?,
        code: row.get("code")?,
        request_id: row.get("request_id")?,
        address: row.get("address")?,
        detail: row.json("detail")?,
    })
}
