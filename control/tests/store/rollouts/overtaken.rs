//! Deployments that others go over, in whole or in part.

use control::domain::deployment::{Happened, NewDeployment, NewRollback, ReasonCode, State};
use control::domain::digest::Digest;
use control::domain::id::DeploymentId;
use control::domain::store::{Deployments as _, Rollouts as _};

use super::events;
use crate::fleet::{Fleet, NEW, OLD, canary};
use crate::{Kept, act, of};

crate::in_both!(
    a_newer_one_takes_over,
    a_canary_that_another_goes_over_in_part_is_taken_away,
    a_way_back_for_some_ends_a_canary_for_all,
    what_was_told_to_everyone_stays_with_the_others,
    what_does_not_overlap_goes_on_beside,
    what_decides_nothing_any_more_is_for_nobody,
);

/// Of how many data planes it is said that a deployment is for them, and that they serve it.
async fn progress(fleet: &Fleet, id: DeploymentId) -> (usize, usize) {
    let progress = fleet.kept.store.rollout(id).await.unwrap().unwrap().progress();
    (progress.data_planes, progress.serving)
}

/// Once everybody has gone over to another one, or it was withdrawn from above another one.
async fn what_decides_nothing_any_more_is_for_nobody(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let first = fleet.wanted(&fleet.gateways[0]).await.unwrap().deployment;
    let over = fleet.deploy(NewDeployment::of(NEW)).await;
    assert_eq!([progress(&fleet, first).await, progress(&fleet, over).await], [(2, 2), (0, 0)], "it has not started");
    fleet.pass().await;
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!([progress(&fleet, first).await, progress(&fleet, over).await], [(0, 0), (2, 2)]);
    // The same artifact as before: who serves the first one's serves the third one's.
    let again = fleet.deploy(canary(OLD)).await;
    fleet.pass().await;
    fleet.obey().await;
    assert_eq!([progress(&fleet, first).await, progress(&fleet, over).await], [(0, 0), (1, 1)]);
    fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(again).await.state, State::Superseded);
    assert_eq!(progress(&fleet, again).await, (0, 0));
}

async fn a_newer_one_takes_over(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let first = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    let second = fleet.deploy(NewDeployment::of(Digest([3; 32]))).await;
    fleet.pass().await;
    let over = fleet.deployment(first).await;
    assert_eq!((over.state, over.reason.unwrap().code), (State::Superseded, ReasonCode::Superseded));
    assert_eq!(fleet.all_wanted().await, [3, 3]);
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(second).await.state, State::Succeeded);
    assert_eq!(fleet.deployment(first).await.wave, 1);
}

/// A hotfix for others is not held up, and nobody stays on what is judged no more.
async fn a_canary_that_another_goes_over_in_part_is_taken_away(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await.serving(OLD).await;
    let id = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [2, 1]);
    let taken = fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial();
    let third = Digest([3; 32]);
    let hotfix = NewDeployment { selector: "env=dev".parse().unwrap(), ..NewDeployment::of(third) };
    let hotfix = fleet.deploy(hotfix).await;
    fleet.pass().await;
    let over = fleet.deployment(id).await;
    let reason = over.reason.unwrap();
    assert_eq!((over.state, reason.code), (State::Superseded, ReasonCode::Superseded));
    assert!(reason.detail.ends_with("whom it had reached goes back"), "{}", reason.detail);
    assert_eq!(events(&fleet, id).await.last(), Some(&Happened::Ended));
    assert_eq!(fleet.all_wanted().await, [1, 3]);
    assert!(fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial() > taken, "or it would not go back");
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(hotfix).await.state, State::Succeeded);
    // Nobody rolled it back: a pipeline may deploy it again.
    assert!(fleet.kept.store.pins(of(&fleet.project)).await.unwrap().is_empty());
}

async fn a_way_back_for_some_ends_a_canary_for_all(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=dev", "env=prod"]).await.serving(OLD).await;
    let id = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [2, 1]);
    let back = NewRollback { selector: "env=prod".parse().ok(), ..NewRollback::default() };
    fleet.kept.store.create_rollback(&act(), of(&fleet.project), back).await.unwrap();
    fleet.pass().await;
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::Superseded, vec![1, 1]));
}

/// Its gates let it to everyone: to take it from the others would be another change to all of them.
async fn what_was_told_to_everyone_stays_with_the_others(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await.serving(OLD).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    let third = Digest([3; 32]);
    fleet.deploy(NewDeployment { selector: "env=dev".parse().unwrap(), ..NewDeployment::of(third) }).await;
    fleet.pass().await;
    let over = fleet.deployment(id).await;
    let said = over.reason.unwrap().detail;
    assert_eq!((over.state, fleet.all_wanted().await), (State::Superseded, vec![2, 3]));
    assert!(said.ends_with("the others go on, held to no gate"), "{said}");
}

async fn what_does_not_overlap_goes_on_beside(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=prod", "env=dev"]).await;
    let first = fleet.deploy(NewDeployment { selector: "env=prod".parse().unwrap(), ..canary(NEW) }).await;
    fleet.pass().await;
    let second = fleet.deploy(NewDeployment { selector: "env=dev".parse().unwrap(), ..NewDeployment::of(OLD) }).await;
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [2, 0, 1]);
    for _ in 0..2 {
        fleet.obey().await;
        fleet.pass().await;
    }
    assert_eq!(fleet.all_wanted().await, [2, 2, 1]);
    for id in [first, second] {
        assert_eq!(fleet.deployment(id).await.state, State::Succeeded);
    }
}
