//! Access tokens.

use async_trait::async_trait;

use super::{At, Result};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::id::TokenId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::token::{Fingerprint, Minted, NewToken, Rotation, Token, TokenFilter};

/// Access tokens.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Whether there is any token at all.
    async fn has_tokens(&self) -> Result<bool>;
    /// How many are good now.
    async fn active_tokens(&self) -> Result<u64>;
    /// Makes one, whose secret has this SHA-256 and starts with this prefix.
    async fn create_token(&self, act: &Act, new: NewToken, secret: Fingerprint) -> Result<Token>;
    /// Makes the first token; nothing, where there is one. Of several that try at once, one does.
    async fn create_first_token(&self, act: &Act, new: NewToken, secret: Fingerprint) -> Result<Option<Token>>;
    /// One of them. A token of the whole installation is out of a team's reach.
    async fn token(&self, reach: Reach, id: TokenId) -> Result<Token>;
    /// Those of the filter, newest first, with what has expired or was revoked.
    async fn tokens(&self, filter: TokenFilter, page: &PageRequest) -> Result<Page<Token>>;
    /// Gives one another secret. One that is not good any more stays so: [`Conflict`](crate::domain::error::Error).
    async fn rotate_token(&self, act: &Act, at: At<TokenId>, new: Minted<Rotation>) -> Result<Token>;
    /// Ends one. Ending what is ended changes nothing. The last one that can make tokens for the whole installation
    /// stays: [`Conflict`](crate::domain::error::Error).
    async fn revoke_token(&self, act: &Act, reach: Reach, id: TokenId) -> Result<()>;
}
