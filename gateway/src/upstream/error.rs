//! What can go wrong with an upstream.

use std::time::Duration;

use thiserror::Error;

use super::BodyFault;

/// What went wrong with an upstream. The text is for the operator's log; clients are told by
/// [`Fault`](crate::fault::Fault). A `target` is `host:port`.
#[derive(Debug, Error)]
pub enum Error {
    /// The name does not resolve.
    #[error("the name of {target} does not resolve: {source}")]
    Resolve {
        /// Which target.
        target: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nobody listens, or the network is down.
    #[error("cannot connect to {target}: {source}")]
    Connect {
        /// Which target.
        target: String,
        /// Why.
        source: std::io::Error,
    },
    /// Connecting took too long.
    #[error("connecting to {target} took longer than {limit:?}")]
    ConnectTimeout {
        /// Which target.
        target: String,
        /// The limit.
        limit: Duration,
    },
    /// No response came in time.
    #[error("{target} did not answer within {limit:?}")]
    ResponseTimeout {
        /// Which target.
        target: String,
        /// The limit.
        limit: Duration,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("{target} did not answer in HTTP: {source}")]
    Exchange {
        /// Which target.
        target: String,
        /// Why.
        source: hyper::Error,
    },
    /// The client's body was at fault, not the upstream.
    #[error("the request's body is {0}")]
    RequestBody(BodyFault),
    /// The upstream has no target.
    #[error("the upstream has no target")]
    NoTarget,
}
