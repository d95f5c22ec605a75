//! Builds: asked for, shown, cancelled; in `queue`, worked on, in the order of `turns`; and, in `prune`, forgotten.

mod prune;
mod queue;
mod turns;

use async_trait::async_trait;
use jiff::Timestamp;

use super::DatabaseStore;
use super::audit::{Target, record};
use super::changes::{Topic, announce};
use super::sql::{Error as SqlError, Row, Transaction, sql};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::build::{Build, BuildFilter, BuildsOf, NewBuild, Options, QUEUED_MAX, State, Subject};
use crate::domain::error::{Error, Noun};
use crate::domain::id::{BuildId, ProjectId, SpecId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::store::{At, Builds, Result};
use crate::domain::time::now;
use crate::telemetry::trace;

/// What a list shows: all but what may be large.
const LISTED: &str = "select id, team_id, project_id, spec_id, revision, environment, state, attempt, errors, warnings, \
     failure, artifact, author, created_at, started_at, finished_at, null as diagnostics from builds where ";

#[async_trait]
impl Builds for DatabaseStore {
    async fn create_build(&self, act: &Act, of: At<SpecId>, new: NewBuild) -> Result<Build> {
        let mut transaction = self.database.begin().await?;
        let (subject, options) = subject(&mut transaction, of, &new).await?;
        check_room(&mut transaction, subject.project).await?;
        let build = queued(act, &subject, new);
        let insert = sql("insert into builds (id, team_id, project_id, spec_id, revision_id, revision, environment, \
             options, state, attempt, deaths, log, author, created_at, trace_parent) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, '', $10, $11, $12)")
        .bind(build.id)
        .bind(build.team)
        .bind(build.project)
        .bind(build.spec)
        .bind(subject.revision.0)
        .bind(build.revision)
        .bind(build.environment.clone())
        .bind(serde_json::to_string(&options).map_err(|_| Error::Damaged(Noun::Build))?)
        .bind(build.state.as_str())
        .bind(&build.author)
        .bind(build.created_at)
        .bind(trace::current().map(|span| span.to_string()));
        transaction.execute(insert).await?;
        let detail = serde_json::json!({
            "spec": build.spec, "revision": build.revision, "environment": build.environment,
        });
        record(&mut transaction, act, Action::BuildCreate, target(&build).with(detail)).await?;
        announce(&mut transaction, Topic::Builds).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Builds);
        Ok(build)
    }

    async fn build(&self, reach: Reach, id: BuildId) -> Result<Build> {
        let select = sql("select * from builds where id = $1").bind(id).then_bind_some(" and team_id = ", reach.team());
        Ok(read(&self.database.get(select, Noun::Build).await?)?)
    }

    async fn build_log(&self, reach: Reach, id: BuildId) -> Result<String> {
        let select =
            sql("select log from builds where id = $1").bind(id).then_bind_some(" and team_id = ", reach.team());
        Ok(self.database.get(select, Noun::Build).await?.get("log")?)
    }

    async fn builds(&self, reach: Reach, filter: BuildFilter, page: &PageRequest) -> Result<Page<Build>> {
        let (parent, noun) = match filter.of {
            BuildsOf::Project(id) => (sql("select id from projects where id = $1").bind(id), Noun::Project),
            BuildsOf::Spec(id) => (sql("select id from specs where id = $1").bind(id), Noun::Spec),
        };
        let parent = parent.then_bind_some(" and team_id = ", reach.team());
        self.database.get(parent, noun).await?;
        let select = match filter.of {
            BuildsOf::Project(id) => sql(LISTED).then_bind("project_id = ", id),
            BuildsOf::Spec(id) => sql(LISTED).then_bind("spec_id = ", id),
        };
        let select = select
            .then_bind_some(" and state = ", filter.state.map(State::as_str))
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let builds = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(builds, page, |build| build.id.0))
    }

    async fn prune_builds(&self, before: Timestamp) -> Result<u64> {
        prune::prune(&self.database, before).await
    }

    async fn cancel_build(&self, act: &Act, reach: Reach, id: BuildId) -> Result<Build> {
        let mut transaction = self.database.begin().await?;
        let select = sql("select * from builds where id = $1")
            .bind(id)
            .then_bind_some(" and team_id = ", reach.team())
            .then(transaction.dialect().for_update());
        let row = transaction.fetch_optional(select).await?;
        let build = read(&row.ok_or(Error::NotFound(Noun::Build))?)?;
        match build.state {
            State::Cancelled => return Ok(build),
            State::Succeeded | State::Failed => {
                let why = format!("the build has {} already: there is nothing to cancel", build.state.as_str());
                return Err(Error::Conflict(why));
            }
            State::Queued | State::Running => {}
        }
        let build = Build { state: State::Cancelled, finished_at: Some(now()), ..build };
        let update = sql("update builds set state = 'cancelled', lease_until = null, finished_at = $1 where id = $2");
        transaction.execute(update.bind(build.finished_at).bind(build.id)).await?;
        record(&mut transaction, act, Action::BuildCancel, target(&build)).await?;
        announce(&mut transaction, Topic::Builds).await?;
        transaction.commit().await?;
        self.changes.tell(Topic::Builds);
        Ok(build)
    }
}

/// What is to be built, and how. The project is locked: of its builds, one at a time is put into the queue.
async fn subject(transaction: &mut Transaction, of: At<SpecId>, new: &NewBuild) -> Result<(Subject, Options)> {
    let At { reach, id: spec } = of;
    let select = sql("select specs.team_id, project_id, head, projects.name, projects.settings from specs \
         join projects on projects.id = project_id where specs.id = $1")
    .bind(spec)
    .then_bind_some(" and specs.team_id = ", reach.team())
    .then(transaction.dialect().for_no_key_update_of_projects());
    let found = transaction.fetch_optional(select).await?.ok_or(Error::NotFound(Noun::Spec))?;
    let options = new.options(found.parse("name")?, &found.json("settings")?)?;
    let number = new.revision.map_or_else(|| found.get::<i64>("head"), Ok)?;
    let select = sql("select id from revisions where spec_id = $1 and number = $2").bind(spec).bind(number);
    let revision = transaction
        .fetch_optional(select)
        .await?
        .ok_or_else(|| Error::invalid("/revision", format!("the spec has no revision {number}")))?;
    let revision = (revision.get("id")?, number);
    let subject = Subject { team: found.get("team_id")?, project: found.get("project_id")?, spec, revision };
    Ok((subject, options))
}

/// Whether another build of the project may wait.
async fn check_room(transaction: &mut Transaction, project: ProjectId) -> Result<()> {
    let count = sql("select count(*) as waiting from builds where state = 'queued' and project_id = $1").bind(project);
    let waiting: i64 = transaction.fetch_one(count).await?.get("waiting")?;
    if waiting < QUEUED_MAX { Ok(()) } else { Err(Error::QueueFull { limit: QUEUED_MAX }) }
}

fn queued(act: &Act, subject: &Subject, new: NewBuild) -> Build {
    Build {
        id: BuildId::new(),
        team: subject.team,
        project: subject.project,
        spec: subject.spec,
        revision: subject.revision.1,
        environment: new.environment,
        state: State::Queued,
        attempt: 0,
        errors: None,
        warnings: None,
        diagnostics: None,
        failure: None,
        artifact: None,
        author: act.actor.name().unwrap_or(act.actor.kind()).to_owned(),
        created_at: now(),
        started_at: None,
        finished_at: None,
    }
}

fn target(build: &Build) -> Target<'_> {
    Target::new(Noun::Build, build.id.0, None).of_team(build.team).of_project(build.project)
}

fn read(row: &Row) -> Result<Build, SqlError> {
    Ok(Build {
        id: row.get("id")?,
        team: row.get("team_id")?,
        project: row.get("project_id")?,
        spec: row.get("spec_id")?,
        revision: row.get("revision")?,
        environment: row.parse_some("environment")?,
        state: row.word("state")?,
        attempt: row.get("attempt")?,
        errors: row.get("errors")?,
        warnings: row.get("warnings")?,
        diagnostics: row.json_text_some("diagnostics")?,
        failure: row.get("failure")?,
        artifact: row.get("artifact")?,
        author: row.get("author")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
    })
}
