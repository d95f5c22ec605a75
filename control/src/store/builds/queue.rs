//! The queue that builds are.

use async_trait::async_trait;
use tokio::sync::watch;

use super::{target, turns};
use crate::domain::act::{Act, Action};
use crate::domain::build::{Backlog, Build, Claim, DEATHS_MAX, Ending, Held, LEASE, State, Verdict, Work};
use crate::domain::error::{Error, Noun};
use crate::domain::report::Report;
use crate::domain::store::{BuildQueue, Result};
use crate::domain::time::now;
use crate::store::changes::{Topic, announce};
use crate::store::sql::{Row, Statement, Transaction, sql};
use crate::store::{DatabaseStore, artifacts};

#[async_trait]
impl BuildQueue for DatabaseStore {
    async fn claim_build(&self, claimant: &str) -> Result<Option<Claim>> {
        let mut transaction = self.database.begin().await?;
        turns::take(&mut transaction).await?;
        bury(&mut transaction).await?;
        let dialect = transaction.dialect();
        let claim = sql("update builds set state = 'running', attempt = attempt + 1, failure = null, \
             deaths = deaths + (case state when 'running' then 1 else 0 end), claimed_by = $1, \
             started_at = coalesce(started_at, $2), lease_until = $3 + ")
        .bind(claimant)
        .bind(now())
        .bind(lease())
        .then(dialect.now())
        .then(" where id = (");
        let claim = turns::next(claim, dialect).then(") returning id, project_id, attempt, trace_parent");
        let row = transaction.fetch_optional(claim).await?;
        transaction.commit().await?;
        let read = |row: Row| -> Result<Claim> {
            let trace_parent: Option<String> = row.get("trace_parent")?;
            // A build without a trace is built all the same.
            let trace_parent = trace_parent.and_then(|text| text.parse().ok());
            Ok(Claim {
                build: row.get("id")?,
                project: row.get("project_id")?,
                attempt: row.get("attempt")?,
                trace_parent,
            })
        };
        row.map(read).transpose()
    }

    async fn backlog(&self) -> Result<Backlog> {
        let select = sql("select state, count(*) as builds from builds where state in ('queued', 'running') \
             group by state");
        let mut backlog = Backlog::default();
        for row in self.database.fetch_all(select).await? {
            let builds = row.get("builds")?;
            match row.word("state")? {
                State::Queued => backlog.queued = builds,
                State::Running => backlog.running = builds,
                State::Succeeded | State::Failed | State::Cancelled => {}
            }
        }
        Ok(backlog)
    }

    async fn build_work(&self, claim: Claim) -> Result<Work> {
        let select = sql("select builds.options, revisions.entries, revision_id from builds \
             join revisions on revisions.id = revision_id where builds.id = $1")
        .bind(claim.build);
        let build = self.database.fetch_optional(select).await?.ok_or(Error::NotFound(Noun::Build))?;
        let select = sql("select path, content from revision_files join documents using (team_id, digest) \
             where revision_id = $1 order by path")
        .bind(build.get::<crate::domain::id::RevisionId>("revision_id")?);
        let rows = self.database.fetch_all(select).await?;
        let file = |row: &Row| -> Result<_> { Ok((row.get("path")?, row.get::<Vec<u8>>("content")?.into())) };
        let files = rows.iter().map(file).collect::<Result<_>>()?;
        Ok(Work { options: build.json_text("options")?, entries: build.json("entries")?, files })
    }

    async fn extend_build(&self, claim: Claim) -> Result<Held> {
        let mut transaction = self.database.begin().await?;
        let update = sql("update builds set lease_until = $1 + ").bind(lease()).then(transaction.dialect().now());
        let changed = transaction.execute(held(update, claim)).await?;
        transaction.commit().await?;
        Ok(if changed == 1 { Held::Yes } else { Held::No })
    }

    async fn finish_build(&self, claim: Claim, ending: Ending) -> Result<Held> {
        let mut transaction = self.database.begin().await?;
        // First the project, as whoever deletes it does, so that the two cannot wait for each other.
        let project = sql("select id from projects where id = $1").bind(claim.project);
        let project = project.then(transaction.dialect().for_key_share());
        transaction.fetch_optional(project).await?;
        let Some(build) = lock(&mut transaction, claim).await? else { return Ok(Held::No) };
        let Ending { verdict, report, log } = ending;
        let (artifact, failure) = match verdict {
            Verdict::Artifact(new) => {
                let digest = new.digest;
                artifacts::insert(&mut transaction, artifacts::of_build(&build, *new)).await?;
                (Some(digest), None)
            }
            Verdict::DoesNotCompile => (None, None),
            Verdict::Failed(why) => (None, Some(why)),
        };
        let state = if artifact.is_some() { State::Succeeded } else { State::Failed };
        let count = |count: fn(&Report) -> usize| {
            report.as_ref().map(|report| i64::try_from(count(report)).unwrap_or(i64::MAX))
        };
        let diagnostics = report.as_ref().map(|report| serde_json::to_string(&report.diagnostics)).transpose();
        let update = sql("update builds set state = $1, artifact = $2, failure = $3, errors = $4, warnings = $5, \
             diagnostics = $6, log = $7, finished_at = $8, lease_until = null where id = $9")
        .bind(state.as_str())
        .bind(artifact)
        .bind(failure.as_deref().map(kept))
        .bind(count(|report| report.errors))
        .bind(count(|report| report.warnings))
        .bind(diagnostics.map_err(|_| Error::Damaged(Noun::Build))?)
        .bind(kept(&log))
        .bind(now())
        .bind(build.id);
        transaction.execute(update).await?;
        let action = if artifact.is_some() { Action::BuildSucceed } else { Action::BuildFail };
        let detail = serde_json::json!({ "artifact": artifact, "attempt": claim.attempt });
        record(&mut transaction, action, &build, detail).await?;
        transaction.commit().await?;
        Ok(Held::Yes)
    }

    async fn give_back_build(&self, claim: Claim) -> Result<Held> {
        let mut transaction = self.database.begin().await?;
        let update = sql("update builds set state = 'queued', claimed_by = null, lease_until = null");
        let changed = transaction.execute(held(update, claim)).await?;
        announce(&mut transaction, Topic::Builds).await?;
        transaction.commit().await?;
        Ok(if changed == 1 { Held::Yes } else { Held::No })
    }

    async fn abandon_build(&self, claim: Claim, why: &str) -> Result<Held> {
        let mut transaction = self.database.begin().await?;
        let changed = transaction.execute(held(sql("update builds set failure = $1").bind(kept(why)), claim)).await?;
        transaction.commit().await?;
        Ok(if changed == 1 { Held::Yes } else { Held::No })
    }

    fn build_changes(&self) -> watch::Receiver<()> {
        self.changes.receiver(Topic::Builds)
    }
}

/// In microseconds.
fn lease() -> i64 {
    i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX)
}

/// A change of a build, for as long as the claim is its newest.
fn held(update: Statement, claim: Claim) -> Statement {
    let update = update.then_bind(" where state = 'running' and id = ", claim.build);
    update.then_bind(" and attempt = ", claim.attempt)
}

/// The build as it is, until the transaction ends, if the claim is its newest.
async fn lock(transaction: &mut Transaction, claim: Claim) -> Result<Option<Build>> {
    let select = held(sql("select * from builds"), claim).then(transaction.dialect().for_update());
    Ok(transaction.fetch_optional(select).await?.as_ref().map(super::read).transpose()?)
}

/// Ends the builds whose last lease ran out.
async fn bury(transaction: &mut Transaction) -> Result<()> {
    let dialect = transaction.dialect();
    let update = sql("update builds set state = 'failed', deaths = deaths + 1, lease_until = null, finished_at = $1, \
         failure = $2 || coalesce(failure, 'each time the control plane that built it went away') \
         where id in (select id from builds where state = 'running' and deaths >= $3 and lease_until < ")
    .bind(now())
    .bind(format!("given up after {DEATHS_MAX} attempts: "))
    .bind(DEATHS_MAX - 1)
    .then(dialect.now())
    .then(dialect.for_update_of_builds_skip_locked())
    .then(") returning *");
    for row in transaction.fetch_all(update).await? {
        let build = super::read(&row)?;
        record(transaction, Action::BuildFail, &build, serde_json::json!({ "attempt": build.attempt })).await?;
    }
    Ok(())
}

/// How a build ended is the control plane's own doing.
async fn record(transaction: &mut Transaction, action: Action, build: &Build, detail: serde_json::Value) -> Result<()> {
    Ok(crate::store::audit::record(transaction, &Act::SYSTEM, action, target(build).with(detail)).await?)
}

/// What documents say may hold what PostgreSQL's text does not.
fn kept(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
