//! Control planes that let deployments go on: several at once, and ones that cannot sign, or cannot read.

use std::sync::Arc;
use std::time::Duration;

use control::domain::deployment::{Happened, NewDeployment, ReasonCode, State};
use control::domain::error::Error;
use control::domain::store::{Deployments as _, Fleet as _, Rollouts as _};
use control::rollouts::Driver;
use control::store::sql::sql;
use prometheus_client::metrics::gauge::Gauge;

use super::{events, issuer};
use crate::fleet::{Fleet, NEW, OLD, artifact, canary};
use crate::{Kept, act, of};

crate::in_both!(
    of_many_that_look_one_takes_the_step,
    a_step_from_another_version_is_not_taken,
    without_its_key_it_cannot_start,
    who_has_the_key_signs,
    pointers_that_cannot_be_issued_anew_are_counted,
    a_deployment_that_cannot_be_read_keeps_no_other_from_going_on,
);

/// Eight control planes, at once, again and again.
async fn of_many_that_look_one_takes_the_step(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2", "a=3"]).await.serving(OLD).await;
    let id = fleet.deploy(canary(NEW)).await;
    for _ in 0..3 {
        let passes = (0..8).map(|_| {
            let driver = fleet.driver();
            tokio::spawn(async move { driver.pass().await.unwrap() })
        });
        futures_util::future::join_all(passes).await.into_iter().for_each(|pass| pass.unwrap());
        fleet.obey().await;
    }
    assert_eq!(fleet.deployment(id).await.state, State::Succeeded);
    let expected = [Happened::Created, Happened::Started, Happened::WaveBegan, Happened::WaveBegan, Happened::Ended];
    assert_eq!(events(&fleet, id).await, expected);
    let plan = fleet.kept.store.plan(fleet.project.id).await.unwrap();
    assert_eq!(plan.entries[0].pointer.serial().get(), 2, "one pointer for each of the two deployments");
}

async fn a_step_from_another_version_is_not_taken(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    let rollout = fleet.kept.store.rollout(id).await.unwrap().unwrap();
    let step = rollout.next().unwrap();
    fleet.pass().await;
    let at = (id, rollout.deployment.version);
    let late = fleet.kept.store.advance(at, step, Some(&issuer(&fleet).await)).await;
    assert!(matches!(late, Err(Error::Stale { .. })), "{late:?}");
}

/// A control plane whose master key is another one: it cannot sign.
fn keyless(fleet: &Fleet) -> Driver {
    Driver::new(Arc::new(fleet.kept.store.clone()), Arc::new(crate::keys_in(&fleet.kept.store)))
}

async fn without_its_key_it_cannot_start(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    keyless(&fleet).leaving_to_others(Duration::ZERO).pass().await.unwrap();
    let failed = fleet.deployment(id).await;
    let reason = failed.reason.unwrap();
    assert_eq!((failed.state, reason.code), (State::Failed, ReasonCode::CannotSign));
    assert!(reason.detail.contains("master key"), "{}", reason.detail);
    assert_eq!(fleet.all_wanted().await, [1]);
}

async fn who_has_the_key_signs(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    let keyless = keyless(&fleet);
    for _ in 0..2 {
        keyless.pass().await.unwrap();
    }
    assert_eq!(fleet.deployment(id).await.state, State::Scheduled, "another one may have it");
    fleet.pass().await;
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::InProgress, vec![2]));
    // The way back is signed, too.
    fleet.refuse(&fleet.gateways[0]).await;
    keyless.pass().await.unwrap();
    assert_eq!(fleet.deployment(id).await.state, State::InProgress);
    fleet.pass().await;
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::RolledBack, vec![1]));
}

async fn pointers_that_cannot_be_issued_anew_are_counted(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    fleet.kept.run(sql("update pointers set renew_at = 1")).await;
    let overdue: Gauge = Gauge::default();
    let keyless = keyless(&fleet).counting_in(overdue.clone());
    keyless.pass().await.unwrap();
    assert_eq!(overdue.get(), 1);
    fleet.pass().await;
    keyless.pass().await.unwrap();
    assert_eq!(overdue.get(), 0, "another one has the key");
}

async fn a_deployment_that_cannot_be_read_keeps_no_other_from_going_on(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let damaged = fleet.deploy(NewDeployment::of(NEW)).await;
    // Of a project that comes after that one's.
    let project = fleet.kept.project(&fleet.kept.team("blue").await, "shop").await;
    artifact(&fleet.kept, &project, 1).await;
    let next = fleet.kept.store.create_deployment(&act(), of(&project), NewDeployment::of(OLD)).await.unwrap().id;
    fleet.kept.run(sql("update deployments set manner = '\"damaged\"' where id = $1").bind(damaged)).await;
    let read = fleet.kept.store.rollout(damaged).await;
    assert!(matches!(read, Err(Error::Refused(_))), "{read:?}");
    fleet.pass().await;
    assert_ne!(fleet.deployment(next).await.state, State::Scheduled);
}
