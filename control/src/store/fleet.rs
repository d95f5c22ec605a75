//! What data planes are to serve.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU64;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::DatabaseStore;
use super::changes::Topic;
use super::registry::terms;
use super::sql::{Reader, Row, Transaction, sql};
use crate::domain::deployment::State;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{DataPlaneId, DeploymentId, ProjectId};
use crate::domain::plan::{Entry, FLOOR_RISE_MAX, Pace, Plan, Reached, Revision};
use crate::domain::registry::Terms;
use crate::domain::store::{Fleet, Result};

/// How late a change may be committed that says when it was made: longer than any transaction lasts.
const LATE: SignedDuration = SignedDuration::from_secs(60);

#[async_trait]
impl Fleet for DatabaseStore {
    async fn plan(&self, project: ProjectId) -> Result<Plan> {
        plan(&Reader::Now(self.database.clone()), project).await
    }

    async fn known_plan(&self, project: ProjectId) -> Result<(Plan, Terms)> {
        let read = |reader: Reader| async move {
            let plan = plan(&reader, project).await?;
            let terms = terms::of(&reader, &[project]).await?.remove(&project);
            Ok::<_, Error>((plan, terms.unwrap_or_default()))
        };
        self.database.known(read).await
    }

    async fn plan_revisions(&self, since: Option<Timestamp>) -> Result<(Timestamp, Vec<Revision>)> {
        let now = sql("select ").then(self.database.dialect().now()).then(" as now");
        let now: Timestamp =
            self.database.fetch_optional(now).await?.ok_or(Error::Damaged(Noun::Project))?.get("now")?;
        let select = sql("select project_id, revision from plans where true")
            .then_bind_some(" and changed_at >= ", since)
            .then(" order by project_id");
        let rows = self.database.fetch_all(select).await?;
        let read = |row: &Row| -> Result<Revision> {
            Ok(Revision { project: row.get("project_id")?, revision: row.get("revision")? })
        };
        let revisions = rows.iter().map(read).collect::<Result<_>>()?;
        Ok((now.checked_sub(LATE).unwrap_or(Timestamp::UNIX_EPOCH), revisions))
    }

    fn plan_changes(&self) -> watch::Receiver<()> {
        self.changes.receiver(Topic::Plans)
    }

    async fn raise_floor(&self, deployment: DeploymentId, serial: NonZeroU64) -> Result<()> {
        let select = sql("select last_serial from plans join pointers on pointers.project_id = plans.project_id \
             where deployment_id = $1");
        let Some(row) = self.database.fetch_optional(select.bind(deployment)).await? else { return Ok(()) };
        let last = u64::try_from(row.get::<i64>("last_serial")?).unwrap_or_default();
        if serial.get() > last.saturating_add(FLOOR_RISE_MAX) {
            return Err(Error::Conflict(format!(
                "a data plane has taken pointer {serial}, and the last one of its project is {last}: that is not ours"
            )));
        }
        let serial = i64::try_from(serial.get()).map_err(|_| Error::Damaged(Noun::Deployment))?;
        let mut transaction = self.database.begin().await?;
        let insert = sql("insert into pointer_floors (deployment_id, serial) select deployment_id, $1 from pointers \
             where deployment_id = $2 on conflict (deployment_id) do update set serial = excluded.serial \
             where pointer_floors.serial < excluded.serial");
        transaction.execute(insert.bind(serial).bind(deployment)).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Nodes);
        Ok(())
    }

    async fn hear_of_changes(&self) {
        self.changes.hear(&self.database).await;
    }
}

async fn plan(reader: &Reader, project: ProjectId) -> Result<Plan> {
    // The revision first: what is read after it is as new, or newer, and then there is a newer revision, too.
    let revision = sql("select revision from plans where project_id = $1").bind(project);
    let Some(revision) = reader.fetch_optional(revision).await? else { return Ok(Plan::empty(project)) };
    let select = sql("select id, selector, artifact, for_everyone, state, document from deployments \
         join pointers on deployment_id = id where deployments.project_id = $1 and not is_withdrawn \
         order by precedence desc")
    .bind(project);
    let rows = reader.fetch_all(select).await?;
    let members = sql("select deployment_id, data_plane_id from deployment_members \
         join deployments on deployments.id = deployment_id \
         where project_id = $1 and not is_withdrawn and not for_everyone")
    .bind(project);
    let mut few: HashMap<DeploymentId, BTreeSet<DataPlaneId>> = HashMap::new();
    for row in reader.fetch_all(members).await? {
        few.entry(row.get("deployment_id")?).or_default().insert(row.get("data_plane_id")?);
    }
    let mut plan = Plan { revision: revision.get("revision")?, ..Plan::empty(project) };
    for row in &rows {
        plan.entries.push(entry(row, &mut few)?);
    }
    Ok(plan)
}

fn entry(row: &Row, few: &mut HashMap<DeploymentId, BTreeSet<DataPlaneId>>) -> Result<Entry> {
    let deployment = row.get("id")?;
    let reached = if row.get("for_everyone")? {
        Reached::Everyone
    } else {
        Reached::Only(few.remove(&deployment).unwrap_or_default())
    };
    Ok(Entry {
        deployment,
        selector: row.parse("selector")?,
        reached,
        pointer: Arc::new(row.json_text("document")?),
        artifact: row.get("artifact")?,
        pace: if row.word::<State>("state")? == State::InProgress { Pace::UnderWay } else { Pace::Calm },
    })
}

/// Says that a project's plan is another one now. A revision that was lost with a database is not given to anything else: it is
/// the time, in microseconds, or one more than before.
pub(super) async fn revise(transaction: &mut Transaction, project: ProjectId) -> Result<()> {
    let now = transaction.dialect().now();
    let update = sql("insert into plans (project_id, revision, last_serial, changed_at) select $1, ")
        .bind(project)
        .then(now)
        .then(", 0, ")
        .then(now)
        .then(
            " where true on conflict (project_id) do update set changed_at = excluded.changed_at, revision = case \
              when excluded.revision > plans.revision then excluded.revision else plans.revision + 1 end",
        );
    transaction.execute(update).await?;
    Ok(super::changes::announce(transaction, Topic::Plans).await?)
}

/// What time it is by the database's clock.
pub(super) async fn now(transaction: &mut Transaction) -> Result<Timestamp> {
    let select = sql("select ").then(transaction.dialect().now()).then(" as now");
    Ok(transaction.fetch_one(select).await?.get("now")?)
}
