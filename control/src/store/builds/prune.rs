//! Builds that nobody looks at any more.

use jiff::Timestamp;

use crate::domain::act::Action;
use crate::domain::store::Result;
use crate::store::audit::{self, Pruning};
use crate::store::sql::{Database, sql};

/// How many builds one transaction removes: each may have a log and diagnostics of a megabyte.
const PRUNED_AT_ONCE: i64 = 500;

/// Removes some of the builds that ended before `before` and that no artifact came of, or none that is still there.
pub(super) async fn prune(database: &Database, before: Timestamp) -> Result<u64> {
    let delete = sql("delete from builds where id in (select id from builds where finished_at < $1 \
         and not exists (select 1 from artifacts where artifacts.build_id = builds.id) order by finished_at limit ")
    .bind(before)
    .then_bind("", PRUNED_AT_ONCE)
    .then(")");
    let pruning = Pruning { action: Action::BuildPrune, what: "builds", before };
    Ok(audit::prune(database, delete, pruning).await?)
}
