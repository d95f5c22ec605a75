//! Pointers: what data planes believe, and what they are to serve.

use std::num::NonZeroU64;

use artifact_format::pointer::{Floor, Pointer, SignedPointer};
use artifact_format::trust::Trust;
use control::domain::deployment::NewDeployment;
use control::domain::error::Error;
use control::domain::plan::{FLOOR_RISE_MAX, Pace};
use control::domain::signing::Signer as _;
use control::domain::signing_key::{Deployed, NewSigningKey};
use control::domain::store::{Fleet as _, Rollouts as _, SigningKeys as _};
use control::store::DatabaseStore;
use control::store::sql::{Database, sql};

use crate::fleet::{Fleet, NEW, OLD, canary};
use crate::{Kept, act, of};

crate::in_both!(
    a_pointer_says_what_was_deployed,
    serials_rise_over_all_groups_and_follow_each_other,
    a_pointer_is_issued_anew_before_it_is_old,
    a_pointer_of_a_retired_key_is_issued_anew,
    a_pointer_rises_above_what_was_seen,
    what_was_seen_is_followed_at_once_and_then_once_a_minute,
    what_decides_nothing_has_no_pointer,
    revisions_tell_what_changed,
    who_waits_is_told,
);

/// What a data plane makes of it.
async fn believed(fleet: &Fleet, pointer: &SignedPointer) -> Pointer {
    let keys = fleet.kept.keys.trusted_keys(fleet.project.id).await.unwrap();
    pointer.clone().verify(&Trust::any_of(keys), &fleet.project.id.to_string()).unwrap()
}

async fn a_pointer_says_what_was_deployed(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod"]).await;
    let new = NewDeployment { selector: "env = prod".parse().unwrap(), ..NewDeployment::of(OLD) };
    let id = fleet.deploy(new).await;
    fleet.pass().await;
    let entry = fleet.wanted(&fleet.gateways[0]).await.unwrap();
    let pointer = believed(&fleet, &entry.pointer).await;
    assert_eq!((entry.deployment, entry.artifact), (id, OLD));
    assert_eq!((pointer.artifact.0, pointer.length.get(), pointer.group.as_str()), (OLD.0, 7, "env=prod"));
    assert_eq!((pointer.serial.get(), pointer.previous), (1, None));
    assert_eq!(pointer.expires_at - pointer.issued_at, 14 * 24 * 60 * 60);
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    assert!(pointer.issued_at <= now && now < pointer.issued_at + 600);
    assert_eq!(fleet.deployment(id).await.pointer_serial, Some(1));
}

/// What a data plane took in one group keeps none from it that it gets in another.
async fn serials_rise_over_all_groups_and_follow_each_other(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await;
    let mut floor: Option<Floor> = None;
    for (index, selector) in ["env=prod", "env=dev", "env=prod"].into_iter().enumerate() {
        fleet.deploy(NewDeployment { selector: selector.parse().unwrap(), ..NewDeployment::of(OLD) }).await;
        fleet.pass().await;
        let gateway = &fleet.gateways[index % 2];
        let pointer = believed(&fleet, &fleet.wanted(gateway).await.unwrap().pointer).await;
        assert_eq!(pointer.previous, floor.map(|floor| floor.hash));
        floor.into_iter().for_each(|floor| floor.admit(&pointer).unwrap());
        floor = Some(Floor::of(&pointer));
    }
    assert_eq!(floor.unwrap().serial.get(), 3);
}

async fn a_pointer_is_issued_anew_before_it_is_old(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let first = believed(&fleet, &fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer).await;
    assert!(fleet.kept.store.renewals_due().await.unwrap().is_empty());
    fleet.pass().await;
    assert_eq!(fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial().get(), 1);
    // Half of its life is over.
    fleet.kept.run(sql("update pointers set renew_at = 1")).await;
    assert_eq!(fleet.kept.store.renewals_due().await.unwrap(), [fleet.project.id]);
    fleet.pass().await;
    let entry = fleet.wanted(&fleet.gateways[0]).await.unwrap();
    let next = believed(&fleet, &entry.pointer).await;
    assert_eq!((next.serial.get(), next.previous, next.artifact), (2, Some(first.hash()), first.artifact));
    assert!(fleet.kept.store.renewals_due().await.unwrap().is_empty());
    // To have the first is enough to have succeeded.
    assert_eq!(fleet.deployment(entry.deployment).await.pointer_serial, Some(1));
}

/// Who starts afresh does not believe it any more.
async fn a_pointer_of_a_retired_key_is_issued_anew(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let (store, keys, project) = (&fleet.kept.store, &fleet.kept.keys, of(&fleet.project));
    let first = store.active_key(fleet.project.id).await.unwrap();
    keys.rotate(&act(), (project, first.id), NewSigningKey::GENERATED).await.unwrap();
    assert!(store.renewals_due().await.unwrap().is_empty());
    keys.retire(&act(), project, (first.id, Deployed::Kept)).await.unwrap();
    fleet.pass().await;
    let pointer = fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer;
    assert_eq!(believed(&fleet, &pointer).await.serial.get(), 2);
}

async fn a_pointer_rises_above_what_was_seen(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let store = &fleet.kept.store;
    let entry = fleet.wanted(&fleet.gateways[0]).await.unwrap();
    let seen = |serial| NonZeroU64::new(serial).unwrap();
    // The database was restored, say.
    store.raise_floor(entry.deployment, seen(41)).await.unwrap();
    store.raise_floor(entry.deployment, seen(40)).await.unwrap();
    fleet.pass().await;
    assert_eq!(fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial().get(), 42);
    // What lies beneath changes nothing.
    store.raise_floor(entry.deployment, seen(41)).await.unwrap();
    assert!(store.renewals_due().await.unwrap().is_empty());
    // What nobody of ours can have issued is not followed.
    let far = store.raise_floor(entry.deployment, seen(42 + FLOOR_RISE_MAX + 1)).await;
    assert!(matches!(far, Err(Error::Conflict(_))), "{far:?}");
    store.raise_floor(entry.deployment, seen(42 + FLOOR_RISE_MAX)).await.unwrap();
    a_minute_passes(&fleet).await;
    fleet.pass().await;
    let serial = fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial().get();
    assert_eq!(serial, 42 + FLOOR_RISE_MAX + 1);
}

/// And some.
async fn a_minute_passes(fleet: &Fleet) {
    fleet.kept.run(sql("update pointer_floors set followed_at = followed_at - 61000000")).await;
}

/// A data plane that says more each time does not have everybody told each time.
async fn what_was_seen_is_followed_at_once_and_then_once_a_minute(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let store = &fleet.kept.store;
    let deployment = fleet.wanted(&fleet.gateways[0]).await.unwrap().deployment;
    let sees = async |serial| store.raise_floor(deployment, NonZeroU64::new(serial).unwrap()).await.unwrap();
    let wanted = async || {
        fleet.pass().await;
        fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial().get()
    };
    let grows_old = async || fleet.kept.run(sql("update pointers set renew_at = 1")).await;
    sees(41).await;
    assert_eq!(wanted().await, 42);
    for serial in [50, 60, 55] {
        sees(serial).await;
        assert_eq!(wanted().await, 42);
    }
    assert!(store.renewals_due().await.unwrap().is_empty());
    // The highest is not forgotten.
    a_minute_passes(&fleet).await;
    assert_eq!(store.renewals_due().await.unwrap(), [fleet.project.id]);
    assert_eq!(wanted().await, 61);
    // One that is issued anyway is above it, too.
    sees(70).await;
    grows_old().await;
    assert_eq!(wanted().await, 71);
    // And one that nobody was ahead of keeps nobody waiting.
    a_minute_passes(&fleet).await;
    grows_old().await;
    assert_eq!(wanted().await, 72);
    sees(80).await;
    assert_eq!(wanted().await, 81);
    // Nor does a clock that was set back.
    fleet.kept.run(sql("update pointer_floors set followed_at = followed_at + 3600000000")).await;
    sees(90).await;
    assert_eq!(wanted().await, 91);
}

async fn what_decides_nothing_has_no_pointer(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let entries = async || fleet.kept.store.plan(fleet.project.id).await.unwrap().entries.len();
    fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    assert_eq!(entries().await, 2);
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(entries().await, 1);
    // What is for some only leaves the rest to what was there.
    fleet.deploy(NewDeployment { selector: "a=1".parse().unwrap(), ..NewDeployment::of(OLD) }).await;
    fleet.pass().await;
    assert_eq!((entries().await, fleet.all_wanted().await), (2, vec![1, 2]));
}

async fn revisions_tell_what_changed(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let store = &fleet.kept.store;
    let (since, none) = store.plan_revisions(None).await.unwrap();
    assert!(none.is_empty());
    let empty = store.plan(fleet.project.id).await.unwrap();
    assert_eq!((empty.revision, empty.entries.len()), (0, 0));
    fleet.deploy(NewDeployment::of(OLD)).await;
    fleet.pass().await;
    let (_, changed) = store.plan_revisions(Some(since)).await.unwrap();
    let plan = store.plan(fleet.project.id).await.unwrap();
    assert_eq!(
        (changed[0].project, changed[0].revision, plan.entries[0].pace),
        (fleet.project.id, plan.revision, Pace::UnderWay)
    );
    fleet.obey().await;
    fleet.pass().await;
    let after = store.plan(fleet.project.id).await.unwrap();
    assert!(after.revision > plan.revision);
    assert_eq!(after.entries[0].pace, Pace::Calm);
    fleet.kept.run(sql("update plans set changed_at = 1")).await;
    let (_, changed) = store.plan_revisions(Some(since)).await.unwrap();
    assert!(changed.is_empty());
    assert_eq!(store.plan_revisions(None).await.unwrap().1.len(), 1);
}

/// In this process, and in another one if they share a database.
async fn who_waits_is_told(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let mut changes = fleet.kept.store.plan_changes();
    fleet.deploy(NewDeployment::of(OLD)).await;
    tests::wait::patiently("the change", changes.changed()).await.unwrap();
    let Some(database) = &fleet.kept.postgres else { return };
    let other = DatabaseStore::new(Database::open(&database.url(), None).await.unwrap());
    let mut changes = other.plan_changes();
    let hearing = tokio::spawn(async move { other.hear_of_changes().await });
    tests::wait::patiently("the first word", changes.changed()).await.unwrap();
    changes.borrow_and_update();
    fleet.pass().await;
    tests::wait::patiently("the change", changes.changed()).await.unwrap();
    hearing.abort();
}
