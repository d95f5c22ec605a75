//! The life of a request, from top to bottom.
//!
//! ```text
//! admit -> route -> authenticate -> limit -> validate -> rewrite -> upstream -> examine -> respond
//! ```
//!
//! Each stage takes what only the stage before can make ([`Admitted`](stage::Admitted), [`Matched`](stage::Matched),
//! [`Authorized`](stage::Authorized), [`Limited`](stage::Limited), [`Validated`](stage::Validated), [`Outbound`](stage::Outbound)), so none can be
//! left out or put elsewhere without a type error. What is not here, no request goes through.

use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::fault::Fault;
use crate::stage::{self, Exchange, ResponseBody, Routed};
use crate::worker::Connection;

/// Answers a request. Always answers: whatever goes wrong is a [`Fault`], and a fault is a response.
pub async fn handle(connection: Rc<Connection>, request: Request<Incoming>) -> Response<ResponseBody> {
    let mut exchange = Exchange::begin(connection, &request);
    match proxy(&mut exchange, request).await {
        Ok(answer) => stage::respond(exchange, answer),
        Err(fault) => stage::refuse(exchange, &fault),
    }
}

async fn proxy(exchange: &mut Exchange, request: Request<Incoming>) -> Result<stage::Reply, Fault> {
    let admitted = stage::admit(exchange, request)?;
    let matched = match stage::route(exchange, admitted)? {
        Routed::Operation(matched) => matched,
        Routed::Options(allow) => return Ok(stage::Reply::Options(allow)),
    };
    let authorized = stage::authenticate(matched)?;
    let limited = stage::limit(authorized)?;
    let validated = stage::validate(exchange, limited).await?;
    let outbound = stage::rewrite(exchange, validated);
    let answer = stage::upstream(exchange, outbound).await?;
    stage::examine(exchange, answer).await.map(stage::Reply::Upstream)
}
