//! Deployments.

use async_trait::async_trait;

use super::DatabaseStore;
use super::audit::{Target, record};
use super::projects;
use super::sql::{Error as SqlError, Row, sql};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::deployment::{Deployment, NewDeployment};
use crate::domain::error::{Error, Noun};
use crate::domain::id::DeploymentId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::store::{Deployments, OfProject, Projects as _, Result};
use crate::domain::time::now;

#[async_trait]
impl Deployments for DatabaseStore {
    async fn create_deployment(&self, act: &Act, of: OfProject, new: NewDeployment) -> Result<Deployment> {
        let mut transaction = self.database.begin().await?;
        // Whoever deploys holds the project, so that no two take one serial and none is left out.
        let project = projects::lock(&mut transaction, of.any()).await?;
        let last = sql("select coalesce(max(serial), 0) as serial from deployments where project_id = $1");
        let last: i64 = transaction.fetch_one(last.bind(project.id)).await?.get("serial")?;
        let deployment = Deployment {
            id: DeploymentId::new(),
            team: project.team,
            project: project.id,
            serial: last + 1,
            artifact: new.artifact,
            selector: new.selector,
            message: new.message,
            author: act.actor.name().unwrap_or(act.actor.kind()).to_owned(),
            created_at: now(),
        };
        let insert = sql("insert into deployments (id, team_id, project_id, serial, artifact, selector, message, \
             author, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(deployment.id)
        .bind(deployment.team)
        .bind(deployment.project)
        .bind(deployment.serial)
        .bind(deployment.artifact)
        .bind(deployment.selector.to_string())
        .bind(&deployment.message)
        .bind(&deployment.author)
        .bind(deployment.created_at);
        transaction.execute(insert).await.map_err(refused)?;
        let detail = serde_json::json!({
            "serial": deployment.serial, "artifact": deployment.artifact, "selector": deployment.selector,
        });
        let target = Target::new(Noun::Deployment, deployment.id.0, None).of_team(project.team).of_project(project.id);
        record(&mut transaction, act, Action::DeploymentCreate, target.with(detail)).await?;
        transaction.commit().await?;
        Ok(deployment)
    }

    async fn deployment(&self, reach: Reach, id: DeploymentId) -> Result<Deployment> {
        let select =
            sql("select * from deployments where id = $1").bind(id).then_bind_some(" and team_id = ", reach.team());
        let row = self.database.fetch_optional(select).await?;
        Ok(read(&row.ok_or(Error::NotFound(Noun::Deployment))?)?)
    }

    async fn newest_deployment(&self, of: OfProject) -> Result<Deployment> {
        let select = sql("select * from deployments where project_id = $1")
            .bind(of.project)
            .then_bind_some(" and team_id = ", of.reach.team())
            .then(" order by serial desc limit 1");
        let row = self.database.fetch_optional(select).await?;
        Ok(read(&row.ok_or(Error::NotFound(Noun::Deployment))?)?)
    }

    async fn deployments(&self, of: OfProject, page: &PageRequest) -> Result<Page<Deployment>> {
        let project = self.project(of.reach, of.project).await?;
        let mut select = sql("select * from deployments where project_id = $1").bind(project.id);
        if let Some(cursor) = page.after {
            // By serial: the clocks of two control planes may differ, and ids tell by the clock.
            select = select.then_bind(" and serial < (select serial from deployments where id = ", cursor.0).then(")");
        }
        let rows = self.database.fetch_list(select.then_bind(" order by serial desc limit ", page.rows())).await?;
        let deployments = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(deployments, page, |deployment| deployment.id.0))
    }
}

fn refused(error: SqlError) -> Error {
    if error.is_reference_violation() {
        Error::invalid("/artifact", "the project has no such artifact: build it, or push it")
    } else {
        error.into()
    }
}

fn read(row: &Row) -> Result<Deployment, SqlError> {
    Ok(Deployment {
        id: row.get("id")?,
        team: row.get("team_id")?,
        project: row.get("project_id")?,
        serial: row.get("serial")?,
        artifact: row.get("artifact")?,
        selector: row.parse("selector")?,
        message: row.get("message")?,
        author: row.get("author")?,
        created_at: row.get("created_at")?,
    })
}
