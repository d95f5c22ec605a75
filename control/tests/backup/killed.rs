//! A restore that is killed (SIGKILL), wherever it is: the installation is empty or whole.

use std::process::{Command, Stdio};
use std::time::Instant;

use control::store::sql::{Database, sql};
use tests::{config, wait};

use crate::site::{Kind, Place, Used, operator, succeeds};

/// How often it is killed, each time later.
const KILLS: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_restore_leaves_nothing_or_everything_in_sqlite() {
    killed(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_restore_leaves_nothing_or_everything_in_postgres() {
    killed(Kind::Postgres).await;
}

async fn killed(kind: Kind) {
    let from = Place::of(Kind::Sqlite).await;
    let mut plane = from.setup.clone().start().await;
    let used = Used::make(&plane).await;
    let token = plane.token().to_owned();
    plane.kill();
    many_rows(&from).await;
    let operator = operator();
    succeeds(&operator, &from.command(&["backup", "-o", "b"]));
    let events = from.count(EVENTS).await;
    let restore = |place: &Place| place.command(&["restore", "-i", "b"]);
    // How long it takes where nobody kills it.
    let (trial, begun) = (Place::of(kind).await, Instant::now());
    succeeds(&operator, &restore(&trial));
    let took = begun.elapsed();
    let to = Place::of(kind).await;
    let (mut empty, mut whole) = (0, 0);
    for round in 0..KILLS {
        let mut command = Command::new(config::control_binary());
        command.args(restore(&to)).env_clear().current_dir(operator.path("."));
        let mut restoring = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait::pass(took * round / KILLS).await;
        // It may have ended by itself.
        let _ = restoring.kill();
        restoring.wait().unwrap();
        let (kept, projects) = (to.count(EVENTS).await, to.count("select count(*) as n from projects").await);
        if kept == 0 {
            empty += 1;
            assert_eq!(projects, 0);
        } else {
            whole += 1;
            // With the events that say that it was restored, and that the project has another key.
            assert_eq!((kept, projects), (events + 2, 1));
            break;
        }
    }
    assert!(empty > 0, "it was never killed in time");
    if whole == 0 {
        succeeds(&operator, &restore(&to));
    }
    let plane = to.setup.clone().start().await;
    assert_ne!(plane.token(), token);
    used.is_in(&plane).await;
}

/// Those that a backup holds: that it is whole is said when it is.
const EVENTS: &str = "select count(*) as n from audit_events where action <> 'backup.finish'";

/// Enough of them that a restore takes a while.
async fn many_rows(place: &Place) {
    let database = Database::open(&place.url(), None).await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    let insert = sql("insert into audit_events (id, at, actor_kind, action, outcome, detail) \
         with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 10000) \
         select printf('%08x-0000-7000-8000-000000000000', n), n, 'system', 'team.create', 'success', '{}' from numbers");
    transaction.execute(insert).await.unwrap();
    transaction.commit().await.unwrap();
    database.close().await;
}
