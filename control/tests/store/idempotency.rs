//! Requests that carry an `Idempotency-Key`.

use control::domain::idempotency::{Answer, Attempt, Claim, IdempotencyKey, KEPT, LEASE};
use control::domain::store::Idempotency as _;
use control::domain::time::now;
use control::store::sql::sql;
use jiff::{SignedDuration, Timestamp};

use crate::Kept;

crate::in_both!(
    of_many_attempts_one_is_new,
    an_answer_is_given_again,
    what_was_not_done_can_be_tried_again,
    an_attempt_that_died_is_taken_over,
    an_attempt_that_lives_is_not,
    an_answer_is_forgotten_after_a_day,
);

fn key(principal: &str) -> IdempotencyKey {
    IdempotencyKey { principal: principal.into(), key: "k-1".into() }
}

fn answer() -> Answer {
    let headers = vec![("location".to_owned(), "/api/v1/projects/7".to_owned())];
    Answer { request: [7; 32], status: 201, headers, body: Some(b"{}".to_vec()) }
}

async fn claim(kept: &Kept) -> Claim {
    kept.store.claim(&key("a")).await.unwrap()
}

async fn new(kept: &Kept) -> Attempt {
    match claim(kept).await {
        Claim::New(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

/// Puts a time of the key's row so far into the past.
async fn age(kept: &Kept, by: std::time::Duration) {
    let past: Timestamp = now() - SignedDuration::try_from(by).unwrap();
    let mut transaction = kept.store.database().begin().await.unwrap();
    let older = sql("update idempotent_responses set created_at = $1, lease_until = lease_until - $2")
        .bind(past)
        .bind(i64::try_from(by.as_micros()).unwrap());
    transaction.execute(older).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn of_many_attempts_one_is_new(kept: Kept) {
    let key = key("a");
    let claims = futures_util::future::join_all((0..32).map(|_| kept.store.claim(&key))).await;
    let new = claims.iter().filter(|claim| matches!(claim, Ok(Claim::New(_)))).count();
    let under_way = claims.iter().filter(|claim| matches!(claim, Ok(Claim::UnderWay))).count();
    assert_eq!((new, under_way), (1, 31));
}

async fn an_answer_is_given_again(kept: Kept) {
    let attempt = new(&kept).await;
    kept.store.answer_claim(&key("a"), attempt, answer()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(claim(&kept).await, Claim::Done(answer()));
    }
    // Another credential's key of that name is another key.
    assert!(matches!(kept.store.claim(&key("b")).await, Ok(Claim::New(_))));
    // What is answered stays so.
    kept.store.drop_claim(&key("a"), attempt).await.unwrap();
    assert_eq!(claim(&kept).await, Claim::Done(answer()));
}

async fn what_was_not_done_can_be_tried_again(kept: Kept) {
    let attempt = new(&kept).await;
    kept.store.drop_claim(&key("a"), attempt).await.unwrap();
    new(&kept).await;
}

async fn an_attempt_that_died_is_taken_over(kept: Kept) {
    let dead = new(&kept).await;
    age(&kept, LEASE).await;
    let alive = new(&kept).await;
    // If it was not dead after all, it has no say any more.
    assert!(!kept.store.keep_claim(&key("a"), dead).await.unwrap());
    kept.store.answer_claim(&key("a"), dead, Answer { status: 200, ..answer() }).await.unwrap();
    kept.store.drop_claim(&key("a"), dead).await.unwrap();
    assert_eq!(claim(&kept).await, Claim::UnderWay);
    kept.store.answer_claim(&key("a"), alive, answer()).await.unwrap();
    assert_eq!(claim(&kept).await, Claim::Done(answer()));
}

async fn an_attempt_that_lives_is_not(kept: Kept) {
    let attempt = new(&kept).await;
    age(&kept, LEASE).await;
    assert!(kept.store.keep_claim(&key("a"), attempt).await.unwrap());
    assert_eq!(claim(&kept).await, Claim::UnderWay);
}

async fn an_answer_is_forgotten_after_a_day(kept: Kept) {
    let attempt = new(&kept).await;
    kept.store.answer_claim(&key("a"), attempt, answer()).await.unwrap();
    assert_eq!(kept.store.forget_answers().await.unwrap(), 0);
    age(&kept, KEPT).await;
    // Before it is swept, it is not given any more.
    let again = new(&kept).await;
    kept.store.answer_claim(&key("a"), again, answer()).await.unwrap();
    age(&kept, KEPT).await;
    assert_eq!(kept.store.forget_answers().await.unwrap(), 1);
    new(&kept).await;
}
