//! How deployments go on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use control::domain::access::Reach;
use control::domain::deployment::{
    Asker, Happened, Kind, NewDeployment, NewRollback, NodeOutcome, PromoteTo, ReasonCode, State, Steering, Trigger,
};
use control::domain::error::Error;
use control::domain::id::DeploymentId;
use control::domain::page::PageRequest;
use control::domain::pointer::Issuer;
use control::domain::rollout::{GatesWanted, OnFailure, OnUnjudged, Promotion, Share, Strategy};
use control::domain::signing::Signer as _;
use control::domain::store::{Deployments as _, Edit, Fleet as _, Rollouts as _};
use control::domain::version::{Expected, Version};
use control::rollouts::Driver;
use control::store::sql::sql;
use prometheus_client::metrics::gauge::Gauge;

use crate::fleet::{Fleet, NEW, OLD, artifact, canary};
use crate::{Kept, act, of};

crate::in_both!(
    a_deployment_reaches_everyone_and_succeeds,
    a_canary_is_one_and_then_all,
    a_refusal_takes_a_canary_back_for_good,
    failing_requests_take_a_canary_back,
    what_no_gate_has_seen_is_said,
    what_no_gate_has_seen_waits_for_somebody,
    what_is_aborted_is_taken_away,
    a_newer_one_takes_over,
    a_canary_that_another_goes_over_in_part_is_taken_away,
    a_way_back_for_some_ends_a_canary_for_all,
    what_was_told_to_everyone_stays_with_the_others,
    what_does_not_overlap_goes_on_beside,
    it_waits_for_its_time,
    somebody_steers,
    a_breach_that_only_pauses,
    what_waits_for_somebody_is_left_alone,
    a_breach_in_the_last_wave_is_answered_for,
    of_many_that_look_one_takes_the_step,
    a_step_from_another_version_is_not_taken,
    without_its_key_it_cannot_start,
    who_has_the_key_signs,
    pointers_that_cannot_be_issued_anew_are_counted,
    a_deployment_that_cannot_be_read_keeps_no_other_from_going_on,
    who_comes_back_later_catches_up,
);

fn edit(id: DeploymentId) -> Edit<DeploymentId> {
    Edit { reach: Reach::Everything, id, expected: Expected::Any }
}

async fn issuer(fleet: &Fleet) -> Issuer {
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

/// Without a hand on it.
async fn a_refusal_takes_a_canary_back_for_good(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let before = fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial();
    let id = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    let canary_pointer = fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial();
    assert!(canary_pointer > before);
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    let taken = fleet.deployment(id).await;
    let reason = taken.reason.unwrap();
    assert_eq!((taken.state, reason.code), (State::RolledBack, ReasonCode::Rejected));
    assert!(reason.detail.contains("no 'good'"), "{}", reason.detail);
    assert_eq!(events(&fleet, id).await[3..], [Happened::Breached, Happened::Ended]);
    // Back to what was there, by a pointer that is newer than the one it took.
    let back = fleet.wanted(&fleet.gateways[0]).await.unwrap();
    assert_eq!(fleet.all_wanted().await, [1, 1]);
    assert!(back.pointer.serial() > canary_pointer);
    let way = fleet.kept.store.newest_deployment(of(&fleet.project)).await.unwrap();
    assert_eq!((way.kind, way.started_by, way.takes_back), (Kind::Rollback, Trigger::Automatic, Some(id)));
    assert_eq!((way.artifact, back.deployment), (OLD, way.id));
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(way.id).await.state, State::Succeeded);
    // And pinned.
    let again = NewDeployment { started_by: Asker::Ci, ..NewDeployment::of(NEW) };
    let refused = fleet.kept.store.create_deployment(&act(), of(&fleet.project), again).await;
    assert!(matches!(refused, Err(Error::Pinned(_))), "{refused:?}");
}

async fn failing_requests_take_a_canary_back(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let mut new = canary(NEW);
    new.gates.max_error_rate = Some(0.1);
    new.gates.bake_seconds = Some(600);
    // What it did before is not held against it.
    fleet.serve(&fleet.gateways[0], 1000, 1000).await;
    let id = fleet.deploy(new).await;
    fleet.pass().await;
    fleet.obey().await;
    fleet.pass().await;
    assert!(fleet.deployment(id).await.baking_since.is_some());
    fleet.serve(&fleet.gateways[0], 9, 9).await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.state, State::InProgress, "of 9 requests nothing is known");
    let progress = fleet.kept.store.rollout(id).await.unwrap().unwrap().progress();
    assert_eq!((progress.data_planes, progress.online, progress.serving), (2, 2, 1));
    assert_eq!((progress.waves[0].requests, progress.waves[0].rejected), (9, 0));
    fleet.serve(&fleet.gateways[0], 1, 0).await;
    fleet.pass().await;
    let taken = fleet.deployment(id).await;
    assert_eq!((taken.state, taken.reason.unwrap().code), (State::RolledBack, ReasonCode::ErrorRate));
    assert_eq!(fleet.all_wanted().await, [1, 1]);
}

async fn what_no_gate_has_seen_is_said(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let mut new = canary(NEW);
    new.gates.max_error_rate = Some(0.1);
    new.gates.on_unjudged = Some(OnUnjudged::Continue);
    let id = fleet.deploy(new).await;
    fleet.pass().await;
    fleet.obey().await;
    fleet.serve(&fleet.gateways[0], 9, 0).await;
    fleet.pass().await;
    let page = PageRequest { after: None, limit: 200, name: None };
    let all = fleet.kept.store.deployment_events(Reach::Everything, id, &page).await.unwrap().items;
    let said: Vec<_> = all.into_iter().filter(|event| event.kind == Happened::Remarked).collect();
    let reason = said[0].reason.clone().unwrap();
    assert_eq!((said.len(), said[0].wave, reason.code), (1, 1, ReasonCode::Unjudged));
    assert!(reason.detail.contains("9 requests"), "{}", reason.detail);
    assert_eq!(fleet.deployment(id).await.reason, None);
}

/// In every wave, the last one included.
async fn what_no_gate_has_seen_waits_for_somebody(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let mut new = canary(NEW);
    new.gates.max_error_rate = Some(0.1);
    let id = fleet.deploy(new).await;
    fleet.pass().await;
    for wave in 1..=2 {
        fleet.obey().await;
        fleet.pass().await;
        let waiting = fleet.deployment(id).await;
        assert_eq!((waiting.state, waiting.wave), (State::InProgress, wave));
        // Its time is up.
        fleet.kept.run(sql("update deployments set wave_began_at = 1 where state = 'in_progress'")).await;
        fleet.kept.run(sql("update deployment_members set joined_at = 1")).await;
        fleet.pass().await;
        let asking = fleet.deployment(id).await;
        assert_eq!((asking.state, asking.wave), (State::Paused, wave));
        assert_eq!(asking.reason.unwrap().code, ReasonCode::Unjudged);
        assert_eq!(events(&fleet, id).await.last(), Some(&Happened::PromotionAwaited));
        let promote = Steering::Promote(PromoteTo::Next);
        fleet.kept.store.steer_deployment(&act(), edit(id), promote).await.unwrap();
        fleet.pass().await;
    }
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::Succeeded, vec![2, 2]));
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

async fn a_newer_one_takes_over(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let first = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    let second = fleet.deploy(NewDeployment::of(control::domain::digest::Digest([3; 32]))).await;
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
    let third = control::domain::digest::Digest([3; 32]);
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
    let third = control::domain::digest::Digest([3; 32]);
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

async fn a_breach_that_only_pauses(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let id = fleet.deploy(NewDeployment { on_failure: OnFailure::Pause, ..canary(NEW) }).await;
    fleet.pass().await;
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    let halted = fleet.deployment(id).await;
    assert_eq!((halted.state, halted.reason.unwrap().code), (State::Paused, ReasonCode::Rejected));
    assert_eq!(fleet.all_wanted().await, [2, 1]);
    assert!(fleet.kept.store.pins(of(&fleet.project)).await.unwrap().is_empty());
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

/// There is no wave after it to promote it to.
async fn a_breach_in_the_last_wave_is_answered_for(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let id = fleet.deploy(NewDeployment { on_failure: OnFailure::Pause, ..NewDeployment::of(NEW) }).await;
    let promote =
        async || fleet.kept.store.steer_deployment(&act(), edit(id), Steering::Promote(PromoteTo::Next)).await;
    fleet.pass().await;
    assert!(matches!(promote().await, Err(Error::Conflict(_))), "nothing is wrong yet");
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.reason.unwrap().code, ReasonCode::Rejected);
    fleet.kept.store.steer_deployment(&act(), edit(id), Steering::Resume).await.unwrap();
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.state, State::Paused, "what is breached is still breached");
    promote().await.unwrap();
    fleet.pass().await;
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::Succeeded, vec![2, 2]));
}

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
