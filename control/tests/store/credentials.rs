//! Who shows a secret.

use control::domain::access::{Identity, Reach, Role, Scope};
use control::domain::store::{Credentials as _, Teams as _, Tokens as _};
use control::domain::time::now;
use control::domain::token::NewToken;
use jiff::{SignedDuration, Timestamp};

use crate::{Kept, act, fingerprint, token_of};

crate::in_both!(
    one_of_several_makes_the_first_token,
    a_secret_leads_to_its_token,
    an_expired_token_is_nobodys,
    the_last_use_is_the_latest,
);

async fn a_secret_leads_to_its_token(kept: Kept) {
    assert!(!kept.store.has_tokens().await.unwrap());
    let team = kept.team("red").await;
    let token = kept.store.create_token(&act(), token_of(Some(team.id), Role::Viewer), fingerprint(1)).await.unwrap();
    assert!(kept.store.has_tokens().await.unwrap());
    let principal = kept.store.principal([1; 32]).await.unwrap().unwrap();
    assert_eq!((principal.reach, principal.role), (Reach::Team(team.id), Some(Role::Viewer)));
    assert_eq!(principal.scopes, token.scopes);
    assert!(principal.require(Scope::SpecsRead).is_ok() && principal.require(Scope::SpecsWrite).is_err());
    assert_eq!(kept.store.principal([2; 32]).await.unwrap(), None);
}

async fn an_expired_token_is_nobodys(kept: Kept) {
    let ended = Timestamp::now() - SignedDuration::from_secs(1);
    let new = NewToken { expires_at: Some(ended), ..token_of(None, Role::Admin) };
    kept.store.create_token(&act(), new, fingerprint(1)).await.unwrap();
    assert_eq!(kept.store.principal([1; 32]).await.unwrap(), None);
    assert_eq!(kept.store.active_tokens().await.unwrap(), 0);
}

async fn the_last_use_is_the_latest(kept: Kept) {
    let token = kept.store.create_token(&act(), token_of(None, Role::Admin), fingerprint(1)).await.unwrap();
    let identity = Identity::Token(token.id);
    let (early, late) = (now() - SignedDuration::from_secs(60), now());
    kept.store.note_uses(&[(identity, late)]).await.unwrap();
    // Another replica is late with what it noted.
    kept.store.note_uses(&[(identity, early)]).await.unwrap();
    kept.store.note_uses(&[]).await.unwrap();
    assert_eq!(kept.store.token(Reach::Everything, token.id).await.unwrap().last_used_at, Some(late));
}

async fn one_of_several_makes_the_first_token(kept: Kept) {
    kept.store.default_team().await.unwrap();
    let tries = (0..8).map(|number| {
        let store = kept.store.clone();
        tokio::spawn(async move {
            let first = token_of(None, Role::Admin);
            store.create_first_token(&act(), first, fingerprint(number)).await.unwrap()
        })
    });
    let made = futures_util::future::join_all(tries).await;
    assert_eq!(made.into_iter().filter_map(|token| token.unwrap()).count(), 1);
}
