//! Whose build is next: nobody's many builds keep another team's few waiting.

use crate::store::sql::{Dialect, Error, Statement, Transaction, sql};

/// Lets one control plane at a time choose, so that each sees what the others chose. SQLite has one writer anyway.
pub(super) async fn take(transaction: &mut Transaction) -> Result<(), Error> {
    match transaction.dialect() {
        Dialect::Sqlite => {}
        Dialect::Postgres => {
            transaction.execute(sql("select pg_advisory_xact_lock(7291646530022)")).await?;
        }
    }
    Ok(())
}

/// Appends the query for the next one: the oldest of the team of which the fewest are worked on, or that was served
/// longest ago.
///
/// What it costs grows with the builds that wait, of which no project has many, and with their teams; an index has no
/// others. Both databases see that it may be used only where its own condition is repeated.
pub(super) fn next(statement: Statement, dialect: Dialect) -> Statement {
    let waits = |statement: Statement| {
        statement
            .then("state in ('queued', 'running') and (state = 'queued' or lease_until < ")
            .then(dialect.now())
            .then(")")
    };
    let next = statement.then(
        "select builds.id from builds join (select team_id, \
         (select count(*) from builds r where r.team_id = waiting.team_id and r.state in ('queued', 'running') \
         and r.state = 'running' and r.lease_until >= ",
    );
    let next = next.then(dialect.now()).then(
        ") as at_work, \
         (select coalesce(max(s.started_at), 0) from builds s where s.team_id = waiting.team_id) as served \
         from (select distinct team_id from builds where ",
    );
    let next = waits(next).then(") waiting) turns on turns.team_id = builds.team_id where ");
    waits(next)
        .then(" order by turns.at_work, turns.served, builds.created_at, builds.id limit 1")
        .then(dialect.for_update_of_builds_skip_locked())
}
