//! Ways back, and the pins that they leave.

use control::domain::deployment::{Asker, Kind, NewDeployment, NewRollback, ReasonCode, State};
use control::domain::error::Error;
use control::domain::label::Selector;
use control::domain::page::PageRequest;
use control::domain::store::Deployments as _;
use control::store::sql::sql;

use crate::fleet::{Fleet, NEW, OLD};
use crate::{Kept, act, of};

crate::in_both!(
    with_nothing_beneath_it_fails_and_is_withdrawn,
    each_goes_back_to_its_own,
    a_way_back_is_one_call_and_pins,
    pins_go_when_what_goes_over_them_starts,
    what_has_not_started_is_taken_back_first,
    some_go_back_and_the_others_do_not,
    a_way_back_to_something_that_is_named,
    a_way_back_that_is_refused_is_paused_and_everybody_is_told,
    there_is_no_way_back_to_nothing,
);

async fn with_nothing_beneath_it_fails_and_is_withdrawn(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.state, State::Failed);
    assert_eq!(fleet.all_wanted().await, [0]);
}

/// Two groups served two things, and one deployment went over both.
async fn each_goes_back_to_its_own(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await;
    for (selector, artifact) in [("env=prod", OLD), ("env=dev", control::domain::digest::Digest([3; 32]))] {
        fleet.deploy(NewDeployment { selector: selector.parse().unwrap(), ..NewDeployment::of(artifact) }).await;
    }
    fleet.pass().await;
    fleet.obey().await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [2, 2]);
    let taken = fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial();
    // By hand, somebody has to say what is meant.
    let refused = fleet.kept.store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(id).await.state, State::RolledBack);
    assert_eq!(fleet.all_wanted().await, [1, 3]);
    for gateway in &fleet.gateways {
        assert!(fleet.wanted(gateway).await.unwrap().pointer.serial() > taken);
    }
}

async fn a_way_back_is_one_call_and_pins(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await.serving(NEW).await.serving(NEW).await;
    let store = &fleet.kept.store;
    assert_eq!(fleet.all_wanted().await, [2]);
    let before = fleet.wanted(&fleet.gateways[0]).await.unwrap();
    let way = store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await.unwrap();
    // The same thing twice is one thing to go back from.
    assert_eq!((way.kind, way.artifact, way.takes_back), (Kind::Rollback, OLD, Some(before.deployment)));
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [1]);
    assert!(fleet.wanted(&fleet.gateways[0]).await.unwrap().pointer.serial() > before.pointer.serial());
    assert_eq!(fleet.deployment(before.deployment).await.state, State::RolledBack);
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(fleet.deployment(way.id).await.state, State::Succeeded);

    let pins = store.pins(of(&fleet.project)).await.unwrap();
    assert_eq!((pins.len(), pins[0].artifact, pins[0].author.as_str()), (1, NEW, "tester"));
    let ci = || NewDeployment { started_by: Asker::Ci, selector: "a=1".parse().unwrap(), ..NewDeployment::of(NEW) };
    let refused = store.create_deployment(&act(), of(&fleet.project), ci()).await;
    assert!(matches!(refused, Err(Error::Pinned(_))), "{refused:?}");
    // What was set before it was pinned does not go over it either.
    let late =
        NewDeployment { scheduled_for: "2999-01-01T00:00:00Z".parse().ok(), unpin: true, ..NewDeployment::of(NEW) };
    let late = fleet.deploy(late).await;
    assert_eq!(store.pins(of(&fleet.project)).await.unwrap(), pins, "not before it starts");
    fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await.unwrap();
    fleet.pass().await;
    fleet.kept.run(sql("update deployments set scheduled_for = 1 where scheduled_for is not null")).await;
    fleet.pass().await;
    let late = fleet.deployment(late).await;
    assert_eq!((late.state, late.reason.unwrap().code), (State::Failed, ReasonCode::Pinned));
    assert_eq!(fleet.all_wanted().await, [1]);
    // A person may; and who unpins lets pipelines.
    assert_eq!(store.unpin(&act(), of(&fleet.project), &"a=2".parse().unwrap()).await.unwrap(), 1);
    store.create_deployment(&act(), of(&fleet.project), ci()).await.unwrap();
    assert!(fleet.kept.audit().await.contains(&"deployment.unpin".to_owned()));
}

/// It is no success, and it holds nobody up.
async fn a_way_back_that_is_refused_is_paused_and_everybody_is_told(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await.serving(NEW).await;
    let back = NewRollback::default();
    let way = fleet.kept.store.create_rollback(&act(), of(&fleet.project), back).await.unwrap();
    fleet.pass().await;
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    let paused = fleet.deployment(way.id).await;
    assert_eq!((paused.state, paused.reason.unwrap().code), (State::Paused, ReasonCode::Rejected));
    assert_eq!(fleet.all_wanted().await, [1, 1]);
}

async fn pins_go_when_what_goes_over_them_starts(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await.serving(NEW).await;
    let store = &fleet.kept.store;
    store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await.unwrap();
    fleet.pass().await;
    let new =
        NewDeployment { scheduled_for: "2999-01-01T00:00:00Z".parse().ok(), unpin: true, ..NewDeployment::of(NEW) };
    let id = fleet.deploy(new).await;
    fleet.pass().await;
    assert_eq!(store.pins(of(&fleet.project)).await.unwrap().len(), 1);
    fleet.kept.run(sql("update deployments set scheduled_for = 1 where scheduled_for is not null")).await;
    fleet.pass().await;
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::InProgress, vec![2]));
    assert!(store.pins(of(&fleet.project)).await.unwrap().is_empty());
    let ci = NewDeployment { started_by: Asker::Ci, unpin: true, ..NewDeployment::of(NEW) };
    assert!(matches!(ci.check(), Err(Error::Invalid(_))));
}

/// Nobody has started it yet, and somebody thinks better of it.
async fn what_has_not_started_is_taken_back_first(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await.serving(NEW).await;
    let store = &fleet.kept.store;
    let id = fleet.deploy(NewDeployment::of(control::domain::digest::Digest([3; 32]))).await;
    let back = store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await.unwrap();
    assert_eq!((back.takes_back, back.artifact), (Some(id), NEW));
    fleet.pass().await;
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::Aborted, vec![2]));
    assert_eq!(store.pins(of(&fleet.project)).await.unwrap()[0].deployment, id);
    // Who asks twice means the same.
    let again = async || store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await.unwrap();
    let (first, second) = (again().await, again().await);
    assert_eq!((first.artifact, second.artifact), (OLD, OLD));
}

/// A deployment to everyone went over theirs, and is taken back for them alone.
async fn some_go_back_and_the_others_do_not(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await.serving(OLD).await;
    let prod = || "env=prod".parse::<Selector>().unwrap();
    for digest in [OLD, NEW] {
        fleet.deploy(NewDeployment { selector: prod(), ..NewDeployment::of(digest) }).await;
        fleet.pass().await;
    }
    let fleet = fleet.serving(control::domain::digest::Digest([3; 32])).await;
    let all = fleet.kept.store.newest_deployment(of(&fleet.project)).await.unwrap();
    let back = NewRollback { selector: Some(prod()), ..NewRollback::default() };
    let back = fleet.kept.store.create_rollback(&act(), of(&fleet.project), back).await.unwrap();
    assert_eq!((back.takes_back, back.artifact, back.selector), (Some(all.id), NEW, prod()));
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [2, 3]);
    assert_eq!(fleet.deployment(all.id).await.state, State::Succeeded);
    assert_eq!(fleet.kept.store.pins(of(&fleet.project)).await.unwrap()[0].selector, prod());
}

async fn a_way_back_to_something_that_is_named(kept: Kept) {
    let third = control::domain::digest::Digest([3; 32]);
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(third).await.serving(OLD).await.serving(NEW).await;
    let store = &fleet.kept.store;
    let to = |artifact| NewRollback { artifact: Some(artifact), ..NewRollback::default() };
    let refused = store.create_rollback(&act(), of(&fleet.project), to(NEW)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    let nowhere = to(control::domain::digest::Digest([9; 32]));
    let refused = store.create_rollback(&act(), of(&fleet.project), nowhere).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let first = store.deployments(of(&fleet.project), &PageRequest::default()).await.unwrap().items.pop().unwrap();
    let named = NewRollback { deployment: Some(first.id), ..NewRollback::default() };
    assert_eq!(store.create_rollback(&act(), of(&fleet.project), named).await.unwrap().artifact, third);
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [3]);
}

async fn there_is_no_way_back_to_nothing(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let back = async || fleet.kept.store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await;
    assert!(matches!(back().await, Err(Error::Conflict(_))));
    fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    assert!(matches!(back().await, Err(Error::Conflict(_))));
    assert_eq!(fleet.all_wanted().await, [2]);
}
