//! Deployments: asked for, shown, steered; and in [`steps`] let go on.
//!
//! Whoever changes anything of a deployment holds its project first, so changes of one project follow each other.
//! [`rows`] are deployments as they are kept; [`start`]: how they begin to decide what is served, [`pointers`]: what is
//! signed then, [`back`]: where a way back leads, [`pins`]: what is not gone over.

mod back;
mod pins;
mod pointers;
mod rows;
mod start;
mod steps;

use async_trait::async_trait;
use jiff::Timestamp;

use self::back::Beneath;
use self::rows::Standing;
use super::audit::record;
use super::changes::{Topic, announce};
use super::projects;
use super::sql::{Row, Transaction, sql};
use super::{DatabaseStore, fleet};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::deployment::{
    Deployment, DeploymentEvent, Happened, Kind, NewDeployment, NewRollback, NodeEvent, Pin, PromoteTo, REMEMBERED,
    Reason, SCHEDULED_MAX, State, Trigger,
};
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::label::Selector;
use crate::domain::page::{Page, PageRequest};
use crate::domain::pointer::Issuer;
use crate::domain::store::{Deployments, Edit, OfProject, Projects as _, Result, Steering};
use crate::domain::version::Version;

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
            ..made(&mut transaction, act, project.id).await?
        };
        let heeds_pins = deployment.started_by.is_automation() && !deployment.manner.unpin;
        if heeds_pins && pins::is_pinned(&mut transaction, &deployment).await? {
            return Err(Error::Pinned(
                "some of these data planes were rolled back, and are pinned: deploy by hand, or unpin them".to_owned(),
            ));
        }
        keep(&mut transaction, act, &deployment, Action::DeploymentCreate).await?;
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
            (None, Some(id)) => artifact_of(&mut transaction, project.id, id).await?,
            (None, None) => artifact_before(&mut transaction, &all[place..], &selector).await?,
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
            ..made(&mut transaction, act, project.id).await?
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
        keep(&mut transaction, act, &deployment, Action::DeploymentRollback).await?;
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
        if !steered((act, now), &mut deployment, how)? {
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
            return Err(ended(&deployment));
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

const FURTHER: &str = "name an artifact or a deployment to go further back";
const SEVERAL: &str = "the data planes served different things before: abort the deployment, and each goes back to its own, \
     or say which artifact they shall serve";
const NOTHING: &str = "nothing else was deployed before: say which artifact they shall serve";

/// The project's next one, of which nothing is said yet but who asks.
async fn made(transaction: &mut Transaction, act: &Act, project: ProjectId) -> Result<Deployment> {
    let select =
        sql("select team_id, (select coalesce(max(serial), 0) from deployments where project_id = $1) as last \
         from projects where id = $1");
    let row = transaction.fetch_one(select.bind(project)).await?;
    let (now, manner) = (fleet::now(transaction).await?, steps::manner_of_rollback());
    Ok(Deployment {
        id: DeploymentId::new(),
        team: row.get("team_id")?,
        project,
        serial: row.get::<i64>("last")? + 1,
        kind: Kind::Deploy,
        started_by: Trigger::Manual,
        artifact: Digest([0; 32]),
        selector: Selector::default(),
        waves: manner.strategy.waves(),
        manner,
        message: String::new(),
        author: act.actor.name().unwrap_or(act.actor.kind()).to_owned(),
        takes_back: None,
        state: State::Scheduled,
        reason: None,
        wave: 0,
        promoted: 0,
        pointer_serial: None,
        wave_began_at: None,
        baking_since: None,
        scheduled_for: None,
        version: Version::FIRST,
        created_at: now,
        started_at: None,
        finished_at: None,
        updated_at: now,
    })
}

/// Keeps a new one, and says so; forgets some that are too old.
async fn keep(transaction: &mut Transaction, act: &Act, deployment: &Deployment, action: Action) -> Result<()> {
    if deployment.scheduled_for.is_some() {
        let waiting = sql("select count(*) as waiting from deployments where project_id = $1 and state = 'scheduled'");
        let waiting: i64 = transaction.fetch_one(waiting.bind(deployment.project)).await?.get("waiting")?;
        if waiting >= SCHEDULED_MAX {
            let why = format!("{waiting} deployments wait for their time, and {SCHEDULED_MAX} may: abort some");
            return Err(Error::Conflict(why));
        }
    }
    rows::insert(transaction, deployment).await?;
    rows::happened(transaction, act, deployment, Happened::Created).await?;
    record(transaction, act, action, rows::target(deployment)).await?;
    let old = sql("delete from deployments where id in (select id from deployments where project_id = $1 \
         and serial <= $2 and state not in ('scheduled', 'in_progress', 'paused') \
         and not exists (select 1 from pointers where deployment_id = deployments.id) order by serial limit 50)");
    transaction.execute(old.bind(deployment.project).bind(deployment.serial - REMEMBERED)).await?;
    Ok(announce(transaction, Topic::Plans).await?)
}

/// What these data planes served before the first of these deployments, which decides for all of them: where they go back to
/// if nobody says where. Nobody goes back twice without saying so: a gate may have been faster, or somebody else.
async fn artifact_before(transaction: &mut Transaction, standing: &[Standing], selector: &Selector) -> Result<Digest> {
    let Some(taken) = standing.first() else { return Err(Error::Conflict(NOTHING.to_owned())) };
    if taken.deployment.kind == Kind::Rollback {
        let serial = taken.deployment.serial;
        return Err(Error::Conflict(format!("already rolled back by deployment {serial}: {FURTHER}")));
    }
    if let Some(last) = rows::taken_back_since(transaction, taken, selector).await? {
        return Err(Error::Conflict(format!("deployment {} is already rolled back: {FURTHER}", last.serial)));
    }
    match back::beneath(standing, selector) {
        Beneath::One(artifact) => Ok(artifact),
        Beneath::Several => Err(Error::Conflict(SEVERAL.to_owned())),
        Beneath::Nothing => Err(Error::Conflict(NOTHING.to_owned())),
    }
}

/// What another deployment of the project brought.
async fn artifact_of(transaction: &mut Transaction, project: ProjectId, id: DeploymentId) -> Result<Digest> {
    let found = rows::get(transaction, id).await?.filter(|deployment| deployment.project == project);
    let missing = || Error::invalid("/deployment", "the project has no such deployment");
    Ok(found.ok_or_else(missing)?.artifact)
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

fn ended(deployment: &Deployment) -> Error {
    Error::Conflict(format!(
        "deployment {} has ended: it {}",
        deployment.serial,
        match deployment.state {
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Aborted => "was aborted",
            State::RolledBack => "was rolled back",
            State::Superseded => "was superseded",
            State::Scheduled | State::InProgress | State::Paused => "goes on",
        }
    ))
}

/// Does to a deployment what somebody says. False, where it does so already.
fn steered((act, now): (&Act, Timestamp), deployment: &mut Deployment, how: Steering) -> Result<bool> {
    let state = deployment.state;
    match (how, state) {
        (_, State::Scheduled) => {
            return Err(Error::Conflict("it has not started: wait for it, or abort it".to_owned()));
        }
        (_, state) if state.is_final() => return Err(ended(deployment)),
        (Steering::Pause, State::Paused) | (Steering::Resume, State::InProgress) => return Ok(false),
        (Steering::Pause, _) => {
            deployment.state = State::Paused;
            deployment.reason = Some(Reason::by_hand(act.actor.name().unwrap_or(act.actor.kind())));
        }
        (Steering::Resume, _) => {
            deployment.state = State::InProgress;
            deployment.reason = None;
            // It was not looked at in the meantime: what it waits for begins anew.
            deployment.wave_began_at = Some(now);
            deployment.baking_since = None;
        }
        // Whoever answers for it ends it well.
        (Steering::Promote(_), _) if deployment.is_for_everyone() && deployment.is_halted() => {
            deployment.promoted = deployment.wave;
            deployment.state = State::InProgress;
            deployment.reason = None;
        }
        (Steering::Promote(_), _) if deployment.is_for_everyone() => {
            return Err(Error::Conflict("it is in its last wave: there is none to promote it to".to_owned()));
        }
        (Steering::Promote(to), _) => {
            deployment.promoted = match to {
                PromoteTo::Next => deployment.wave,
                PromoteTo::Everyone => deployment.waves - 1,
            };
            deployment.state = State::InProgress;
            deployment.reason = None;
        }
    }
    Ok(true)
}
