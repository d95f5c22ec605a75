//! Who drifts, written into the history of what it is to serve; where that is nothing, of what it goes on with.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{history, key, key_rows};
use crate::domain::digest::Digest;
use crate::domain::error::Error;
use crate::domain::id::{DataPlaneId, DeploymentId, EventId, ProjectId};
use crate::domain::label::Labels;
use crate::domain::store::{Fleet as _, Result};
use crate::store::DatabaseStore;
use crate::store::sql::{Error as SqlError, Row, Statement, sql};

/// How many are written at a time; the others the next time.
const AT_ONCE: i64 = 1000;

/// Notes of the processes that this replica holds and that have served something else than they are to serve since
/// before that, once for each time that they began to. Which time was noted stands with the process: no two clocks are
/// compared, and what has no room in the history is not looked for again. Returns how many.
pub(super) async fn note(store: &DatabaseStore, replica: Uuid, before: Timestamp) -> Result<u64> {
    let follows = Follows::of_those(store, replica, before).await?;
    let mut transaction = store.database.begin().await?;
    let dialect = transaction.dialect();
    let select = sql("select p.data_plane_id, p.instance_id, p.wanted, p.running from processes p");
    let select = that_drift(select, replica, before).then(dialect.for_update());
    let rows = transaction.fetch_all(select).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let keys = rows.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let events = rows.iter().map(|row| event(row, &follows)).collect::<Result<_, SqlError>>()?;
    let count = history::write(&mut transaction, events).await?;
    let noted = sql("update processes set drift_noted = drift_since where (data_plane_id, instance_id) in (");
    transaction.execute(key_rows(noted, dialect, keys.into_iter()).then(")")).await?;
    transaction.commit().await?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Of processes, those that drift, and what was not noted of them.
fn that_drift(select: Statement, replica: Uuid, before: Timestamp) -> Statement {
    select
        .then_bind(" where p.replica_id = ", replica)
        .then_bind(" and p.drift_since < ", before)
        .then(" and (p.drift_noted is null or p.drift_noted <> p.drift_since) order by p.data_plane_id, p.instance_id")
        .then_bind(" limit ", AT_ONCE)
}

/// Which deployment each is to follow, and what that serves. Of what is not in it, the history says itself whose it is.
struct Follows(HashMap<DataPlaneId, (Digest, DeploymentId)>);

impl Follows {
    /// By what is deployed now, for the labels that they have now.
    async fn of_those(store: &DatabaseStore, replica: Uuid, before: Timestamp) -> Result<Self> {
        let select = sql("select d.id, d.project_id, d.labels from processes p \
             join data_planes d on d.id = p.data_plane_id and d.project_id is not null");
        let mut members: BTreeMap<ProjectId, Vec<(DataPlaneId, Labels)>> = BTreeMap::new();
        for row in store.database.fetch_all(that_drift(select, replica, before)).await? {
            members.entry(row.get("project_id")?).or_default().push((row.get("id")?, row.json("labels")?));
        }
        let mut all = HashMap::new();
        for (project, members) in members {
            let plan = match store.plan(project).await {
                Ok(plan) => plan,
                // Whoever drifts does so, though what is deployed cannot be read.
                Err(Error::Refused(_) | Error::Damaged(_)) => continue,
                Err(error) => return Err(error),
            };
            let wanted = members.iter().filter_map(|(id, labels)| Some((*id, plan.wanted(*id, labels)?)));
            all.extend(wanted.map(|(id, entry)| (id, (entry.artifact, entry.deployment))));
        }
        Ok(Self(all))
    }

    /// Where that is what it was told to serve.
    fn deployment(&self, data_plane: DataPlaneId, wanted: Option<Digest>) -> Option<DeploymentId> {
        let (artifact, deployment) = self.0.get(&data_plane)?;
        (Some(*artifact) == wanted).then_some(*deployment)
    }
}

fn event(row: &Row, follows: &Follows) -> Result<Value, SqlError> {
    let data_plane: DataPlaneId = row.get("data_plane_id")?;
    let (wanted, running): (Option<Digest>, Option<Digest>) = (row.get("wanted")?, row.get("running")?);
    let detail = match (wanted, running) {
        (Some(_), Some(running)) => format!("serves {running}"),
        (_, None) => "serves nothing".to_owned(),
        (None, Some(_)) => "goes on with what was withdrawn, and nothing else is deployed for it".to_owned(),
    };
    Ok(json!({
        "id": EventId::new(),
        "data_plane": data_plane,
        "instance": row.get::<Uuid>("instance_id")?,
        "deployment": follows.deployment(data_plane, wanted),
        "outcome": "drifted",
        "artifact": wanted.or(running),
        "code": null,
        "detail": detail,
    }))
}
