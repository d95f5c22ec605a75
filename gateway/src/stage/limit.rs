//! Limit: how much of a body is let through.

use std::rc::Rc;

use http::Request;
use http_body::Body;

use super::{Authorized, Matched};
use crate::fault::Fault;
use crate::router::{Captures, RequestPath};
use crate::snapshot::EndpointId;
use crate::upstream::RequestBody;
use crate::worker::View;

/// A request whose body is bounded.
#[derive(Debug)]
pub struct Limited {
    pub(super) request: Box<Request<RequestBody>>,
    pub(super) path: RequestPath,
    pub(super) captures: Captures,
    pub(super) view: Rc<View>,
    pub(super) endpoint: EndpointId,
}

/// Refuses a body that says it is too large, before a byte of it is asked for (`Expect: 100-continue`); one that
/// does not say is cut off where it becomes too large.
pub fn limit(authorized: Authorized) -> Result<Limited, Fault> {
    let limit = authorized.0.endpoint().body_max_bytes;
    let Matched { mut request, path, captures, view, endpoint } = authorized.0;
    if request.body().size_hint().lower() > limit {
        return Err(Fault::BodyTooLarge { limit });
    }
    request.body_mut().allow(limit);
    Ok(Limited { request, path, captures, view, endpoint })
}
