//! Deployments.

use std::collections::BTreeSet;

use control::domain::access::Reach;
use control::domain::deployment::NewDeployment;
use control::domain::digest::Digest;
use control::domain::error::{Error, Noun};
use control::domain::page::{Cursor, PageRequest};
use control::domain::project::Project;
use control::domain::store::{Deployments as _, OfProject, Projects as _};
use control::store::sql::sql;
use uuid::Uuid;

use crate::{Kept, act, of, within};

crate::in_both!(
    what_was_asked_for_is_kept,
    the_artifact_is_the_projects_own,
    another_teams_deployments_are_not_there,
    serials_leave_none_out,
    pages_go_by_serial,
    deployments_go_with_their_project,
);

fn new(byte: u8) -> NewDeployment {
    NewDeployment {
        artifact: Digest([byte; 32]),
        selector: "env=prod".parse().unwrap(),
        message: "it's 'new'; --".into(),
    }
}

/// As if it was built.
async fn artifact(kept: &Kept, project: &Project, byte: u8) {
    let insert = sql("insert into artifacts (project_id, digest, id, team_id, size, signed_by, summary, created_at) \
         values ($1, $2, $3, $4, 1, $5, $6, 1)")
    .bind(project.id)
    .bind(Digest([byte; 32]))
    .bind(Uuid::now_v7())
    .bind(project.team)
    .bind(serde_json::json!([]))
    .bind("{}");
    kept.run(insert).await;
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
