//! A read replica: heavy reads go to it, and nobody misses what they wrote. Where the primary is away, it stands in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use control::domain::access::Reach;
use control::domain::error::Error;
use control::domain::id::TeamId;
use control::domain::page::PageRequest;
use control::domain::store::{
    Credentials as _, Fleet as _, Health as _, Registry as _, Replica as State, Teams as _, changing,
};
use control::domain::team::NewTeam;
use control::store::DatabaseStore;
use control::store::sql::{Database, Error as SqlError, Reader, sql};
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

    /// Waits until the replica has all that there is now.
    async fn catches_up(&self) {
        let position = self.primary.run("select pg_current_wal_lsn()");
        let reached = format!("select pg_last_wal_replay_lsn() >= '{position}'");
        tests::wait::until("the replica has it", async || self.replica.run(&reached) == "t").await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_away_is_stood_in_for() {
    let mut pair = pair().await;
    pair.make("red").await;
    let red = pair.store.team_named(Reach::Everything, &"red".parse().unwrap()).await.unwrap();
    pair.catches_up().await;
    pair.primary.kill().await;
    assert_eq!(pair.store.team(Reach::Everything, red.id).await.unwrap(), red);
    assert_eq!(pair.names().await, ["red"]);
    // What it lacks may be there: nobody is told that it is not.
    let lacking = pair.store.team(Reach::Everything, TeamId::new()).await;
    assert!(matches!(lacking, Err(Error::Unavailable { .. })), "{lacking:?}");
    let nobody = pair.store.principal([7; 32]).await;
    assert!(matches!(nobody, Err(Error::Unavailable { .. })), "{nobody:?}");
    // What decides is of now, or nothing; and it is said that the database is away.
    assert!(pair.store.plan_revisions(None).await.is_err());
    assert!(pair.store.terms(&[]).await.is_err());
    assert!(pair.store.ping().await.is_err());
    assert_eq!(pair.store.replica().await, State::Late);
    // Nobody waits for it any more, but the one who looks whether it is there.
    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(pair.names().await, ["red"]);
    }
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    pair.primary.restart().await;
    // Whoever has written something reads it at once.
    pair.make("blue").await;
    assert_eq!(pair.names().await, ["blue", "red"]);
    assert!(matches!(pair.store.team(Reach::Everything, TeamId::new()).await, Err(Error::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_says_nothing_is_waited_for_once_in_a_while() {
    let pair = pair().await;
    pair.make("red").await;
    pair.catches_up().await;
    pair.primary.freeze();
    let began = Instant::now();
    assert_eq!(pair.names().await, ["red"]);
    assert!(began.elapsed() < Duration::from_secs(8), "the first waits for {:?}", began.elapsed());
    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(pair.names().await, ["red"]);
    }
    assert!(began.elapsed() < Duration::from_secs(6), "fifty take {:?}", began.elapsed());
    pair.primary.thaw();
    tests::wait::until("the primary is asked again", async || {
        let unknown = pair.store.team(Reach::Everything, TeamId::new()).await;
        matches!(unknown, Err(Error::NotFound(_)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_of_several_statements_is_of_one_source() {
    let mut pair = pair().await;
    pair.make("red").await;
    pair.catches_up().await;
    pair.replica.pause_replay().await;
    pair.make("blue").await;
    let database = pair.store.database().clone();
    let count = async |reader: &Reader| -> Result<i64, SqlError> {
        let row = reader.fetch_optional(sql("select count(*) as teams from teams")).await?;
        row.unwrap().get("teams")
    };
    // The primary goes between the first statement and the second: both are asked of the replica then.
    let (reads, primary) = (AtomicUsize::new(0), tokio::sync::Mutex::new(&mut pair.primary));
    let (reads, primary, count) = (&reads, &primary, &count);
    let read = database.known(|reader| async move {
        let first = count(&reader).await?;
        if reads.fetch_add(1, Ordering::Relaxed) == 0 {
            primary.lock().await.kill().await;
        }
        Ok::<_, SqlError>((first, count(&reader).await?))
    });
    assert_eq!(read.await.unwrap(), (1, 1));
    assert_eq!(reads.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_for_a_change_is_of_now_or_nothing() {
    let mut pair = pair().await;
    pair.make("red").await;
    pair.catches_up().await;
    pair.replica.pause_replay().await;
    pair.make("blue").await;
    pair.primary.kill().await;
    assert_eq!(pair.names().await, ["red"]);
    let red = "red".parse().unwrap();
    assert!(pair.store.team_named(Reach::Everything, &red).await.is_ok());
    let one = changing(pair.store.team_named(Reach::Everything, &red)).await;
    assert!(matches!(one, Err(Error::Unavailable { .. })), "{one:?}");
    let all = changing(pair.store.teams(Reach::Everything, &PageRequest::default())).await;
    assert!(matches!(all, Err(Error::Unavailable { .. })), "{all:?}");
    pair.primary.restart().await;
    // Others may be shown what is old for a moment more.
    assert_eq!(changing(pair.names()).await, ["blue", "red"]);
    assert_eq!(pair.names().await, ["blue", "red"], "and now it is known to be back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_ours_is_no_primary_that_is_away() {
    let pair = pair().await;
    pair.make("red").await;
    pair.catches_up().await;
    pair.replica.pause_replay().await;
    pair.make("blue").await;
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(pair.store.database().begin().await.unwrap());
    }
    let refused = pair.store.teams(Reach::Everything, &PageRequest::default()).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "nobody is told what was: {refused:?}");
    drop(held);
    assert_eq!(pair.names().await, ["blue", "red"]);
}
