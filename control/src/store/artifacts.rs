//! Artifacts, but for their bytes.

use async_trait::async_trait;

use super::DatabaseStore;
use super::artifact_bytes;
use super::audit::{Target, record};
use super::projects;
use super::sql::{Error as SqlError, Row, Transaction, sql};
use crate::domain::act::{Act, Action};
use crate::domain::artifact::{Artifact, ArtifactAt, Leave, NewArtifact, Novelty};
use crate::domain::build::Build;
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{BuildId, ProjectId, TeamId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::store::{Artifacts, OfProject, Projects as _, Result};
use crate::domain::time::now;
use uuid::Uuid;

#[async_trait]
impl Artifacts for DatabaseStore {
    async fn push_artifact(&self, act: &Act, of: OfProject, new: NewArtifact) -> Result<(Artifact, Novelty)> {
        let mut transaction = self.database.begin().await?;
        let project = projects::lock(&mut transaction, of.any()).await?;
        let artifact = made((project.team, project.id, None), new);
        let novelty = insert(&mut transaction, artifact.clone()).await?;
        let artifact = match novelty {
            Novelty::New => artifact,
            Novelty::Known => {
                let select = sql("select * from artifacts where project_id = $1 and digest = $2");
                read(&transaction.fetch_one(select.bind(project.id).bind(artifact.digest)).await?)?
            }
        };
        record(&mut transaction, act, Action::ArtifactPush, target(&artifact)).await?;
        transaction.commit().await?;
        Ok((artifact, novelty))
    }

    async fn artifact(&self, at: ArtifactAt) -> Result<Artifact> {
        let select = sql("select * from artifacts where digest = $1")
            .bind(at.digest)
            .then_bind_some(" and team_id = ", at.reach.team())
            .then_bind_some(" and project_id = ", at.project)
            .then(" order by id desc limit 1");
        Ok(read(&self.database.get(select, Noun::Artifact).await?)?)
    }

    async fn artifacts(&self, of: OfProject, page: &PageRequest) -> Result<Page<Artifact>> {
        let project = self.project(of.reach, of.project).await?;
        let select = sql("select * from artifacts where project_id = $1")
            .bind(project.id)
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let artifacts =
            rows.iter().map(|row| Ok((row.get("id")?, read(row)?))).collect::<Result<Vec<_>, SqlError>>()?;
        Ok(Page::of(artifacts, page, |(id, _): &(Uuid, _)| *id).map(|(_, artifact)| artifact))
    }

    async fn delete_artifact(&self, act: &Act, of: OfProject, digest: Digest) -> Result<()> {
        let mut transaction = self.database.begin().await?;
        let project = projects::lock(&mut transaction, of.any()).await?;
        let select = sql("select * from artifacts where project_id = $1 and digest = $2");
        let row = transaction.fetch_optional(select.bind(project.id).bind(digest)).await?;
        let artifact = read(&row.ok_or(Error::NotFound(Noun::Artifact))?)?;
        let delete = sql("delete from artifacts where project_id = $1 and digest = $2").bind(project.id).bind(digest);
        transaction.execute(delete).await.map_err(|error| match error {
            error if error.is_reference_violation() => {
                Error::Conflict("a deployment names this artifact: it stays for as long as its project".to_owned())
            }
            error => error.into(),
        })?;
        record(&mut transaction, act, Action::ArtifactDelete, target(&artifact)).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn has_artifact(&self, digest: Digest) -> Result<bool> {
        let select = sql("select digest from artifacts where digest = $1 limit 1").bind(digest);
        Ok(self.database.fetch_optional(select).await?.is_some())
    }

    async fn keep_bytes(&self, digest: Digest) -> Result<Leave> {
        artifact_bytes::keep(&self.database, digest).await
    }

    async fn remove_bytes(&self, digest: Digest) -> Result<Leave> {
        artifact_bytes::remove(&self.database, digest).await
    }

    async fn bytes_are_removed(&self, digest: Digest) -> Result<()> {
        Ok(artifact_bytes::removed(&self.database, digest).await?)
    }
}

/// What a build made.
pub(super) fn of_build(build: &Build, new: NewArtifact) -> Artifact {
    made((build.team, build.project, Some(build.id)), new)
}

fn made((team, project, build): (TeamId, ProjectId, Option<BuildId>), new: NewArtifact) -> Artifact {
    let NewArtifact { digest, size, signed_by, summary } = new;
    Artifact { digest, team, project, size, signed_by, build, summary, created_at: now() }
}

/// Writes one down, unless the project has it.
pub(super) async fn insert(transaction: &mut Transaction, artifact: Artifact) -> Result<Novelty> {
    artifact_bytes::check_kept(transaction, artifact.digest).await?;
    let insert = sql("insert into artifacts (project_id, digest, id, team_id, size, signed_by, build_id, summary, \
         created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (project_id, digest) do nothing")
    .bind(artifact.project)
    .bind(artifact.digest)
    .bind(Uuid::now_v7())
    .bind(artifact.team)
    .bind(artifact.size)
    .bind(serde_json::json!(artifact.signed_by))
    .bind(artifact.build)
    .bind(serde_json::to_string(&artifact.summary).map_err(|_| Error::Damaged(Noun::Artifact))?)
    .bind(artifact.created_at);
    let inserted = transaction.execute(insert).await?;
    Ok(if inserted == 1 { Novelty::New } else { Novelty::Known })
}

fn target(artifact: &Artifact) -> Target<'_> {
    let target = Target::new(Noun::Artifact, Uuid::nil(), None);
    Target { id: artifact.digest.to_string(), ..target }.of_team(artifact.team).of_project(artifact.project)
}

fn read(row: &Row) -> Result<Artifact, SqlError> {
    Ok(Artifact {
        digest: row.get("digest")?,
        team: row.get("team_id")?,
        project: row.get("project_id")?,
        size: row.get("size")?,
        signed_by: row.json("signed_by")?,
        build: row.get("build_id")?,
        summary: row.json_text("summary")?,
        created_at: row.get("created_at")?,
    })
}
