//! Transactions of PostgreSQL that the server undoes: done again, as often as that may be.

use control::store::sql::{Error, Transaction, sql};

use crate::Kept;

/// How often a transaction is done again.
const REPLAYS_MAX: i64 = 4;

/// A database with a function that undoes the transaction the first times it is called, however often that is, and with
/// a table into which nothing is put without it being called at the end. Sequences go on whatever is undone.
async fn undoing() -> Kept {
    let kept = Kept::in_postgres().await;
    for statement in [
        sql("create sequence tries"),
        sql("create sequence looks"),
        sql("create table watched (times bigint not null)"),
        sql("create function undo(times bigint) returns bigint language plpgsql as $body$ begin \
             if nextval('tries') <= times then raise exception 'undone' using errcode = 'serialization_failure'; end if; \
             return times; end $body$"),
        sql("create function undo_later() returns trigger language plpgsql as $body$ begin \
             perform undo(new.times); return null; end $body$"),
        sql("create constraint trigger late after insert on watched deferrable initially deferred \
             for each row execute function undo_later()"),
    ] {
        kept.run(statement).await;
    }
    kept
}

async fn undo(transaction: &mut Transaction, times: i64) -> Result<i64, Error> {
    transaction.fetch_one(sql("select undo($1) as undone").bind(times)).await?.get("undone")
}

/// Puts a row into the table, which the end of the transaction is undone for so many times.
async fn put(transaction: &mut Transaction, times: i64) {
    transaction.execute(sql("insert into watched (times) values ($1)").bind(times)).await.unwrap();
}

async fn rows(kept: &Kept) -> i64 {
    let count = sql("select count(*) as n from watched");
    kept.store.database().fetch_optional(count).await.unwrap().unwrap().get("n").unwrap()
}

fn is_undone(error: &Error) -> bool {
    error.to_string().contains("undone")
}

#[tokio::test]
async fn a_long_transaction_is_a_long_one_again() {
    let kept = undoing().await;
    let mut long = kept.store.database().begin_long().await.unwrap();
    undo(&mut long, 1).await.unwrap();
    let settings = sql("select current_setting('statement_timeout') as statement, \
         current_setting('idle_in_transaction_session_timeout') as idle");
    let row = long.fetch_one(settings.clone()).await.unwrap();
    let [statement, idle] = ["statement", "idle"].map(|name| row.get::<String>(name).unwrap());
    assert_eq!((statement.as_str(), idle.as_str()), ("0", "0"));
    // At its end, too: it finds the same as before.
    kept.run(sql("select setval('tries', 1)")).await;
    put(&mut long, 2).await;
    long.commit().await.unwrap();
    let row = kept.store.database().fetch_optional(settings).await.unwrap().unwrap();
    assert_eq!(row.get::<String>("statement").unwrap(), "30s", "it was that transaction's alone");
}

#[tokio::test]
async fn a_statement_is_done_again_as_often_as_it_may_be() {
    let kept = undoing().await;
    let mut often = kept.store.database().begin().await.unwrap();
    assert_eq!(undo(&mut often, REPLAYS_MAX).await.unwrap(), REPLAYS_MAX);
    often.commit().await.unwrap();
    kept.run(sql("select setval('tries', 1, false)")).await;
    let mut too_often = kept.store.database().begin().await.unwrap();
    assert!(is_undone(&undo(&mut too_often, REPLAYS_MAX + 1).await.unwrap_err()));
}

#[tokio::test]
async fn what_is_undone_at_its_end_is_done_again_as_often_as_it_may_be() {
    let kept = undoing().await;
    let mut often = kept.store.database().begin().await.unwrap();
    put(&mut often, REPLAYS_MAX).await;
    often.commit().await.unwrap();
    assert_eq!(rows(&kept).await, 1);
    kept.run(sql("select setval('tries', 1, false)")).await;
    let mut too_often = kept.store.database().begin().await.unwrap();
    put(&mut too_often, REPLAYS_MAX + 1).await;
    assert!(is_undone(&too_often.commit().await.unwrap_err()));
    assert_eq!(rows(&kept).await, 1);
}

/// Nobody knows what it would have done.
#[tokio::test]
async fn what_finds_something_else_is_not_done_again_at_its_end() {
    let kept = undoing().await;
    let mut transaction = kept.store.database().begin().await.unwrap();
    transaction.fetch_one(sql("select nextval('looks') as look")).await.unwrap();
    put(&mut transaction, 1).await;
    assert!(is_undone(&transaction.commit().await.unwrap_err()));
    assert_eq!(rows(&kept).await, 0);
}

/// It holds documents.
#[tokio::test]
async fn what_is_large_is_not_done_again() {
    let kept = undoing().await;
    for (bytes, is_done) in [(255 << 10, true), (257 << 10, false)] {
        kept.run(sql("select setval('tries', 1, false)")).await;
        let mut transaction = kept.store.database().begin().await.unwrap();
        let large = sql("select length($1) as length").bind("x".repeat(bytes));
        transaction.fetch_one(large).await.unwrap();
        assert_eq!(undo(&mut transaction, 1).await.is_ok(), is_done, "{bytes}");
        if is_done {
            kept.run(sql("select setval('tries', 1, false)")).await;
            put(&mut transaction, 1).await;
            transaction.commit().await.unwrap();
        }
    }
    kept.run(sql("select setval('tries', 1, false)")).await;
    let mut transaction = kept.store.database().begin().await.unwrap();
    transaction.fetch_one(sql("select length($1) as length").bind("x".repeat(257 << 10))).await.unwrap();
    put(&mut transaction, 1).await;
    assert!(is_undone(&transaction.commit().await.unwrap_err()), "nor at its end");
}
