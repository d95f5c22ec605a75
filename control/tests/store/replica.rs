//! A read replica: heavy reads go to it, and nobody misses what they wrote.

use control::domain::access::Reach;
use control::domain::page::PageRequest;
use control::domain::store::Teams as _;
use control::domain::team::NewTeam;
use control::store::DatabaseStore;
use control::store::sql::Database;
use tests::postgres::{Postgres, Replica};

use crate::act;

struct Pair {
    primary: Postgres,
    replica: Replica,
    store: DatabaseStore,
}

async fn pair() -> Pair {
    let primary = Postgres::start().await;
    let replica = primary.replica().await;
    let store = DatabaseStore::new(Database::open(&primary.url(), Some(&replica.url())).await.unwrap());
    Pair { primary, replica, store }
}

impl Pair {
    async fn make(&self, name: &str) {
        let new = NewTeam { name: name.parse().unwrap(), description: String::new() };
        self.store.create_team(&act(), new).await.unwrap();
    }

    async fn names(&self) -> Vec<String> {
        let teams = self.store.teams(Reach::Everything, &PageRequest::default()).await.unwrap();
        teams.items.into_iter().map(|team| team.name.to_string()).collect()
    }

    /// How many lists of teams the replica has been asked for.
    fn asked(&self) -> u64 {
        let count = "select coalesce(sum(seq_scan + idx_scan), 0) from pg_stat_user_tables where relname = 'teams'";
        self.replica.run(count).trim().parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_read_from_the_replica() {
    let pair = pair().await;
    pair.make("red").await;
    let before = pair.asked();
    tests::wait::until("the replica has been asked for a list", async || {
        assert_eq!(pair.names().await, ["red"]);
        pair.asked() > before
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_replica_hides_nothing_that_was_written() {
    let pair = pair().await;
    pair.make("red").await;
    pair.replica.pause_replay().await;
    pair.make("blue").await;
    assert_eq!(pair.names().await, ["blue", "red"]);
    pair.replica.resume_replay();
    for number in 0..20 {
        pair.make(&format!("t{number}")).await;
        assert_eq!(pair.names().await[0], format!("t{number}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_away_is_not_missed() {
    let mut pair = pair().await;
    pair.make("red").await;
    pair.replica.kill().await;
    assert_eq!(pair.names().await, ["red"]);
    assert_eq!(pair.primary.run("select count(*) from teams").trim(), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_never_there_keeps_nobody_from_starting() {
    let primary = tests::postgres::Database::create().await;
    let nobody = "postgres://nobody@127.0.0.1:9/nothing";
    let store = DatabaseStore::new(Database::open(&primary.url(), Some(nobody)).await.unwrap());
    let new = NewTeam { name: "red".parse().unwrap(), description: String::new() };
    let team = store.create_team(&act(), new).await.unwrap();
    assert_eq!(store.teams(Reach::Everything, &PageRequest::default()).await.unwrap().items, [team]);
}
