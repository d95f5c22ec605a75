//! Authenticate: whether the request presents what its operation's `security` asks for.
//!
//! At the level of presence, which the artifact's author chose by name. An artifact that asks for verification is
//! refused when it is loaded, as long as this gateway does none.

use super::Matched;
use crate::fault::Fault;

/// A request that presents what is asked for.
#[derive(Debug)]
pub struct Authorized(pub(super) Matched);

/// Refuses a request that lacks credentials.
pub fn authenticate(matched: Matched) -> Result<Authorized, Fault> {
    let credentials = &matched.endpoint().credentials;
    if credentials.are_presented(matched.request.headers(), matched.request.uri().query()) {
        return Ok(Authorized(matched));
    }
    Err(Fault::CredentialsMissing { challenges: credentials.challenges() })
}
