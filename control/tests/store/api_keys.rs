//! API keys of data planes.

use control::domain::access::{Identity, Reach, Scope};
use control::domain::api_key::{ApiKey, NewApiKey};
use control::domain::digest::Digest;
use control::domain::error::{Error, Noun};
use control::domain::id::{ApiKeyId, ProjectId};
use control::domain::page::PageRequest;
use control::domain::store::{ApiKeyAt, ApiKeys as _, Credentials as _, Edit, OfProject, Projects as _};
use control::domain::team::Team;
use control::domain::time::now;
use control::domain::token::Rotation;
use control::domain::version::Expected;
use control::store::sql::sql;

use crate::{Kept, act, minted, within};

crate::in_both!(
    a_key_leads_to_its_project,
    another_teams_key_is_not_there,
    a_key_is_rotated_and_revoked,
    a_key_goes_with_its_project,
    an_artifact_is_of_the_project_that_has_it,
);

async fn project(kept: &Kept, team: &Team, name: &str) -> ProjectId {
    kept.project(team, name).await.id
}

async fn make(kept: &Kept, team: &Team, project: ProjectId, byte: u8) -> ApiKey {
    let scopes = [Scope::DataPlanesConnect, Scope::ArtifactsRead].into();
    let new = NewApiKey { name: "edge".parse().unwrap(), scopes, expires_at: None };
    kept.store.create_api_key(&act(), OfProject { reach: within(team), project }, minted(new, byte)).await.unwrap()
}

fn at(reach: Reach, key: &ApiKey) -> ApiKeyAt {
    ApiKeyAt { reach, project: key.project, id: key.id }
}

async fn a_key_leads_to_its_project(kept: Kept) {
    let team = kept.team("red").await;
    let project = project(&kept, &team, "shop").await;
    let key = make(&kept, &team, project, 1).await;
    let principal = kept.store.principal([1; 32]).await.unwrap().unwrap();
    assert_eq!((principal.bound_to(), principal.reach), (Some(project), within(&team)));
    assert_eq!(principal.scopes, key.scopes);
    kept.store.note_uses(&[(Identity::ApiKey { id: key.id, project }, now())]).await.unwrap();
    let used = kept.store.api_key(at(within(&team), &key)).await.unwrap();
    assert!(used.last_used_at.is_some());
    assert_eq!(kept.store.api_keys(within(&team), project, &PageRequest::default()).await.unwrap().items, [used]);
}

async fn another_teams_key_is_not_there(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    let shop = project(&kept, &red, "shop").await;
    let key = make(&kept, &red, shop, 1).await;
    let own = within(&blue);
    assert!(matches!(kept.store.api_key(at(own, &key)).await, Err(Error::NotFound(Noun::ApiKey))));
    let by = minted(Rotation::default(), 9);
    assert!(matches!(kept.store.rotate_api_key(&act(), at(own, &key), by).await, Err(Error::NotFound(_))));
    assert!(matches!(kept.store.revoke_api_key(&act(), at(own, &key)).await, Err(Error::NotFound(_))));
    let list = kept.store.api_keys(own, shop, &PageRequest::default()).await;
    assert!(matches!(list, Err(Error::NotFound(Noun::Project))));
    let new = NewApiKey { name: "edge".parse().unwrap(), scopes: [].into(), expires_at: None };
    let made = kept.store.create_api_key(&act(), OfProject { reach: own, project: shop }, minted(new, 9)).await;
    assert!(matches!(made, Err(Error::NotFound(Noun::Project))));
    // Nor is it under another project of its own team.
    let other = project(&kept, &red, "other").await;
    let elsewhere = ApiKeyAt { project: other, ..at(within(&red), &key) };
    assert!(matches!(kept.store.api_key(elsewhere).await, Err(Error::NotFound(Noun::ApiKey))));
}

async fn a_key_is_rotated_and_revoked(kept: Kept) {
    let team = kept.team("red").await;
    let project = project(&kept, &team, "shop").await;
    let key = make(&kept, &team, project, 1).await;
    let at = at(within(&team), &key);
    let good = async |byte: u8| kept.store.principal([byte; 32]).await.unwrap().is_some();
    kept.store.rotate_api_key(&act(), at, minted(Rotation { overlap_seconds: 60 }, 2)).await.unwrap();
    assert!(good(1).await && good(2).await);
    for _ in 0..2 {
        kept.store.revoke_api_key(&act(), at).await.unwrap();
    }
    assert!(!good(1).await && !good(2).await);
    let again = kept.store.rotate_api_key(&act(), at, minted(Rotation::default(), 3)).await;
    assert!(matches!(again, Err(Error::Conflict(_))));
    let own = ["api-key.create", "api-key.rotate", "api-key.revoke"];
    assert_eq!(kept.audit().await[2..], own);
}

async fn a_key_goes_with_its_project(kept: Kept) {
    let team = kept.team("red").await;
    let project = project(&kept, &team, "shop").await;
    make(&kept, &team, project, 1).await;
    let edit = Edit { reach: within(&team), id: project, expected: Expected::Any };
    kept.store.delete_project(&act(), edit).await.unwrap();
    assert_eq!(kept.store.principal([1; 32]).await.unwrap(), None);
}

async fn an_artifact_is_of_the_project_that_has_it(kept: Kept) {
    let team = kept.team("red").await;
    let (shop, other) = (project(&kept, &team, "shop").await, project(&kept, &team, "other").await);
    let insert = sql("insert into artifacts (project_id, digest, id, team_id, size, signed_by, summary, created_at) \
         values ($1, $2, $3, $4, 1, $5, $6, 1)")
    .bind(shop)
    .bind([7; 32])
    .bind(ApiKeyId::new())
    .bind(team.id)
    .bind(serde_json::json!([]))
    .bind(serde_json::json!({}));
    let mut transaction = kept.store.database().begin().await.unwrap();
    transaction.execute(insert).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(kept.store.may_fetch(shop, Digest([7; 32])).await.unwrap());
    assert!(!kept.store.may_fetch(other, Digest([7; 32])).await.unwrap());
    assert!(!kept.store.may_fetch(shop, Digest([8; 32])).await.unwrap());
}
