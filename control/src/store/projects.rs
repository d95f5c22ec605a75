//! Projects.

use crate::domain::time::now;
use async_trait::async_trait;

use super::audit::{Target, record};
use super::changes::{Topic, announce};
use super::signing_keys;
use super::sql::{Error as SqlError, Row, Transaction, sql};
use super::{DatabaseStore, documents};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::error::{Error, Noun};
use crate::domain::id::ProjectId;
use crate::domain::name::Name;
use crate::domain::page::{Page, PageRequest};
use crate::domain::project::{Founding, NewProject, Project};
use crate::domain::project_update::ProjectUpdate;
use crate::domain::store::{Edit, Projects, Result};
use crate::domain::version::Version;

#[async_trait]
impl Projects for DatabaseStore {
    async fn create_project(&self, act: &Act, founding: Founding) -> Result<Project> {
        let now = now();
        let Founding { id, team, new: NewProject { name, description, settings, .. }, key, root } = founding;
        let version = Version::FIRST;
        let project = Project { id, team, name, description, settings, version, created_at: now, updated_at: now };
        let insert =
            sql("insert into projects (id, team_id, name, description, settings, version, created_at, updated_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(project.id)
            .bind(project.team)
            .bind(&project.name)
            .bind(&project.description)
            .bind(settings_of(&project)?)
            .bind(project.version)
            .bind(project.created_at)
            .bind(project.updated_at);
        let mut transaction = self.database.begin().await?;
        transaction.execute(insert).await.map_err(|error| refused(error, &project.name))?;
        signing_keys::found(&mut transaction, (&project, act), &key, &root).await?;
        record(&mut transaction, act, Action::ProjectCreate, target(&project)).await?;
        transaction.commit().await?;
        Ok(project)
    }

    async fn project(&self, reach: Reach, id: ProjectId) -> Result<Project> {
        let select =
            sql("select * from projects where id = $1").bind(id).then_bind_some(" and team_id = ", reach.team());
        Ok(read(&self.database.get(select, Noun::Project).await?)?)
    }

    async fn projects(&self, reach: Reach, page: &PageRequest) -> Result<Page<Project>> {
        let select = sql("select * from projects where true")
            .then_bind_some(" and team_id = ", reach.team())
            .then_bind_some(" and name = ", page.name.as_ref())
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let projects = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(projects, page, |project| project.id.0))
    }

    async fn update_project(&self, act: &Act, at: Edit<ProjectId>, update: ProjectUpdate) -> Result<Project> {
        let mut transaction = self.database.begin().await?;
        let current = lock(&mut transaction, at).await?;
        let before = current.clone();
        let version = current.version.next();
        let project = Project { version, updated_at: now(), ..update.of(current)? };
        let change = sql("update projects set name = $1, description = $2, settings = $3, version = $4, \
             updated_at = $5 where id = $6")
        .bind(&project.name)
        .bind(&project.description)
        .bind(settings_of(&project)?)
        .bind(project.version)
        .bind(project.updated_at)
        .bind(project.id);
        transaction.execute(change).await.map_err(|error| refused(error, &project.name))?;
        record(&mut transaction, act, Action::ProjectUpdate, target(&project).changed(&before, &project)).await?;
        transaction.commit().await?;
        Ok(project)
    }

    async fn delete_project(&self, act: &Act, at: Edit<ProjectId>) -> Result<()> {
        let team = self.project(at.reach, at.id).await?.team;
        let mut transaction = self.database.begin().await?;
        documents::lock(&mut transaction, team).await?;
        let project = lock(&mut transaction, at).await?;
        documents::release_project(&mut transaction, team, project.id).await?;
        transaction.execute(sql("delete from projects where id = $1").bind(project.id)).await?;
        record(&mut transaction, act, Action::ProjectDelete, target(&project)).await?;
        announce(&mut transaction, Topic::Registry).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Registry);
        Ok(())
    }
}

/// The project as it is, until the transaction ends.
pub(super) async fn lock(transaction: &mut Transaction, at: Edit<ProjectId>) -> Result<Project> {
    let select = sql("select * from projects where id = $1")
        .bind(at.id)
        .then_bind_some(" and team_id = ", at.reach.team())
        .then(transaction.dialect().for_update());
    let row = transaction.fetch_optional(select).await?;
    let project = read(&row.ok_or(Error::NotFound(Noun::Project))?)?;
    at.expected.check(project.version)?;
    Ok(project)
}

pub(super) fn target(project: &Project) -> Target<'_> {
    Target::new(Noun::Project, project.id.0, Some(project.name.as_str())).of_team(project.team).of_project(project.id)
}

fn settings_of(project: &Project) -> Result<serde_json::Value> {
    serde_json::to_value(&project.settings).map_err(|_| Error::Damaged(Noun::Project))
}

fn refused(error: SqlError, name: &Name) -> Error {
    if error.is_unique_violation() {
        Error::NameTaken { noun: Noun::Project, name: name.to_string() }
    } else if error.is_reference_violation() {
        Error::NotFound(Noun::Team)
    } else {
        error.into()
    }
}

pub(super) fn read(row: &Row) -> Result<Project, SqlError> {
    Ok(Project {
        id: row.get("id")?,
        team: row.get("team_id")?,
        name: row.parse("name")?,
        description: row.get("description")?,
        settings: row.json("settings")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
