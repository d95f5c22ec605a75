//! How deployments go on.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::asked;
use super::back::{self, Beneath};
use super::rows;
use super::start::{self, begin};
use super::{lock, pins, pointers};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::deployment::{Deployment, Happened, Kind, Reason, State, Trigger};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::pointer::Issuer;
use crate::domain::rollout::{Breach, Gates, Manner, OnFailure, Promotion, Rollout, Step, Strategy, Wave};
use crate::domain::store::{Edit, Fleet as _, Nodes as _, OfProject, Result, Rollouts};
use crate::domain::version::{Expected, Version};
use crate::store::audit::record;
use crate::store::changes::Topic;
use crate::store::sql::{Dialect, Statement, Transaction, sql};
use crate::store::{DatabaseStore, fleet, projects};

/// How long traffic that does not grow is remembered, in microseconds: a week.
const TRAFFIC_REMEMBERED: i64 = 604_800_000_000;
/// How long after a pointer was issued above one that a data plane has taken the next one is, in microseconds: a data plane
/// that says more each time does not have everybody told each time.
const FLOOR_FOLLOWED_EVERY: i64 = 60_000_000;

#[async_trait]
impl Rollouts for DatabaseStore {
    async fn rollouts_to_do(&self) -> Result<Vec<(ProjectId, DeploymentId)>> {
        let dialect = self.database.dialect();
        // Of those that are paused, a gate takes some back.
        let on_failure = match dialect {
            Dialect::Postgres => "manner::jsonb ->> 'on_failure'",
            Dialect::Sqlite => "manner ->> 'on_failure'",
        };
        let select =
            sql("select project_id, id from deployments where state = 'in_progress' or (state = 'paused' and ")
                .then(on_failure)
                .then(" = 'rollback') or (state = 'scheduled' and (scheduled_for is null or scheduled_for <= ")
                .then(dialect.now())
                // Of one project, what was asked for first starts first, by whatever clock.
                .then(")) order by project_id, serial");
        let rows = self.database.fetch_all(select).await?;
        rows.iter().map(|row| Ok((row.get("project_id")?, row.get("id")?))).collect()
    }

    async fn rollout(&self, id: DeploymentId) -> Result<Option<Rollout>> {
        // The deployment first: a step is taken from its version, and what is read after it is as new, or newer.
        let select =
            sql("select *, ").then(self.database.dialect().now()).then_bind(" as now from deployments where id = ", id);
        let Some(row) = self.database.fetch_optional(select).await? else { return Ok(None) };
        let deployment = rows::read(&row)?;
        let now = row.get("now")?;
        if deployment.state == State::Scheduled && deployment.manner.strategy == Strategy::AllAtOnce {
            // It starts with everyone, whoever that is.
            return Ok(Some(Rollout { deployment, members: BTreeMap::new(), nodes: Vec::new(), now }));
        }
        let members = rows::members(&self.database, id).await?;
        // Of now, as everything here: it decides.
        let plan = self.plan(deployment.project).await?;
        let later: &[_] = match plan.entries.iter().position(|entry| entry.deployment == id) {
            Some(place) => &plan.entries[..place],
            // It decides nothing any more: it is for nobody whom any other is for.
            None if deployment.started_at.is_some() => &plan.entries,
            None => &[],
        };
        let nodes = self.nodes(deployment.project, deployment.artifact).await?;
        let nodes = nodes
            .into_iter()
            .filter(|node| deployment.selector.matches(&node.labels))
            .filter(|node| !later.iter().any(|entry| entry.is_for(node.id, &node.labels)))
            .collect();
        Ok(Some(Rollout { deployment, members, nodes, now }))
    }

    async fn advance(&self, found: (DeploymentId, Version), step: Step, by: Option<&Issuer>) -> Result<Deployment> {
        let mut transaction = self.database.begin().await?;
        let mut deployment = lock(&mut transaction, at(found)).await?;
        take(&mut transaction, (&mut deployment, step), by).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Plans);
        Ok(deployment)
    }

    async fn fail_deployment(&self, found: (DeploymentId, Version), reason: Reason) -> Result<Deployment> {
        let mut transaction = self.database.begin().await?;
        let mut deployment = lock(&mut transaction, at(found)).await?;
        start::fail(&mut transaction, &Act::SYSTEM, (&mut deployment, reason)).await?;
        transaction.commit().await?;
        Ok(deployment)
    }

    async fn renewals_due(&self) -> Result<Vec<ProjectId>> {
        let rows = self.database.fetch_all(due(self.database.dialect())).await?;
        let mut due = rows.iter().map(|row| row.get("project_id")).collect::<Result<Vec<_>, _>>()?;
        due.dedup();
        Ok(due)
    }

    async fn renew_pointers(&self, project: ProjectId, by: &Issuer) -> Result<u64> {
        let mut transaction = self.database.begin().await?;
        projects::lock(&mut transaction, OfProject { reach: Reach::Everything, project }.any()).await?;
        let select = due(transaction.dialect());
        let mut renewed = 0;
        for row in transaction.fetch_all(select).await? {
            if row.get::<ProjectId>("project_id")? != project {
                continue;
            }
            let deployment = rows::get(&mut transaction, row.get("deployment_id")?).await?;
            let deployment = deployment.ok_or(Error::NotFound(Noun::Deployment))?;
            pointers::issue(&mut transaction, &deployment, by).await?;
            renewed += 1;
        }
        transaction.commit().await?;
        self.changes.tell(Topic::Plans);
        Ok(renewed)
    }

    async fn forget_traces(&self) -> Result<u64> {
        let mut transaction = self.database.begin().await?;
        let now = transaction.dialect().now();
        let old = sql("delete from data_plane_traffic where updated_at < ").then(now);
        let old = transaction.execute(old.then_bind(" - ", TRAFFIC_REMEMBERED)).await?;
        transaction.commit().await?;
        Ok(old)
    }
}

/// Pointers that have to be issued anew.
fn due(dialect: Dialect) -> Statement {
    sql("select p.project_id, p.deployment_id from pointers p where p.renew_at <= ")
        .then(dialect.now())
        .then(
            " or exists (select 1 from signing_keys k where k.project_id = p.project_id and k.key_id = p.key_id \
              and k.retired_at is not null) or exists (select 1 from pointer_floors f \
              where f.deployment_id = p.deployment_id and f.serial > p.serial \
              and coalesce(f.followed_at, 0) not between ",
        )
        // A clock that was set back since holds nobody up.
        .then(dialect.now())
        .then_bind(" - ", FLOOR_FOLLOWED_EVERY)
        .then(" and ")
        .then(dialect.now())
        .then(") order by p.project_id, p.serial")
}

/// The deployment, in the version that a step was found for.
fn at((id, version): (DeploymentId, Version)) -> Edit<DeploymentId> {
    Edit { reach: Reach::Everything, id, expected: Expected::Exactly(version) }
}

async fn take(
    transaction: &mut Transaction,
    (deployment, step): (&mut Deployment, Step),
    by: Option<&Issuer>,
) -> Result<()> {
    let act = &Act::SYSTEM;
    let by = || by.ok_or_else(|| Error::Conflict("this step has to be signed".to_owned()));
    let happened = match step {
        Step::Start(wave) => return start::start(transaction, act, (deployment, wave), by()?).await,
        Step::Begin(wave) => return begin(transaction, act, (deployment, wave)).await,
        Step::RollBack(breach) => return roll_back(transaction, (deployment, &breach), by()?).await,
        Step::Found(others) => {
            rows::update(transaction, deployment).await?;
            let began = deployment.wave_began_at.ok_or(Error::Damaged(Noun::Deployment))?;
            return rows::join(transaction, (deployment, began), &others).await;
        }
        Step::Admit(others) => {
            rows::update(transaction, deployment).await?;
            let now = fleet::now(transaction).await?;
            return rows::join(transaction, (deployment, now), &others).await;
        }
        Step::Bake => {
            deployment.baking_since = Some(fleet::now(transaction).await?);
            Happened::Baking
        }
        Step::Unsettle => {
            deployment.baking_since = None;
            Happened::Unsettled
        }
        Step::AwaitPromotion { reason, remarks } => {
            rows::remarked(transaction, act, deployment, &remarks).await?;
            deployment.state = State::Paused;
            deployment.reason = Some(reason);
            Happened::PromotionAwaited
        }
        Step::Succeed(remarks) => {
            rows::remarked(transaction, act, deployment, &remarks).await?;
            deployment.state = State::Succeeded;
            deployment.reason = None;
            record(transaction, act, Action::DeploymentSucceed, rows::target(deployment)).await?;
            Happened::Ended
        }
        Step::Pause(breach) => {
            deployment.state = State::Paused;
            deployment.reason = Some(Reason::from(&breach));
            record(transaction, act, Action::DeploymentPause, rows::target(deployment)).await?;
            Happened::Breached
        }
    };
    rows::update(transaction, deployment).await?;
    rows::happened(transaction, act, deployment, happened).await?;
    // How often data planes are worth hearing from may have changed.
    fleet::revise(transaction, deployment.project).await
}

/// A gate was breached: whom the deployment has reached goes back, each to what it had.
async fn roll_back(
    transaction: &mut Transaction,
    (deployment, breach): (&mut Deployment, &Breach),
    by: &Issuer,
) -> Result<()> {
    let act = &Act::SYSTEM;
    deployment.reason = Some(Reason::from(breach));
    rows::happened(transaction, act, deployment, Happened::Breached).await?;
    let standing = rows::standing(transaction, deployment.project).await?;
    let place = standing.iter().position(|standing| standing.deployment.id == deployment.id).unwrap_or_default();
    let beneath = back::beneath(&standing[place..], &deployment.selector);
    let state = match beneath {
        Beneath::One(_) | Beneath::Several => State::RolledBack,
        Beneath::Nothing => State::Failed,
    };
    let withdrawn = start::end(transaction, act, (deployment, state, Reason::from(breach))).await?;
    record(transaction, act, Action::DeploymentFail, rows::target(deployment)).await?;
    pins::pin(transaction, (deployment, &deployment.selector), act.actor.kind()).await?;
    match (beneath, withdrawn) {
        (Beneath::One(artifact), _) => {
            let mut back = asked::made(transaction, act, deployment.project).await?;
            back.kind = Kind::Rollback;
            back.started_by = Trigger::Automatic;
            back.artifact = artifact;
            back.selector = deployment.selector.clone();
            back.takes_back = Some(deployment.id);
            back.message = format!("deployment {}: {breach}", deployment.serial);
            rows::insert(transaction, &back).await?;
            rows::happened(transaction, act, &back, Happened::Created).await?;
            let wave = Wave { number: back.waves, joining: Vec::new(), remarks: Vec::new() };
            // What it takes back has ended already.
            start::start(transaction, act, (&mut back, Some(wave)), by).await
        }
        (Beneath::Several | Beneath::Nothing, Some(withdrawn)) => {
            pointers::reissue_beneath(transaction, &withdrawn, by).await
        }
        (Beneath::Several | Beneath::Nothing, None) => Ok(()),
    }
}

/// How a way back goes: at once, and nowhere else from there.
pub(super) fn manner_of_rollback() -> Manner {
    Manner {
        strategy: Strategy::AllAtOnce,
        promotion: Promotion::Automatic,
        gates: Gates::of_rollback(),
        on_failure: OnFailure::Pause,
        unpin: false,
    }
}
