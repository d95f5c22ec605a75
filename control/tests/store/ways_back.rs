//! Ways back, and the pins that they leave.

use control::domain::access::Reach;
use control::domain::deployment::{Asker, Kind, NewDeployment, NewRollback, ReasonCode, State};
use control::domain::error::Error;
use control::domain::label::Selector;
use control::domain::node::Phase;
use control::domain::page::PageRequest;
use control::domain::store::Deployments as _;
use control::store::sql::sql;

use crate::fleet::{Fleet, NEW, OLD, canary, said};
use crate::rollouts::{edit, issuer};
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
    a_way_back_is_remembered_however_often_others_deploy,
    whoever_goes_back_twice_says_where_to,
    what_a_gate_took_back_is_not_gone_back_from_again,
    what_somebody_aborted_is_not_gone_back_from_again,
    what_was_aborted_for_some_took_the_others_nowhere,
    what_was_aborted_before_it_reached_anybody_took_nobody_back,
    what_was_taken_back_is_not_gone_back_to,
    the_same_words_in_another_order_choose_the_same,
);

/// What somebody is told who asks for a way back and names nothing.
async fn refused(fleet: &Fleet, selector: Option<&str>) -> String {
    let back = NewRollback { selector: selector.map(|text| text.parse().unwrap()), ..NewRollback::default() };
    match fleet.kept.store.create_rollback(&act(), of(&fleet.project), back).await {
        Err(Error::Conflict(why)) => why,
        other => panic!("{other:?}"),
    }
}

async fn with_nothing_beneath_it_fails_and_is_withdrawn(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    let failed = fleet.deployment(id).await;
    let said = failed.reason.unwrap().detail;
    assert_eq!((failed.state, fleet.all_wanted().await), (State::Failed, vec![0]));
    assert!(said.contains("; whoever served nothing before goes on serving it"), "{said}");
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

/// A pipeline deploys to development all day, and hardly anything is ever deployed to production.
async fn a_way_back_is_remembered_however_often_others_deploy(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await;
    let to = |selector: &str, artifact| {
        let selector = selector.parse::<Selector>().unwrap();
        fleet.deploy(NewDeployment { selector, ..NewDeployment::of(artifact) })
    };
    let mut all = Vec::new();
    for artifact in [OLD, NEW].repeat(6) {
        all.push(to("env=prod", artifact).await);
        fleet.pass().await;
    }
    to("env=dev", NEW).await;
    fleet.kept.run(sql("update deployments set serial = 600 where serial = 13")).await;
    to("env=dev", NEW).await;
    // Beneath the one that decides are ten.
    let store = &fleet.kept.store;
    assert!(matches!(store.deployment(Reach::Everything, all[0]).await, Err(Error::NotFound(_))));
    for id in &all[1..] {
        store.deployment(Reach::Everything, *id).await.unwrap();
    }
    let back = NewRollback { selector: "env=prod".parse().ok(), ..NewRollback::default() };
    let back = store.create_rollback(&act(), of(&fleet.project), back).await.unwrap();
    assert_eq!((back.takes_back, back.artifact), (all.last().copied(), OLD));
}

/// Somebody is not sure whether it worked, or two are on call.
async fn whoever_goes_back_twice_says_where_to(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await.serving(OLD).await.serving(NEW).await;
    let store = &fleet.kept.store;
    let bad = store.newest_deployment(of(&fleet.project)).await.unwrap();
    let prod = || Some("env=prod".parse::<Selector>().unwrap());
    let back = NewRollback { selector: prod(), ..NewRollback::default() };
    let back = store.create_rollback(&act(), of(&fleet.project), back).await.unwrap();
    let already = format!("already rolled back by deployment {}", back.serial);
    // Whether it has started or not.
    for _ in 0..2 {
        for selector in [None, Some("env=prod"), Some("env=prod,tier=edge")] {
            let why = refused(&fleet, selector).await;
            assert!(why.starts_with(&already), "{selector:?}: {why}");
        }
        fleet.pass().await;
        fleet.obey().await;
    }
    assert_eq!(fleet.all_wanted().await, [1, 2]);
    // Further back, for whoever says so. The pin stays on what was bad.
    let third = control::domain::digest::Digest([3; 32]);
    let further = NewRollback { selector: prod(), artifact: Some(third), ..NewRollback::default() };
    let further = store.create_rollback(&act(), of(&fleet.project), further).await.unwrap();
    assert_eq!(further.takes_back, Some(back.id));
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [3, 2]);
    let pins = store.pins(of(&fleet.project)).await.unwrap();
    assert_eq!((pins.len(), pins[0].artifact, pins[0].deployment), (1, NEW, bad.id));
    // And the others, for whoever says that they are meant.
    let all = NewRollback { selector: Some(Selector::default()), ..NewRollback::default() };
    let all = store.create_rollback(&act(), of(&fleet.project), all).await.unwrap();
    assert_eq!((all.takes_back, all.artifact), (Some(bad.id), OLD));
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [1, 1]);
}

/// A gate was faster than whoever is on call.
async fn what_a_gate_took_back_is_not_gone_back_from_again(kept: Kept) {
    let third = control::domain::digest::Digest([3; 32]);
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await.serving(third).await.serving(OLD).await;
    let store = &fleet.kept.store;
    fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    let back = store.newest_deployment(of(&fleet.project)).await.unwrap();
    assert_eq!((back.kind, back.artifact), (Kind::Rollback, OLD));
    let why = refused(&fleet, None).await;
    assert!(why.starts_with(&format!("already rolled back by deployment {}", back.serial)), "{why}");
    assert_eq!(store.pins(of(&fleet.project)).await.unwrap()[0].artifact, NEW);
    // Where each went back to its own, no deployment says so.
    fleet.deploy(NewDeployment { selector: "env=dev".parse().unwrap(), ..NewDeployment::of(third) }).await;
    fleet.pass().await;
    fleet.obey().await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    let taken = fleet.deployment(id).await;
    assert_eq!((taken.state, fleet.all_wanted().await), (State::RolledBack, vec![1, 3]));
    let why = refused(&fleet, None).await;
    assert!(why.starts_with(&format!("deployment {} is already rolled back", taken.serial)), "{why}");
    assert_eq!(fleet.all_wanted().await, [1, 3]);
    // What somebody deploys after that is another matter.
    fleet.deploy(NewDeployment { selector: "env=dev".parse().unwrap(), ..NewDeployment::of(NEW) }).await;
    fleet.pass().await;
    let back = store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await.unwrap();
    assert_eq!((back.artifact, back.selector.to_string().as_str()), (third, "env=dev"));
}

/// Somebody aborted it, and somebody else goes back in the same minute.
async fn what_somebody_aborted_is_not_gone_back_from_again(kept: Kept) {
    let third = control::domain::digest::Digest([3; 32]);
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(third).await.serving(OLD).await;
    let id = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    let by = issuer(&fleet).await;
    let aborted = fleet.kept.store.abort_deployment(&act(), edit(id), Some(&by)).await.unwrap();
    let said = refused(&fleet, None).await;
    assert!(said.starts_with(&format!("deployment {} is already aborted", aborted.serial)), "{said}");
    assert_eq!(fleet.all_wanted().await, [1, 1]);

    // A way back that was aborted took nobody back: it can be gone again.
    let fleet = fleet.serving(NEW).await;
    let store = &fleet.kept.store;
    let back = NewRollback { selector: "a=1".parse().ok(), ..NewRollback::default() };
    let way = store.create_rollback(&act(), of(&fleet.project), back.clone()).await.unwrap();
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [1, 2]);
    store.abort_deployment(&act(), edit(way.id), Some(&by)).await.unwrap();
    assert_eq!(fleet.all_wanted().await, [2, 2]);
    // Nor did what was aborted before it had started.
    let id = fleet.deploy(NewDeployment::of(third)).await;
    store.abort_deployment(&act(), edit(id), None).await.unwrap();
    assert_eq!(store.create_rollback(&act(), of(&fleet.project), back).await.unwrap().artifact, OLD);
}

/// The others never had it, and go back by one call.
async fn what_was_aborted_for_some_took_the_others_nowhere(kept: Kept) {
    let third = control::domain::digest::Digest([3; 32]);
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await.serving(third).await.serving(OLD).await;
    let dev = || NewDeployment { selector: "env=dev".parse().unwrap(), ..NewDeployment::of(NEW) };
    let id = fleet.deploy(dev()).await;
    fleet.pass().await;
    fleet.kept.store.abort_deployment(&act(), edit(id), Some(&issuer(&fleet).await)).await.unwrap();
    let said = refused(&fleet, Some("env=dev")).await;
    assert!(said.contains("is already aborted"), "{said}");
    let back = fleet.kept.store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await.unwrap();
    assert_eq!(back.artifact, third);
}

/// It started while everybody was away, and was let to nobody.
async fn what_was_aborted_before_it_reached_anybody_took_nobody_back(kept: Kept) {
    let third = control::domain::digest::Digest([3; 32]);
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(third).await.serving(OLD).await;
    fleet.loses(said(&fleet.gateways[0], (Some(OLD), None), Phase::Active { digest: OLD })).await;
    let id = fleet.deploy(canary(NEW)).await;
    fleet.pass().await;
    let started = fleet.deployment(id).await;
    assert_eq!((started.state, started.wave), (State::InProgress, 0));
    fleet.kept.store.abort_deployment(&act(), edit(id), Some(&issuer(&fleet).await)).await.unwrap();
    let back = fleet.kept.store.create_rollback(&act(), of(&fleet.project), NewRollback::default()).await.unwrap();
    assert_eq!(back.artifact, third);
}

/// It stands for the others, and those for whom it was taken back never go there: not by a gate either.
async fn what_was_taken_back_is_not_gone_back_to(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await.serving(OLD).await.serving(NEW).await;
    let prod = || "env=prod".parse::<Selector>().unwrap();
    let back = NewRollback { selector: Some(prod()), ..NewRollback::default() };
    fleet.kept.store.create_rollback(&act(), of(&fleet.project), back).await.unwrap();
    fleet.pass().await;
    fleet.obey().await;
    fleet.pass().await;
    fleet.deploy(NewDeployment { selector: prod(), ..NewDeployment::of(OLD) }).await;
    fleet.pass().await;
    assert!(refused(&fleet, Some("env=prod")).await.contains("nothing else was deployed"));
    fleet.refuse(&fleet.gateways[0]).await;
    fleet.pass().await;
    assert_eq!(fleet.all_wanted().await, [1, 2]);
}

/// What is taken back from all whom it is for is over.
async fn the_same_words_in_another_order_choose_the_same(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod,tier=edge"]).await.serving(OLD).await;
    let new = NewDeployment { selector: "tier=edge,env=prod".parse().unwrap(), ..NewDeployment::of(NEW) };
    let id = fleet.deploy(new).await;
    fleet.pass().await;
    let back = NewRollback { selector: "env=prod,tier=edge".parse().ok(), ..NewRollback::default() };
    fleet.kept.store.create_rollback(&act(), of(&fleet.project), back).await.unwrap();
    fleet.pass().await;
    assert_eq!((fleet.deployment(id).await.state, fleet.all_wanted().await), (State::RolledBack, vec![1]));
}
