//! Specs.

use async_trait::async_trait;

use super::audit::{Target, record};
use super::sql::{Error as SqlError, Row, Statement, Transaction, sql};
use super::{DatabaseStore, documents, revisions};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{ProjectId, RevisionId, SpecId, TeamId};
use crate::domain::name::Name;
use crate::domain::page::{Page, PageRequest};
use crate::domain::spec::{NewRevision, NewSpec, Revised, Revision, Spec, SpecUpdate};
use crate::domain::store::{Edit, Projects as _, Result, Specs};
use crate::domain::time::now;
use crate::domain::version::Version;
use crate::upload::Document;

#[async_trait]
impl Specs for DatabaseStore {
    async fn create_spec(&self, act: &Act, reach: Reach, new: NewSpec) -> Result<Spec> {
        let project = self.project(reach, new.project).await?;
        let mut transaction = self.database.begin().await?;
        documents::lock(&mut transaction, project.team).await?;
        let now = now();
        let NewSpec { project: _, name, description, revision } = new;
        let id = SpecId::new();
        let head = revisions::drafted(act, id, 1, &revision);
        let (team, project) = (project.team, project.id);
        let version = Version::FIRST;
        let spec = Spec { id, team, project, name, description, head, version, created_at: now, updated_at: now };
        let insert = sql("insert into specs \
             (id, team_id, project_id, name, description, head, version, created_at, updated_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(spec.id)
        .bind(spec.team)
        .bind(spec.project)
        .bind(&spec.name)
        .bind(&spec.description)
        .bind(spec.head.number)
        .bind(spec.version)
        .bind(spec.created_at)
        .bind(spec.updated_at);
        transaction.execute(insert).await.map_err(|error| refused(error, &spec.name))?;
        revisions::insert(&mut transaction, team, &spec.head, &revision.documents.files).await?;
        record(&mut transaction, act, Action::SpecCreate, target(&spec).with(detail(&spec.head))).await?;
        transaction.commit().await?;
        Ok(spec)
    }

    async fn spec(&self, reach: Reach, id: SpecId) -> Result<Spec> {
        read(&self.database.get(select(reach).then_bind(" and s.id = ", id), Noun::Spec).await?)
    }

    async fn specs(&self, reach: Reach, project: ProjectId, page: &PageRequest) -> Result<Page<Spec>> {
        self.project(reach, project).await?;
        let select = select(reach)
            .then_bind(" and s.project_id = ", project)
            .then_bind_some(" and s.name = ", page.name.as_ref())
            .then_bind_some(" and s.id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by s.id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let specs = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Page::of(specs, page, |spec| spec.id.0))
    }

    async fn update_spec(&self, act: &Act, at: Edit<SpecId>, update: SpecUpdate) -> Result<Spec> {
        let mut transaction = self.database.begin().await?;
        let current = lock(&mut transaction, at).await?;
        let before = current.clone();
        let spec = Spec {
            name: update.name.unwrap_or(current.name),
            description: update.description.unwrap_or(current.description),
            version: current.version.next(),
            updated_at: now(),
            ..current
        };
        let change = sql("update specs set name = $1, description = $2, version = $3, updated_at = $4 where id = $5")
            .bind(&spec.name)
            .bind(&spec.description)
            .bind(spec.version)
            .bind(spec.updated_at)
            .bind(spec.id);
        transaction.execute(change).await.map_err(|error| refused(error, &spec.name))?;
        record(&mut transaction, act, Action::SpecUpdate, target(&spec).changed(&before, &spec)).await?;
        transaction.commit().await?;
        Ok(spec)
    }

    async fn delete_spec(&self, act: &Act, at: Edit<SpecId>) -> Result<()> {
        let team = self.spec(at.reach, at.id).await?.team;
        let mut transaction = self.database.begin().await?;
        documents::lock(&mut transaction, team).await?;
        let spec = lock(&mut transaction, at).await?;
        documents::release_spec(&mut transaction, team, spec.id).await?;
        transaction.execute(sql("delete from specs where id = $1").bind(spec.id)).await?;
        record(&mut transaction, act, Action::SpecDelete, target(&spec)).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn revise_spec(&self, act: &Act, at: Edit<SpecId>, new: NewRevision) -> Result<Revised> {
        let team = self.spec(at.reach, at.id).await?.team;
        let mut transaction = self.database.begin().await?;
        documents::lock(&mut transaction, team).await?;
        let current = lock(&mut transaction, at).await?;
        let revision = revisions::drafted(act, current.id, current.head.number + 1, &new);
        if (&revision.digest, &revision.entries) == (&current.head.digest, &current.head.entries) {
            let Revision { files, left_out, .. } = revision;
            return Ok(Revised::Same(current.version, Revision { files, left_out, ..current.head }));
        }
        revisions::insert(&mut transaction, team, &revision, &new.documents.files).await?;
        let version = current.version.next();
        let change = sql("update specs set head = $1, version = $2, updated_at = $3 where id = $4")
            .bind(revision.number)
            .bind(version)
            .bind(revision.created_at)
            .bind(current.id);
        transaction.execute(change).await?;
        record(&mut transaction, act, Action::SpecRevise, target(&current).with(detail(&revision))).await?;
        transaction.commit().await?;
        Ok(Revised::New(version, revision))
    }

    async fn revisions(&self, reach: Reach, spec: SpecId, page: &PageRequest) -> Result<Page<Revision>> {
        revisions::list(self, reach, spec, page).await
    }

    async fn revision(&self, reach: Reach, spec: SpecId, number: i64) -> Result<Revision> {
        revisions::one(&self.database, reach, spec, number).await
    }

    async fn document(&self, reach: Reach, revision: RevisionId, path: &str) -> Result<Document> {
        revisions::document(&self.database, reach, revision, path).await
    }

    async fn documents(&self, reach: Reach, revision: RevisionId) -> Result<Vec<Document>> {
        revisions::documents(&self.database, reach, revision).await
    }
}

/// Specs within reach, with their heads.
fn select(reach: Reach) -> Statement {
    sql("select s.id, s.team_id, s.project_id, s.name, s.description, s.version, s.created_at, s.updated_at, \
         r.id as revision_id, r.spec_id, r.number, r.digest, r.entries, r.message, r.author, \
         r.created_at as revised_at from specs s join revisions r on r.spec_id = s.id and r.number = s.head where true")
    .then_bind_some(" and s.team_id = ", reach.team())
}

/// The spec as it is, until the transaction ends.
async fn lock(transaction: &mut Transaction, at: Edit<SpecId>) -> Result<Spec> {
    let hold = sql("select id from specs where id = $1").bind(at.id).then(transaction.dialect().for_update());
    transaction.fetch_optional(hold).await?;
    // Read when it is held: what was read while another one changed it could be of two states.
    let row = transaction.fetch_optional(select(at.reach).then_bind(" and s.id = ", at.id)).await?;
    let spec = read(&row.ok_or(Error::NotFound(Noun::Spec))?)?;
    at.expected.check(spec.version)?;
    Ok(spec)
}

fn target(spec: &Spec) -> Target<'_> {
    Target::new(Noun::Spec, spec.id.0, Some(spec.name.as_str())).of_team(spec.team).of_project(spec.project)
}

fn detail(revision: &Revision) -> serde_json::Value {
    serde_json::json!({ "revision": revision.number, "digest": revision.digest })
}

fn refused(error: SqlError, name: &Name) -> Error {
    if error.is_unique_violation() {
        Error::NameTaken { noun: Noun::Spec, name: name.to_string() }
    } else if error.is_reference_violation() {
        // Deleted since it was looked up.
        Error::NotFound(Noun::Project)
    } else {
        error.into()
    }
}

fn read(row: &Row) -> Result<Spec> {
    Ok(Spec {
        id: row.get("id")?,
        team: row.get::<TeamId>("team_id")?,
        project: row.get("project_id")?,
        name: row.parse("name")?,
        description: row.get("description")?,
        head: revisions::read(row)?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
