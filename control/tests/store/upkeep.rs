//! What is done every now and then, when it is time to stop.

use std::sync::Arc;
use std::time::Duration;

use control::access::Access;
use control::access::upkeep::{Keep, Retention, Upkeep};
use control::store::sql::sql;
use tests::wait;
use tokio_util::sync::CancellationToken;

use crate::Kept;

/// Somebody has what is to be removed: that may take long, and whoever stops does not wait for it.
#[tokio::test]
async fn who_stops_does_not_wait_for_what_is_removed() {
    let kept = Kept::in_postgres().await;
    kept.team("red").await;
    kept.run(sql("alter table audit_events disable trigger user")).await;
    kept.run(sql("update audit_events set at = 1, id = '00000000-0000-7000-8000-000000000001'")).await;
    let mut holding = kept.store.database().begin().await.unwrap();
    holding.fetch_all(sql("select id from audit_events for update")).await.unwrap();
    let day = Retention::For(Duration::from_hours(24));
    let upkeep = Upkeep {
        store: Arc::new(kept.store.clone()),
        access: Arc::new(Access::new(0)),
        keep: Keep { events: day, builds: day },
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(upkeep.run(stop.clone().cancelled_owned()));
    wait::until("it waits for the event", async || {
        let count = sql("select count(*) as waiting from pg_stat_activity \
             where datname = current_database() and wait_event_type = 'Lock'");
        let row = kept.store.database().fetch_optional(count).await.unwrap().unwrap();
        row.get::<i64>("waiting").unwrap() == 1
    })
    .await;
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), running).await;
    ended.expect("it ends though somebody has the event").unwrap();
    holding.commit().await.unwrap();
    assert!(kept.audit().await.contains(&"team.create".to_owned()), "nothing was removed");
}
