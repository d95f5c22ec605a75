//! Upstream: the exchange with the server behind.

use super::{Exchange, Outbound};
use crate::fault::Fault;
use crate::upstream::{self, Answer, Error};

/// Sends the request and waits for the head of the response. What went wrong is logged here, in full; the client is
/// told no more than it may know.
pub async fn upstream(exchange: &Exchange, outbound: Outbound) -> Result<Answer, Fault> {
    let limit = outbound.body_max_bytes;
    let (targets, request) = outbound.into_parts();
    let waiting = exchange.connection().waits_for_upstream();
    let answer = upstream::send(exchange.worker(), &targets, request).await;
    drop(waiting);
    let error = match answer {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    let fault = match &error {
        Error::Resolve { .. } | Error::Connect { .. } | Error::NoTarget => Fault::UpstreamUnreachable,
        Error::ConnectTimeout { .. } => Fault::UpstreamConnectTimeout,
        Error::ResponseTimeout { .. } => Fault::UpstreamTimeout,
        Error::Exchange { .. } => Fault::UpstreamProtocol,
        Error::RequestBody(fault) => {
            return Err(exchange.refused().unwrap_or_else(|| Fault::of_body(*fault, limit)));
        }
    };
    let request_id = exchange.request_id().to_str().unwrap_or_default();
    tracing::warn!(request_id, code = fault.code(), %error, "the upstream failed");
    Err(fault)
}
