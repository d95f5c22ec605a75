//! Deployments.

use std::collections::BTreeSet;

use control::domain::access::Reach;
use control::domain::deployment::{NewDeployment, Trigger};
use control::domain::digest::Digest;
use control::domain::error::{Error, Noun};
use control::domain::page::{Cursor, PageRequest};
use control::domain::project::Project;
use control::domain::store::{Deployments as _, OfProject, Projects as _};
use control::store::sql::sql;

use crate::fleet::artifact;
use crate::{Kept, act, of, within};

crate::in_both!(
    what_was_asked_for_is_kept,
    the_artifact_is_the_projects_own,
    another_teams_deployments_are_not_there,
    serials_leave_none_out,
    pages_go_by_serial,
    deployments_go_with_their_project,
    what_is_long_over_is_forgotten,
    so_many_wait_for_their_time,
);

fn new(byte: u8) -> NewDeployment {
    NewDeployment {
        selector: "env=prod".parse().unwrap(),
        message: "it's 'new'; --".into(),
        ..NewDeployment::of(Digest([byte; 32]))
    }
}

async fn project(kept: &Kept) -> Project {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    artifact(kept, &project, 1).await;
    project
}

async fn what_was_asked_for_is_kept(kept: Kept) {
    let project = project(&kept).await;
    assert!(matches!(kept.store.newest_deployment(of(&project)).await, Err(Error::NotFound(Noun::Deployment))));
    let made = kept.store.create_deployment(&act(), of(&project), new(1)).await.unwrap();
    assert_eq!((made.serial, made.author.as_str(), &made.selector), (1, "tester", &new(1).selector));
    assert_eq!(kept.store.deployment(Reach::Team(project.team), made.id).await.unwrap(), made);
    assert_eq!(kept.store.newest_deployment(of(&project)).await.unwrap(), made);
    // The same again is another one: somebody meant it.
    let again = kept.store.create_deployment(&act(), of(&project), new(1)).await.unwrap();
    assert_eq!(again.serial, 2);
    assert_eq!(again.started_by, Trigger::Manual);
    assert_eq!(kept.store.newest_deployment(of(&project)).await.unwrap(), again);
    let page = kept.store.deployments(of(&project), &PageRequest::default()).await.unwrap();
    assert_eq!(page.items, [again, made]);
    assert_eq!(kept.audit().await[2..], ["deployment.create", "deployment.create"]);
}

async fn the_artifact_is_the_projects_own(kept: Kept) {
    let project = project(&kept).await;
    let other = kept.project(&kept.team("blue").await, "shop").await;
    artifact(&kept, &other, 2).await;
    for byte in [2, 3] {
        let refused = kept.store.create_deployment(&act(), of(&project), new(byte)).await;
        assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].pointer == "/artifact"));
    }
    // What was refused took no serial.
    assert_eq!(kept.store.create_deployment(&act(), of(&project), new(1)).await.unwrap().serial, 1);
}

async fn another_teams_deployments_are_not_there(kept: Kept) {
    let project = project(&kept).await;
    let made = kept.store.create_deployment(&act(), of(&project), new(1)).await.unwrap();
    let blue = within(&kept.team("blue").await);
    let other = OfProject { reach: blue, project: project.id };
    assert!(matches!(kept.store.deployment(blue, made.id).await, Err(Error::NotFound(_))));
    assert!(matches!(kept.store.newest_deployment(other).await, Err(Error::NotFound(_))));
    assert!(matches!(kept.store.deployments(other, &PageRequest::default()).await, Err(Error::NotFound(_))));
    assert!(matches!(kept.store.create_deployment(&act(), other, new(1)).await, Err(Error::NotFound(Noun::Project))));
}

/// 32 that deploy at once.
async fn serials_leave_none_out(kept: Kept) {
    let project = project(&kept).await;
    let deploys = (0..32).map(|_| {
        let (store, project) = (kept.store.clone(), of(&project));
        tokio::spawn(async move { store.create_deployment(&act(), project, new(1)).await.unwrap().serial })
    });
    let serials = futures_util::future::join_all(deploys).await.into_iter().map(|serial| serial.unwrap());
    assert_eq!(serials.collect::<BTreeSet<_>>(), (1..=32).collect());
    assert_eq!(kept.store.newest_deployment(of(&project)).await.unwrap().serial, 32);
}

async fn pages_go_by_serial(kept: Kept) {
    let project = project(&kept).await;
    for _ in 0..5 {
        kept.store.create_deployment(&act(), of(&project), new(1)).await.unwrap();
    }
    let (mut serials, mut after) = (Vec::new(), None);
    loop {
        let page = kept
            .store
            .deployments(of(&project), &PageRequest { after, limit: 2, ..PageRequest::default() })
            .await
            .unwrap();
        serials.extend(page.items.into_iter().map(|deployment| deployment.serial));
        let Some(cursor) = page.next_cursor else { break };
        after = Some(Cursor::parse(&cursor).unwrap());
    }
    assert_eq!(serials, [5, 4, 3, 2, 1]);
}

async fn deployments_go_with_their_project(kept: Kept) {
    let project = project(&kept).await;
    let made = kept.store.create_deployment(&act(), of(&project), new(1)).await.unwrap();
    kept.store.delete_project(&act(), of(&project).any()).await.unwrap();
    assert!(matches!(kept.store.deployment(Reach::Everything, made.id).await, Err(Error::NotFound(_))));
}

/// But for what decides what is served.
async fn what_is_long_over_is_forgotten(kept: Kept) {
    let project = project(&kept).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(kept.store.create_deployment(&act(), of(&project), new(1)).await.unwrap());
    }
    kept.run(sql("update deployments set state = 'failed' where serial = 1")).await;
    kept.run(sql("update deployments set serial = 502 where serial = 3")).await;
    kept.store.create_deployment(&act(), of(&project), new(1)).await.unwrap();
    assert!(matches!(kept.store.deployment(Reach::Everything, made[0].id).await, Err(Error::NotFound(_))));
    // This one is still to start.
    kept.store.deployment(Reach::Everything, made[1].id).await.unwrap();
}

async fn so_many_wait_for_their_time(kept: Kept) {
    let project = project(&kept).await;
    let later = || NewDeployment { scheduled_for: "2999-01-01T00:00:00Z".parse().ok(), ..new(1) };
    for _ in 0..100 {
        kept.store.create_deployment(&act(), of(&project), later()).await.unwrap();
    }
    let refused = kept.store.create_deployment(&act(), of(&project), later()).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    kept.store.create_deployment(&act(), of(&project), new(1)).await.unwrap();
}
