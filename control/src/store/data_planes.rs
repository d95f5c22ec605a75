//! Data planes.

use async_trait::async_trait;

use super::DatabaseStore;
use super::audit::{Target, record};
use super::changes::{Topic, announce};
use super::sql::{Error as SqlError, Row, Statement, Transaction, sql};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::data_plane::{DataPlane, DataPlaneUpdate, Filter, Kind, NewDataPlane, Status, together};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{DataPlaneId, ProjectId, TeamId};
use crate::domain::label::{Labels, Requirement, Selector};
use crate::domain::name::Name;
use crate::domain::page::{Page, PageRequest};
use crate::domain::store::{DataPlanes, Edit, Result};
use crate::domain::time::now;
use crate::domain::version::Version;

#[async_trait]
impl DataPlanes for DatabaseStore {
    async fn create_data_plane(&self, act: &Act, team: TeamId, new: NewDataPlane) -> Result<DataPlane> {
        let plane = made(team, new);
        let mut transaction = self.database.begin().await?;
        let owner = owner(&mut transaction, plane.project).await?;
        check_project(team, plane.project, owner)?;
        let insert = insert(&plane, Origin::ByHand)?;
        transaction.execute(insert).await.map_err(|error| refused(error, &plane.name))?;
        record(&mut transaction, act, Action::DataPlaneCreate, target(&plane)).await?;
        transaction.commit().await?;
        Ok(plane)
    }

    async fn data_plane(&self, reach: Reach, id: DataPlaneId) -> Result<DataPlane> {
        let select = select().then_bind(" where id = ", id).then_bind_some(" and team_id = ", reach.team());
        Ok(read(&self.database.get(select, Noun::DataPlane).await?)?)
    }

    async fn data_plane_named(&self, team: TeamId, name: &Name) -> Result<DataPlane> {
        let select = select().then_bind(" where team_id = ", team).then_bind(" and name = ", name);
        Ok(read(&self.database.get(select, Noun::DataPlane).await?)?)
    }

    async fn data_planes(&self, reach: Reach, filter: &Filter, page: &PageRequest) -> Result<Page<DataPlane>> {
        let select = select()
            .then(" where true")
            .then_bind_some(" and team_id = ", reach.team())
            .then_bind_some(" and project_id = ", filter.project)
            .then_bind_some(" and status = ", filter.status.map(Status::as_str))
            .then_bind_some(" and kind = ", filter.kind.map(Kind::as_str));
        let select = with_labels(select, &filter.selector)
            .then_bind_some(" and name = ", page.name.as_ref())
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let planes = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(planes, page, |plane| plane.id.0))
    }

    async fn update_data_plane(&self, act: &Act, at: Edit<DataPlaneId>, update: DataPlaneUpdate) -> Result<DataPlane> {
        let mut transaction = self.database.begin().await?;
        // Before the data plane, as whoever deletes the project does.
        let project = update.project.value().copied();
        let owner = owner(&mut transaction, project).await?;
        let before = lock(&mut transaction, at).await?;
        let plane = changed(before.clone(), update);
        check_project(plane.team, project, owner)?;
        let change = sql("update data_planes set name = $1, kind = $2, project_id = $3, gateway_host = $4, \
             description = $5, labels = $6, set_labels = $7, metadata = $8, version = $9, updated_at = $10 where id = $11")
        .bind(&plane.name)
        .bind(plane.kind.as_str())
        .bind(plane.project)
        .bind(plane.gateway_host.as_deref())
        .bind(&plane.description)
        .bind(json_of(&plane.labels)?)
        .bind(json_of(&plane.set_labels)?)
        .bind(metadata_of(&plane)?)
        .bind(plane.version)
        .bind(plane.updated_at)
        .bind(plane.id);
        transaction.execute(change).await.map_err(|error| refused(error, &plane.name))?;
        record(&mut transaction, act, Action::DataPlaneUpdate, target(&plane).changed(&before, &plane)).await?;
        announce(&mut transaction, Topic::Registry).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Registry);
        Ok(plane)
    }

    async fn delete_data_plane(&self, act: &Act, at: Edit<DataPlaneId>) -> Result<()> {
        let mut transaction = self.database.begin().await?;
        let plane = lock(&mut transaction, at).await?;
        transaction.execute(sql("delete from data_planes where id = $1").bind(plane.id)).await?;
        record(&mut transaction, act, Action::DataPlaneDelete, target(&plane)).await?;
        announce(&mut transaction, Topic::Registry).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Registry);
        Ok(())
    }
}

/// How a data plane came to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Somebody made it.
    ByHand,
    /// It came by itself, and may go by itself.
    Registered,
}

/// Data planes, with what follows from their processes.
pub(super) fn select() -> Statement {
    sql(SELECT)
}

/// The same, to be put into another query.
pub(super) const SELECT: &str = "select * from (select d.*, \
         case when not exists (select 1 from processes p where p.data_plane_id = d.id and p.presence <> 'gone') \
         then 'offline' \
         when exists (select 1 from processes p where p.data_plane_id = d.id and p.presence <> 'gone' \
         and p.phase_name in ('downloading', 'verifying', 'loading')) then 'deploying' else 'online' end as status, \
         (select p.running from processes p where p.data_plane_id = d.id \
         order by p.presence = 'gone', p.last_seen desc limit 1) as artifact, \
         (select max(p.last_seen) from processes p where p.data_plane_id = d.id) as last_seen, \
         (select min(p.connected_at) from processes p where p.data_plane_id = d.id and p.presence = 'connected') \
         as connected_at from data_planes d) as data_planes";

pub(super) fn insert(plane: &DataPlane, origin: Origin) -> Result<Statement> {
    Ok(sql("insert into data_planes (id, team_id, project_id, name, kind, gateway_host, description, labels, \
         set_labels, said_labels, is_registered, metadata, version, created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
    .bind(plane.id)
    .bind(plane.team)
    .bind(plane.project)
    .bind(&plane.name)
    .bind(plane.kind.as_str())
    .bind(plane.gateway_host.as_deref())
    .bind(&plane.description)
    .bind(json_of(&plane.labels)?)
    .bind(json_of(&plane.set_labels)?)
    .bind(json_of(&plane.said_labels)?)
    .bind(origin == Origin::Registered)
    .bind(metadata_of(plane)?)
    .bind(plane.version)
    .bind(plane.created_at)
    .bind(plane.updated_at))
}

/// A data plane that was made by hand, and has not said anything yet.
pub(super) fn made(team: TeamId, new: NewDataPlane) -> DataPlane {
    let now = now();
    let NewDataPlane { name, kind, project, gateway_host, description, labels, metadata } = new;
    DataPlane {
        id: DataPlaneId::new(),
        team,
        project,
        name,
        kind,
        gateway_host,
        description,
        set_labels: labels.clone(),
        said_labels: Labels::new(),
        labels,
        status: Status::Offline,
        artifact: None,
        metadata,
        last_seen: None,
        connected_at: None,
        version: Version::FIRST,
        created_at: now,
        updated_at: now,
    }
}

fn changed(current: DataPlane, update: DataPlaneUpdate) -> DataPlane {
    DataPlane {
        name: update.name.unwrap_or(current.name),
        kind: update.kind.unwrap_or(current.kind),
        project: update.project.apply(current.project),
        gateway_host: update.gateway_host.apply(current.gateway_host),
        description: update.description.unwrap_or(current.description),
        labels: update.labels.as_ref().map_or(current.labels, |set| together(&current.said_labels, set)),
        set_labels: update.labels.unwrap_or(current.set_labels),
        metadata: update.metadata.unwrap_or(current.metadata),
        version: current.version.next(),
        updated_at: now(),
        ..current
    }
}

/// What a selector demands. Both databases know `->>` and `is distinct from`; a key that is missing is null in both.
fn with_labels(select: Statement, selector: &Selector) -> Statement {
    selector.0.iter().fold(select, |select, requirement| match requirement {
        Requirement::Is(key, value) => label(select, key.as_str()).then_bind(" = ", value.as_str()),
        Requirement::IsNot(key, value) => label(select, key.as_str()).then_bind(" is distinct from ", value.as_str()),
        Requirement::Has(key) => label(select, key.as_str()).then(" is not null"),
        Requirement::Lacks(key) => label(select, key.as_str()).then(" is null"),
    })
}

fn label(select: Statement, key: &str) -> Statement {
    select.then_bind(" and (labels ->> ", key).then(")")
}

/// The data plane as it is, until the transaction ends.
pub(super) async fn lock(transaction: &mut Transaction, at: Edit<DataPlaneId>) -> Result<DataPlane> {
    let select = select()
        .then_bind(" where id = ", at.id)
        .then_bind_some(" and team_id = ", at.reach.team())
        .then(transaction.dialect().for_update());
    let row = transaction.fetch_optional(select).await?;
    let plane = read(&row.ok_or(Error::NotFound(Noun::DataPlane))?)?;
    at.expected.check(plane.version)?;
    Ok(plane)
}

/// Whose project it is, which stays there until the transaction ends.
async fn owner(transaction: &mut Transaction, project: Option<ProjectId>) -> Result<Option<TeamId>> {
    let Some(project) = project else { return Ok(None) };
    let select = sql("select team_id from projects where id = $1").bind(project);
    let row = transaction.fetch_optional(select.then(transaction.dialect().for_key_share())).await?;
    Ok(row.map(|row| row.get("team_id")).transpose()?)
}

/// Nobody's data plane serves another team's project.
fn check_project(team: TeamId, project: Option<ProjectId>, owner: Option<TeamId>) -> Result<()> {
    if project.is_none() || owner == Some(team) {
        return Ok(());
    }
    Err(Error::invalid("/project", "the team has no such project"))
}

pub(super) fn target(plane: &DataPlane) -> Target<'_> {
    let target = Target::new(Noun::DataPlane, plane.id.0, Some(plane.name.as_str())).of_team(plane.team);
    match plane.project {
        Some(project) => target.of_project(project),
        None => target,
    }
}

pub(super) fn json_of(labels: &Labels) -> Result<serde_json::Value> {
    serde_json::to_value(labels).map_err(|_| Error::Damaged(Noun::DataPlane))
}

fn metadata_of(plane: &DataPlane) -> Result<String> {
    serde_json::to_string(&plane.metadata).map_err(|_| Error::Damaged(Noun::DataPlane))
}

fn refused(error: SqlError, name: &Name) -> Error {
    if error.is_unique_violation() {
        Error::NameTaken { noun: Noun::DataPlane, name: name.to_string() }
    } else if error.is_reference_violation() {
        Error::NotFound(Noun::Team)
    } else {
        error.into()
    }
}

pub(super) fn read(row: &Row) -> Result<DataPlane, SqlError> {
    Ok(DataPlane {
        id: row.get("id")?,
        team: row.get("team_id")?,
        project: row.get("project_id")?,
        name: row.parse("name")?,
        kind: row.word("kind")?,
        gateway_host: row.get("gateway_host")?,
        description: row.get("description")?,
        labels: row.json("labels")?,
        set_labels: row.json("set_labels")?,
        said_labels: row.json("said_labels")?,
        status: row.word("status")?,
        artifact: row.get("artifact")?,
        metadata: row.json_text("metadata")?,
        last_seen: row.get("last_seen")?,
        connected_at: row.get("connected_at")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
