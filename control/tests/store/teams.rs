//! Teams.

use control::domain::access::Reach;
use control::domain::error::{Error, Noun};
use control::domain::page::{Cursor, PageRequest};
use control::domain::store::{Edit, Teams as _};
use control::domain::team::{NewTeam, TeamUpdate};
use control::domain::version::{Expected, Version};

use crate::{Kept, act, within};

crate::in_both!(
    what_was_made_is_there,
    a_name_is_taken_once,
    a_team_sees_itself_alone,
    a_change_is_for_one_state,
    a_team_that_owns_something_stays,
    the_default_team_is_made_once,
    pages_go_on_where_they_ended,
);

async fn what_was_made_is_there(kept: Kept) {
    let made = kept.team("red").await;
    assert_eq!(kept.store.team(Reach::Everything, made.id).await.unwrap(), made);
    assert_eq!(kept.store.team_named(Reach::Everything, &made.name).await.unwrap(), made);
    assert_eq!(kept.audit().await, ["team.create"]);
}

async fn a_name_is_taken_once(kept: Kept) {
    kept.team("red").await;
    let again = NewTeam { name: "red".parse().unwrap(), description: String::new() };
    let error = kept.store.create_team(&act(), again).await.unwrap_err();
    assert!(matches!(error, Error::NameTaken { noun: Noun::Team, .. }), "{error}");
    // What was not done is not in the log either.
    assert_eq!(kept.audit().await, ["team.create"]);
}

async fn a_team_sees_itself_alone(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    let own = within(&red);
    assert!(matches!(kept.store.team(own, blue.id).await, Err(Error::NotFound(Noun::Team))));
    assert!(matches!(kept.store.team_named(own, &blue.name).await, Err(Error::NotFound(Noun::Team))));
    let at = Edit { reach: own, id: blue.id, expected: Expected::Any };
    assert!(matches!(kept.store.update_team(&act(), at, TeamUpdate::default()).await, Err(Error::NotFound(_))));
    assert!(matches!(kept.store.delete_team(&act(), at).await, Err(Error::NotFound(_))));
    assert_eq!(kept.store.teams(own, &PageRequest::default()).await.unwrap().items, [red]);
}

async fn a_change_is_for_one_state(kept: Kept) {
    let team = kept.team("red").await;
    let at = |version| Edit { reach: Reach::Everything, id: team.id, expected: Expected::Exactly(version) };
    let update = || TeamUpdate { description: Some("warm".into()), ..TeamUpdate::default() };
    let changed = kept.store.update_team(&act(), at(team.version), update()).await.unwrap();
    assert_eq!((changed.version, changed.description.as_str()), (Version(2), "warm"));
    assert_eq!(kept.store.team(Reach::Everything, team.id).await.unwrap(), changed);
    let error = kept.store.update_team(&act(), at(team.version), update()).await.unwrap_err();
    assert!(matches!(error, Error::Stale { current: Version(2) }), "{error}");
}

async fn a_team_that_owns_something_stays(kept: Kept) {
    let team = kept.team("red").await;
    kept.project(&team, "shop").await;
    let at = Edit { reach: Reach::Everything, id: team.id, expected: Expected::Any };
    assert!(matches!(kept.store.delete_team(&act(), at).await, Err(Error::Conflict(_))));
    assert!(kept.store.team(Reach::Everything, team.id).await.is_ok());
}

async fn the_default_team_is_made_once(kept: Kept) {
    let made = futures_util::future::join_all((0..8).map(|_| kept.store.default_team())).await;
    let first = made[0].as_ref().unwrap();
    assert!(made.iter().all(|team| team.as_ref().unwrap() == first));
    assert_eq!(kept.audit().await, ["team.create"]);
}

async fn pages_go_on_where_they_ended(kept: Kept) {
    for number in 0..5 {
        kept.team(&format!("t{number}")).await;
    }
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = kept
            .store
            .teams(Reach::Everything, &PageRequest { after, limit: 2, ..PageRequest::default() })
            .await
            .unwrap();
        names.extend(page.items.into_iter().map(|team| team.name.to_string()));
        let Some(cursor) = page.next_cursor else { break };
        after = Some(Cursor::parse(&cursor).unwrap());
    }
    assert_eq!(names, ["t4", "t3", "t2", "t1", "t0"]);
}
