//! Projects.

use control::domain::access::Reach;
use control::domain::error::{Error, Noun};
use control::domain::page::PageRequest;
use control::domain::project::{Environment, NewProject, Project, Security, Settings};
use control::domain::project_update::ProjectUpdate;
use control::domain::store::{Edit, Projects as _};
use control::domain::team::Team;
use control::domain::version::Expected;

use crate::{Kept, act, within};

crate::in_both!(
    settings_survive,
    a_name_is_taken_once_in_a_team,
    another_teams_project_is_not_there,
    writers_do_not_lose_each_others_changes,
);

fn new(name: &str) -> NewProject {
    let staging = Environment { overlays: vec!["staging.yaml".into()], ..Environment::default() };
    let environments = [("staging".parse().unwrap(), staging)].into();
    let settings = Settings { upstream: Some("http://shop".into()), security: Security::Presence, environments };
    NewProject { team: None, name: name.parse().unwrap(), description: "a 'shop'; --".into(), settings }
}

async fn make(kept: &Kept, team: &Team, name: &str) -> Project {
    kept.keys.found(&act(), team.id, new(name)).await.unwrap()
}

async fn settings_survive(kept: Kept) {
    let team = kept.team("red").await;
    let made = make(&kept, &team, "shop").await;
    assert_eq!(kept.store.project(within(&team), made.id).await.unwrap(), made);
    assert_eq!(made.settings, new("shop").settings);
}

async fn a_name_is_taken_once_in_a_team(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    make(&kept, &red, "shop").await;
    make(&kept, &blue, "shop").await;
    let error = kept.keys.found(&act(), red.id, new("shop")).await.unwrap_err();
    assert!(matches!(error, Error::NameTaken { noun: Noun::Project, .. }), "{error}");
}

async fn another_teams_project_is_not_there(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    let project = make(&kept, &red, "shop").await;
    let own = within(&blue);
    let at = Edit { reach: own, id: project.id, expected: Expected::Any };
    assert!(matches!(kept.store.project(own, project.id).await, Err(Error::NotFound(Noun::Project))));
    let updated = kept.store.update_project(&act(), at, ProjectUpdate::default()).await;
    assert!(matches!(updated, Err(Error::NotFound(Noun::Project))));
    assert!(matches!(kept.store.delete_project(&act(), at).await, Err(Error::NotFound(Noun::Project))));
    assert_eq!(kept.store.projects(own, &PageRequest::default()).await.unwrap().items, []);
    let all = kept.store.projects(Reach::Everything, &PageRequest::default()).await.unwrap();
    assert_eq!(all.items, [project]);
}

/// 32 writers, each of which reads, adds its letter, and tries again where somebody was faster.
async fn writers_do_not_lose_each_others_changes(kept: Kept) {
    let team = kept.team("red").await;
    let project = make(&kept, &team, "shop").await;
    let writers = (0..32).map(|_| {
        let store = kept.store.clone();
        tokio::spawn(async move {
            loop {
                let current = store.project(Reach::Everything, project.id).await.unwrap();
                let description = Some(format!("{}+", current.description));
                let update = ProjectUpdate { description, ..ProjectUpdate::default() };
                let expected = Expected::Exactly(current.version);
                let at = Edit { reach: Reach::Everything, id: project.id, expected };
                match store.update_project(&act(), at, update).await {
                    Ok(_) => break,
                    Err(Error::Stale { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    futures_util::future::join_all(writers).await.into_iter().for_each(|writer| writer.unwrap());
    let end = kept.store.project(Reach::Everything, project.id).await.unwrap();
    assert_eq!(end.description.matches('+').count(), 32);
    assert_eq!(kept.audit().await.iter().filter(|action| *action == "project.update").count(), 32);
}
