//! What data planes say of themselves.

use std::num::NonZeroU64;

use control::domain::access::Reach;
use control::domain::deployment::{NewDeployment, NodeOutcome};
use control::domain::digest::Digest;
use control::domain::id::DataPlaneId;
use control::domain::node::{Measured, Node, Occasion, Phase, Rejection, Traffic};
use control::domain::page::PageRequest;
use control::domain::registry::InstanceKey;
use control::domain::store::{DataPlanes as _, Deployments as _, Edit, Nodes as _, Registry as _, Rollouts as _};
use control::domain::version::Expected;
use control::store::sql::sql;
use uuid::Uuid;

use crate::fleet::{Fleet, Gateway, NEW, OLD, Said, said};
use crate::{Kept, act};

crate::in_both!(
    what_processes_say_is_kept,
    when_a_phase_began_is_known,
    traffic_adds_up,
    traffic_of_the_last_minutes_is_known,
    who_was_removed_is_passed_over,
    history_keeps_failures_and_an_end,
    two_groups_with_one_artifact_have_a_history_each,
    what_becomes_of_a_group_is_in_no_other_groups_history,
    drift_is_in_the_history_once_for_each_time,
    drift_that_has_no_room_left_is_noted_all_the_same,
    what_goes_on_with_what_was_withdrawn_drifts,
    what_goes_well_takes_no_place_of_failures,
    what_is_said_at_once_is_kept_in_its_order,
    processes_that_chose_the_same_id_are_two,
    old_traces_are_forgotten,
);

async fn nodes_with(fleet: &Fleet, artifact: Digest) -> Vec<Node> {
    fleet.kept.store.nodes(fleet.project.id, artifact).await.unwrap()
}

async fn nodes(fleet: &Fleet) -> Vec<Node> {
    nodes_with(fleet, NEW).await
}

fn rejected() -> Phase {
    let (code, detail, outcome) = ("pointer_expired".into(), "it's \"over\"".into(), Rejection::Refused);
    Phase::Rejected { digest: NEW, code, detail, outcome }
}

/// Two processes of one data plane are two, and who is gone is not there.
async fn what_processes_say_is_kept(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod"]).await;
    let gateway = &fleet.gateways[0];
    let key = InstanceKey { data_plane: gateway.id, instance: Uuid::new_v4() };
    let other = Said { key, ..said(gateway, (Some(OLD), NonZeroU64::new(7)), rejected()) };
    fleet.hears(std::slice::from_ref(&other)).await;
    let all = nodes(&fleet).await;
    assert_eq!((all.len(), all[0].id, &all[0].labels), (1, gateway.id, &gateway.labels));
    let mut instances = all[0].instances.clone();
    instances.sort_by_key(|instance| instance.id != key.instance);
    assert_eq!((instances.len(), &instances[0].phase, &instances[1].phase), (2, &rejected(), &Phase::Waiting));
    assert_eq!((instances[0].running, instances[0].pointer_serial), (Some(OLD), NonZeroU64::new(7)));
    assert!(all[0].is_online() && !all[0].serves(OLD));
    fleet.loses(other).await;
    assert_eq!(nodes(&fleet).await[0].instances.len(), 1);
}

/// A refusal that is said again is news where the phase changed, and none where a process only came back.
async fn when_a_phase_began_is_known(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let gateway = &fleet.gateways[0];
    let first = said(gateway, (None, None), rejected());
    fleet.hears(std::slice::from_ref(&first)).await;
    let since = nodes(&fleet).await[0].instances[0].phase_at;
    fleet.hears(&[Said { occasion: Occasion::Presence, ..first.clone() }]).await;
    assert_eq!(nodes(&fleet).await[0].instances[0].phase_at, since);
    assert!(nodes(&fleet).await[0].refusal(NEW, since).is_some());
    fleet.hears(&[first]).await;
    let node = nodes(&fleet).await.remove(0);
    assert!(node.instances[0].phase_at > since);
    assert_eq!(node.refusal(NEW, since).map(|refusal| refusal.code.to_owned()), Some("pointer_expired".to_owned()));
    assert!(node.refusal(OLD, since).is_none());
}

async fn traffic_adds_up(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await;
    let traffic = Traffic::of_window(10, 1, Some(2.5));
    let of = |index: usize, artifact| Measured { data_plane: fleet.gateways[index].id, artifact, traffic };
    let all = [of(0, OLD), of(1, OLD), of(0, OLD), of(0, NEW)];
    for _ in 0..2 {
        fleet.kept.store.record_health(&all).await.unwrap();
    }
    let (old, new) = (nodes_with(&fleet, OLD).await, nodes_with(&fleet, NEW).await);
    let of = |nodes: &[Node], index: usize, artifact| {
        nodes.iter().find(|node| node.id == fleet.gateways[index].id).unwrap().traffic_with(artifact)
    };
    let first = of(&old, 0, OLD);
    assert_eq!((first.requests, first.server_errors, first.p99_weight), (40, 4, 100_000));
    assert_eq!((of(&old, 1, OLD).requests, of(&new, 0, NEW).requests), (20, 20));
    assert_eq!((of(&new, 1, NEW), of(&new, 0, OLD)), (Traffic::default(), Traffic::default()));
    // What its project does not have is nobody's to measure.
    let foreign = Digest([99; 32]);
    fleet.kept.store.record_health(&[Measured { artifact: foreign, ..all[0] }]).await.unwrap();
    assert_eq!(of(&nodes_with(&fleet, foreign).await, 0, foreign), Traffic::default());
    // It stops rather than go over.
    let all = Traffic { requests: i64::MAX, server_errors: i64::MAX, p99_weight: i64::MAX };
    let huge = Measured { data_plane: fleet.gateways[0].id, artifact: OLD, traffic: all };
    for _ in 0..6 {
        fleet.kept.store.record_health(&[huge]).await.unwrap();
    }
    assert!(nodes_with(&fleet, OLD).await[0].traffic_with(OLD).requests > 1 << 60);
}

async fn traffic_of_the_last_minutes_is_known(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let period = || jiff::Timestamp::now().as_second() / 300;
    // What is tested is five minutes long: a period that begins in between is one too many.
    let recent = loop {
        let began = period();
        let recent = recent_requests(&fleet).await;
        if period() == began {
            break recent;
        }
    };
    assert_eq!(recent, [100, 100, 200, 100, 200, 0, 100]);
}

/// What is known of the last minutes, as there are a hundred requests, or a period passes.
async fn recent_requests(fleet: &Fleet) -> Vec<i64> {
    fleet.kept.run(sql("delete from data_plane_traffic")).await;
    let mut recent = Vec::new();
    for passes in [None, Some(1_i64), None, Some(1), None, Some(2), None] {
        match passes {
            Some(periods) => {
                let passes = sql("update data_plane_traffic set period_number = period_number - $1");
                fleet.kept.run(passes.bind(periods)).await;
            }
            None => fleet.serve(&fleet.gateways[0], 100, 0).await,
        }
        let node = nodes(fleet).await.remove(0);
        recent.push(node.traffic_with(NEW).since(node.earlier_with(NEW)).requests);
    }
    recent
}

async fn who_was_removed_is_passed_over(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await;
    let gone = fleet.gateways[0].clone();
    fleet.deploy(NewDeployment::of(OLD)).await;
    fleet.pass().await;
    let at = Edit { reach: Reach::Everything, id: gone.id, expected: Expected::Any };
    fleet.kept.store.delete_data_plane(&act(), at).await.unwrap();
    let measured = |id: DataPlaneId| Measured { data_plane: id, artifact: OLD, traffic: Traffic::default() };
    let both = [measured(gone.id), measured(fleet.gateways[1].id)];
    fleet.kept.store.record_health(&both).await.unwrap();
    fleet.hears(&[said(&gone, (None, None), Phase::Waiting)]).await;
    assert_eq!(nodes(&fleet).await.len(), 1);
}

async fn history_keeps_failures_and_an_end(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    for _ in 0..120 {
        fleet.hears(&[said(&fleet.gateways[0], (Some(OLD), None), rejected())]).await;
    }
    let page = PageRequest { after: None, limit: 200, name: None };
    let history = fleet.kept.store.node_events(Reach::Everything, id, &page).await.unwrap().items;
    assert_eq!(history.len(), 51, "one that says the same all the time fills no disk");
    assert_eq!((history[0].outcome, history[0].code.as_deref()), (NodeOutcome::Rejected, Some("pointer_expired")));
    assert_eq!(history[0].instance, Some(fleet.gateways[0].instance));
    assert_eq!(history[50].outcome, NodeOutcome::Reached);
    // It outlives the data plane.
    let at = Edit { reach: Reach::Everything, id: fleet.gateways[0].id, expected: Expected::Any };
    fleet.kept.store.delete_data_plane(&act(), at).await.unwrap();
    assert_eq!(fleet.kept.store.node_events(Reach::Everything, id, &page).await.unwrap().items, history);
}

async fn two_groups_with_one_artifact_have_a_history_each(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await;
    let mut ids = Vec::new();
    for selector in ["env=prod", "env=dev"] {
        let new = NewDeployment { selector: selector.parse().unwrap(), ..NewDeployment::of(NEW) };
        ids.push(fleet.deploy(new).await);
        fleet.pass().await;
    }
    for (gateway, id) in fleet.gateways.iter().zip(&ids) {
        let serves = said(gateway, (Some(NEW), None), Phase::Active { digest: NEW });
        fleet.hears(&[Said { deployment: Some(*id), ..serves }]).await;
    }
    for (gateway, id) in fleet.gateways.iter().zip(&ids) {
        let history =
            fleet.kept.store.node_events(Reach::Everything, *id, &PageRequest::default()).await.unwrap().items;
        let told: Vec<_> = history.iter().rev().map(|event| (event.data_plane, event.outcome)).collect();
        assert_eq!(told, [(gateway.id, NodeOutcome::Reached), (gateway.id, NodeOutcome::Active)]);
    }
}

/// One artifact is deployed to two groups, to that of production last.
async fn what_becomes_of_a_group_is_in_no_other_groups_history(kept: Kept) {
    let mut fleet = Fleet::of(kept, &["env=dev", "env=prod"]).await.serving(OLD).await;
    let mut ids = Vec::new();
    for selector in ["env=dev", "env=prod"] {
        let new = NewDeployment { selector: selector.parse().unwrap(), ..NewDeployment::of(NEW) };
        ids.push(fleet.deploy(new).await);
        fleet.pass().await;
    }
    // One has come since, of which nothing became yet, and one says so of what it was told before.
    let late = fleet.register("env=dev").await;
    fleet.gateways.push(late.clone());
    fleet.say(&late, None, Phase::Waiting).await;
    let detail = "it kept failing".to_owned();
    fleet.hears(&[said(&fleet.gateways[0], (Some(OLD), None), Phase::RolledBack { digest: NEW, detail })]).await;
    fleet.kept.run(sql("update processes set wanted = $1").bind(NEW)).await;
    drifts_since(&fleet, &late, 1000).await;
    assert_eq!(notes_drift(&fleet, 1001).await, 1);

    let outcomes = async |id| {
        let history = fleet.kept.store.node_events(Reach::Everything, id, &PageRequest::default()).await.unwrap().items;
        let told = history.iter().rev().map(|event| (event.data_plane, event.outcome));
        told.filter(|(_, outcome)| *outcome != NodeOutcome::Reached).collect::<Vec<_>>()
    };
    let [dev, prod] = [outcomes(ids[0]).await, outcomes(ids[1]).await];
    assert_eq!(dev, [(fleet.gateways[0].id, NodeOutcome::RolledBack), (late.id, NodeOutcome::Drifted)]);
    assert!(prod.is_empty(), "{prod:?}");
}

async fn drift_is_in_the_history_once_for_each_time(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    fleet
        .kept
        .run(sql("update processes set wanted = (select artifact from deployments order by serial desc limit 1)"))
        .await;
    drifts_since(&fleet, &fleet.gateways[0], 1000).await;
    let note = async |micros| notes_drift(&fleet, micros).await;
    assert_eq!(note(1000).await, 0, "not yet");
    assert_eq!([note(1001).await, note(1001).await], [1, 0]);
    let history = fleet.kept.store.node_events(Reach::Everything, id, &PageRequest::default()).await.unwrap().items;
    let drifted: Vec<_> = history.iter().filter(|event| event.outcome == NodeOutcome::Drifted).collect();
    assert_eq!((drifted.len(), drifted[0].data_plane), (1, fleet.gateways[0].id));
    assert_eq!(drifted[0].detail, Some(format!("serves {OLD}")));
    // It was well in between. The control plane's clock is years ahead of the database's: each time is still one.
    let later = 200_000_000_000_000_000;
    drifts_since(&fleet, &fleet.gateways[0], later).await;
    assert_eq!([note(later).await, note(later + 1).await, note(later + 1).await], [0, 1, 0]);
}

async fn drifts_since(fleet: &Fleet, gateway: &Gateway, micros: i64) {
    let drifts = sql("update processes set drift_since = $1 where data_plane_id = $2").bind(micros);
    fleet.kept.run(drifts.bind(gateway.id)).await;
}

async fn notes_drift(fleet: &Fleet, before_micros: i64) -> u64 {
    let before = jiff::Timestamp::from_microsecond(before_micros).unwrap();
    fleet.kept.store.note_drift(crate::fleet::REPLICA, before).await.unwrap()
}

/// What is to be served has no history any more, or has no room: nobody looks at the same processes for ever.
async fn drift_that_has_no_room_left_is_noted_all_the_same(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let foreign = sql("update processes set wanted = $1 where data_plane_id = $2").bind(Digest([99; 32]));
    fleet.kept.run(foreign.bind(fleet.gateways[0].id)).await;
    let own = sql("update processes set wanted = $1 where data_plane_id = $2").bind(OLD);
    fleet.kept.run(own.bind(fleet.gateways[1].id)).await;
    for gateway in &fleet.gateways {
        drifts_since(&fleet, gateway, 1000).await;
    }
    assert_eq!(notes_drift(&fleet, 1001).await, 1, "one is written");
    let select = sql("select data_plane_id from processes where drift_noted = drift_since");
    assert_eq!(fleet.kept.store.database().fetch_all(select).await.unwrap().len(), 2, "and both are done with");
    fleet.kept.run(sql("delete from node_events where outcome = 'drifted'")).await;
    assert_eq!(notes_drift(&fleet, 1001).await, 0);
}

/// Nothing is wanted any more: the history is that of what it goes on with.
async fn what_goes_on_with_what_was_withdrawn_drifts(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let gateway = &fleet.gateways[0];
    let id = fleet.wanted(gateway).await.unwrap().deployment;
    fleet.kept.run(sql("update deployments set is_withdrawn = true")).await;
    fleet.kept.run(sql("update processes set wanted = null")).await;
    drifts_since(&fleet, gateway, 1000).await;
    assert_eq!([notes_drift(&fleet, 1001).await, notes_drift(&fleet, 1001).await], [1, 0]);
    let history = fleet.kept.store.node_events(Reach::Everything, id, &PageRequest::default()).await.unwrap().items;
    let drifted: Vec<_> = history.iter().filter(|event| event.outcome == NodeOutcome::Drifted).collect();
    assert_eq!((drifted.len(), drifted[0].data_plane), (1, gateway.id));
    assert!(drifted[0].detail.as_ref().unwrap().contains("withdrawn"), "{:?}", drifted[0].detail);
}

/// Pods that come and go for months say that all is well so often that nothing else would have room.
async fn what_goes_well_takes_no_place_of_failures(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    let gateway = &fleet.gateways[0];
    let active = said(gateway, (Some(NEW), None), Phase::Active { digest: NEW });
    let restarts = vec![active; 120];
    fleet.hears(&restarts).await;
    fleet.hears(&[said(gateway, (Some(OLD), None), rejected())]).await;
    fleet.kept.run(sql("update processes set wanted = $1").bind(NEW)).await;
    drifts_since(&fleet, gateway, 1000).await;
    assert_eq!(notes_drift(&fleet, 1001).await, 1);
    let page = PageRequest { after: None, limit: 200, name: None };
    let outcomes = async || {
        let history = fleet.kept.store.node_events(Reach::Everything, id, &page).await.unwrap().items;
        history.iter().map(|event| event.outcome).collect::<Vec<_>>()
    };
    let told = outcomes().await;
    assert_eq!(told[..3], [NodeOutcome::Drifted, NodeOutcome::Rejected, NodeOutcome::Active], "the newest is there");
    fleet.hears(&restarts).await;
    let told = outcomes().await;
    let count = |outcome| told.iter().filter(|told| **told == outcome).count();
    assert_eq!(told[0], NodeOutcome::Active);
    assert_eq!((count(NodeOutcome::Active), count(NodeOutcome::Reached)), (50, 1));
    assert_eq!((count(NodeOutcome::Rejected), count(NodeOutcome::Drifted)), (1, 1));
}

async fn what_is_said_at_once_is_kept_in_its_order(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await.serving(OLD).await;
    let id = fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    let [one, two] = [&fleet.gateways[0], &fleet.gateways[1]];
    let back = Said { occasion: Occasion::Presence, ..said(two, (Some(OLD), None), rejected()) };
    let mut all = vec![
        said(two, (Some(OLD), None), rejected()),
        said(one, (Some(OLD), None), Phase::Loading { digest: NEW }),
        back,
        said(one, (Some(NEW), NonZeroU64::new(2)), Phase::Active { digest: NEW }),
    ];
    fleet.hears(&all).await;
    let page = PageRequest { after: None, limit: 200, name: None };
    let history = async || fleet.kept.store.node_events(Reach::Everything, id, &page).await.unwrap().items;
    let told: Vec<_> = history().await.iter().rev().map(|event| (event.data_plane, event.outcome)).collect();
    let reached = [(one.id, NodeOutcome::Reached), (two.id, NodeOutcome::Reached)];
    assert_eq!(
        told[2..],
        [(two.id, NodeOutcome::Rejected), (one.id, NodeOutcome::Active)],
        "a phase that it had is no news"
    );
    assert!(reached.iter().all(|reached| told[..2].contains(reached)));
    let nodes = nodes(&fleet).await;
    let node = nodes.iter().find(|node| node.id == one.id).unwrap();
    assert_eq!(
        (&node.instances[0].phase, node.instances[0].pointer_serial),
        (&Phase::Active { digest: NEW }, NonZeroU64::new(2))
    );
    // One that says the same all the time fills no disk, at once either.
    all = vec![said(two, (Some(OLD), None), rejected()); 120];
    fleet.hears(&all).await;
    assert_eq!(history().await.iter().filter(|event| event.data_plane == two.id).count(), 51);
}

/// Whoever has a key chooses the ids of its processes: with another's it takes nothing away.
async fn processes_that_chose_the_same_id_are_two(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let other = Gateway { instance: fleet.gateways[0].instance, ..fleet.register("a=2").await };
    fleet.say(&other, None, Phase::Waiting).await;
    let nodes = nodes(&fleet).await;
    assert_eq!(nodes.iter().map(|node| node.instances.len()).collect::<Vec<_>>(), [1, 1]);
    assert!(nodes.iter().any(|node| node.id == fleet.gateways[0].id && node.serves(OLD)));
}

async fn old_traces_are_forgotten(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1", "a=2"]).await;
    let traffic = Traffic::of_window(1, 0, None);
    let of = |index: usize| Measured { data_plane: fleet.gateways[index].id, artifact: OLD, traffic };
    fleet.kept.store.record_health(&[of(0), of(1)]).await.unwrap();
    assert_eq!(fleet.kept.store.forget_traces().await.unwrap(), 0);
    let age = sql("update data_plane_traffic set updated_at = 1 where data_plane_id = $1");
    fleet.kept.run(age.bind(fleet.gateways[0].id)).await;
    assert_eq!(fleet.kept.store.forget_traces().await.unwrap(), 1);
    let left: Vec<_> = nodes_with(&fleet, OLD).await.iter().map(|node| node.traffic.len()).collect();
    assert_eq!(left.iter().sum::<usize>(), 1);
}
