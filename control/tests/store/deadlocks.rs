//! Transactions that are in each other's way.

use std::collections::BTreeMap;

use control::domain::access::{Identity, Reach, Role};
use control::domain::data_plane::{Change, DataPlaneUpdate, Kind, NewDataPlane};
use control::domain::digest::Digest;
use control::domain::error::{Dependency, Error};
use control::domain::store::{Artifacts as _, Credentials as _, DataPlanes as _, Edit, Projects as _, Tokens as _};
use control::domain::time::now;
use control::domain::version::Expected;
use control::store::sql::{Transaction, sql};
use tests::wait;

use crate::builds::{new_artifact, shop};
use crate::{Kept, act, fingerprint, of, token_of};

async fn describe(transaction: &mut Transaction, team: &str, text: &str) -> u64 {
    let update = sql("update teams set description = $1 where name = $2").bind(text).bind(team);
    transaction.execute(update).await.unwrap()
}

/// How many sessions of the database wait for a lock.
async fn waiting(kept: &Kept) -> i64 {
    let count = sql("select count(*) as waiting from pg_stat_activity \
         where datname = current_database() and wait_event_type = 'Lock'");
    kept.store.database().fetch_optional(count).await.unwrap().unwrap().get("waiting").unwrap()
}

async fn two_teams() -> Kept {
    let kept = Kept::in_postgres().await;
    kept.team("red").await;
    kept.team("blue").await;
    kept
}

/// Each has what the other one wants.
#[tokio::test]
async fn a_deadlocks_victim_is_done_again() {
    let kept = two_teams().await;
    let (mut one, mut other) =
        (kept.store.database().begin().await.unwrap(), kept.store.database().begin().await.unwrap());
    describe(&mut one, "red", "one").await;
    describe(&mut other, "blue", "other").await;
    let finish = async |mut transaction: Transaction, team: &str, text: &str| {
        assert_eq!(describe(&mut transaction, team, text).await, 1);
        transaction.commit().await.unwrap();
    };
    futures_util::join!(finish(one, "blue", "one"), finish(other, "red", "other"));
    let select = sql("select description from teams where name in ('red', 'blue')");
    let rows = kept.store.database().fetch_all(select).await.unwrap();
    let [first, second] = [0, 1].map(|row| rows[row].get::<String>("description").unwrap());
    assert_eq!(first, second, "all of one of them came after all of the other");
}

/// What it decided by is another thing now: nobody knows what it would have done.
#[tokio::test]
async fn a_victim_that_finds_something_else_is_not_done_again() {
    let kept = two_teams().await;
    let (mut one, mut other) =
        (kept.store.database().begin().await.unwrap(), kept.store.database().begin().await.unwrap());
    let read = sql("select description from teams order by name");
    for transaction in [&mut one, &mut other] {
        transaction.fetch_all(read.clone()).await.unwrap();
    }
    describe(&mut one, "red", "one").await;
    describe(&mut other, "blue", "other").await;
    let finish = async |mut transaction: Transaction, team: &str| {
        let update = sql("update teams set description = 'both' where name = $1").bind(team);
        transaction.execute(update).await?;
        transaction.commit().await
    };
    let (one, other) = futures_util::join!(finish(one, "blue"), finish(other, "red"));
    let error = one.and(other).unwrap_err();
    assert!(error.to_string().contains("deadlock"), "{error}");
}

/// A token that is used is noted in the order of ids; so is it taken, with those that must be left, when it is revoked.
#[tokio::test]
async fn who_revokes_a_token_takes_those_before_it_first() {
    let kept = Kept::in_postgres().await;
    let team = kept.team("red").await;
    let mut tokens = Vec::new();
    for (number, team) in [(1, Some(team.id)), (2, None)] {
        let new = token_of(team, Role::Admin);
        tokens.push(kept.store.create_token(&act(), new, fingerprint(number)).await.unwrap().id);
    }
    // Somebody has the first one, and will want the second.
    let mut noting = kept.store.database().begin().await.unwrap();
    let touch = |number: usize| sql("update tokens set last_used_at = 1 where id = $1").bind(tokens[number]);
    noting.execute(touch(0)).await.unwrap();
    let revoking = tokio::spawn({
        let (store, id) = (kept.store.clone(), tokens[0]);
        async move { store.revoke_token(&act(), Reach::Everything, id).await }
    });
    wait::until("it waits for the first", async || waiting(&kept).await == 1).await;
    let free = sql("select id from tokens where id = $1 for update nowait").bind(tokens[1]);
    noting.fetch_one(free).await.expect("nobody has the second one meanwhile");
    noting.commit().await.unwrap();
    revoking.await.unwrap().unwrap();
    kept.store.note_uses(&[(Identity::Token(tokens[0]), now())]).await.unwrap();
}

/// Who removes bytes says so first, and whoever names them then finds that out: not only what was so when they looked.
#[tokio::test]
async fn who_names_bytes_waits_for_whoever_removes_them() {
    let kept = Kept::in_postgres().await;
    let project = shop(&kept, "red").await.project;
    let mut removing = kept.store.database().begin().await.unwrap();
    let update = sql("update artifact_bytes set purpose = 'remove' where digest = $1").bind(Digest([1; 32]));
    assert_eq!(removing.execute(update).await.unwrap(), 1);
    let naming = tokio::spawn({
        let (store, of) = (kept.store.clone(), of(&project));
        async move { store.push_artifact(&act(), of, new_artifact(1)).await }
    });
    wait::until("it waits for the bytes", async || naming.is_finished() || waiting(&kept).await == 1).await;
    removing.commit().await.unwrap();
    let refused = naming.await.unwrap();
    assert!(matches!(refused, Err(Error::Unavailable { dependency: Dependency::ArtifactStore, .. })), "{refused:?}");
}

/// Whoever deletes a project has it before its data planes; so has whoever gives it one.
#[tokio::test]
async fn who_gives_a_data_plane_to_a_project_takes_the_project_first() {
    let kept = Kept::in_postgres().await;
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let new = NewDataPlane {
        name: "edge".parse().unwrap(),
        kind: Kind::Gateway,
        project: None,
        gateway_host: None,
        description: String::new(),
        labels: BTreeMap::default(),
        metadata: serde_json::Map::default(),
    };
    let plane = kept.store.create_data_plane(&act(), team.id, new).await.unwrap();
    let mut deleting = kept.store.database().begin().await.unwrap();
    let lock = sql("select id from projects where id = $1 for update").bind(project.id);
    deleting.fetch_one(lock).await.unwrap();
    let giving = tokio::spawn({
        let (store, project) = (kept.store.clone(), project.id);
        let at = Edit { reach: Reach::Everything, id: plane.id, expected: Expected::Any };
        let update = DataPlaneUpdate { project: Change::Set(project), ..DataPlaneUpdate::default() };
        async move { store.update_data_plane(&act(), at, update).await }
    });
    wait::until("it waits for the project", async || waiting(&kept).await == 1).await;
    let free = sql("select id from data_planes where id = $1 for update nowait").bind(plane.id);
    deleting.fetch_one(free).await.expect("nobody has the data plane meanwhile");
    deleting.commit().await.unwrap();
    assert_eq!(giving.await.unwrap().unwrap().project, Some(project.id));
    kept.store.delete_project(&act(), of(&project).any()).await.unwrap();
}
