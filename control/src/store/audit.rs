//! A change and its audit event, in one transaction.

use crate::domain::time::now;
use uuid::Uuid;

use super::sql::{Error, Transaction, sql};
use crate::domain::act::{Act, Action};
use crate::domain::error::Noun;
use crate::domain::id::{EventId, ProjectId, TeamId};

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
    let event =
        sql("insert into audit_events (id, at, team_id, project_id, actor_kind, actor_id, actor_name, action, \
         target_kind, target_id, target_name, outcome, request_id, address, detail) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'success', $12, $13, $14)")
        .bind(EventId::new())
        .bind(now())
        .bind(target.team)
        .bind(target.project)
        .bind(act.actor.kind())
        .bind(act.actor.id())
        .bind(act.actor.name())
        .bind(action.as_str())
        .bind(target.noun.as_str())
        .bind(target.id)
        .bind(target.name)
        .bind(act.request.as_deref())
        .bind(act.address.map(|address| address.to_string()))
        .bind(target.detail);
    transaction.execute(event).await?;
    Ok(())
}
