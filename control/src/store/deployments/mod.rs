//! Deployments: asked for, shown, steered; and in [`steps`] let go on.
//!
//! Whoever changes anything of a deployment holds its project first, so changes of one project follow each other.
//! [`rows`] are deployments as they are kept; [`start`]: how they begin to decide what is served, [`pointers`]: what is
//! signed then, [`asked`]: what is asked for, [`back`]: where a way back leads, [`pins`]: what is not gone over.

mod asked;
mod back;
mod pins;
mod pointers;
mod rows;
mod start;
mod steps;

use std::collections::BTreeSet;

use async_trait::async_trait;

use self::rows::Standing;
use super::audit::record;
use super::changes::{Topic, announce};
use super::projects;
use super::sql::{Row, Transaction, sql};
use super::{DatabaseStore, fleet};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::deployment::{
    Deployment, DeploymentEvent, Happened, Kind, NewDeployment, NewRollback, NodeEvent, Pin, Reason, State, Steered,
    Steering,
};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::label::Selector;
use crate::domain::page::{Page, PageRequest};
use crate::domain::pointer::Issuer;
use crate::domain::store::{Deployments, Edit, OfProject, Projects as _, Result};

/// The deployments that data planes follow: those that decide, and those that do until what covers them is done. Whoever
/// has not taken that serves them, and a gate may have everybody go back.
pub(super) async fn followed(transaction: &mut Transaction, project: ProjectId) -> Result<BTreeSet<DeploymentId>> {
    let standing = rows::standing(transaction, project).await?;
    let done = standing.iter().filter(|standing| standing.deployment.state.is_final()).cloned().collect();
    let followed = rows::deciding(standing).into_iter().chain(rows::deciding(done));
    Ok(followed.map(|standing| standing.deployment.id).collect())
}

#[async_trait]
impl Deployments for DatabaseStore {
    async fn create_deployment(&self, act: &Act, of: OfProject, new: NewDeployment) -> Result<Deployment> {
        let mut transaction = self.database.begin().await?;
        // Whoever deploys holds the project, so that no two take one serial and none is left out.
        let project = projects::lock(&mut transaction, of.any()).await?;
        let deployment = Deployment {
            started_by: new.trigger(),
            waves: new.strategy.waves(),
            manner: new.manner(),
            artifact: new.artifact,
            selector: new.selector,
            scheduled_for: new.scheduled_for.map(crate::domain::time::kept),
            message: new.message,
            ..asked::made(&mut transaction, act, project.id).await?
        };
        let heeds_pins = deployment.started_by.is_automation() && !deployment.manner.unpin;
        if heeds_pins && pins::is_pinned(&mut transaction, &deployment).await? {
            return Err(Error::Pinned(
                "some of these data planes were rolled back, and are pinned: deploy by hand, or unpin them".to_owned(),
            ));
        }
        if deployment.scheduled_for.is_some() {
            asked::check_room(&mut transaction, project.id).await?;
        }
        asked::keep(&mut transaction, act, &deployment, Action::DeploymentCreate).await?;
        asked::forget_old(&mut transaction, &deployment).await?;
        announce(&mut transaction, Topic::Plans).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Plans);
        Ok(deployment)
    }

    async fn create_rollback(&self, act: &Act, of: OfProject, new: NewRollback) -> Result<Deployment> {
        let mut transaction = self.database.begin().await?;
        let project = projects::lock(&mut transaction, of.any()).await?;
        // What nobody has started yet is what was deployed last, all the same.
        let waiting = rows::waiting(&mut transaction, project.id).await?;
        let standing = rows::standing(&mut transaction, project.id).await?;
        let all = [waiting.clone(), standing].concat();
        let place = back::taken(&all, new.selector.as_ref());
        let place = place.ok_or_else(|| Error::Conflict("nothing is deployed that could be taken back".to_owned()))?;
        let taken = &all[place].deployment;
        let selector = new.selector.unwrap_or_else(|| taken.selector.clone());
        let artifact = match (new.artifact, new.deployment) {
            (Some(artifact), _) => artifact,
            (None, Some(id)) => back::artifact_of(&mut transaction, project.id, id).await?,
            (None, None) => back::artifact_before(&mut transaction, &all[place..], &selector).await?,
        };
        if artifact == taken.artifact {
            let why = format!("deployment {} brought this artifact itself: there is no way back to it", taken.serial);
            return Err(Error::Conflict(why));
        }
        let deployment = Deployment {
            kind: Kind::Rollback,
            artifact,
            selector,
            takes_back: Some(taken.id),
            message: new.message,
            ..asked::made(&mut transaction, act, project.id).await?
        };
        for Standing { deployment: mut waiting, .. } in waiting {
            // Another way back goes first, and this one from there.
            if waiting.kind == Kind::Deploy && waiting.selector.overlaps(&deployment.selector) {
                let reason = Reason::by_hand(&deployment.author);
                start::end(&mut transaction, act, (&mut waiting, State::Aborted, reason)).await?;
                record(&mut transaction, act, Action::DeploymentAbort, rows::target(&waiting)).await?;
                pins::pin(&mut transaction, (&waiting, &deployment.selector), &deployment.author).await?;
            }
        }
        asked::keep(&mut transaction, act, &deployment, Action::DeploymentRollback).await?;
        asked::forget_old(&mut transaction, &deployment).await?;
        announce(&mut transaction, Topic::Plans).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Plans);
        Ok(deployment)
    }

    async fn deployment(&self, reach: Reach, id: DeploymentId) -> Result<Deployment> {
        let select =
            sql("select * from deployments where id = $1").bind(id).then_bind_some(" and team_id = ", reach.team());
        Ok(rows::read(&self.database.get(select, Noun::Deployment).await?)?)
    }

    async fn newest_deployment(&self, of: OfProject) -> Result<Deployment> {
        let select = sql("select * from deployments where project_id = $1 and not is_withdrawn \
             and (precedence is not null or (state = 'scheduled' and scheduled_for is null))")
        .bind(of.project)
        .then_bind_some(" and team_id = ", of.reach.team())
        .then(" order by case when precedence is null then 0 else 1 end, precedence desc, serial desc limit 1");
        Ok(rows::read(&self.database.get(select, Noun::Deployment).await?)?)
    }

    async fn deployments(&self, of: OfProject, page: &PageRequest) -> Result<Page<Deployment>> {
        let project = self.project(of.reach, of.project).await?;
        let mut select = sql("select * from deployments where project_id = $1").bind(project.id);
        if let Some(cursor) = page.after {
            // By serial: the clocks of two control planes may differ, and ids tell by the clock.
            select = select.then_bind(" and serial < (select serial from deployments where id = ", cursor.0).then(")");
        }
        let rows = self.database.fetch_list(select.then_bind(" order by serial desc limit ", page.rows())).await?;
        let deployments = rows.iter().map(rows::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(deployments, page, |deployment| deployment.id.0))
    }

    async fn steer_deployment(&self, act: &Act, at: Edit<DeploymentId>, how: Steering) -> Result<Deployment> {
        let mut transaction = self.database.begin().await?;
        let mut deployment = lock(&mut transaction, at).await?;
        let (action, happened) = match how {
            Steering::Pause => (Action::DeploymentPause, Happened::Paused),
            Steering::Resume => (Action::DeploymentResume, Happened::Resumed),
            Steering::Promote(_) => (Action::DeploymentPromote, Happened::Promoted),
        };
        let now = fleet::now(&mut transaction).await?;
        let who = act.actor.name().unwrap_or(act.actor.kind());
        if deployment.steer(how, (who, now))? == Steered::Already {
            return Ok(deployment);
        }
        rows::update(&mut transaction, &mut deployment).await?;
        rows::happened(&mut transaction, act, &deployment, happened).await?;
        record(&mut transaction, act, action, rows::target(&deployment)).await?;
        fleet::revise(&mut transaction, deployment.project).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Plans);
        Ok(deployment)
    }

    async fn abort_deployment(&self, act: &Act, at: Edit<DeploymentId>, by: Option<&Issuer>) -> Result<Deployment> {
        let mut transaction = self.database.begin().await?;
        let mut deployment = lock(&mut transaction, at).await?;
        if deployment.state == State::Aborted {
            return Ok(deployment);
        }
        if deployment.state.is_final() {
            return Err(deployment.has_ended());
        }
        let reason = Reason::by_hand(act.actor.name().unwrap_or(act.actor.kind()));
        let withdrawn = start::end(&mut transaction, act, (&mut deployment, State::Aborted, reason)).await?;
        match (withdrawn, by) {
            (None, _) => {}
            (Some(withdrawn), Some(by)) => pointers::reissue_beneath(&mut transaction, &withdrawn, by).await?,
            (Some(_), None) => return Err(Error::Conflict("it started in the meantime: try again".to_owned())),
        }
        record(&mut transaction, act, Action::DeploymentAbort, rows::target(&deployment)).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Plans);
        Ok(deployment)
    }

    async fn deployment_events(
        &self,
        reach: Reach,
        id: DeploymentId,
        page: &PageRequest,
    ) -> Result<Page<DeploymentEvent>> {
        let deployment = self.deployment(reach, id).await?;
        let select = sql("select * from deployment_events where deployment_id = $1")
            .bind(deployment.id)
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let events = rows.iter().map(rows::event).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(events, page, |event| event.id.0))
    }

    async fn node_events(&self, reach: Reach, id: DeploymentId, page: &PageRequest) -> Result<Page<NodeEvent>> {
        let deployment = self.deployment(reach, id).await?;
        let select = sql("select * from node_events where deployment_id = $1")
            .bind(deployment.id)
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let events = rows.iter().map(rows::node_event).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(events, page, |event| event.id.0))
    }

    async fn pins(&self, of: OfProject) -> Result<Vec<Pin>> {
        let project = self.project(of.reach, of.project).await?;
        let rows = self.database.fetch_list(pins::select(project.id)).await?;
        Ok(rows.iter().map(pins::read).collect::<Result<_, _>>()?)
    }

    async fn unpin(&self, act: &Act, of: OfProject, selector: &Selector) -> Result<u64> {
        let mut transaction = self.database.begin().await?;
        let project = projects::lock(&mut transaction, of.any()).await?;
        let gone = pins::unpin(&mut transaction, project.id, |pin| pin.selector.overlaps(selector)).await?;
        if !gone.is_empty() {
            let target = projects::target(&project).with(serde_json::json!({ "selectors": gone }));
            record(&mut transaction, act, Action::DeploymentUnpin, target).await?;
        }
        transaction.commit().await?;
        Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
    }
}

/// The deployment as it is, and its project, until the transaction ends.
async fn lock(transaction: &mut Transaction, at: Edit<DeploymentId>) -> Result<Deployment> {
    let select = sql("select project_id from deployments where id = $1")
        .bind(at.id)
        .then_bind_some(" and team_id = ", at.reach.team());
    let found = transaction.fetch_optional(select).await?;
    let project = found.as_ref().map(|row: &Row| row.get("project_id")).transpose()?;
    let project = project.ok_or(Error::NotFound(Noun::Deployment))?;
    projects::lock(transaction, OfProject { reach: at.reach, project }.any()).await?;
    let deployment = rows::get(transaction, at.id).await?.ok_or(Error::NotFound(Noun::Deployment))?;
    at.expected.check(deployment.version)?;
    Ok(deployment)
}
