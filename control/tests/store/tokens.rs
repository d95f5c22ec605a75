//! Access tokens.

use control::domain::access::{Reach, Role, Scope};
use control::domain::error::{Error, Noun};
use control::domain::id::TokenId;
use control::domain::page::PageRequest;
use control::domain::store::{At, Credentials as _, Tokens as _};
use control::domain::time::now;
use control::domain::token::{NewToken, Rotation, Token, TokenFilter};
use control::store::sql::sql;

use crate::{Kept, act, fingerprint, minted, token_of, within};

crate::in_both!(
    what_was_made_is_there,
    a_team_sees_its_own_alone,
    a_revoked_token_is_nobodys,
    the_last_master_stays,
    of_masters_that_revoke_each_other_one_stays,
    the_old_secret_is_good_for_the_overlap,
    the_overlap_ends,
    what_has_ended_is_not_rotated,
);

async fn make(kept: &Kept, new: NewToken, byte: u8) -> Token {
    kept.store.create_token(&act(), new, fingerprint(byte)).await.unwrap()
}

async fn what_was_made_is_there(kept: Kept) {
    let token = make(&kept, token_of(None, Role::Admin), 1).await;
    assert_eq!(kept.store.token(Reach::Everything, token.id).await.unwrap(), token);
    assert_eq!(kept.store.active_tokens().await.unwrap(), 1);
    assert_eq!(kept.audit().await, ["token.create"]);
}

async fn a_team_sees_its_own_alone(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    let own = make(&kept, token_of(Some(red.id), Role::Admin), 1).await;
    let others = make(&kept, token_of(Some(blue.id), Role::Admin), 2).await;
    let master = make(&kept, token_of(None, Role::Admin), 3).await;
    for id in [others.id, master.id] {
        let reach = within(&red);
        assert!(matches!(kept.store.token(reach, id).await, Err(Error::NotFound(Noun::Token))));
        let rotated = kept.store.rotate_token(&act(), At { reach, id }, minted(Rotation::default(), 9)).await;
        assert!(matches!(rotated, Err(Error::NotFound(Noun::Token))));
        assert!(matches!(kept.store.revoke_token(&act(), reach, id).await, Err(Error::NotFound(Noun::Token))));
    }
    let list = async |reach, team| {
        let page = kept.store.tokens(TokenFilter { reach, team }, &PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|token| token.id).collect::<Vec<TokenId>>()
    };
    assert_eq!(list(within(&red), None).await, [own.id]);
    assert_eq!(list(within(&red), Some(blue.id)).await, []);
    assert_eq!(list(Reach::Everything, Some(blue.id)).await, [others.id]);
    assert_eq!(list(Reach::Everything, None).await, [master.id, others.id, own.id]);
}

async fn a_revoked_token_is_nobodys(kept: Kept) {
    let team = kept.team("red").await;
    let token = make(&kept, token_of(Some(team.id), Role::Admin), 1).await;
    for _ in 0..2 {
        kept.store.revoke_token(&act(), Reach::Everything, token.id).await.unwrap();
    }
    assert_eq!(kept.store.principal([1; 32]).await.unwrap(), None);
    let revoked = kept.store.token(Reach::Everything, token.id).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    // The second time, nothing was done.
    assert_eq!(kept.audit().await, ["team.create", "token.create", "token.revoke"]);
}

async fn the_last_master_stays(kept: Kept) {
    let master = make(&kept, token_of(None, Role::Admin), 1).await;
    // None of these can make a token for the whole installation.
    let team = kept.team("red").await;
    make(&kept, token_of(Some(team.id), Role::Admin), 2).await;
    make(&kept, token_of(None, Role::Editor), 3).await;
    let narrow = NewToken { scopes: Some([Scope::SpecsRead].into()), ..token_of(None, Role::Admin) };
    make(&kept, narrow, 4).await;
    let revoke = async |token: &Token| kept.store.revoke_token(&act(), Reach::Everything, token.id).await;
    assert!(matches!(revoke(&master).await, Err(Error::Conflict(_))));
    let other = make(&kept, token_of(None, Role::Admin), 5).await;
    revoke(&master).await.unwrap();
    assert!(matches!(revoke(&other).await, Err(Error::Conflict(_))));
}

async fn of_masters_that_revoke_each_other_one_stays(kept: Kept) {
    let mut masters = Vec::new();
    for byte in 1..=8 {
        masters.push(make(&kept, token_of(None, Role::Admin), byte).await);
    }
    let revocations = masters.iter().map(|token| kept.store.revoke_token(&ACT, Reach::Everything, token.id));
    let outcomes = futures_util::future::join_all(revocations).await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Conflict(_)))).count(), 1, "{outcomes:?}");
    assert_eq!(kept.store.active_tokens().await.unwrap(), 1);
}

const ACT: control::domain::act::Act = control::domain::act::Act::SYSTEM;

async fn the_old_secret_is_good_for_the_overlap(kept: Kept) {
    let token = make(&kept, token_of(None, Role::Admin), 1).await;
    let rotate = async |overlap_seconds, byte| {
        let by = minted(Rotation { overlap_seconds }, byte);
        kept.store.rotate_token(&act(), At { reach: Reach::Everything, id: token.id }, by).await.unwrap()
    };
    let good = async |byte: u8| kept.store.principal([byte; 32]).await.unwrap().is_some();
    let rotated = rotate(60, 2).await;
    assert_eq!((rotated.id, rotated.prefix.as_str()), (token.id, "pct_00000002"));
    assert!(good(1).await && good(2).await);
    // Without an overlap, only the newest is good, and one that was good for a while is not any more.
    rotate(0, 3).await;
    assert!(!good(1).await && !good(2).await && good(3).await);
    rotate(60, 4).await;
    assert!(good(3).await);
    make(&kept, token_of(None, Role::Admin), 5).await;
    kept.store.revoke_token(&act(), Reach::Everything, token.id).await.unwrap();
    assert!(!good(3).await && !good(4).await);
}

async fn the_overlap_ends(kept: Kept) {
    let token = make(&kept, token_of(None, Role::Admin), 1).await;
    let by = minted(Rotation { overlap_seconds: 60 }, 2);
    kept.store.rotate_token(&act(), At { reach: Reach::Everything, id: token.id }, by).await.unwrap();
    let mut transaction = kept.store.database().begin().await.unwrap();
    transaction.execute(sql("update tokens set previous_until = $1").bind(now())).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(kept.store.principal([1; 32]).await.unwrap(), None);
    assert!(kept.store.principal([2; 32]).await.unwrap().is_some());
}

async fn what_has_ended_is_not_rotated(kept: Kept) {
    let team = kept.team("red").await;
    let token = make(&kept, token_of(Some(team.id), Role::Admin), 1).await;
    kept.store.revoke_token(&act(), Reach::Everything, token.id).await.unwrap();
    let by = minted(Rotation::default(), 2);
    let rotated = kept.store.rotate_token(&act(), At { reach: Reach::Everything, id: token.id }, by).await;
    assert!(matches!(rotated, Err(Error::Conflict(_))));
    assert_eq!(kept.store.principal([2; 32]).await.unwrap(), None);
}
