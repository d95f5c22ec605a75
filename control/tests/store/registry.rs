//! Data planes that register themselves, and the leases of their processes.

use std::time::Duration;

use control::domain::data_plane::{DataPlaneUpdate, Filter, Kind, NewDataPlane, Status};
use control::domain::digest::Digest;
use control::domain::error::Error;
use control::domain::id::ProjectId;
use control::domain::node::{Occasion, Phase, Presence, Rejection, Said};
use control::domain::page::PageRequest;
use control::domain::project::Project;
use control::domain::registry::{
    Alarm, Grounds, Health, Heard, Instance, InstanceKey, Kept as Written, Lease, Member, Newcomer, Terms,
};
use control::domain::store::{ApiKeyAt, ApiKeys as _, DataPlanes as _, Edit, Projects as _, Registry as _};
use control::domain::time::now;
use control::domain::version::Expected;
use control::store::sql::sql;
use uuid::Uuid;

use crate::{Kept, act, in_both, minted, of, within};

in_both!(
    a_data_plane_is_found_or_made,
    one_that_was_made_by_hand_is_bound_and_others_are_not_taken,
    a_project_has_so_many_data_planes,
    a_data_plane_has_so_many_processes,
    what_was_heard_is_shown,
    leases_end_when_somebody_says_so,
    a_process_that_was_started_anew_ends_the_one_before_it,
    a_replica_is_buried_once,
    terms_tell_of_every_change,
    what_is_old_is_forgotten,
    everything_is_counted,
    who_connects_anew_has_drifted_since_before,
);

fn newcomer(project: &Project, name: &str, labels: &str) -> Newcomer {
    Newcomer {
        project: project.id,
        team: project.team,
        name: name.parse().unwrap(),
        labels: serde_json::from_str(labels).unwrap(),
        gateway_host: None,
        instance: Uuid::now_v7(),
        remembered_max: 100,
    }
}

async fn comes(kept: &Kept, project: &Project, name: &str) -> Member {
    kept.store.register(&act(), &newcomer(project, name, "{}")).await.unwrap()
}

fn heard(member: &Member, instance: Uuid) -> Heard {
    let at = now();
    let instance = Instance {
        id: instance,
        node: Uuid::now_v7(),
        presence: Presence::Connected,
        version: "0.1.0".into(),
        labels: member.labels.clone(),
        address: Some("127.0.0.1".into()),
        artifact: Some(Digest([7; 32])),
        wanted: Some(Digest([8; 32])),
        drift_since: Some(at),
        pointer_serial: Some(3),
        root_version: Some(1),
        phase: Phase::Rejected {
            digest: Digest([8; 32]),
            code: "x".into(),
            detail: "it's \"so\"".into(),
            outcome: Rejection::Retrying,
        },
        health: Some(Health { requests: 4, p99_ms: Some(2.5), ..Health::default() }),
        alarms: vec![Alarm { code: "a".into(), detail: "b".into() }],
        connected_at: at,
        last_seen: at,
    };
    let said = vec![Said { phase: instance.phase.clone(), deployment: None, occasion: Occasion::Presence }];
    Heard { key: InstanceKey { data_plane: member.id, instance: instance.id }, instance, said }
}

async fn status(kept: &Kept, member: &Member) -> Status {
    kept.store.data_plane(control::domain::access::Reach::Everything, member.id).await.unwrap().status
}

async fn presence(kept: &Kept, key: InstanceKey) -> Presence {
    let all = kept.store.instances(&[key.data_plane]).await.unwrap();
    all[&key.data_plane].iter().find(|instance| instance.id == key.instance).unwrap().presence
}

async fn a_data_plane_is_found_or_made(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let first = newcomer(&project, "edge", r#"{"env": "prod", "zone": "a"}"#);
    let made = kept.store.register(&act(), &first).await.unwrap();
    assert_eq!(kept.store.register(&act(), &first).await.unwrap(), made);
    // What is set by hand stays, and wins.
    let update = DataPlaneUpdate {
        labels: Some(serde_json::from_str(r#"{"env": "dev"}"#).unwrap()),
        ..DataPlaneUpdate::default()
    };
    let at = Edit { reach: within(&team), id: made.id, expected: Expected::Any };
    let plane = kept.store.update_data_plane(&act(), at, update).await.unwrap();
    assert_eq!(serde_json::to_value(&plane.labels).unwrap(), serde_json::json!({ "env": "dev", "zone": "a" }));
    let again = kept.store.register(&act(), &newcomer(&project, "edge", r#"{"zone": "b"}"#)).await.unwrap();
    assert_eq!(serde_json::to_value(&again.labels).unwrap(), serde_json::json!({ "env": "dev", "zone": "b" }));
    assert!(again.id == made.id && again.version > made.version);
    let filter = Filter { selector: "zone=b".parse().unwrap(), ..Filter::default() };
    let chosen = kept.store.data_planes(within(&team), &filter, &PageRequest::default()).await.unwrap();
    assert_eq!(chosen.items.len(), 1);
    let audit = kept.audit().await;
    assert_eq!(audit[audit.len() - 3..], ["data-plane.register", "data-plane.update", "data-plane.update"]);
    // Several that come at once for the first time are one.
    let all = (0..8).map(|_| comes(&kept, &project, "fresh"));
    let ids: std::collections::BTreeSet<_> =
        futures_util::future::join_all(all).await.into_iter().map(|member| member.id).collect();
    assert_eq!(ids.len(), 1);
}

async fn one_that_was_made_by_hand_is_bound_and_others_are_not_taken(kept: Kept) {
    let team = kept.team("red").await;
    let (shop, bank) = (kept.project(&team, "shop").await, kept.project(&team, "bank").await);
    let by_hand = |name: &str, kind| NewDataPlane {
        name: name.parse().unwrap(),
        kind,
        project: None,
        gateway_host: Some("a.example".into()),
        description: String::new(),
        labels: serde_json::from_str(r#"{"env": "prod"}"#).unwrap(),
        metadata: serde_json::Map::new(),
    };
    let plane = kept.store.create_data_plane(&act(), team.id, by_hand("edge", Kind::Gateway)).await.unwrap();
    let bound = kept.store.register(&act(), &newcomer(&shop, "edge", r#"{"zone": "a"}"#)).await.unwrap();
    assert_eq!((bound.id, bound.labels.len()), (plane.id, 2));
    let plane = kept.store.data_plane(within(&team), plane.id).await.unwrap();
    assert_eq!((plane.project, plane.gateway_host.as_deref()), (Some(shop.id), Some("a.example")));
    let refused = kept.store.register(&act(), &newcomer(&bank, "edge", "{}")).await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("another project")), "{refused:?}");
    kept.store.create_data_plane(&act(), team.id, by_hand("mesh", Kind::Envoy)).await.unwrap();
    let refused = kept.store.register(&act(), &newcomer(&shop, "mesh", "{}")).await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("Envoy")), "{refused:?}");
    kept.store.delete_project(&act(), of(&bank).any()).await.unwrap();
    let refused = kept.store.register(&act(), &newcomer(&bank, "new", "{}")).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
}

/// One key makes no more of them than its project may have, and nobody who is known is turned away for it.
async fn a_project_has_so_many_data_planes(kept: Kept) {
    let team = kept.team("red").await;
    let (shop, bank) = (kept.project(&team, "shop").await, kept.project(&team, "bank").await);
    let registered = async |project: &Project, name: &str, labels: &str| {
        let newcomer = Newcomer { remembered_max: 2, ..newcomer(project, name, labels) };
        kept.store.register(&act(), &newcomer).await
    };
    let first = registered(&shop, "one", "{}").await.unwrap();
    registered(&shop, "two", "{}").await.unwrap();
    let refused = registered(&shop, "three", "{}").await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("2 data planes")), "{refused:?}");
    // Those that are known come back, and say something new of themselves.
    assert_eq!(registered(&shop, "one", r#"{"zone": "a"}"#).await.unwrap().id, first.id);
    assert_eq!(registered(&shop, "one", r#"{"zone": "a"}"#).await.unwrap().id, first.id);
    registered(&bank, "three", "{}").await.unwrap();
    let at = Edit { reach: within(&team), id: first.id, expected: Expected::Any };
    kept.store.delete_data_plane(&act(), at).await.unwrap();
    registered(&shop, "four", "{}").await.unwrap();
}

/// Whoever has a key makes up as many processes as it likes: no more than so many are there, or are remembered.
async fn a_data_plane_has_so_many_processes(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let member = comes(&kept, &project, "edge").await;
    let all: Vec<_> = (0..1000).map(|_| heard(&member, Uuid::now_v7())).collect();
    let replica = Uuid::now_v7();
    kept.store.keep_heard(replica, &all).await.unwrap();
    let refused = kept.store.register(&act(), &newcomer(&project, "edge", "{}")).await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("1000 processes")), "{refused:?}");
    let known = Newcomer { instance: all[0].key.instance, ..newcomer(&project, "edge", r#"{"zone": "a"}"#) };
    assert_eq!(kept.store.register(&act(), &known).await.unwrap().id, member.id);
    comes(&kept, &project, "other").await;
    kept.store.let_go(replica, &all, Duration::ZERO).await.unwrap();
    assert_eq!(kept.store.declare_gone(Grounds::Overdue).await.unwrap(), 1000);
    let left = kept.store.database().fetch_all(sql("select instance_id from processes")).await.unwrap();
    let left: std::collections::BTreeSet<Uuid> = left.iter().map(|row| row.get("instance_id").unwrap()).collect();
    let newest: std::collections::BTreeSet<Uuid> = all[900..].iter().map(|heard| heard.key.instance).collect();
    assert_eq!(left, newest);
    assert_eq!(comes(&kept, &project, "edge").await.id, member.id);
}

async fn what_was_heard_is_shown(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let (one, other) = (comes(&kept, &project, "one").await, comes(&kept, &project, "other").await);
    assert_eq!(status(&kept, &one).await, Status::Offline);
    let replica = Uuid::now_v7();
    let first = heard(&one, Uuid::now_v7());
    let mut second = heard(&one, Uuid::now_v7());
    second.instance.alarms.clear();
    second.instance.health = None;
    let bare = heard(&other, Uuid::now_v7());
    let bare = Heard {
        instance: Instance { artifact: None, wanted: None, address: None, drift_since: None, ..bare.instance },
        ..bare
    };
    let all = [first.clone(), second.clone(), bare.clone()];
    let written = kept.store.keep_heard(replica, &all).await.unwrap();
    assert_eq!(written, Written { missing: Vec::new(), lease: Lease::Begun });
    let shown = kept.store.instances(&[one.id, other.id]).await.unwrap();
    assert!(shown[&one.id].contains(&first.instance) && shown[&one.id].contains(&second.instance));
    assert_eq!(shown[&other.id], [bare.instance]);
    let plane = kept.store.data_plane(within(&team), one.id).await.unwrap();
    assert_eq!((plane.status, plane.artifact), (Status::Online, Some(Digest([7; 32]))));
    assert!(plane.last_seen.is_some() && plane.connected_at.is_some());
    let mut loading = first.clone();
    loading.instance.phase = Phase::Loading { digest: Digest([8; 32]) };
    kept.store.keep_heard(replica, &[loading]).await.unwrap();
    assert_eq!(status(&kept, &one).await, Status::Deploying);
    let filter = Filter { status: Some(Status::Deploying), ..Filter::default() };
    let chosen = kept.store.data_planes(within(&team), &filter, &PageRequest::default()).await.unwrap();
    assert_eq!(chosen.items.iter().map(|plane| plane.id).collect::<Vec<_>>(), [one.id]);
    // Of one that was removed, nothing is kept; of the others everything is.
    let at = Edit { reach: within(&team), id: other.id, expected: Expected::Any };
    kept.store.delete_data_plane(&act(), at).await.unwrap();
    let written = kept.store.keep_heard(replica, &all).await.unwrap();
    assert_eq!(written, Written { missing: vec![bare.key], lease: Lease::Held });
    assert_eq!(status(&kept, &one).await, Status::Online);
    assert_eq!(kept.store.keep_heard(replica, &[]).await.unwrap().missing, []);
}

async fn leases_end_when_somebody_says_so(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let member = comes(&kept, &project, "edge").await;
    let (replica, elsewhere) = (Uuid::now_v7(), Uuid::now_v7());
    let (one, other) = (heard(&member, Uuid::now_v7()), heard(&member, Uuid::now_v7()));
    let lets_go = async |replica, left: &Heard, time| {
        kept.store.let_go(replica, std::slice::from_ref(left), time).await.unwrap();
    };
    let gone = async || kept.store.declare_gone(Grounds::Overdue).await.unwrap();
    kept.store.keep_heard(replica, &[one.clone(), other.clone()]).await.unwrap();
    // Whoever does not hold it cannot let it go, and says nothing of it.
    let mut stale = one.clone();
    stale.instance.version = "0.0.1".into();
    lets_go(elsewhere, &stale, Duration::ZERO).await;
    assert_eq!(presence(&kept, one.key).await, Presence::Connected);
    let shown = kept.store.instances(&[member.id]).await.unwrap();
    assert!(shown[&member.id].contains(&one.instance));
    lets_go(replica, &one, Duration::from_mins(10)).await;
    assert_eq!((presence(&kept, one.key).await, gone().await), (Presence::Away, 0));
    lets_go(replica, &other, Duration::ZERO).await;
    assert_eq!(status(&kept, &member).await, Status::Online);
    // It comes back before anybody says so.
    kept.store.keep_heard(elsewhere, std::slice::from_ref(&other)).await.unwrap();
    assert_eq!((gone().await, presence(&kept, other.key).await), (0, Presence::Connected));
    lets_go(elsewhere, &other, Duration::ZERO).await;
    assert_eq!((gone().await, gone().await), (1, 0));
    assert_eq!((presence(&kept, other.key).await, status(&kept, &member).await), (Presence::Gone, Status::Online));
    kept.store.keep_heard(replica, std::slice::from_ref(&one)).await.unwrap();
    lets_go(replica, &one, Duration::ZERO).await;
    assert_eq!((gone().await, status(&kept, &member).await), (1, Status::Offline));
    let plane = kept.store.data_plane(within(&team), member.id).await.unwrap();
    assert!(plane.last_seen.is_some() && plane.connected_at.is_none());
    // One that nobody knew of until it left.
    let brief = heard(&member, Uuid::now_v7());
    lets_go(replica, &brief, Duration::from_mins(10)).await;
    assert_eq!(presence(&kept, brief.key).await, Presence::Away);
}

async fn a_process_that_was_started_anew_ends_the_one_before_it(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let (member, other) = (comes(&kept, &project, "edge").await, comes(&kept, &project, "other").await);
    let replica = Uuid::now_v7();
    let all: Vec<_> = [&member, &member, &other].into_iter().map(|member| heard(member, Uuid::now_v7())).collect();
    kept.store.keep_heard(replica, &all).await.unwrap();
    kept.store.let_go(replica, &all, Duration::from_mins(10)).await.unwrap();
    let replaced = async || kept.store.declare_gone(Grounds::Replaced).await.unwrap();
    assert_eq!(replaced().await, 0);
    // From the first one's state folder, of the same data plane.
    let mut successor = heard(&member, Uuid::now_v7());
    successor.instance.node = all[0].instance.node;
    kept.store.keep_heard(replica, std::slice::from_ref(&successor)).await.unwrap();
    // The same folder's of another data plane, or a copy's, says nothing.
    let mut copy = heard(&other, Uuid::now_v7());
    copy.instance.node = all[1].instance.node;
    kept.store.keep_heard(replica, &[copy]).await.unwrap();
    assert_eq!(replaced().await, 1);
    let mut presences = Vec::new();
    for heard in &all {
        presences.push(presence(&kept, heard.key).await);
    }
    assert_eq!(presences, [Presence::Gone, Presence::Away, Presence::Away]);
    // Whoever came first ends nobody, however late it connects anew.
    kept.store.keep_heard(replica, &all[..1]).await.unwrap();
    kept.store.let_go(replica, &[successor], Duration::from_mins(10)).await.unwrap();
    assert_eq!(replaced().await, 0);
}

async fn a_replica_is_buried_once(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let member = comes(&kept, &project, "edge").await;
    let replica = Uuid::now_v7();
    let one = heard(&member, Uuid::now_v7());
    kept.store.keep_heard(replica, std::slice::from_ref(&one)).await.unwrap();
    let before = kept.store.replicas().await.unwrap();
    kept.store.keep_heard(replica, &[]).await.unwrap();
    let after = kept.store.replicas().await.unwrap();
    assert!(after[0].id == replica && after[0].flushed_at > before[0].flushed_at);
    // It has written since it was seen.
    assert_eq!(kept.store.bury_replica(before[0], Duration::ZERO).await.unwrap(), 0);
    assert_eq!(presence(&kept, one.key).await, Presence::Connected);
    assert_eq!(kept.store.bury_replica(after[0], Duration::from_mins(10)).await.unwrap(), 1);
    assert_eq!(presence(&kept, one.key).await, Presence::Away);
    assert_eq!(kept.store.replicas().await.unwrap(), []);
    // It was not dead after all, and is told that it was taken for dead.
    let written = kept.store.keep_heard(replica, std::slice::from_ref(&one)).await.unwrap();
    assert_eq!(written.lease, Lease::Begun);
    assert_eq!(presence(&kept, one.key).await, Presence::Connected);
}

async fn terms(kept: &Kept, project: &Project) -> Terms {
    let mut all = kept.store.terms(&[project.id, ProjectId::new()]).await.unwrap();
    assert_eq!(all.len(), 2);
    let own = all.remove(&project.id).unwrap();
    assert_eq!(all.into_values().next(), Some(Terms::default()), "of a project that is not there");
    own
}

async fn terms_tell_of_every_change(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let empty = terms(&kept, &project).await;
    assert_eq!((empty.secrets.len(), empty.root_version.map(std::num::NonZeroU64::get)), (0, Some(1)));
    let new = serde_json::from_str(r#"{"name": "edge"}"#).unwrap();
    let key = kept.store.create_api_key(&act(), of(&project), minted(new, 1)).await.unwrap();
    let at = ApiKeyAt { reach: within(&team), project: project.id, id: key.id };
    let overlap = serde_json::from_str(r#"{"overlap_seconds": 60}"#).unwrap();
    kept.store.rotate_api_key(&act(), at, minted(overlap, 2)).await.unwrap();
    let mut secrets = terms(&kept, &project).await.secrets;
    secrets.sort_unstable();
    assert_eq!(secrets, [[1; 32], [2; 32]]);
    kept.store.revoke_api_key(&act(), at).await.unwrap();
    assert_eq!(terms(&kept, &project).await, empty);
    let mut seen = vec![empty.members];
    let member = comes(&kept, &project, "edge").await;
    seen.push(terms(&kept, &project).await.members);
    let edit = Edit { reach: within(&team), id: member.id, expected: Expected::Any };
    kept.store.disconnect_data_plane(&act(), edit).await.unwrap();
    seen.push(terms(&kept, &project).await.members);
    assert_eq!(kept.store.members(project.id).await.unwrap()[0].disconnects, 1);
    kept.store.delete_data_plane(&act(), edit).await.unwrap();
    comes(&kept, &project, "other").await;
    seen.push(terms(&kept, &project).await.members);
    let different: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(different.len(), seen.len(), "{seen:?}");
    kept.store.delete_project(&act(), of(&project).any()).await.unwrap();
    assert_eq!(terms(&kept, &project).await.root_version, None);
}

async fn what_is_old_is_forgotten(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let (gone, here) = (comes(&kept, &project, "gone").await, comes(&kept, &project, "here").await);
    let new = NewDataPlane {
        name: "by-hand".parse().unwrap(),
        kind: Kind::Gateway,
        project: Some(project.id),
        gateway_host: None,
        description: String::new(),
        labels: control::domain::label::Labels::new(),
        metadata: serde_json::Map::new(),
    };
    kept.store.create_data_plane(&act(), team.id, new).await.unwrap();
    let replica = Uuid::now_v7();
    let all: Vec<_> = [&gone, &gone, &here].into_iter().map(|member| heard(member, Uuid::now_v7())).collect();
    kept.store.keep_heard(replica, &all).await.unwrap();
    kept.store.let_go(replica, &all[..2], Duration::ZERO).await.unwrap();
    assert_eq!(kept.store.declare_gone(Grounds::Overdue).await.unwrap(), 2);
    kept.run(sql("update processes set last_seen = 1000")).await;
    let later = now();
    // The last one says when the data plane was seen.
    assert_eq!(kept.store.forget_instances(later).await.unwrap(), 1);
    assert_eq!(kept.store.forget_instances(later).await.unwrap(), 0);
    assert_eq!(kept.store.instances(&[gone.id]).await.unwrap()[&gone.id].len(), 1);
    assert_eq!(kept.store.forget_data_planes(later).await.unwrap(), 1);
    assert_eq!(kept.store.forget_data_planes(later).await.unwrap(), 0);
    let left = kept.store.data_planes(within(&team), &Filter::default(), &PageRequest::default()).await.unwrap();
    let names: Vec<_> = left.items.iter().map(|plane| plane.name.as_str()).collect();
    assert_eq!(names, ["by-hand", "here"]);
    assert_eq!(kept.audit().await.last().map(String::as_str), Some("data-plane.delete"));
}

async fn everything_is_counted(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let (one, other) = (comes(&kept, &project, "one").await, comes(&kept, &project, "other").await);
    comes(&kept, &project, "third").await;
    let mut first = heard(&one, Uuid::now_v7());
    first.instance.drift_since = Some(jiff::Timestamp::UNIX_EPOCH);
    let mut second = heard(&other, Uuid::now_v7());
    second.instance.alarms.clear();
    second.instance.phase = Phase::Loading { digest: Digest([8; 32]) };
    kept.store.keep_heard(Uuid::now_v7(), &[first, second]).await.unwrap();
    let counted = kept.store.fleet_summary(of(&project)).await.unwrap();
    assert_eq!((counted.data_planes, counted.online, counted.deploying, counted.offline), (3, 1, 1, 1));
    assert_eq!((counted.connected_instances, counted.drifting_instances, counted.alarmed_instances), (2, 1, 1));
    assert_eq!(counted.artifacts.into_iter().collect::<Vec<_>>(), [(Digest([7; 32]).to_string(), 2)]);
    let other_team = kept.team("blue").await;
    let hidden = control::domain::store::OfProject { reach: within(&other_team), project: project.id };
    assert!(matches!(kept.store.fleet_summary(hidden).await, Err(Error::NotFound(_))));
}

/// Whether something else is wanted, or nothing: no new connection is a new time.
async fn who_connects_anew_has_drifted_since_before(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let member = comes(&kept, &project, "edge").await;
    let (replica, instance, before) = (Uuid::now_v7(), Uuid::now_v7(), jiff::Timestamp::UNIX_EPOCH);
    for wanted in [Some(Digest([8; 32])), None] {
        for drift_since in [before, now()] {
            let mut said = heard(&member, instance);
            (said.instance.wanted, said.instance.drift_since) = (wanted, Some(drift_since));
            kept.store.keep_heard(replica, &[said]).await.unwrap();
        }
        let shown = kept.store.instances(&[member.id]).await.unwrap();
        assert_eq!(shown[&member.id][0].drift_since, Some(before), "{wanted:?}");
    }
}
