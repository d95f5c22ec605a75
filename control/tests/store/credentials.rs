//! Who shows a secret.

use control::domain::access::{Reach, Role, Scope};
use control::domain::store::Credentials as _;
use control::domain::token::{Fingerprint, NewToken};
use jiff::{SignedDuration, Timestamp};

use crate::{Kept, act, token_of};

crate::in_both!(a_secret_leads_to_its_token, an_expired_token_is_nobodys);

fn fingerprint(byte: u8) -> Fingerprint {
    Fingerprint { prefix: "pct_0123abcd".into(), hash: [byte; 32] }
}

async fn a_secret_leads_to_its_token(kept: Kept) {
    assert!(!kept.store.has_tokens().await.unwrap());
    let team = kept.team("red").await;
    let token = kept.store.create_token(&act(), token_of(Some(team.id), Role::Viewer), fingerprint(1)).await.unwrap();
    assert!(kept.store.has_tokens().await.unwrap());
    let principal = kept.store.principal([1; 32]).await.unwrap().unwrap();
    assert_eq!(principal.reach, Reach::Team(team.id));
    assert_eq!(principal.scopes, token.scopes);
    assert!(principal.require(Scope::SpecsRead).is_ok() && principal.require(Scope::SpecsWrite).is_err());
    assert_eq!(kept.store.principal([2; 32]).await.unwrap(), None);
}

async fn an_expired_token_is_nobodys(kept: Kept) {
    let ended = Timestamp::now() - SignedDuration::from_secs(1);
    let new = NewToken { expires_at: Some(ended), ..token_of(None, Role::Admin) };
    kept.store.create_token(&act(), new, fingerprint(1)).await.unwrap();
    assert_eq!(kept.store.principal([1; 32]).await.unwrap(), None);
}
