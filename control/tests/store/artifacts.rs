//! Artifacts: their rows.

use control::domain::access::Reach;
use control::domain::artifact::{ArtifactAt, Novelty};
use control::domain::deployment::NewDeployment;
use control::domain::digest::Digest;
use control::domain::error::{Error, Noun};
use control::domain::page::{Cursor, PageRequest};
use control::domain::store::{Artifacts as _, Deployments as _, OfProject};

use crate::builds::{new_artifact, shop};
use crate::{Kept, act, of, within};

crate::in_both!(
    what_was_pushed_is_kept_once,
    another_teams_artifacts_are_not_there,
    a_project_hides_what_others_have,
    pages_go_from_new_to_old,
    what_is_deployed_stays,
);

fn at(reach: Reach, byte: u8) -> ArtifactAt {
    ArtifactAt { reach, project: None, digest: Digest([byte; 32]) }
}

async fn what_was_pushed_is_kept_once(kept: Kept) {
    let project = shop(&kept, "red").await.project;
    let (pushed, novelty) = kept.store.push_artifact(&act(), of(&project), new_artifact(1)).await.unwrap();
    assert_eq!((novelty, pushed.size, pushed.build), (Novelty::New, 12, None));
    let (again, novelty) = kept.store.push_artifact(&act(), of(&project), new_artifact(1)).await.unwrap();
    assert_eq!((novelty, &again), (Novelty::Known, &pushed));
    assert_eq!(kept.store.artifact(at(Reach::Everything, 1)).await.unwrap(), pushed);
    assert!(kept.store.has_artifact(Digest([1; 32])).await.unwrap());
    assert!(!kept.store.has_artifact(Digest([2; 32])).await.unwrap());
}

async fn another_teams_artifacts_are_not_there(kept: Kept) {
    let project = shop(&kept, "red").await.project;
    let other = within(&kept.team("blue").await);
    kept.store.push_artifact(&act(), of(&project), new_artifact(1)).await.unwrap();
    let of_other = OfProject { reach: other, project: project.id };
    assert!(matches!(kept.store.artifact(at(other, 1)).await, Err(Error::NotFound(Noun::Artifact))));
    let listed = kept.store.artifacts(of_other, &PageRequest::default()).await;
    assert!(matches!(listed, Err(Error::NotFound(Noun::Project))));
    let pushed = kept.store.push_artifact(&act(), of_other, new_artifact(2)).await;
    assert!(matches!(pushed, Err(Error::NotFound(Noun::Project))));
    let deleted = kept.store.delete_artifact(&act(), of_other, Digest([1; 32])).await;
    assert!(matches!(deleted, Err(Error::NotFound(Noun::Project))));
}

/// Two have the same artifact; each has a row of its own.
async fn a_project_hides_what_others_have(kept: Kept) {
    let (red, blue) = (shop(&kept, "red").await.project, shop(&kept, "blue").await.project);
    for project in [&red, &blue] {
        kept.store.push_artifact(&act(), of(project), new_artifact(1)).await.unwrap();
    }
    for project in [&red, &blue] {
        let bound = ArtifactAt { project: Some(project.id), ..at(Reach::Everything, 1) };
        assert_eq!(kept.store.artifact(bound).await.unwrap().project, project.id);
        assert_eq!(kept.store.artifact(at(Reach::Team(project.team), 1)).await.unwrap().project, project.id);
    }
    kept.store.delete_artifact(&act(), of(&red), Digest([1; 32])).await.unwrap();
    assert!(kept.store.has_artifact(Digest([1; 32])).await.unwrap(), "the other has it still");
    let bound = ArtifactAt { project: Some(red.id), ..at(Reach::Everything, 1) };
    assert!(matches!(kept.store.artifact(bound).await, Err(Error::NotFound(Noun::Artifact))));
}

async fn pages_go_from_new_to_old(kept: Kept) {
    let project = shop(&kept, "red").await.project;
    for byte in 1..=3 {
        kept.store.push_artifact(&act(), of(&project), new_artifact(byte)).await.unwrap();
    }
    let page = async |after| {
        kept.store.artifacts(of(&project), &PageRequest { after, limit: 2, ..PageRequest::default() }).await.unwrap()
    };
    let first = page(None).await;
    assert_eq!(first.items.iter().map(|artifact| artifact.digest.0[0]).collect::<Vec<_>>(), [3, 2]);
    let second = page(Some(Cursor::parse(&first.next_cursor.unwrap()).unwrap())).await;
    assert_eq!(second.items.iter().map(|artifact| artifact.digest.0[0]).collect::<Vec<_>>(), [1]);
    assert_eq!(second.next_cursor, None);
}

async fn what_is_deployed_stays(kept: Kept) {
    let project = shop(&kept, "red").await.project;
    kept.store.push_artifact(&act(), of(&project), new_artifact(1)).await.unwrap();
    let new = NewDeployment::of(Digest([1; 32]));
    kept.store.create_deployment(&act(), of(&project), new).await.unwrap();
    let deleted = kept.store.delete_artifact(&act(), of(&project), Digest([1; 32])).await;
    assert!(matches!(deleted, Err(Error::Conflict(_))), "{deleted:?}");
    kept.store.artifact(at(Reach::Everything, 1)).await.unwrap();
    let missing = kept.store.delete_artifact(&act(), of(&project), Digest([2; 32])).await;
    assert!(matches!(missing, Err(Error::NotFound(Noun::Artifact))));
}
