//! Access tokens.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::DatabaseStore;
use super::audit::{Target, record};
use super::secrets::{Owner, check_good, revoke, rotate};
use super::sql::{Error as SqlError, Row, Transaction, sql};
use crate::domain::access::{Reach, Role, Scope};
use crate::domain::act::{Act, Action};
use crate::domain::error::{Error, Noun};
use crate::domain::id::TokenId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::store::{At, Result, Tokens};
use crate::domain::time::{kept, now};
use crate::domain::token::{Fingerprint, Minted, NewToken, Rotation, Token, TokenFilter};

#[async_trait]
impl Tokens for DatabaseStore {
    async fn has_tokens(&self) -> Result<bool> {
        Ok(self.database.fetch_optional(sql("select id from tokens limit 1")).await?.is_some())
    }

    async fn active_tokens(&self) -> Result<u64> {
        let select = sql("select count(*) as active from tokens where revoked_at is null \
             and (expires_at is null or expires_at > $1)")
        .bind(now());
        let row = self.database.fetch_optional(select).await?;
        let active = row.map(|row| row.get::<i64>("active")).transpose()?.unwrap_or_default();
        Ok(u64::try_from(active).unwrap_or_default())
    }

    async fn create_token(&self, act: &Act, new: NewToken, secret: Fingerprint) -> Result<Token> {
        let mut transaction = self.database.begin().await?;
        let token = insert(&mut transaction, act, new, secret).await?;
        transaction.commit().await?;
        Ok(token)
    }

    async fn create_first_token(&self, act: &Act, new: NewToken, secret: Fingerprint) -> Result<Option<Token>> {
        let mut transaction = self.database.begin().await?;
        // Control planes that start at once take turns here.
        let turn = sql("select id from teams where name = 'default'").then(transaction.dialect().for_update());
        transaction.fetch_optional(turn).await?;
        if transaction.fetch_optional(sql("select id from tokens limit 1")).await?.is_some() {
            transaction.commit().await?;
            return Ok(None);
        }
        let token = insert(&mut transaction, act, new, secret).await?;
        transaction.commit().await?;
        Ok(Some(token))
    }

    async fn token(&self, reach: Reach, id: TokenId) -> Result<Token> {
        let select = sql("select * from tokens where id = $1").bind(id).then_bind_some(" and team_id = ", reach.team());
        Ok(read(&self.database.get(select, Noun::Token).await?)?)
    }

    async fn tokens(&self, filter: TokenFilter, page: &PageRequest) -> Result<Page<Token>> {
        let select = sql("select * from tokens where true")
            .then_bind_some(" and team_id = ", filter.reach.team())
            .then_bind_some(" and team_id = ", filter.team)
            .then_bind_some(" and name = ", page.name.as_ref())
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let tokens = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(tokens, page, |token| token.id.0))
    }

    async fn rotate_token(&self, act: &Act, At { reach, id }: At<TokenId>, new: Minted<Rotation>) -> Result<Token> {
        let mut transaction = self.database.begin().await?;
        let current = lock(&mut transaction, reach, id).await?;
        check_good(current.revoked_at, current.expires_at)?;
        rotate(&mut transaction, (Owner::Token, id.0), &new).await?;
        let token = Token { prefix: new.secret.prefix, ..current.clone() };
        let detail = serde_json::json!({ "overlap_seconds": new.what.overlap_seconds });
        let target = target(&token).with(detail).changed(&current, &token);
        record(&mut transaction, act, Action::TokenRotate, target).await?;
        transaction.commit().await?;
        Ok(token)
    }

    async fn revoke_token(&self, act: &Act, reach: Reach, id: TokenId) -> Result<()> {
        let mut transaction = self.database.begin().await?;
        // Of two that revoke each other's, one waits here, and then sees what the other did.
        let masters = lock_masters(&mut transaction, id).await?;
        let token = lock(&mut transaction, reach, id).await?;
        if token.revoked_at.is_some() {
            return Ok(());
        }
        if masters == BTreeSet::from([id]) {
            let why = "this is the last token that can make tokens for the whole installation: make another one first";
            return Err(Error::Conflict(why.to_owned()));
        }
        let revoked_at = Some(revoke(&mut transaction, (Owner::Token, id.0)).await?);
        let revoked = Token { revoked_at, ..token.clone() };
        record(&mut transaction, act, Action::TokenRevoke, target(&revoked).changed(&token, &revoked)).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Makes a token, with its event.
async fn insert(transaction: &mut Transaction, act: &Act, new: NewToken, secret: Fingerprint) -> Result<Token> {
    let token = Token {
        id: TokenId::new(),
        team: new.team,
        scopes: new.effective_scopes(),
        name: new.name,
        role: new.role,
        prefix: secret.prefix,
        author: act.actor.name().unwrap_or(act.actor.kind()).to_owned(),
        created_at: now(),
        expires_at: new.expires_at.map(kept),
        last_used_at: None,
        revoked_at: None,
    };
    let insert =
        sql("insert into tokens (id, team_id, name, role, prefix, hash, scopes, author, created_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(token.id)
        .bind(token.team)
        .bind(&token.name)
        .bind(word(token.role)?)
        .bind(&token.prefix)
        .bind(secret.hash)
        .bind(serde_json::to_value(&token.scopes).map_err(|_| Error::Damaged(Noun::Token))?)
        .bind(&token.author)
        .bind(token.created_at)
        .bind(token.expires_at);
    transaction.execute(insert).await.map_err(|error| match error {
        error if error.is_reference_violation() => Error::NotFound(Noun::Team),
        error => error.into(),
    })?;
    let detail = serde_json::json!({ "role": token.role, "scopes": token.scopes, "prefix": token.prefix });
    record(transaction, act, Action::TokenCreate, target(&token).with(detail)).await?;
    Ok(token)
}

/// Those tokens of the whole installation that are good and can make others, until the transaction ends; with them this
/// one is locked, all in the order of their ids.
async fn lock_masters(transaction: &mut Transaction, id: TokenId) -> Result<BTreeSet<TokenId>> {
    let now = now();
    let select = sql("select * from tokens where id = $2 or (team_id is null and role = 'admin' \
         and revoked_at is null and (expires_at is null or expires_at > $1)) order by id")
    .bind(now)
    .bind(id)
    .then(transaction.dialect().for_update());
    let rows = transaction.fetch_all(select).await?;
    let tokens = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let is_good = |token: &Token| token.revoked_at.is_none() && token.expires_at.is_none_or(|expiry| expiry > now);
    let masters = tokens.into_iter().filter(|token| {
        token.team.is_none()
            && token.role == Role::Admin
            && is_good(token)
            && token.scopes.contains(&Scope::TokensWrite)
    });
    Ok(masters.map(|token| token.id).collect())
}

/// The token as it is, until the transaction ends.
async fn lock(transaction: &mut Transaction, reach: Reach, id: TokenId) -> Result<Token> {
    let select = sql("select * from tokens where id = $1")
        .bind(id)
        .then_bind_some(" and team_id = ", reach.team())
        .then(transaction.dialect().for_update());
    let row = transaction.fetch_optional(select).await?;
    Ok(read(&row.ok_or(Error::NotFound(Noun::Token))?)?)
}

fn target(token: &Token) -> Target<'_> {
    let target = Target::new(Noun::Token, token.id.0, Some(token.name.as_str()));
    match token.team {
        Some(team) => target.of_team(team),
        None => target,
    }
}

/// A role, as it is kept.
fn word(role: Role) -> Result<String> {
    match serde_json::to_value(role) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        _ => Err(Error::Damaged(Noun::Token)),
    }
}

fn read(row: &Row) -> Result<Token, SqlError> {
    Ok(Token {
        id: row.get("id")?,
        team: row.get("team_id")?,
        name: row.parse("name")?,
        role: row.word("role")?,
        prefix: row.get("prefix")?,
        scopes: row.words("scopes")?,
        author: row.get("author")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}
