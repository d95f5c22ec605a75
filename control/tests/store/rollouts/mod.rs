//! How deployments go on.

mod drivers;
mod gates;
mod overtaken;

use std::collections::BTreeSet;

use control::domain::access::Reach;
use control::domain::deployment::{
    Happened, NewDeployment, NodeOutcome, PromoteTo, ReasonCode, State, Steering, Trigger,
};
use control::domain::error::Error;
use control::domain::id::DeploymentId;
use control::domain::page::PageRequest;
use control::domain::pointer::Issuer;
use control::domain::rollout::{GatesWanted, OnFailure, Promotion, Share, Strategy};
use control::domain::signing::Signer as _;
use control::domain::store::{Deployments as _, Edit, Rollouts as _};
use control::domain::version::{Expected, Version};
use control::store::sql::sql;

use crate::fleet::{Fleet, NEW, OLD, canary};
use crate::{Kept, act, of};

crate::in_both!(
    a_deployment_reaches_everyone_and_succeeds,
    a_canary_is_one_and_then_all,
    what_is_aborted_is_taken_away,
    it_waits_for_its_time,
    somebody_steers,
    what_waits_for_somebody_is_left_alone,
    who_comes_back_later_catches_up,
);

pub(crate) fn edit(id: DeploymentId) -> Edit<DeploymentId> {
    Edit { reach: Reach::Everything, id, expected: Expected::Any }
}

pub(crate) async fn issuer(fleet: &Fleet) -> Issuer {
    Issuer::new(fleet.kept.keys.signing_key(fleet.project.id).await.unwrap())
}

async fn events(fleet: &Fleet, id: DeploymentId) -> Vec<Happened> {
    let page = PageRequest { after: None, limit: 200, name: None };
    let page = fleet.kept.store.deployment_events(Reach::Everything, id, &page).await.unwrap();
    page.items.into_iter().rev().map(|event| event.kind).collect()
}

async fn a_deployment_reaches_everyone_and_succeeds(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await;
    let id = fleet.deploy(NewDeployment { selector: "env=prod".parse().unwrap(), ..NewDeployment::of(OLD) }).await;
    assert_eq!(fleet.deployment(id).await.state, State::Scheduled);
    assert_eq!(fleet.all_wanted().await, [0, 0]);
    fleet.pass().await;
    let under_way = fleet.deployment(id).await;
    assert_eq!((under_way.state, under_way.wave, under_way.waves), (State::InProgress, 1, 1));
    assert!(under_way.started_at.is_some() && under_way.wave_began_at.is_some());
    assert_eq!(fleet.all_wanted().await, [1, 0]);
    fleet.obey().await;
    fleet.pass().await;
    let ended = fleet.deployment(id).await;
    assert_eq!((ended.state, ended.reason.clone()), (State::Succeeded, None));
    assert!(ended.finished_at.is_some() && ended.version.0 > under_way.version.0);
    assert_eq!(events(&fleet, id).await, [Happened::Created, Happened::Started, Happened::WaveBegan, Happened::Ended]);
    let nodes = fleet.kept.store.node_events(Reach::Everything, id, &PageRequest::default()).await.unwrap().items;
    let outcomes: Vec<_> = nodes.iter().map(|event| (event.data_plane, event.outcome)).collect();
    assert_eq!(outcomes, [(fleet.gateways[0].id, NodeOutcome::Active), (fleet.gateways[0].id, NodeOutcome::Reached)]);
    assert_eq!(fleet.kept.audit().await.split_off(4), ["deployment.create", "deployment.start", "deployment.succeed"]);
}

async fn a_canary_is_one_and_then_all(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2", "a=3"]).await.serving(OLD).await;
    let id = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [2, 1, 1]);
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.wave, 1, "it does not serve it yet");
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.wave, 2);
    assert_eq!(fleet.all_wanted().await, [2, 2, 2]);
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.state, State::Succeeded);
}

async fn what_is_aborted_is_taken_away(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let id = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    let taken = fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial();
    let refused = fleet.kept.store.abort_deployment(&act(), edit(id), None).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "what goes back has to be signed");
    assert_eq!(fleet.all_wanted().await, [2, 1]);
    let aborted = fleet.kept.store.abort_deployment(&act(), edit(id), Some(&issuer(&fleet).await)).await.unwrap();
    assert_eq!((aborted.state, aborted.reason.unwrap().detail.as_str()), (State::Aborted, "by tester"));
    assert_eq!(fleet.all_wanted().await, [1, 1]);
    assert!(fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial() > taken);
    // Again: nothing. Of one that ended otherwise: no.
    fleet.kept.store.abort_deployment(&act(), edit(id), None).await.unwrap();
    let first = fleet.kept.store.newest_deployment(of(&fleet.project)).await.unwrap();
    assert_eq!(first.artifact, OLD);
    let refused = fleet.kept.store.abort_deployment(&act(), edit(first.id), Some(&issuer(&fleet).await)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    // One that never started needs no key.
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.kept.store.abort_deployment(&act(), edit(id), None).await.unwrap();
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.state, State::Aborted);
}

async fn it_waits_for_its_time(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let later = NewDeployment { scheduled_for: "2999-01-01T00:00:00Z".parse().ok(), ..NewDeployment::of(NEW) };
    let id = fleet.deploy(later).await;
    fleet.pass().await;
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::Scheduled, vec![1]));
    assert_eq!(fleet.kept.store.newest_deployment(of(&fleet.project)).await.unwrap().artifact, OLD);
    // Another one starts before it: what starts last decides, whichever was asked for first.
    fleet.deploy(NewDeployment::of(control::domain::digest::Digest([3; 32]))).await;
    fleet.pass().await;
    fleet.kept.run(sql("update deployments set scheduled_for = 1 where scheduled_for is not null")).await;
    fleet.pass().await;
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::InProgress, vec![2]));
    assert_eq!(fleet.deployment(id).await.started_by, Trigger::Schedule);
}

async fn somebody_steers(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2", "a=3", "a=4"]).await.serving(OLD).await;
    let store = &fleet.kept.store;
    let sizes = vec![Share::Count(1), Share::Count(2)];
    let new = NewDeployment { strategy: Strategy::Waves { sizes }, promotion: Promotion::Manual, ..canary(NEW) };
    let id = fleet.deploy(new).await;
    let steer = async |how| store.steer_deployment(&act(), edit(id), how).await;
    assert!(matches!(steer(Steering::Pause).await, Err(Error::Conflict(_))), "it has not started");
    fleet.pass().await;
    fleet.obey().await;
    fleet.pass().await;
    let waiting = fleet.deployment(id).await;
    assert_eq!((waiting.state, waiting.reason.unwrap().code), (State::Paused, ReasonCode::PromotionAwaited));
    steer(Steering::Promote(PromoteTo::Next)).await.unwrap();
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [2, 2, 1, 1]);
    let paused = steer(Steering::Pause).await.unwrap();
    assert_eq!(steer(Steering::Pause).await.unwrap().version, paused.version, "it is paused already");
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.wave, 2);
    let stale = Edit { expected: Expected::Exactly(Version(1)), ..edit(id) };
    assert!(matches!(store.steer_deployment(&act(), stale, Steering::Resume).await, Err(Error::Stale { .. })));
    steer(Steering::Resume).await.unwrap();
    steer(Steering::Promote(PromoteTo::Everyone)).await.unwrap();
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [2, 2, 2, 2]);
    assert!(matches!(steer(Steering::Promote(PromoteTo::Next)).await, Err(Error::Conflict(_))));
    fleet.obey().await;
    fleet.pass().await;
    assert!(matches!(steer(Steering::Resume).await, Err(Error::Conflict(_))), "it has ended");
    let steps: BTreeSet<String> = fleet.kept.audit().await.into_iter().collect();
    for action in ["deployment.pause", "deployment.resume", "deployment.promote"] {
        assert!(steps.contains(action), "{action}");
    }
}

async fn what_waits_for_somebody_is_left_alone(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let to_do =
        async || fleet.kept.store.rollouts_to_do().await.unwrap().into_iter().map(|(_, id)| id).collect::<Vec<_>>();
    let id = fleet.deploy(NewDeployment { on_failure: OnFailure::Pause, ..canary(NEW) }).await;
    fleet.pass().await;
    assert_eq!(to_do().await, [id]);
    fleet.kept.store.steer_deployment(&act(), edit(id), Steering::Pause).await.unwrap();
    assert_eq!(to_do().await, []);
    // A gate may still take this one back; and whichever clock says when it was asked for, the first comes first.
    let first = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    fleet.kept.store.steer_deployment(&act(), edit(first), Steering::Pause).await.unwrap();
    let second = fleet.deploy(canary(OLD)).await;
    let late = sql("update deployments set created_at = created_at * 2 where id = $1").bind(first);
    fleet.kept.run(late).await;
    assert_eq!(to_do().await, [first, second]);
}

async fn who_comes_back_later_catches_up(kept: Kept) {
    let mut fleet = Fleet::of(kept, &["a=1"]).await;
    let away = fleet.register("a=2").await;
    let id = fleet.deploy(NewDeployment { gates: GatesWanted::default(), ..NewDeployment::of(NEW) }).await;
    fleet.pass().await;
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.state, State::Succeeded, "who is away holds nobody up");
    fleet.gateways.push(away);
    assert_eq!(fleet.all_wanted().await, [2, 2]);
}
