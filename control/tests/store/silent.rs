//! A server of PostgreSQL that goes silent: nothing breaks the connections to it, and nobody answers.

use std::time::{Duration, Instant};

use control::domain::error::Error;
use control::store::sql::{Database, Error as SqlError, Unanswered as _, sql};
use tests::postgres::{self, Postgres};
use tests::{Relay, wait};

/// How many connections a control plane opens at most.
const CONNECTIONS: usize = 16;
/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(35);
/// By when somebody has waited for longer than a statement may take.
const LONG: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_silent_is_given_up_and_asked_anew() {
    let postgres = Postgres::start().await;
    let own_url = postgres.url();
    let port: u16 = own_url.rsplit([':', '/']).nth(1).unwrap().parse().unwrap();
    let relay = Relay::to(port).await;
    let url = own_url.replace(&format!(":{port}/"), &format!(":{}/", relay.address().port()));
    let database = Database::open(&url, None).await.unwrap();
    postgres.run("create table said (word text not null)");
    let say = |word: &'static str| sql("insert into said (word) values ($1)").bind(word);

    let (mut asking, mut ending) = (database.begin().await.unwrap(), database.begin().await.unwrap());
    let left = database.begin().await.unwrap();
    ending.execute(say("once")).await.unwrap();
    let reader = database.clone();
    let reading = tokio::spawn(async move { reader.fetch_all(sql("select pg_sleep_for('20 seconds')")).await });
    let active = "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'";
    wait::until("it is being read", async || postgres.run(active) == "1").await;

    relay.falls_silent();
    let began = Instant::now();
    drop(left);
    let (asked, ended, read) = tokio::join!(asking.execute(say("never")), ending.commit(), reading);
    let took = began.elapsed();
    assert!(took + Duration::from_secs(1) > SILENCE && took < 2 * SILENCE, "{took:?}");
    let ended = ended.unwrap_err();
    assert!(matches!(ended, SqlError::Unsettled(_)), "nobody knows what came of it: {ended}");
    assert!(matches!(Error::from(ended), Error::Unsettled(_)));
    for error in [asked.unwrap_err(), read.unwrap().unwrap_err()] {
        assert!(matches!(error, SqlError::Silent), "{error}");
        assert!(matches!(Error::from(error), Error::Unavailable { .. }));
    }
    let again = asking.execute(say("never")).await.unwrap_err();
    assert!(matches!(again, SqlError::Silent), "nobody waits for it once more: {again}");
    assert!(database.fetch_all(sql("select 1")).await.unwrap_err().is_unanswered());
    drop(asking);

    // Every connection has its place for another one, whatever the one before was lent for.
    relay.leads_to(port);
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        held.push(database.begin().await.unwrap());
    }
    let said = held[0].fetch_one(sql("select count(*) as words from said")).await.unwrap();
    assert_eq!(said.get::<i64>("words").unwrap(), 0, "what may have been committed is not done again");
}

/// Another control plane is at the schema for longer than any other statement may take: whoever starts meanwhile waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_may_take_longer_than_other_statements() {
    let postgres = postgres::Database::create().await;
    let url = postgres.url();
    let database = Database::open(&url, None).await.unwrap();
    let mut migrating = database.begin_long().await.unwrap();
    migrating.execute(sql("lock table _sqlx_migrations in access exclusive mode")).await.unwrap();
    let opening = tokio::spawn(async move { Database::open(&url, None).await });
    let waiting = || {
        sql("select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' \
             and query_start < clock_timestamp() - interval '31 seconds'")
    };
    let waits_still = async || !database.fetch_all(waiting()).await.unwrap().is_empty();
    assert!(wait::within(LONG, waits_still).await, "it was given up");
    migrating.commit().await.unwrap();
    opening.await.unwrap().unwrap();
}
