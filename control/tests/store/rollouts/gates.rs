//! Gates that take a deployment back, have it wait, or leave something open.

use control::domain::access::Reach;
use control::domain::deployment::{
    Asker, Happened, Kind, NewDeployment, PromoteTo, ReasonCode, State, Steering, Trigger,
};
use control::domain::error::Error;
use control::domain::page::PageRequest;
use control::domain::rollout::{OnFailure, OnUnjudged};
use control::domain::store::{Deployments as _, Rollouts as _};
use control::store::sql::sql;

use super::{edit, events};
use crate::fleet::{Fleet, NEW, OLD, canary};
use crate::{Kept, act, of};

crate::in_both!(
    a_refusal_takes_a_canary_back_for_good,
    failing_requests_take_a_canary_back,
    what_no_gate_has_seen_is_said,
    what_no_gate_has_seen_waits_for_somebody,
    a_breach_that_only_pauses,
    a_breach_in_the_last_wave_is_answered_for,
);

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
